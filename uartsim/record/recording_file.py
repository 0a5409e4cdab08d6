"""A file that a running port is recorded into.  A failure to write it never stops the port.

Events that cannot be written, because the disk is full for instance, are counted, and the file is truncated to its last
whole chunk, so that it stays readable.  The writer that uses the file notes the gap in front of the next chunk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.own_files.outputs import NewFile

#: The size of a full buffer, in bytes: the writer then flushes it.
GATHER: Final = 1 << 16


class RecordFile:
    """A new file, written in whole chunks.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        what: the kind of file, for messages, such as ``"trace"``.

    Raises:
        UsageError: the file exists, or cannot be made.
    """

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        self.what = what
        #: How many events could not be recorded, and the reason of the last failure.
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
        """Write what has been added so far, as the file's beginning.

        Raises:
            UsageError: it cannot be written; the file has been removed again.
        """
        self.flush()
        if self.trouble:
            self.discard()
            raise UsageError(f"the {self.what} {self.path} cannot be written ({self.trouble}): give another file")

    def wrap_in(self, wrap: Callable[[bytes, int], tuple[bytes, int]], checksum: int) -> None:
        """From now on pass each chunk through ``wrap`` before it is written.

        Args:
            wrap: a function of a chunk and the checksum of everything before it, which returns the bytes to write and
                the checksum after them.
            checksum: the checksum of everything written so far.
        """
        self._wrap, self._checksum = wrap, checksum

    @property
    def gap(self) -> int:
        """How many events are missing in front of what is added next; the writer records the number there."""
        return 0 if self._pending else self._unsaid

    @property
    def full(self) -> bool:
        """Whether the buffer is full and should be flushed."""
        return len(self._pending) >= GATHER

    def add(self, data: bytes, events: int = 1) -> None:
        """Add ``data``, which records so many events, to the buffer."""
        self._pending += data
        self._events += events

    def flush(self) -> None:
        """Write the buffer to the file.  A failure is counted, never raised."""
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
        """Write all of ``data``, or none of it; whether it was written."""
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
        """Remove what was only partly written; if that fails, close the file, so that nothing more is written."""
        try:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
        except OSError:
            self._close()

    def close(self) -> None:
        """Flush the buffer and close the file."""
        self.flush()
        self._close()

    def discard(self) -> None:
        """Remove the file and close it."""
        self._file.discard()
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:  # a network file system may report only now that a write failed
                self.trouble = os.strerror(error.errno or 0)

    def status(self) -> dict[str, Any]:
        """The path, the size in bytes, the number of lost events and the last trouble, as plain values."""
        return {"path": self.path, "bytes": self._size, "lost_events": self.lost, "trouble": self.trouble}
