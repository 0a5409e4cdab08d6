"""The program passwd."""

from __future__ import annotations

import functools
from typing import Final

from ..shell.command_context import Context
from . import accounts
from .password_prompt import EndOfFile, ask

_FAILED: Final = b"passwd: Authentication token manipulation error\npasswd: password unchanged\n"


async def passwd(context: Context) -> int:
    """Ask for a new password twice and set it."""
    name = context.arguments[0] if context.arguments else context.user.name
    files = context.kernel.files  # passwd is set-user-ID root
    if accounts.find_user(files, name) is None:
        return await context.complain(f"user '{name}' does not exist")
    if not context.user.is_root and name != context.user.name:
        return await context.complain(f"You may not view or modify password information for {name}.")
    asked = functools.partial(ask, context)
    try:
        if not context.user.is_root:
            await context.print(f"Changing password for {name}.")
            if not accounts.check_password(files, name, await asked("Current password: ")):
                await context.stderr.write(_FAILED)
                return 10
        first = await asked("New password: ")
        second = await asked("Retype new password: ")
    except EndOfFile:
        first, second = "", ""
    if first and first == second:
        accounts.set_password(files, name, first)
        await context.print("passwd: password updated successfully")
        return 0
    why = "Sorry, passwords do not match." if first else "No password has been supplied."
    await context.stderr.write(f"{why}\n".encode() + _FAILED)
    return 10
