"""Rescue: machines that come up broken, mended over COM1 until they are well."""

from __future__ import annotations

import contextlib
import subprocess

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.ways_out import (
    BOOT_S,
    boot_to_bash,
    boot_with,
    log_in_to_emergency_mode,
    reboot,
    refused,
    restart_from_bash,
    set_password,
)
from uartsim.blocking import Console
from uartsim.console.console_errors import ExpectTimeout


@pytest.mark.scenario("broken-fstab")
def test_broken_fstab_is_mended_in_a_full_screen_editor(scene: Scene) -> None:
    console = scene(allow=["systemd.emergency"])
    running = subprocess.run(["ps", "-A", "-o", "comm="], capture_output=True, text=True, check=True).stdout
    assert "qemu-system" in running  # a real machine
    console.expect("You are in emergency mode")
    log_in_to_emergency_mode(console)
    assert "deadbeef" in console.run("systemctl --failed --no-legend; cat /etc/fstab").output
    edit_in_nano(console, "/etc/fstab", "deadbeef")
    assert "deadbeef" not in console.run("cat /etc/fstab").output
    reboot(console)
    console.login("root", "toor")
    assert console.run("systemctl is-system-running --wait").output == "running\n"


def edit_in_nano(console: Console, path: str, word: str) -> None:
    """Take the line with a word out of a file in nano, and look at its screen meanwhile."""
    console.run("udevadm settle; stty rows 24 cols 80")  # a driver that is loaded now would write over the screen
    console.sendline(f"nano {path}")
    wait_for_screen(console, "^X Exit")
    assert word in console.screen.text
    console.send("\x17")  # Where Is
    wait_for_screen(console, "Search")
    console.send(f"{word}\r")
    wait_for_screen(console, "^X Exit")
    console.send("\x0b")  # Cut
    console.send("\x0f")  # Write Out
    wait_for_screen(console, "File Name to Write")
    assert word not in console.screen.text
    console.send("\r")
    wait_for_screen(console, "Wrote")
    console.send("\x18")  # Exit
    console.expect("# ?$")


def wait_for_screen(console: Console, text: str) -> None:
    """Wait until the screen has a text, however it was drawn."""
    console.wait_for_quiet(0.5)
    for _ in range(100):
        if text in console.screen.text:
            return
        console.wait_for_quiet(0.5)
    raise AssertionError(f"{text!r} is not on the screen:\n{console.screen.text}")


@pytest.mark.scenario("root-locked")
def test_locked_root_is_let_in_again_by_a_shell_without_a_login(scene: Scene) -> None:
    console = scene(scenario=["broken-fstab", "root-locked"], allow=["systemd.emergency"])
    console.expect("Cannot open access to console, the root account is locked")
    console.expect("Press Enter to continue")
    press_enter_until(
        console, "Cannot open access to console, the root account is locked"
    )  # it went on, to the same end
    console.reset()
    boot_to_bash(console)
    set_password(console, "a new one")
    assert console.run("sed -i /deadbeef/d /etc/fstab").status == 0
    restart_from_bash(console)
    console.login("root", "a new one")


def press_enter_until(console: Console, pattern: str) -> None:
    """Press Enter until something comes: sulogin forgets what is typed before it reads."""
    for _ in range(10):
        console.sendline()
        with contextlib.suppress(ExpectTimeout):
            console.expect(pattern, timeout=BOOT_S / 10)
            return
    raise AssertionError(f"{pattern!r} did not come")


@pytest.mark.scenario("lost-password", guests=("debian-12", "debian-12-uefi"))
def test_lost_password_is_replaced_in_a_shell_without_a_login(scene: Scene) -> None:
    console = scene(allow=["login.denied"])
    refused(console, "root", "toor")
    console.reset()
    boot_to_bash(console)
    set_password(console, "a new one")
    restart_from_bash(console)
    console.login("root", "a new one")


