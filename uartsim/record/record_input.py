"""Opening what a record or a log is read from: a file, or a pipe that can be read only once."""

from __future__ import annotations

import io
import os
import stat
import time
from typing import BinaryIO, Final

from uartsim.errors import UsageError

#: How long a FIFO may be without a program that writes to it, in seconds.
WRITER_WAIT_S: Final = 3.0
_STEP_S: Final = 0.05


def open_input(path: str) -> BinaryIO:
    """Open a file for reading; one that is a FIFO has a writer then.

    Raises:
        UsageError: nothing writes to the FIFO.
        OSError: the file cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        begun = _begun(path, fd) if stat.S_ISFIFO(os.fstat(fd).st_mode) else None
        os.set_blocking(fd, True)
        file = open(fd, "rb")  # noqa: SIM115
    except BaseException:
        os.close(fd)
        raise
    return file if begun is None else io.BufferedReader(_Pipe(begun, file))


def _begun(path: str, fd: int) -> bytes:
    """What there is to read of a FIFO already; waits for a program that writes to it."""
    until = time.monotonic() + WRITER_WAIT_S
    while True:
        try:
            if data := os.read(fd, io.DEFAULT_BUFFER_SIZE):
                return data
        except BlockingIOError:  # there is a writer, which has not written yet
            return b""
        if time.monotonic() >= until:
            raise UsageError(f"{path} is a pipe to which nothing writes: start the program that does, or give a file")
        time.sleep(_STEP_S)


class _Pipe(io.RawIOBase):
    """A pipe of which something has been read."""

    def __init__(self, begun: bytes, rest: BinaryIO) -> None:
        self._begun = begun
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._begun[: len(buffer)] or self._rest.read1(len(buffer))  # type: ignore[attr-defined]
        self._begun = self._begun[len(data) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()


def seekable(file: BinaryIO) -> BinaryIO:
    """The file from its place on, to be read from there more than once; what comes from a pipe is kept in memory."""
    return file if file.seekable() else io.BytesIO(file.read())
