"""Enter does nothing: what image, boot loader and kernel have wrong, and the way out."""

from __future__ import annotations

import re

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.ways_out import (
    KERNEL_LINE,
    SILENCE_S,
    boot_with,
    reboot,
    refused,
    set_default,
    shows_nothing,
    wait_booted,
)
from uartsim.blocking import Console
from uartsim.console.console_errors import ExpectTimeout

#: Words, which garbage of another speed does not have.
WORD = re.compile(rb"[A-Za-z]{5}")


def sends_no_byte(console: Console) -> None:
    """Press Enter; not one byte comes back."""
    before = console.raw
    shows_nothing(console)
    assert console.raw == before


@pytest.mark.scenario("getty-masked", guests=("debian-12", "debian-12-uefi"))
def test_masked_getty_is_unmasked_in_rescue_mode(scene: Scene) -> None:
    console = scene()
    console.expect("Reached target .*Multi-User")
    shows_nothing(console)
    console.reset()
    boot_with(console, "systemd.unit=rescue.target")
    console.login("root", "toor")
    assert console.run("systemctl unmask serial-getty@ttyS0.service").status == 0
    reboot(console)
    console.login("root", "toor")
    assert console.run("systemctl is-active serial-getty@ttyS0.service").output == "active\n"


@pytest.mark.scenario("no-console-argument")
def test_console_argument_is_added_in_grub_and_then_for_good(scene: Scene) -> None:
    console = scene()
    console.expect("Loading initial ramdisk")
    assert wait_booted(console) == "running"  # and yet
    sends_no_byte(console)
    assert "Linux version" not in console.text
    console.reset()
    boot_with(console, "console=ttyS0,115200")
    console.login("root", "toor")
    set_default(console, "s/console=tty0/console=tty0 console=ttyS0,115200/")
    reboot(console)
    console.expect("Linux version")
    console.login("root", "toor")


@pytest.mark.scenario("grub-without-serial")
def test_grub_gets_its_serial_terminal_from_the_running_system(scene: Scene) -> None:
    console = scene()
    console.expect("Linux version")
    assert "GRUB" not in console.text
    console.login("root", "toor")
    set_default(console, "s/^GRUB_TERMINAL=.*/GRUB_TERMINAL=serial/")
    reboot(console)
    assert "Debian GNU/Linux" in console.grub.wait_for_menu()
    console.grub.boot()
    console.login("root", "toor")


@pytest.mark.scenario("kernel-without-serial")
def test_kernel_without_its_serial_driver_is_started_with_it(scene: Scene) -> None:
    console = scene()
    console.expect("Loading initial ramdisk")
    wait_booted(console)
    sends_no_byte(console)
    assert "Linux version" not in console.text
    console.reset()
    console.grub.select("Debian GNU/Linux")
    console.grub.edit(KERNEL_LINE, remove=" 8250.nr_uarts=0")
    console.grub.boot()
    console.login("root", "toor")
    set_default(console, "s/ 8250.nr_uarts=0//")
    reboot(console)
    console.expect("Linux version")
    console.login("root", "toor")


@pytest.mark.scenario("securetty")
def test_root_is_let_in_on_a_terminal_that_is_secure(scene: Scene) -> None:
    console = scene(allow=["login.denied"])
    refused(console, "root", "toor")
    console.login("user", "user")
    console.sendline("su -")
    console.expect("Password: ?$")
    console.send_secret("toor")
    console.expect("# ?$")
    assert console.run("echo ttyS0 >>/etc/securetty").status == 0
    console.sendline("exit")
    console.expect(r"\$ ?$")
    console.sendline("exit")
    console.login("root", "toor")
    assert console.run("id -un; tty").output.split() == ["root", "/dev/ttyS0"]


@pytest.mark.scenario("rhgb-quiet")
def test_quiet_boot_is_made_to_tell_what_it_does(scene: Scene) -> None:
    console = scene()
    console.expect("login: ?$")
    assert "Linux version" not in console.text
    of_boot = console.text.partition("Loading initial ramdisk")[2].partition("Debian GNU/Linux 12")[0]
    assert "systemd" not in of_boot
    assert len(of_boot.splitlines()) < 10
    console.reset()
    console.grub.select("Debian GNU/Linux")
    console.grub.edit(KERNEL_LINE, remove=" rhgb quiet")
    console.grub.boot()
    console.expect("Linux version")
    console.login("root", "toor")
    set_default(console, "s/ rhgb quiet//")
    reboot(console)
    console.expect("Linux version")
    console.login("root", "toor")


@pytest.mark.scenario("plymouth", guests=("debian-12-server",))
def test_getty_that_waits_for_plymouth_is_started_without_it(scene: Scene) -> None:
    console = scene()
    console.expect(r"Job plymouth-quit-wait\.service/start running \(.*/ no limit\)")
    assert "Linux version" not in console.text
    shows_nothing(console)
    console.reset()
    boot_with(console, "plymouth.enable=0")
    console.login("root", "toor")
    assert console.run("pidof plymouthd").status == 1
    assert console.run("systemctl unmask plymouth-quit.service").status == 0
    reboot(console)
    console.login("root", "toor")
    assert " splash" in console.run("cat /proc/cmdline").output
    assert console.run("systemctl is-active plymouth-start.service plymouth-quit.service").output == "active\nactive\n"


@pytest.mark.scenario("kernel-other-speed")
def test_kernel_is_brought_back_to_the_terminals_speed(scene: Scene) -> None:
    console = scene()
    console.line.set_speed(115200)
    console.grub.wait_for_menu()
    console.grub.boot()
    wait_booted(console)
    with pytest.raises(ExpectTimeout):
        console.expect("login: ?$", timeout=SILENCE_S)
    of_kernel = console.raw.partition(b"Loading initial ramdisk ...")[2].lstrip()
    assert len(of_kernel) > 1000
    assert of_kernel.count(0) > 0.99 * len(of_kernel)  # breaks
    # no Enter before: at the wrong speed it is a break, and agetty tries its next speed
    console.line.set_speed(9600)
    console.sendline()
    console.login("root", "toor")
    set_default(console, "s/ttyS0,9600/ttyS0,115200/")
    reboot(console)
    console.line.set_speed(115200)
    console.grub.wait_for_menu()
    console.grub.boot()
    console.expect("Linux version")
    console.login("root", "toor")


@pytest.mark.scenario("getty-other-speed")
def test_getty_is_brought_back_to_the_terminals_speed(scene: Scene) -> None:
    console = scene()
    console.line.set_speed(115200)
    console.expect("Linux version")
    wait_booted(console)
    shows_nothing(console)
    of_getty = console.raw.rpartition(b"\n")[2]
    assert len(of_getty) > 20
    assert not WORD.search(of_getty)
    console.line.set_speed(38400)
    console.login("root", "toor")
    assert console.run("rm -r /etc/systemd/system/serial-getty@ttyS0.service.d").status == 0
    reboot(console)
    console.line.set_speed(115200)
    console.expect("Linux version")
    console.login("root", "toor")


@pytest.mark.scenario("grub-other-speed")
def test_grub_is_brought_back_to_the_terminals_speed(scene: Scene) -> None:
    console = scene()
    console.line.set_speed(115200)
    console.expect("Linux version")
    assert "Debian GNU/Linux" not in console.text.partition("Linux version")[0]
    console.login("root", "toor")
    set_default(console, "s/speed=9600/speed=115200/")
    reboot(console)
    assert "Debian GNU/Linux" in console.grub.wait_for_menu()
    console.grub.boot()
    console.login("root", "toor")
