"""The program passwd."""

from __future__ import annotations

import functools
from typing import Final

from ..shell.command_context import Context
from ..shell.streams import TerminalFile, read_line
from . import accounts
from .password_prompt import EndOfFile, ask_password

_FAILED: Final = b"passwd: Authentication token manipulation error\npasswd: password unchanged\n"


async def passwd(context: Context) -> int:
    """Ask for a new password twice and set it."""
    name = context.arguments[0] if context.arguments else context.user.name
    files = context.kernel.files  # passwd is set-user-ID root
    if accounts.find_user(files, name) is None:
        return await context.complain(f"user '{name}' does not exist")
    if not context.user.is_root and name != context.user.name:
        return await context.complain(f"You may not view or modify password information for {name}.")
    ask = functools.partial(_ask, context)
    try:
        if not context.user.is_root:
            await context.print(f"Changing password for {name}.")
            if not accounts.check_password(files, name, await ask("Current password: ")):
                await context.stderr.write(_FAILED)
                return 10
        first = await ask("New password: ")
        second = await ask("Retype new password: ")
    except EndOfFile:
        first, second = "", ""
    if first and first == second:
        accounts.set_password(files, name, first)
        await context.print("passwd: password updated successfully")
        return 0
    why = "Sorry, passwords do not match." if first else "No password has been supplied."
    await context.stderr.write(f"{why}\n".encode() + _FAILED)
    return 10


async def _ask(context: Context, prompt: str) -> str:
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
