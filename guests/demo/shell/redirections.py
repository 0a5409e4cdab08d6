"""Redirections: what ``<``, ``>``, ``>&`` and the others do to the open files of a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from ..kernel.vfs import FileError
from .command_context import ShellError
from .expansion import Expansion
from .grammar import Redirection
from .lexer import encoded
from .shell_state import ShellState
from .streams import BytesSource, FileSink, Sink, Source, Streams, TerminalFile

#: The tty by any of its names.
_TERMINALS: Final = ("/dev/ttyS0", "/dev/tty", "/dev/console")
#: Names of a command's own descriptors.
_OWN: Final = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


async def redirected(shell: ShellState, expansion: Expansion, redirections: Sequence[Redirection]) -> Streams:
    """The shell's open files after some redirections, which are done from left to right.

    Args:
        shell: the shell; its own open files stay as they are.
        expansion: expands the names of the files.
        redirections: the redirections.

    Raises:
        ShellError: a file cannot be opened, or a descriptor that is to be copied is not open.
    """
    streams = shell.streams
    for each in redirections:
        target = await expansion.expand_to_text(each.target)
        copies = each.operator in (">&", "<&")
        if each.operator in ("<<", "<<-"):
            quoted = any(part.quoted for part in each.target)
            text = each.document if quoted else await expansion.expand_document(each.document)
            streams = streams.replaced({each.descriptor: BytesSource(encoded(text))})
        elif copies and target == "-":
            streams = streams.replaced({each.descriptor: None})
        elif copies and target.isdigit():
            streams = streams.replaced({each.descriptor: _copied(streams, int(target))})
        elif each.operator == "&>" or (each.operator == ">&" and each.descriptor == 1):
            sink = _opened(shell, streams, each, target)
            streams = streams.replaced({1: sink, 2: sink})
        elif copies:
            raise ShellError(f"{target}: ambiguous redirect")
        else:
            streams = streams.replaced({each.descriptor: _opened(shell, streams, each, target)})
    return streams


def _copied(streams: Streams, number: int) -> Any:
    try:
        return streams.files[number]
    except KeyError:
        raise ShellError(f"{number}: Bad file descriptor") from None


def _opened(shell: ShellState, streams: Streams, redirection: Redirection, target: str) -> Source | Sink:
    path = shell.path(target)
    own = re.fullmatch(r"/dev/fd/(\d+)", path)
    if own or path in _OWN:
        file: Source | Sink = _copied(streams, int(own[1]) if own else _OWN[path])
        return file
    if path in _TERMINALS:
        return TerminalFile(shell.kernel.terminal)
    files = shell.files
    try:
        if redirection.operator == "<":
            return BytesSource(files.read(path))
        return FileSink(files, path, append=redirection.operator == ">>")
    except FileError as error:
        raise ShellError(f"{target}: {error}") from None
