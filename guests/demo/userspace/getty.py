"""agetty and login on the serial line, as util-linux 2.38 and Debian's login behave there.

agetty reads the name itself, a byte at a time: it echoes what it gets, takes BS and DEL as erase and Ctrl-U as kill,
ends at CR or LF, starts again at an empty name, and exits at Ctrl-D.  login reads in canonical mode, forgets what
was typed before each prompt (PAM flushes), and asks for the name itself after a failure.
"""

from __future__ import annotations

import struct
import time
from typing import Final

import trio

from ..kernel.credentials import Credentials
from ..kernel.kernel import Kernel
from ..kernel.release import uname
from ..kernel.vfs import FileError, FileSystem
from ..settings import Settings
from ..tty.termios_modes import Modes
from .accounts import check_password, find_user
from .password_prompt import EndOfFile, ask_password
from .user_shell import run_user_shell

#: How often login asks (LOGIN_RETRIES).
TRIES: Final = 5
#: How long login waits after a wrong password (pam_faildelay), in seconds; scaled.
FAIL_DELAY_S: Final = 2.4
#: The longest name that agetty takes, in bytes.
NAME_BYTES: Final = 255


_LASTLOG: Final = "/var/log/lastlog"
#: One entry of /var/log/lastlog: time, line and host.
_LASTLOG_ENTRY: Final = struct.Struct("<i32s256s")


class Getty:
    """The getty on ttyS0, from its prompt to the end of the session that follows.

    Args:
        kernel: the kernel.
        settings: the guest's settings.
    """

    def __init__(self, kernel: Kernel, settings: Settings) -> None:
        self._kernel = kernel
        self._settings = settings
        self._terminal = kernel.terminal

    async def run(self) -> None:
        """Run once; init then starts another one."""
        terminal = self._terminal
        raw = Modes().without("icanon", "echo", "isig", "ixon", "icrnl").with_size(24, 80)
        terminal.set_modes(raw)
        await trio.sleep(self._settings.scaled(0.05))
        terminal.flush_input()
        await terminal.write("\r\n" + self._expand(self._kernel.files.read_text("/etc/issue")))
        try:
            name = await self._read_name()
        except EndOfFile:
            return
        terminal.set_modes(raw.having("icanon", "echo", "isig", "ixon", "icrnl"))
        with trio.CancelScope() as scope, terminal.foreground(lambda _signal: scope.cancel()):
            user = await self._log_in(name)
        if not scope.cancelled_caught and user is not None:
            await self._session(user)

    def _expand(self, text: str) -> str:
        """Replace agetty's escapes in /etc/issue."""
        values = {"n": self._kernel.host_name, "l": "ttyS0", "s": "Linux", "m": "x86_64", "\\": "\\"}
        parts = text.split("\\")
        return parts[0] + "".join(values.get(part[:1], "") + part[1:] for part in parts[1:])

    async def _read_name(self) -> str:
        terminal = self._terminal
        while True:
            await terminal.write(f"{self._kernel.host_name} login: ")
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

    async def _log_in(self, name: str) -> Credentials | None:
        """Run login: ask for the password until it is right; return the user, or None if it never was."""
        kernel, terminal = self._kernel, self._terminal
        limit_s = self._settings.login_timeout
        with trio.move_on_after(limit_s) as scope:
            for attempt in range(1, TRIES + 1):
                try:
                    if attempt > 1:
                        terminal.flush_input()
                        await terminal.write(f"{kernel.host_name} login: ")
                        name = await self._read_line()
                    password = await ask_password(terminal, "Password: ")
                except EndOfFile:
                    await terminal.write("\n")
                    password = None
                if password is not None and check_password(kernel.files, name, password):
                    return find_user(kernel.files, name)
                await trio.sleep(self._settings.scaled(FAIL_DELAY_S))
                await terminal.write("\nLogin incorrect\n")
            await terminal.write(f"Maximum number of tries exceeded ({TRIES})\n")
        if scope.cancelled_caught:
            terminal.set_modes(terminal.modes.having("echo"))
            await terminal.write(f"\nLogin timed out after {limit_s:g} seconds.\n")
        return None

    async def _read_line(self) -> str:
        data = await self._terminal.read()
        if not data:
            raise EndOfFile
        return data.decode(errors="replace").rstrip("\n")

    async def _session(self, user: Credentials) -> None:
        kernel, terminal = self._kernel, self._terminal
        kernel.processes.logged_in = True
        await terminal.write(f"{uname(kernel.host_name, 'snrvm')}\n{kernel.files.read_text('/etc/motd')}")
        last = _last_login(kernel.files, user.uid)
        if last is not None:
            await terminal.write(
                f"Last login: {time.strftime('%a %b %e %H:%M:%S UTC %Y', time.gmtime(last))} on ttyS0\n"
            )
        _note_login(kernel.files, user.uid, int(kernel.wall_time()))
        tty = kernel.files.find("/dev/ttyS0")
        tty.owner = user.uid
        await run_user_shell(kernel, self._settings, "-bash", user=user)
        tty.owner = 0
        kernel.processes.logged_in = False


def _last_login(files: FileSystem, uid: int) -> int | None:
    """When a user logged in last, in seconds since 1970; None if that was never."""
    try:
        seconds: int = _LASTLOG_ENTRY.unpack_from(files.read(_LASTLOG), uid * _LASTLOG_ENTRY.size)[0]
    except (FileError, struct.error):
        return None
    return seconds or None


def _note_login(files: FileSystem, uid: int, seconds: int) -> None:
    start = uid * _LASTLOG_ENTRY.size
    data = bytearray(files.read(_LASTLOG) if files.exists(_LASTLOG) else b"")
    data.extend(bytes(max(0, start + _LASTLOG_ENTRY.size - len(data))))
    _LASTLOG_ENTRY.pack_into(data, start, seconds, b"ttyS0", b"")
    files.write(_LASTLOG, bytes(data))
