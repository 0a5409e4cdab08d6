"""The program passwd."""

from __future__ import annotations

from ..shell.command_context import Context
from . import accounts
from .password_prompt import EndOfFile, ask_password


async def passwd(context: Context) -> int:
    """Ask for a new password twice and set it."""
    name = context.arguments[0] if context.arguments else "root"
    files = context.kernel.files
    if not accounts.has_account(files, name):
        return await context.complain(f"user '{name}' does not exist")
    try:
        first = await ask_password(context.kernel.terminal, "New password: ")
        second = await ask_password(context.kernel.terminal, "Retype new password: ")
    except EndOfFile:
        first, second = "", ""
    if first and first == second:
        accounts.set_password(files, name, first)
        await context.print("passwd: password updated successfully")
        return 0
    why = "Sorry, passwords do not match." if first else "No password has been supplied."
    await context.stderr.write(
        f"{why}\npasswd: Authentication token manipulation error\npasswd: password unchanged\n".encode()
    )
    return 10
