"""The guest alpine: a disk made of a wheel, booted at register level by GRUB, Linux 6.18 and OpenRC."""

from __future__ import annotations

import dataclasses
import re
from types import MappingProxyType

import pytest

from tests.patience import SCALE
from uartsim import blocking
from uartsim.guest.catalogue import find_guest

#: How long a boot may take without KVM on a busy machine, in seconds.
BOOT_S = 300.0

pytestmark = pytest.mark.needs("qemu-img", "debugfs", "grub-mkimage", "gcc", "openssl", guest="alpine")


def test_a_login_at_ttys0_is_answered() -> None:
    with blocking.open_console("alpine", registers=True, timeout=BOOT_S, timeout_scale=SCALE) as console:
        assert console.grub.wait_for_menu() == ["Alpine Linux"]
        console.grub.boot()
        console.login("root", "toor")
        assert len(console.run("cat /proc/sys/kernel/random/boot_id").output.strip()) == 36
        assert console.run("cat /etc/alpine-release").output.startswith("3.23")
        assert console.run("hostname; tty").output.split() == ["alpine", "/dev/ttyS0"]
        assert "Runlevel: default" in console.run("rc-status").output
        assert "0: uart:16550A port:000003F8 irq:4" in console.run("cat /proc/tty/driver/serial").output
        assert console.counters["overruns"] == 0


def test_a_file_on_the_root_file_system_survives_a_reboot() -> None:
    with blocking.open_console("alpine", registers=True, timeout=BOOT_S, timeout_scale=SCALE) as console:
        console.login("root", "toor")
        boot_id = console.run("cat /proc/sys/kernel/random/boot_id").output
        assert console.run("touch /root/x").status == 0
        assert console.run("sed -i 's/^tty6::/#&/' /etc/inittab").status == 0
        started = console.run("rc-status --all").output
        assert "crashed" not in started
        for service in ("fsck", "root", "localmount", "bootmisc", "hostname", "networking"):
            assert re.search(rf"^ {service}\s+\[\s+started", started, re.MULTILINE), started
        console.sendline("reboot")
        console.expect("reboot: Restarting system")
        console.login("root", "toor")
        assert console.run("cat /proc/sys/kernel/random/boot_id").output != boot_id
        assert console.run("test -f /root/x && grep '^#tty6::' /etc/inittab").status == 0
        assert "/dev/vda1 / ext4 rw,relatime" in console.run("cat /proc/mounts").output
        assert console.run("dmesg | grep -i 'ext4-fs.*recovery'").status == 1  # it was unmounted in order


def test_a_linux_that_cannot_tell_time_loses_none_of_its_log() -> None:
    # Until the delays of a processor without a TSC are calibrated, they are next to nothing.
    alpine = find_guest("alpine")
    without_tsc = dataclasses.replace(
        alpine, options=MappingProxyType({**alpine.options, "args": ["-cpu", "qemu64,-tsc"]})
    )
    with blocking.open_console(without_tsc, registers=True, timeout=BOOT_S, timeout_scale=SCALE) as console:
        console.grub.edit("linux", replace=(" quiet", ""))
        console.grub.boot()
        console.expect(r"\[    0.000000\] Command line: BOOT_IMAGE=/boot/vmlinuz-virt")
        console.expect("Run /init")
        assert [problem for problem in console.problems if problem.id == "line.lost"] == []
