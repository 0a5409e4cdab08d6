"""sulogin, which asks for root's password before rescue and emergency mode."""

from __future__ import annotations

from typing import Final

import trio

from ..kernel.kernel import Kernel
from ..settings import Settings
from ..tty.termios_modes import Modes
from .accounts import check_password, has_password
from .getty import FAIL_DELAY_S
from .user_shell import run_user_shell

#: What sulogin says where root has no password, before it waits for Enter.
_LOCKED: Final = (
    "\nCannot open access to console, the root account is locked.\nSee sulogin(8) man page for more details.\n\n"
    "Press Enter to continue.\n"
)


class Sulogin:
    """sulogin on the console.

    Args:
        kernel: the kernel.
        settings: the guest's settings.
    """

    def __init__(self, kernel: Kernel, settings: Settings) -> None:
        self._kernel = kernel
        self._settings = settings
        self._terminal = kernel.terminal

    async def run(self) -> None:
        """Ask for root's password and run a shell; returns when it ends, or at Ctrl-D, to start the default target."""
        terminal, kernel = self._terminal, self._kernel
        cooked = Modes().with_size(24, 80)
        if not has_password(kernel.files, "root"):
            terminal.set_modes(cooked)
            await terminal.write(_LOCKED)
            await terminal.read()
            return
        raw = cooked.without("icanon", "echo", "isig", "ixon", "icrnl")
        while True:
            terminal.set_modes(raw)
            await terminal.write("Give root password for maintenance\n(or press Control-D to continue): ")
            password = await self._read_password()
            await terminal.write("\r\n")
            if password is None:
                terminal.set_modes(cooked)
                return
            if check_password(kernel.files, "root", password):
                terminal.set_modes(cooked)
                await run_user_shell(kernel, self._settings, "bash")
                return
            await trio.sleep(self._settings.scaled(FAIL_DELAY_S))
            await terminal.write("Login incorrect\n\n")

    async def _read_password(self) -> str | None:
        """Read a password without echo; return None for Ctrl-D."""
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
