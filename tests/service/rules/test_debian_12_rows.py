"""A real Debian 12 behind the whole service: rows of the documents that want a real kernel, all in one machine's life."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.patience import SCALE
from tests.service.rules.azure_tenant import AzureTenant, Terminal
from uartsim.guest.catalogue import find_guest
from uartsim.images.build import build_image

Made = Callable[..., AzureTenant]
#: How long a boot may take without KVM on a busy machine, in seconds.
BOOT_S = 300.0 * SCALE
BROKEN = "/dev/disk/by-label/lost /data ext4 defaults,x-systemd.device-timeout=1s 0 2"


@pytest.mark.needs(guest="debian-12")
@pytest.mark.azure("A-039", "A-040", "A-041", "A-042", "A-043", "A-044", "A-047", "A-048", "A-051", "A-052", "A-055")
@pytest.mark.azure("A-127", "A-128", "P-029", "P-032", "P-045", "P-046")
def test_debian_12_is_looked_after_through_the_whole_path(azure_with: Made) -> None:
    guest = find_guest("debian-12")
    assert guest.image is not None
    build_image(guest.image, guest.folder, lambda text: None)  # once; otherwise the first start would do it
    azure = azure_with(debian=True)
    azure.patience_s = BOOT_S
    machine = azure.vm("debian1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        terminal.patience_s = BOOT_S
        boot_from_menu(terminal)
        terminal.login()
        check_kernel(terminal)
        check_sysrq_and_nmi(azure, terminal)
        mend_fstab(azure, machine, terminal)
        check_single_user_mode(azure, terminal)


def boot_from_menu(terminal: Terminal) -> None:
    terminal.expect("GNU GRUB")
    terminal.expect("Advanced options")
    terminal.send("\r")


def check_kernel(terminal: Terminal) -> None:
    """The kernel flags of the documents, in the file that they name."""
    found = terminal.run("grep -hx -e CONFIG_SERIAL_8250=y -e CONFIG_MAGIC_SYSRQ_SERIAL=y /boot/config-$(uname -r)")
    assert sorted(found.split()) == ["CONFIG_MAGIC_SYSRQ_SERIAL=y", "CONFIG_SERIAL_8250=y"]


def check_sysrq_and_nmi(azure: AzureTenant, terminal: Terminal) -> None:
    terminal.run("dmesg -n 8")
    azure.admin(terminal, "sysrq", {"SysRqCommand": "h"})
    terminal.expect("sysrq: HELP")
    azure.admin(terminal, "nmi")
    terminal.expect("NMI received for unknown reason")
    terminal.type("")


def mend_fstab(azure: AzureTenant, machine: str, terminal: Terminal) -> None:
    """A broken fstab ends in emergency mode: there it is mended, and the boot goes on."""
    terminal.run(f"echo '{BROKEN}' >> /etc/fstab; sync")
    azure.do("POST", f"{machine}/restart", "vmcontributor")
    boot_from_menu(terminal)
    terminal.expect("Give root password for maintenance")
    terminal.type("toor")
    terminal.expect("# ")
    terminal.run("mount -o remount,rw /; sed -i /by-label.lost/d /etc/fstab; systemctl daemon-reload; sync")
    terminal.type("exit")
    terminal.login()
    assert terminal.run("grep -c lost /etc/fstab") == "0"


def check_single_user_mode(azure: AzureTenant, terminal: Terminal) -> None:
    """Reset keeps the console, so that GRUB is caught; a word more on the kernel's line, and a shell without a login."""
    terminal.run("sync")
    azure.admin(terminal, "reset")
    terminal.expect("GNU GRUB")
    terminal.send("e")
    terminal.expect("linux")
    terminal.expect("Minimum Emacs")
    # Down to the kernel's line, which is the last but one of the entry; the last is initrd.
    for key in ["\x0e"] * 40:
        terminal.send(key)
    for key in ("\x10", "\x05", *" init=/bin/bash", "\x18"):
        terminal.send(key)
    terminal.expect("root@(none):/#")
    assert terminal.run("id -u; cat /proc/1/comm").split() == ["0", "bash"]
    assert "clean" in terminal.run("fsck -n $(findmnt -n -o SOURCE /) 2>&1")
