"""The serial log of one virtual machine: what its guest has sent, and notes of ours between.

The log is circular: it keeps the last :data:`LOG_BYTES`.  It runs on through restarts, so that the last words before a
crash are still there when the machine is up again.  Nothing that a person types is in it; a guest's echo is output of
the guest.

A note is a line of its own that begins with :data:`NOTE`.  The guest cannot write these bytes: where its output holds
them, a backslash is put before the last one.  So whatever of the log's bytes follows ``NOTE`` up to the line's end is
ours.  A guest can still draw something that *looks* the same on a terminal, by control sequences, backspaces or letters of
other scripts: search the bytes, not the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from uartsim.printable import printable_line
from uartsim.service.diagnostics.ring_file import RingFile

#: How much a log keeps, in bytes.
LOG_BYTES: Final = 1 << 20
#: How a note begins; the time follows, in ISO 8601, then ``]`` and a sentence.
NOTE: Final = b"[serial console "
_BROKEN_NOTE: Final = NOTE[:-1] + b"\\" + NOTE[-1:]


def now() -> datetime:
    """The time of the system."""
    return datetime.now(UTC)


class SerialLog:
    """An open serial log.

    No method but :meth:`read` raises if the file cannot be written, as on a full disk: a log must not stop the machine.
    How much is missing is noted as soon as something can be written again.

    Args:
        ring: the file.
        clock: tells the time.
    """

    def __init__(self, ring: RingFile, clock: Callable[[], datetime] = now) -> None:
        self._ring = ring
        self._clock = clock
        self._tail = ring.read(ring.end - len(NOTE) + 1)  # the guest may have written half of NOTE before
        self._lost = 0
        #: Why the last write failed; empty if it did not.
        self.problem = ""

    @property
    def size(self) -> int:
        """How many bytes can be read."""
        return self._ring.end - self._ring.start

    @property
    def dropped(self) -> int:
        """How many bytes were written before the first one that can be read."""
        return self._ring.start

    @property
    def etag(self) -> str:
        """An entity tag of the content (RFC 9110, 8.8.3), with its quotes: it differs after every change."""
        return f'"{self._ring.size:x}-{self._ring.start:x}-{self._ring.end:x}"'

    def write(self, data: bytes) -> None:
        """Append output of the guest."""
        if not data:
            return
        before = len(self._tail)
        stream = self._tail + data
        self._tail = stream[1 - len(NOTE) :]
        self._append(stream.replace(NOTE, _BROKEN_NOTE)[before:])

    def note(self, text: str) -> None:
        """Append a line of ours: the time and a sentence, of which only printable characters are taken."""
        begin = b"" if self._tail.endswith(b"\n") or not self.size else b"\r\n"
        self._append(begin + self._line(text))
        self._tail = b"\n"

    def _line(self, text: str) -> bytes:
        when = self._clock().strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        return NOTE + when + b"] " + printable_line(text).encode(errors="replace") + b"\r\n"

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        """The content without its first ``start`` bytes, and without what follows its first ``end`` bytes.

        Raises:
            OSError: the file cannot be read.
        """
        first = self._ring.start
        return self._ring.read(first + start, None if end is None else first + end)

    def clear(self) -> None:
        """Forget what was written."""
        self._ring.clear()
        self._tail = b""

    def close(self) -> None:
        """Close the file; what comes afterwards is an error of the caller's."""
        self._ring.close()

    def _append(self, data: bytes) -> None:
        try:
            if self._lost:
                self._ring.write(b"\r\n" + self._line(f"{self._lost} bytes could not be written ({self.problem})"))
                self._lost, self.problem = 0, ""
            self._ring.write(data)
        except OSError as error:
            self._lost += len(data)
            self.problem = error.strerror or str(error)
