"""The files that a command has open: the tty, files on the disk, pipes, bytes in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Protocol, runtime_checkable

import trio

from ..kernel.vfs import FileError, FileSystem
from ..tty.tty_device import Terminal

#: The size of a pipe, in bytes.
PIPE_BYTES: Final = 65536


class BrokenPipe(Exception):
    """The reader of the pipe has gone (SIGPIPE)."""


@runtime_checkable
class Source(Protocol):
    """Something to read."""

    async def read(self) -> bytes:
        """Wait for some bytes; ``b""`` is the end."""

    def put_back(self, data: bytes) -> None:
        """Give back what was read in excess: the next `read` returns it."""


@runtime_checkable
class Sink(Protocol):
    """Something to write to."""

    async def write(self, data: bytes) -> None:
        """Write all of ``data``.

        Raises:
            BrokenPipe: the reader has gone.
        """


class TerminalFile:
    """The tty: a source of lines, which Ctrl-D ends, and a sink."""

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

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        await self._terminal.write(data)


class BytesSource:
    """A source of bytes in memory."""

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
    """A sink that collects what is written in its attribute ``data``."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        await trio.lowlevel.checkpoint()
        self.data += data


class FileSink:
    """A sink that writes a file; without ``append`` the file is emptied first.

    Raises:
        FileError: the file cannot be written.
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
    """A pipe, which is a source and a sink."""

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


class Streams:
    """The open files of a command, by descriptor: 0 is input, 1 output, 2 errors.

    Args:
        files: a `Source`, a `Sink`, or something that is both, for each descriptor that is open.
    """

    def __init__(self, files: Mapping[int, Any]) -> None:
        self.files = dict(files)

    def replaced(self, files: Mapping[int, Any]) -> Streams:
        """The same with some descriptors opened on other files; None closes one."""
        return Streams({number: file for number, file in {**self.files, **files}.items() if file is not None})

    @property
    def stdin(self) -> Source:
        """The file at descriptor 0."""
        file = self.files.get(0)
        return file if isinstance(file, Source) else Closed("read")

    @property
    def stdout(self) -> Sink:
        """The file at descriptor 1."""
        return self._sink(1)

    @property
    def stderr(self) -> Sink:
        """The file at descriptor 2."""
        return self._sink(2)

    def _sink(self, number: int) -> Sink:
        file = self.files.get(number)
        return file if isinstance(file, Sink) else Closed("write")


async def read_line(source: Source) -> bytes:
    """Read one line with its newline, or what comes before the end; nothing beyond it is consumed."""
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
    """Read everything up to the end of ``source``."""
    data = bytearray()
    while piece := await source.read():
        data += piece
    return bytes(data)


class Lines:
    """The lines of ``source``, with their newlines; the last may lack one.

    This is a class and not a generator, because a loop may leave it early without closing it.
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
