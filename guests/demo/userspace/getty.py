"""agetty, login and sulogin on the serial line, as util-linux 2.38 and Debian's login behave there.

agetty reads the name itself, a byte at a time: it echoes what it gets, takes BS and DEL as erase and Ctrl-U as kill,
ends at CR or LF, starts again at an empty name, and exits at Ctrl-D.  login reads in canonical mode, forgets what
was typed ahead before each prompt (PAM flushes), and asks for the name itself after a failure.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import trio

from ..shell.interactive import Shell
from ..tty.termios_modes import Modes

if TYPE_CHECKING:
    from ..linux_system import Machine

#: How often login asks (LOGIN_RETRIES).
TRIES: Final = 5
#: How long a wrong password takes (pam_faildelay), in seconds; scaled.
FAIL_DELAY_S: Final = 2.4
#: The longest name agetty takes.
NAME_BYTES: Final = 255


class EndOfFile(Exception):
    """Ctrl-D at a prompt."""


class Getty:
    """One life of the getty on ttyS0: from its prompt to the end of the session that follows.

    Args:
        machine: the machine.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._terminal = machine.terminal

    async def run(self) -> None:
        """Live; returns when it is time to be respawned."""
        terminal = self._terminal
        raw = Modes().without("icanon", "echo", "isig", "ixon", "icrnl").with_size(24, 80)
        terminal.set_modes(raw)
        await trio.sleep(self._machine.settings.scaled(0.05))
        terminal.flush_input()
        await terminal.write("\r\n" + self._expand(self._machine.files.read_text("/etc/issue")))
        try:
            name = await self._read_name()
        except EndOfFile:
            return
        terminal.set_modes(raw.having("icanon", "echo", "isig", "ixon", "icrnl"))
        with trio.CancelScope() as scope, terminal.foreground(lambda _signal: scope.cancel()):
            logged_in = await self._log_in(name)
        if not scope.cancelled_caught and logged_in:
            await self._session()

    def _expand(self, text: str) -> str:
        """Replace agetty's escapes in the issue."""
        machine = self._machine
        values = {"n": machine.hostname, "l": "ttyS0", "s": "Linux", "m": "x86_64", "\\": "\\"}
        parts = text.split("\\")
        return parts[0] + "".join(values.get(part[:1], "") + part[1:] for part in parts[1:])

    async def _read_name(self) -> str:
        terminal = self._terminal
        while True:
            await terminal.write(f"{self._machine.hostname} login: ")
            name = bytearray()
            while True:
                byte = (await terminal.read(1))[0]
                if byte in b"\r\n":
                    await terminal.write("\r\n")
                    break
                if byte in b"\b\x7f":
                    if name:
                        name.pop()
                        await terminal.write("\b \b")
                elif byte == 0x15:
                    await terminal.write("\b \b" * len(name))
                    name.clear()
                elif byte == 0x04:
                    raise EndOfFile
                elif byte != 0 and len(name) < NAME_BYTES:
                    name.append(byte)
                    await terminal.write(bytes((byte,)))
            if name:
                return name.decode(errors="replace")

    async def _log_in(self, name: str) -> bool:
        """login: ask for the password until it is right; whether it was."""
        machine, terminal = self._machine, self._terminal
        limit_s = machine.settings.login_timeout
        with trio.move_on_after(limit_s) as scope:
            for attempt in range(1, TRIES + 1):
                try:
                    if attempt > 1:
                        terminal.flush_input()
                        await terminal.write(f"{machine.hostname} login: ")
                        name = await self._read_line()
                    password = await ask_secretly(machine, "Password: ")
                except EndOfFile:
                    await terminal.write("\n")
                    password = None
                if password is not None and machine.files.check_password(name, password):
                    return True
                await trio.sleep(machine.settings.scaled(FAIL_DELAY_S))
                await terminal.write("\nLogin incorrect\n")
            await terminal.write(f"Maximum number of tries exceeded ({TRIES})\n")
        if scope.cancelled_caught:
            terminal.set_modes(terminal.modes.having("echo"))
            await terminal.write(f"\nLogin timed out after {limit_s:g} seconds.\n")
        return False

    async def _read_line(self) -> str:
        data = await self._terminal.read()
        if not data:
            raise EndOfFile
        return data.decode(errors="replace").rstrip("\n")

    async def _session(self) -> None:
        machine, terminal = self._machine, self._terminal
        machine.kernel.sysrq.logged_in = True
        await terminal.write(f"{machine.files.uname('-snrvm')}\n{machine.files.read_text('/etc/motd')}")
        last = machine.files.last_login
        if last is not None:
            await terminal.write(
                f"Last login: {time.strftime('%a %b %e %H:%M:%S UTC %Y', time.gmtime(last))} on ttyS0\n"
            )
        machine.files.last_login = machine.wall_time()
        shell = Shell(machine, prompt="\\u@\\h:\\w\\$ ", directory="/root", name="-bash")
        await shell.run_interactive()
        machine.kernel.sysrq.logged_in = False


async def ask_secretly(machine: Machine, prompt: str) -> str:
    """Ask for a password: typed-ahead input is forgotten, nothing is echoed, the newline is ours.

    Raises:
        EndOfFile: Ctrl-D.
    """
    terminal = machine.terminal
    with terminal.modes_restored():
        terminal.set_modes(terminal.modes.without("echo"))
        terminal.flush_input()
        await terminal.write(prompt)
        data = await terminal.read()
        if not data:
            raise EndOfFile
        await terminal.write("\n")
    return data.decode(errors="replace").rstrip("\n")


class Sulogin:
    """sulogin, which guards rescue and emergency mode.

    Args:
        machine: the machine.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._terminal = machine.terminal

    async def run(self) -> None:
        """Ask for root's password and run shells; returns when somebody leaves for the default target."""
        terminal, machine = self._terminal, self._machine
        cooked = Modes().with_size(24, 80)
        raw = cooked.without("icanon", "echo", "isig", "ixon", "icrnl")
        while True:
            terminal.set_modes(raw)
            await terminal.write("Give root password for maintenance\n(or press Control-D to continue): ")
            password = await self._read_password()
            await terminal.write("\r\n")
            if password is None:
                terminal.set_modes(cooked)
                return
            if machine.files.check_password("root", password):
                terminal.set_modes(cooked)
                await Shell(machine, prompt="\\u@\\h:\\w\\$ ", directory="/root", name="bash").run_interactive()
                return
            await trio.sleep(machine.settings.scaled(FAIL_DELAY_S))
            await terminal.write("Login incorrect\n\n")

    async def _read_password(self) -> str | None:
        """A password, typed blind; None for Ctrl-D."""
        typed = bytearray()
        while True:
            byte = (await self._terminal.read(1))[0]
            if byte in b"\r\n":
                return typed.decode(errors="replace")
            if byte == 0x04:
                return None
            if byte in b"\b\x7f":
                del typed[-1:]
            elif byte == 0x15:
                typed.clear()
            elif byte != 0x03:
                typed.append(byte)
