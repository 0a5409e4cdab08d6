"""A prompt for a password, as login and passwd show it (through PAM)."""

from __future__ import annotations

from ..shell.command_context import Context
from ..shell.streams import TerminalFile, read_line
from ..tty.tty_device import Terminal


class EndOfFile(Exception):
    """Ctrl-D was typed at a prompt."""


async def ask_password(terminal: Terminal, prompt: str) -> str:
    """Ask for a password, which is not echoed; what was typed before the prompt is forgotten.

    Raises:
        EndOfFile: Ctrl-D was typed.
    """
    with terminal.modes_restored():
        terminal.set_modes(terminal.modes.without("echo"))
        terminal.flush_input()
        await terminal.write(prompt)
        data = await terminal.read()
        if not data:
            raise EndOfFile
        await terminal.write("\n")
    return data.decode(errors="replace").rstrip("\n")


async def ask(context: Context, prompt: str) -> str:
    """Ask at the terminal; where standard input is something else, read a line of that.

    Raises:
        EndOfFile: there is nothing more to read.
    """
    if isinstance(context.stdin, TerminalFile):
        return await ask_password(context.kernel.terminal, prompt)
    await context.stderr.write(prompt.encode())
    line = await read_line(context.stdin)
    if not line:
        raise EndOfFile
    return line.decode(errors="replace").rstrip("\n")
