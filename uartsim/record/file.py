"""A file that something running is recorded into: it never stops what it records.

What cannot be written (the disk is full) is counted, and the file is cut back to the last whole chunk, so that it stays
readable.  The writer above puts a note of the gap in front of the next chunk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from uartsim.line_format import UsageError
from uartsim.own_files.outputs import NewFile

#: What has gathered is handed to the system when it is this large, in bytes.
GATHER: Final = 1 << 16


class RecordFile:
    """A new file, written in whole chunks.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        what: what it is to the user, such as ``"trace"``.

    Raises:
        UsageError: the file exists, or cannot be made.
    """

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        self.what = what
        #: Events that could not be recorded; and why the last time.
        self.lost = 0
        self.trouble = ""
        self._pending = bytearray()
        self._events = 0
        self._unsaid = 0
        self._size = 0
        self._wrap: Callable[[bytes, int], tuple[bytes, int]] | None = None
        self._checksum = 0
        self._file = NewFile(path, what)
        self._fd = self._file.fd

    def begin(self) -> None:
        """Write what has been added as the file's beginning.

        Raises:
            UsageError: it cannot be written; the file is gone again.
        """
        self.flush()
        if self.trouble:
            self.discard()
            raise UsageError(f"the {self.what} {self.path} cannot be written ({self.trouble}): give another file")

    def wrap_in(self, wrap: Callable[[bytes, int], tuple[bytes, int]], checksum: int) -> None:
        """From now on each chunk is written as ``wrap`` makes it.

        Args:
            wrap: gets a chunk and the checksum of all that was written before; returns what is written, and the checksum
                after it.
            checksum: of all that was written so far.
        """
        self._wrap, self._checksum = wrap, checksum

    @property
    def gap(self) -> int:
        """How many events are missing before what is added next; the writer says so there."""
        return 0 if self._pending else self._unsaid

    @property
    def full(self) -> bool:
        """Enough has gathered to be written."""
        return len(self._pending) >= GATHER

    def add(self, data: bytes, events: int = 1) -> None:
        """Gather ``data``, which tells of so many events."""
        self._pending += data
        self._events += events

    def flush(self) -> None:
        """Hand what has gathered to the system.  Losing it is counted, never raised."""
        if not self._pending:
            return
        data, events = bytes(self._pending), self._events
        self._pending.clear()
        self._events = 0
        after = self._checksum
        if self._wrap is not None:
            data, after = self._wrap(data, after)
        if self._write(data):
            self._size += len(data)
            self._checksum = after
            self._unsaid = 0
        else:
            self.lost += events
            self._unsaid += events

    def _write(self, data: bytes) -> bool:
        """Write all of ``data``, or nothing of it."""
        if self._fd < 0:
            return False
        done = 0
        try:
            while done < len(data):
                done += os.write(self._fd, memoryview(data)[done:])
        except OSError as error:
            self.trouble = os.strerror(error.errno or 0)
            if done:
                self._cut_back()
            return False
        return True

    def _cut_back(self) -> None:
        """Remove what was half written; where that cannot be done nothing more is written."""
        try:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
        except OSError:
            self._close()

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._close()

    def discard(self) -> None:
        """Remove it and close it."""
        self._file.discard()
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:  # a network's file system may say so late that it could not write
                self.trouble = os.strerror(error.errno or 0)

    def status(self) -> dict[str, Any]:
        """What it does, as plain values."""
        return {"path": self.path, "bytes": self._size, "lost_events": self.lost, "trouble": self.trouble}
