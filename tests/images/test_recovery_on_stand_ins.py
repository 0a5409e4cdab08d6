"""The procedures of other distributions, played on real Debian: the stand-in debian-12-dracut.

Each test has an overlay of its own on the one image, and a machine of its own, or several one after the other.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.guests.test_distribution import DISTRIBUTIONS
from uartsim import RecoveryFailed, blocking
from uartsim.console.console_errors import ExpectTimeout, GrubFailed, GuestEnded, LoginFailed
from uartsim.guest.catalogue import find_guest
from uartsim.images.build import build_image

STAND_IN = "debian-12-dracut"
#: How long a boot may take where others share the machine, in seconds.
BOOT_S = 600.0

#: What is run here: the recoveries that end in a shell, and what that shell shows.
IN_A_SHELL = (
    ("rhel", "rescue", "systemd.unit=rescue.target", "root", "systemd"),
    ("rhel", "emergency", "systemd.unit=emergency.target", "root", "systemd"),
    ("rhel", "single", "single", "root", "systemd"),
    ("rhel", "init", "rw init=/bin/bash", "root", "bash"),
    ("oracle-linux", "rescue", "systemd.unit=rescue.target", "root", "systemd"),
    ("ubuntu", "single", "ro single", "root", "systemd"),
    ("ubuntu", "init", "rw init=/bin/bash", "root", "bash"),
    ("sles", "emergency", "systemd.unit=emergency.target", "root", "systemd"),
    ("sles", "single", "single", "root", "systemd"),
    ("sles", "init", "init=/bin/bash", "root", "bash"),
)
#: The set-ups that switch GRUB's menu on, and how each image hides it before.
HIDES_THE_MENU = {
    ("ubuntu", "grub-menu"): (
        "mkdir -p /etc/default/grub.d",
        r"printf 'GRUB_TIMEOUT=0\nGRUB_TIMEOUT_STYLE=hidden\n' >/etc/default/grub.d/50-cloudimg-settings.cfg",
        r"printf 'GRUB_HIDDEN_TIMEOUT=0\nGRUB_HIDDEN_TIMEOUT_QUIET=true\n' >>/etc/default/grub",
        "update-grub",
    ),
    ("rhel", "serial-console"): (
        "sed -i '/TIMEOUT\\|TERMINAL\\|SERIAL/d' /etc/default/grub",
        r"printf 'GRUB_TIMEOUT=0\nGRUB_TIMEOUT_STYLE=hidden\nGRUB_TERMINAL_OUTPUT=console\n' >>/etc/default/grub",
        "grub2-mkconfig -o /boot/grub2/grub.cfg",
    ),
    ("oracle-linux", "grub-menu"): (
        "sed -i '/TERMINAL/d' /etc/default/grub",
        "echo GRUB_TERMINAL=console >>/etc/default/grub",
        "grub2-mkconfig -o /boot/grub/grub.cfg",
    ),
}
#: What is run in tests of their own.
OTHERS = {
    ("rhel", "rd.break"),
    ("rhel", "root-on-serial-only"),
    ("coreos", "autologin"),
    ("sles", "serial-console"),
    ("sles", "login-prompt"),
}
#: All that a manifest may say was run here.
RUN = {(distribution, name) for distribution, name, *_ in IN_A_SHELL} | set(HIDES_THE_MENU) | OTHERS

Machine = Callable[..., str]


def test_manifests_say_what_is_run_here() -> None:
    said = {
        (name, procedure.name)
        for name, about in DISTRIBUTIONS.items()
        for procedure in about.procedures.values()
        if procedure.stand_in
    }
    assert {each for each in RUN if each not in said} == set()
    based_on = {name: about.based_on for name, about in DISTRIBUTIONS.items()}
    assert {(name, each) for name, each in said if not {(name, each), (based_on[name], each)} & RUN} == set()
    assert {each.stand_in for about in DISTRIBUTIONS.values() for each in about.procedures.values()} == {STAND_IN, ""}


@pytest.fixture(scope="session")
def disk() -> Path:
    guest = find_guest(STAND_IN)
    assert guest.image is not None
    return build_image(guest.image, guest.folder, print).path


@pytest.fixture
def machine(tmp_path: Path, disk: Path) -> Machine:
    """Makes a guest with a disk of its own, whose COM1 or COM2 is the console; all guests of a test share the disk."""
    overlay = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", disk, overlay], check=True)

    def make(port: str = "com1") -> str:
        folder = tmp_path / port
        folder.mkdir(exist_ok=True)
        (folder / "guest.toml").write_text(
            f'[guest]\nkind = "qemu"\ndescription = "stand-in"\n[qemu]\nport = "{port}"\nmemory_mb = 512\n'
            f'drives = ["file={overlay},format=qcow2,if=virtio"]\n'
        )
        return str(folder)

    return make


def open_stand_in(guest: str) -> AbstractContextManager[blocking.Console]:
    return blocking.open_console(guest, timeout=BOOT_S, registers=True)


def reboot(console: blocking.Console) -> None:
    console.sendline("reboot")
    console.expect("reboot: machine restart")


def power_off(console: blocking.Console) -> None:
    console.sendline("poweroff")
    console.expect(GuestEnded)


@pytest.mark.images
@pytest.mark.parametrize(("distribution", "procedure", "argument", "user", "first"), IN_A_SHELL)
def test_recovery_ends_in_roots_shell(
    machine: Machine, distribution: str, procedure: str, argument: str, user: str, first: str
) -> None:
    with open_stand_in(machine()) as console:
        console.recovery.run(distribution, procedure, root_password="toor")
        assert f" {argument}" in console.run("cat /proc/cmdline").output
        assert console.run("id -un; cat /proc/1/comm").output.split() == [user, first]
        asked = "password for maintenance" in console.text
        assert asked == (first == "systemd")
        options = console.run("grep ' / ext4 ' /proc/mounts").output.split()[3].split(",")
        assert ("rw" in options) == (first == "systemd" or argument.startswith("rw"))


@pytest.mark.images
def test_rescue_refuses_a_wrong_password(machine: Machine) -> None:
    with open_stand_in(machine()) as console:
        with pytest.raises(
            RecoveryFailed, match=r"step 4 of 4 of 'rescue', login 'root': .*Login incorrect"
        ) as failure:
            console.recovery.run("rhel", "rescue", root_password="not-toor")
        assert isinstance(failure.value.__cause__, LoginFailed)


@pytest.mark.images
def test_rd_break_gives_root_a_new_password(machine: Machine) -> None:
    with blocking.open_console(machine(), timeout=BOOT_S, allow=["linux.reboot"], registers=True) as console:
        console.recovery.run("rhel", "rd.break", new_password="a new one")
        console.expect("SELinux targeted policy relabel is required")
        console.expect("reboot: machine restart")
        console.login("root", "a new one")
        assert "autorelabel" not in console.run("ls -A /").output
        console.sendline("exit")
        with pytest.raises(LoginFailed, match="Login incorrect"):
            console.login("root", "toor")


@pytest.mark.images
def test_root_logs_in_on_the_serial_line_only(machine: Machine) -> None:
    with open_stand_in(machine()) as console:
        console.login("root", "toor")
        assert console.run("tty").output.strip() == "/dev/ttyS0"
        console.recovery.run("rhel", "root-on-serial-only", new_password="a new one")
        console.run("systemctl start ssh")
        assert _by_ssh(console, "user", "user") == "user"
        assert _by_ssh(console, "root", "a new one") == "Permission denied"

        _type_on_tty1(console, "root", "a new one")
        console.run("until journalctl -b -q -o cat | grep -q \"tty 'tty1' is not secure\"; do sleep 1; done")
        _type_on_tty1(console, "user", "user")
        console.run("until who | grep -q '^user *tty1'; do sleep 1; done")

        console.sendline("exit")
        console.login("root", "a new one")
        assert console.run("id -un").output.strip() == "root"


def _by_ssh(console: blocking.Console, user: str, password: str) -> str:
    console.run("true")
    console.sendline(f"ssh -o StrictHostKeyChecking=no -o NumberOfPasswordPrompts=1 {user}@localhost id -un")
    console.expect("password: ?$")
    console.send_secret(password)
    return console.expect(rf"^{user}$|Permission denied").after


def _type_on_tty1(console: blocking.Console, user: str, password: str) -> None:
    """Type a name and a password on the machine's other console, as its keyboard would."""
    console.run("systemctl restart getty@tty1; until grep -aq 'login: *$' /dev/vcs1; do sleep 1; done")
    program = 'open(T, "+<", "/dev/tty1"); for (split //, shift) { ioctl(T, 0x5412, $_) || die $! }'
    for text in (user, password):
        console.run(f"perl -e '{program}' '{text}\n'; sleep 5")


