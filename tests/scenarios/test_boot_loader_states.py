"""Boot loader: real GRUBs, caught, edited and mended over COM1."""

from __future__ import annotations

import contextlib
import re

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.ways_out import KERNEL_LINE, reboot, set_default
from uartsim.blocking import Console
from uartsim.console.console_errors import ExpectTimeout, GrubFailed

FIRMWARES = ("debian-12", "debian-12-uefi")
FIRST = "Debian GNU/Linux"
ESCAPE = "\x1b"


@pytest.mark.scenario("grub-menu", guests=(*FIRMWARES, "alpine"))
def test_menu_that_waits_boots_what_is_chosen(scene: Scene) -> None:
    console = scene()
    entries = console.grub.wait_for_menu()
    assert console.grub.countdown is None
    console.grub.select(entries[0])
    console.grub.boot()
    console.login("root", "toor")


@pytest.mark.scenario("hidden-menu", guests=FIRMWARES)
def test_hidden_menu_is_caught_with_escape(scene: Scene, scenario_guest: str) -> None:
    console = scene()
    with pytest.raises(GrubFailed, match="is past it"):
        console.grub.wait_for_menu()
    console.reset()
    catch(console, scenario_guest)
    console.grub.boot()
    console.login("root", "toor")
    set_default(console, "s/^GRUB_TIMEOUT_STYLE=.*/GRUB_TIMEOUT_STYLE=menu/")
    reboot(console)
    assert FIRST in console.grub.wait_for_menu()


@pytest.mark.scenario("countdown-missed", guests=FIRMWARES)
def test_menu_that_was_missed_is_caught_after_a_reset(scene: Scene, scenario_guest: str) -> None:
    console = scene()
    console.expect("Linux version")
    console.reset()
    catch(console, scenario_guest)
    console.grub.boot()
    console.login("root", "toor")
    set_default(console, "s/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=10/")
    reboot(console)
    console.grub.wait_for_menu()
    assert (console.grub.countdown or 0) > 1


@pytest.mark.scenario("wrong-root")
def test_wrong_root_is_edited_in_grub(scene: Scene) -> None:
    console = scene(allow=["initrd.shell", "linux.*"])
    console.expect(r"ALERT! +/dev/vdz1 does not exist")
    console.expect(r"\(initramfs\) ?$")
    console.reset()
    console.grub.select(FIRST)
    console.grub.edit(KERNEL_LINE, replace=("/dev/vdz1", "/dev/vda1"))
    console.grub.boot()
    console.login("root", "toor")
    assert console.run("update-grub && grep -c vdz1 /boot/grub/grub.cfg").output.splitlines()[-1] == "0"
    reboot(console)
    console.login("root", "toor")


@pytest.mark.scenario("submenu")
def test_entry_of_the_submenu_boots_where_the_first_does_not(scene: Scene) -> None:
    console = scene(allow=["grub.*"])
    console.grub.select(FIRST)
    console.send("\r")
    console.expect(r"error: file `/boot/vmlinuz-gone' not found")
    console.expect("Press any key to continue")
    console.send(" ")
    console.grub.select(["Advanced options", r"Debian GNU/Linux, with Linux \S+$"])
    console.grub.boot()
    console.login("root", "toor")
    assert console.run("update-grub").status == 0
    reboot(console)
    console.grub.select(FIRST)
    console.grub.boot()
    console.login("root", "toor")


@pytest.mark.scenario("grub-prompt")
def test_machine_without_a_menu_is_booted_from_the_prompt(scene: Scene) -> None:
    console = scene(allow=["grub.*"])
    console.expect("grub> ?$")
    listing = console.run("ls /boot", shell="grub").output.replace("\n", "")  # GRUB wraps it
    version = re.search(r"vmlinuz-(\S+)", listing)
    assert version
    console.run(f"linux /boot/vmlinuz-{version[1]} root=/dev/vda1 ro console=ttyS0,115200", shell="grub")
    console.run(f"initrd /boot/initrd.img-{version[1]}", shell="grub")
    console.sendline("boot")
    console.login("root", "toor")
    assert console.run("update-grub").status == 0
    reboot(console)
    assert FIRST in console.grub.wait_for_menu()


@pytest.mark.scenario("grub-password")
def test_grub_opens_for_its_password_only(scene: Scene) -> None:
    console = scene(allow=["grub.*"])
    console.expect("Enter username:")  # at the end of the countdown
    console.send(ESCAPE)
    console.grub.select(FIRST)
    for key in ("\r", "e", "c"):
        _answer_grub(console, key, "wrong")
    console.grub.select("^Advanced options")
    _answer_grub(console, "\r", "wrong")
    console.grub.select(FIRST)
    _answer_grub(console, "c", "secret")
    console.expect("grub> ?$")
    console.send(ESCAPE)
    console.grub.boot()  # who has given the password is not asked again
    console.login("root", "toor")
    assert console.run("update-grub && grep -c superusers= /boot/grub/grub.cfg").output.splitlines()[-1] == "0"
    reboot(console)
    console.grub.select(FIRST)
    console.grub.boot()
    console.login("root", "toor")


@pytest.mark.scenario("restart", guests=(*FIRMWARES, "alpine"))
def test_restart_keeps_the_console_and_reaches_the_menu(scene: Scene) -> None:
    console = scene()
    reboot(console)
    console.grub.select(console.grub.wait_for_menu()[0])
    console.grub.boot()
    console.login("root", "toor")


@pytest.mark.scenario("reset-to-menu", guests=(*FIRMWARES, "alpine"))
def test_reset_keeps_the_console_and_reaches_the_menu(scene: Scene) -> None:
    console = scene()
    console.reset()
    console.grub.select(console.grub.wait_for_menu()[0])
    console.grub.boot()
    console.login("root", "toor")


@pytest.mark.scenario("uefi-eats-keys", guests=("debian-12-uefi",))
def test_keys_that_the_firmware_ate_are_pressed_again(scene: Scene) -> None:
    console = scene()
    console.send("eee")  # before GRUB reads any key
    console.grub.wait_for_menu()  # and no editor
    console.grub.stop_countdown()
    console.grub.boot()
    console.login("root", "toor")


def catch(console: Console, guest: str) -> None:
    """Press Esc again and again until GRUB's menu is there, and stop its countdown.

    Where UEFI starts the machine, its firmware would take Esc for itself: only when it has handed over is it pressed.
    """
    if guest.endswith("-uefi"):
        console.expect("BdsDxe: starting")
    for _ in range(300):
        if console.grub.entries:
            break
        console.send(ESCAPE)
        with contextlib.suppress(ExpectTimeout):
            console.expect("GNU GRUB", timeout=0.3)
    console.grub.stop_countdown()


def _answer_grub(console: Console, key: str, password: str) -> None:
    """Press a key in GRUB's menu, and give the name and a password that it asks for; after a wrong one the menu is back."""
    console.send(key)
    console.expect("Enter username:")
    console.send("boss\r")
    console.expect("Enter password:")
    console.send(f"{password}\r")
    if password == "wrong":
        console.expect("error: access denied")
        console.grub.wait_for_menu()
