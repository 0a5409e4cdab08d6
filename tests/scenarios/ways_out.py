"""Steps that many ways out have in common."""

from __future__ import annotations

import time

import pytest

from tests.patience import SCALE
from uartsim import AgentError
from uartsim.blocking import Console
from uartsim.console.console_errors import ExpectTimeout, RunFailed

#: How long a boot may take where others share the machine, in seconds.
BOOT_S = 240.0 * SCALE
#: How long a console that shows nothing is watched, in seconds.
SILENCE_S = 5.0
#: The kernel's line of an entry in GRUB's editor.
KERNEL_LINE = r"^\s*linux\s"


def boot_with(console: Console, parameters: str, entry: str = "GNU/Linux|Linux") -> None:
    """Boot GRUB's entry with more on the kernel's line."""
    console.grub.select(entry)
    console.grub.edit(KERNEL_LINE, append=f" {parameters}")
    console.grub.boot()


def boot_to_bash(console: Console) -> None:
    """Boot a shell without a login, whose root file system can be written."""
    boot_with(console, "rw init=/bin/bash")
    console.expect(r"root@\(none\):/# ?$")


def set_password(console: Console, password: str) -> None:
    """Set root's password as a person does."""
    console.sendline("passwd")
    for _ in range(2):
        console.expect("password: ?$")
        console.send_secret(password)
    console.expect("password updated successfully")


def restart_from_bash(console: Console) -> None:
    """Leave a shell that is process 1."""
    console.sendline("sync; mount -o remount,ro /; reboot -f")
    console.expect("reboot: Restarting system")


def log_in_to_emergency_mode(console: Console) -> None:
    """Log in until the shell stays: where udev finds a device late, systemd starts emergency mode once more."""
    for _ in range(3):
        console.login("root", "toor")
        try:
            assert console.run("udevadm settle; sleep 1").status == 0
        except RunFailed:
            continue
        return
    raise AssertionError("emergency mode starts again and again")


def reboot(console: Console) -> None:
    """Reboot from a shell of a running system."""
    console.sendline("reboot")
    console.expect("reboot: Restarting system")


def refused(console: Console, user: str, password: str) -> None:
    """Try a name and a password at the login prompt, which are refused."""
    console.expect("login: ?$")
    console.sendline(user)
    console.expect("Password: ?$")
    console.send_secret(password)
    console.expect("Login incorrect")


def shows_nothing(console: Console, pattern: str = "login: ?$") -> None:
    """Press Enter; what is waited for does not come."""
    console.sendline()
    with pytest.raises(ExpectTimeout):
        console.expect(pattern, timeout=SILENCE_S)


def wait_booted(console: Console) -> str:
    """Wait, beside the line, until the guest has booted; returns what systemd says of it."""
    deadline = time.monotonic() + BOOT_S
    while True:
        try:
            return console.agent.run_command("systemctl is-system-running --wait", timeout=BOOT_S).stdout.strip()
        except AgentError:
            assert time.monotonic() < deadline, "the guest's agent does not answer"


def set_default(console: Console, expression: str) -> None:
    """Change /etc/default/grub with sed, and what GRUB reads."""
    assert console.run(f"sed -i '{expression}' /etc/default/grub && update-grub").status == 0
