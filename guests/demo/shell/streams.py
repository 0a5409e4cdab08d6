"""Where a command's input comes from and where its output goes: the tty, a file, a pipe, text in memory."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol, runtime_checkable

import trio

from ..kernel.vfs import FileError, FileSystem
from ..tty.tty_device import Terminal

#: How many bytes wait in a pipe.
PIPE_BYTES: Final = 65536


class BrokenPipe(Exception):
    """Nobody reads the pipe any more (SIGPIPE)."""


@runtime_checkable
class Source(Protocol):
    """Something to read."""

    async def read(self) -> bytes:
        """Some bytes; ``b""`` at the end."""

    def put_back(self, data: bytes) -> None:
        """What was read too much, for whoever reads next."""


@runtime_checkable
class Sink(Protocol):
    """Something to write to."""

    async def write(self, data: bytes) -> None:
        """Write all of ``data``.

        Raises:
            BrokenPipe: nobody reads it.
        """


class TerminalSource:
    """The tty's input, a line at a time; Ctrl-D is its end."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._rest = b""

    async def read(self) -> bytes:
        """See `Source`."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        return await self._terminal.read()

    def put_back(self, data: bytes) -> None:
        """See `Source`."""
        self._rest = data + self._rest


class TerminalFile(TerminalSource):
    """The tty, opened for both."""

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        await self._terminal.write(data)


class BytesSource:
    """Bytes that are there already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self) -> bytes:
        """See `Source`."""
        await trio.lowlevel.checkpoint()
        data, self._data = self._data, b""
        return data

    def put_back(self, data: bytes) -> None:
        """See `Source`."""
        self._data = data + self._data


class Closed:
    """A descriptor that is not open.

    Args:
        action: "read" or "write", for the message.
    """

    def __init__(self, action: str) -> None:
        self._message = f"{action} error: Bad file descriptor"

    async def read(self) -> bytes:
        """See `Source`."""
        raise FileError(self._message)

    def put_back(self, data: bytes) -> None:
        """See `Source`."""

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        raise FileError(self._message)


class BytesSink:
    """Keeps what is written in ``data``."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        await trio.lowlevel.checkpoint()
        self.data += data


class FileSink:
    """Adds to a file.

    Raises:
        FileError: it cannot be written (when it is created here).
    """

    def __init__(self, files: FileSystem, path: str, *, append: bool) -> None:
        self._files = files
        self._path = path
        existing = files.find(path) if files.exists(path) else None
        if existing is None or existing.write is None:
            files.write(path, b"", append=append)

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        await trio.lowlevel.checkpoint()
        self._files.write(self._path, data, append=True)


class Pipe:
    """A pipe: source and sink in one."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._writer_gone = False
        self._reader_gone = False
        self._changed = trio.Event()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def read(self) -> bytes:
        """See `Source`."""
        while not self._data and not self._writer_gone:
            await self._changed.wait()
        data = bytes(self._data)
        self._data.clear()
        self._wake()
        await trio.lowlevel.checkpoint()
        return data

    def put_back(self, data: bytes) -> None:
        """See `Source`."""
        self._data[:0] = data

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        await trio.lowlevel.checkpoint()
        if self._reader_gone:
            raise BrokenPipe
        self._data += data
        self._wake()
        while len(self._data) > PIPE_BYTES:
            await self._changed.wait()
            if self._reader_gone:
                raise BrokenPipe

    def close_writer(self) -> None:
        """The writing command has ended."""
        self._writer_gone = True
        self._wake()

    def close_reader(self) -> None:
        """The reading command has ended."""
        self._reader_gone = True
        self._data.clear()
        self._wake()


async def read_line(source: Source) -> bytes:
    """One line with its newline, or what is left before the end; what comes behind it is left for others."""
    data = bytearray()
    try:
        while b"\n" not in data and (piece := await source.read()):
            data += piece
    except BaseException:
        source.put_back(bytes(data))
        raise
    line, newline, rest = bytes(data).partition(b"\n")
    source.put_back(rest)
    return line + newline


async def read_all(source: Source) -> bytes:
    """Everything up to the end of ``source``."""
    data = bytearray()
    while piece := await source.read():
        data += piece
    return bytes(data)


class Lines:
    """The lines of ``source``, with their newlines; the last may lack one.

    An iterator of its own, and no generator: one that is left early needs no closing.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self._ended = False

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> bytes:
        while not self._lines:
            if self._ended:
                raise StopAsyncIteration
            piece = await self._source.read()
            if piece:
                *whole, self._rest = (self._rest + piece).split(b"\n")
                self._lines.extend(line + b"\n" for line in whole)
            else:
                self._ended = True
                if self._rest:
                    self._lines.append(self._rest)
        return self._lines.popleft()