@pytest.mark.images
def test_core_logs_in_by_itself_if_the_kernel_is_told_so(machine: Machine) -> None:
    with open_stand_in(machine()) as console:
        console.grub.select("CoreOS")
        console.recovery.run("coreos", "autologin")
        assert console.run("id -un; tty").output.split() == ["core", "/dev/ttyS0"]
        assert console.run("cat /proc/cmdline").output.split().count("coreos.autologin=ttyS0") == 1

        console.reset()
        console.grub.select("CoreOS")
        console.grub.boot()
        console.expect(r"localhost login: $")
        with pytest.raises(ExpectTimeout):
            console.expect(r"core@", timeout=10)


@pytest.mark.images
@pytest.mark.parametrize(("distribution", "set_up"), HIDES_THE_MENU)
def test_a_menu_that_was_hidden_is_caught_after_the_set_up(machine: Machine, distribution: str, set_up: str) -> None:
    with open_stand_in(machine()) as console:
        console.login("root", "toor")
        for command in HIDES_THE_MENU[distribution, set_up]:
            assert console.run(command).status == 0
        reboot(console)
        with pytest.raises(GrubFailed, match=r"GRUB's menu was expected, and .* is past it"):
            console.grub.wait_for_menu()
        console.login("root", "toor")
        console.recovery.run(distribution, set_up)
        reboot(console)
        assert "Debian GNU/Linux" in console.grub.wait_for_menu()