@pytest.mark.scenario("root-without-password")
def test_root_without_a_password_is_refused_until_one_is_set(scene: Scene) -> None:
    console = scene(allow=["login.denied"])
    refused(console, "root", "")
    refused(console, "root", "toor")
    console.login("user", "user")
    console.sendline("su -")
    console.expect("Password: ?$")
    console.send_secret("")
    console.expect("Authentication failure")
    console.reset()
    boot_to_bash(console)
    set_password(console, "a new one")
    restart_from_bash(console)
    console.login("root", "a new one")
    assert console.run("id -u").output == "0\n"


@pytest.mark.scenario("corrupt-file-system")
def test_corrupt_file_system_is_repaired_by_fsck(scene: Scene) -> None:
    console = scene(allow=["systemd.*", "linux.*"])
    console.expect("Failed to start .*File System Check on Root Device")
    console.expect("Reached target .*Emergency Mode")
    console.reset()
    boot_with(console, "systemd.unit=emergency.target")
    console.expect("You are in emergency mode")
    console.login("root", "toor")
    assert console.run("findmnt -n -o FS-OPTIONS /").output.startswith("ro")
    result = console.run("fsck.ext4 -f -y $(findmnt -n -o SOURCE /)")
    assert "Multiply-claimed" in result.output
    assert "FILE SYSTEM WAS MODIFIED" in result.output
    assert result.status in (1, 2, 3)  # repaired, and a restart is due (fsck(8))
    console.sendline("reboot -f")
    console.expect("reboot: Restarting system")
    console.login("root", "toor")
    assert console.run("systemctl is-system-running --wait").output == "running\n"
    state = console.run("dumpe2fs -h $(findmnt -n -o SOURCE /) 2>/dev/null | grep 'Filesystem state'").output
    assert state.split() == ["Filesystem", "state:", "clean"]


@pytest.mark.scenario("single-user")
def test_single_user_mode_is_left_for_good(scene: Scene) -> None:
    console = scene()
    console.expect("You are in rescue mode")
    console.login("root", "toor")
    assert console.run("systemctl is-active serial-getty@ttyS0").output == "inactive\n"
    assert console.run("sed -i 's/ single//' /etc/default/grub && update-grub").status == 0
    reboot(console)
    console.login("root", "toor")
    assert " single" not in console.run("cat /proc/cmdline").output


@pytest.mark.scenario("single-user-locked-root")
def test_single_user_mode_without_a_root_password_lets_nobody_in(scene: Scene) -> None:
    console = scene(allow=["systemd.emergency"])
    console.expect("Cannot open access to console, the root account is locked")
    console.reset()
    boot_to_bash(console)
    set_password(console, "a new one")
    assert console.run("sed -i 's/ single//' /etc/default/grub && mount -t proc proc /proc && update-grub").status == 0
    restart_from_bash(console)
    console.login("root", "a new one")


@pytest.mark.scenario("full-disk")
def test_full_disk_is_freed_over_the_console(scene: Scene) -> None:
    console = scene()
    console.login("root", "toor")
    console.run("until [ $(df --output=avail / | tail -n 1) = 0 ]; do sleep 1; done")
    assert "No space left on device" in console.run("dd if=/dev/zero of=/root/note bs=64k count=1").output
    console.run("systemctl mask --now chatter.service; rm /var/log/chatter.log /root/note")
    assert console.run("dd if=/dev/zero of=/root/note bs=64k count=1").status == 0
    reboot(console)
    console.login("root", "toor")
    assert console.run("test -e /var/log/chatter.log").status == 1


@pytest.mark.scenario("hung-boot-job")
def test_hung_boot_job_is_masked_from_grub(scene: Scene) -> None:
    console = scene()
    console.expect(r"(Waits for ever|waits-for-ever\.service).*/ no limit\)")
    console.reset()
    boot_with(console, "systemd.mask=waits-for-ever.service")
    console.login("root", "toor")
    assert console.run("systemctl mask waits-for-ever.service").status == 0
    reboot(console)
    console.login("root", "toor")
    assert console.run("systemctl is-system-running --wait").output == "running\n"
