"""The input of programs that read the files named on their command line, or standard input."""

from __future__ import annotations

from ..kernel.vfs import FileError
from ..shell.command_context import Context
from ..shell.streams import BytesSource, Source

#: Names of the terminal, which is read as standard input is.
_TERMINALS = ("/dev/ttyS0", "/dev/tty", "/dev/stdin")


def is_standard_input(context: Context, name: str) -> bool:
    """Whether a file's name stands for standard input."""
    return name == "-" or context.path(name) in _TERMINALS


async def open_inputs(context: Context, names: list[str]) -> list[tuple[str, Source]]:
    """Open the named files, or standard input if there are no names.

    Returns:
        The name and the source of each file; an error message is written for a file that cannot be read.
    """
    result: list[tuple[str, Source]] = []
    for name in names or ["-"]:
        if is_standard_input(context, name):
            result.append((name, context.stdin))
            continue
        try:
            result.append((name, BytesSource(context.files.read(context.path(name)))))
        except FileError as error:
            await context.complain(f"{name}: {error}")
    return result