@pytest.mark.images
def test_a_console_that_was_off_is_enabled_by_the_steps_for_sles(machine: Machine) -> None:
    with open_stand_in(machine()) as console:
        console.login("root", "toor")
        console.run("sed -i '/TERMINAL\\|SERIAL\\|CMDLINE/d' /etc/default/grub; sed -i /ttyS0/d /etc/securetty")
        console.run("echo GRUB_TERMINAL=console >>/etc/default/grub; systemctl mask serial-getty@ttyS0")
        console.run("grub2-mkconfig -o /boot/grub2/grub.cfg")
        power_off(console)
    with open_stand_in(machine()) as console:  # off: nothing comes, and Enter changes nothing
        with pytest.raises(ExpectTimeout):
            console.expect(".", timeout=150)
        console.sendline()
        with pytest.raises(ExpectTimeout):
            console.expect(".", timeout=10)
    with open_stand_in(machine("com2")) as console:  # by another way in
        console.login("root", "toor")
        assert console.run("tty").output.strip() == "/dev/ttyS1"
        console.recovery.run("sles", "serial-console")
        console.recovery.run("sles", "login-prompt")
        power_off(console)
    with open_stand_in(machine()) as console:
        console.grub.wait_for_menu()
        assert re.search(r"console=ttyS0,115200n8", console.expect("Command line: .*").after)
        console.login("root", "toor")
        assert console.run("tty").output.strip() == "/dev/ttyS0"
