"""Makes the process's standard streams safe to write to, for all commands.

- Text passes :func:`uartsim.printable.printable`, so that the terminal obeys nothing that a guest, a file or a name says.
  Raw bytes are written to ``sys.stdout.buffer``.
- A character that the terminal's encoding does not have is written as its number, and is not an error.
- A standard output that cannot be written, or is closed, makes a sentence (:class:`OutputError`), not a traceback.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from uartsim.errors import UartsimError
from uartsim.printable import printable


class OutputError(UartsimError, OSError):
    """Standard output cannot be written."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class _Raw(io.RawIOBase):
    """A descriptor whose write errors are told apart from other errors of the system.

    Args:
        fd: the descriptor.
        quiet: whether write errors are passed over, as on standard error, where they would be reported.
    """

    def __init__(self, fd: int, *, quiet: bool) -> None:
        self._fd = fd
        self._quiet = quiet

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        while True:
            try:
                return os.write(self._fd, data)
            except BlockingIOError:  # another process, which shares the terminal, has made it non-blocking
                import select

                select.select([], [self._fd], [])
            except OSError as error:
                if self._quiet:
                    return len(data)
                if isinstance(error, BrokenPipeError):
                    raise
                raise OutputError(f"standard output cannot be written: {error.strerror}") from None


class _Text(io.TextIOWrapper):
    """A text stream whose text passes the filter."""

    #: Whether each piece is written at once, as on standard error.
    at_once = False

    def write(self, text: str, /) -> int:
        super().write(printable(text))
        if self.at_once:
            self.flush()
        return len(text)


def guard_streams() -> None:
    """Replace the standard streams.

    If one of the first three descriptors is closed, the next file that is opened would get its number and be written to.
    So a closed one is replaced: output by a descriptor that cannot be written, input by an empty file.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # As in GNU's programs: writing to a closed standard output is an error.
            os.open(os.devnull, os.O_RDONLY if fd < 2 else os.O_WRONLY)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stdout = _guarded(sys.stdout, 1)
    sys.stderr = _guarded(sys.stderr, 2)


def _guarded(stream: TextIO | None, fd: int) -> TextIO:
    encoding = "utf-8" if stream is None else stream.encoding
    if encoding.lower() in ("ascii", "us-ascii", "ansi_x3.4-1968", "646"):
        encoding = "utf-8"  # click would say the same, and put a stream of its own in our place
    if stream is not None:
        try:
            fd = stream.fileno()
            stream.flush()
        except (OSError, ValueError):  # a stream in memory, as in tests
            return stream
    raw = _Raw(fd, quiet=fd == 2)
    text = _Text(io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=raw.isatty())
    text.at_once = fd == 2
    return text


def unfiltered(stream: TextIO) -> TextIO:
    """The same stream without the filter, for output that draws on the terminal on purpose, such as a progress bar."""
    if not isinstance(stream, _Text):
        return stream
    return open(stream.fileno(), "w", encoding=stream.encoding, errors="backslashreplace", closefd=False)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Within this, a reader of standard output that leaves early, such as head(1), ends the block and is not an error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        abandon(sys.stdout)


def abandon(stream: TextIO) -> None:
    """Drop what is in a stream's buffer and all further output, so that they are not an error at exit."""
    fd = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(fd, stream.fileno())
        stream.flush()
    except (OSError, ValueError):
        pass
    finally:
        if fd > 2:
            os.close(fd)
