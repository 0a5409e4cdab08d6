"""The file of a record: events are encoded in a format, gathered, and written in whole lines.

A file that cannot be written (disk full) never stops the line: lost bytes are counted, and a mark gives their number as
soon as writing works again.  A line that reached the file only in part is overwritten by the next one.  What has reached
the file stays there when the process is killed.

A record with a limit goes on in further parts: ``boot.jsonl``, ``boot.2.jsonl`` and so on.  The first part, which has the
boot, is kept, and of the others the newest ones.
"""

from __future__ import annotations

import contextlib
import json
import os
from bisect import bisect_right
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.own_files.outputs import NewFile

#: The buffer is flushed when it holds this many bytes, or by :meth:`RecordWriter.flush`.
_GATHER: Final = 1 << 16
#: More pieces than this are joined before they are written (IOV_MAX is 1024).
_VECTORS: Final = 64
#: What lines of text are made of, and the least of it for which a quicker way pays.
_PLAIN: Final = bytes(range(0x20, 0x7F)) + b"\r\n"
_WORD: Final = 32
#: A record with a limit has at most so many parts, and the limit is at least so many bytes.
PARTS: Final = 4
LEAST_LIMIT: Final = 1 << 20


class RecordEncoder(Protocol):
    """A format of records.

    Each method returns the pieces to write for one event, which are never separated; no pieces if the format has nothing
    for the event, or not yet.  Times are seconds since the start of the record.
    """

    def begin(self, part: int, seconds: float) -> tuple[bytes, ...]:
        """What stands at the beginning of a file: part 1, or a later one, which begins at ``seconds``."""

    def output(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """The guest sent ``data``."""

    def input(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """``data`` was sent to the guest."""

    def hidden(self, count: int, seconds: float) -> tuple[bytes, ...]:
        """So many characters were sent to the guest, and which ones is not recorded."""

    def line_break(self, direction: str, seconds: float) -> tuple[bytes, ...]:
        """A break from the guest (``"o"``) or to it (``"i"``)."""

    def mark(self, text: str, seconds: float) -> tuple[bytes, ...]:
        """Something happened."""

    def gap(self, text: str, seconds: float, lost_s: float) -> tuple[bytes, ...]:
        """Events of the last ``lost_s`` seconds are missing; the next one that is there is of ``seconds``."""

    def finish(self, seconds: float) -> tuple[bytes, ...]:
        """The record ends."""


class _Line(NamedTuple):
    """An event that waits to be written.

    Attributes:
        parts: its bytes in the file.
        size: how many bytes of the serial line it holds; 0 for a break or a mark.
        seconds: its time since the start of the record.
    """

    parts: tuple[bytes, ...]
    size: int
    seconds: float

    @property
    def length(self) -> int:
        return sum(map(len, self.parts))


class RecordWriter:
    """Writes a record.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        encoder: the format.
        start: the time of the start, in ticks.
        limit_bytes: about how much all parts may take; None for no limit.

    Raises:
        UsageError: the file exists, or cannot be made or written; a limit below ``LEAST_LIMIT``.
    """

    def __init__(self, path: str, encoder: RecordEncoder, start: int, limit_bytes: int | None = None) -> None:
        if limit_bytes is not None and limit_bytes < LEAST_LIMIT:
            raise UsageError(f"a record of at most {limit_bytes} bytes is too short: give at least {LEAST_LIMIT}")
        self.path = path
        #: How many bytes of the line, and how many breaks and marks, could not be recorded; and the reason of the last
        #: failure.
        self.lost = 0
        self.lost_notes = 0
        self.trouble = ""
        self._encoder = encoder
        self._start = start
        self._part_bytes = None if limit_bytes is None else limit_bytes // PARTS
        self._part = 1
        self._pending: list[_Line] = []
        self._pending_size = 0
        self._unsaid = self._unsaid_notes = 0
        self._held = 0  # bytes of the line for which there is nothing to write yet
        self._written_s = self._lost_s = 0.0  # the times of the last lines that were written, and lost
        self._end = 0  # the size of the file up to its last whole line or block
        self._files = [NewFile(path, "record")]
        self._fd = self._files[0].fd
        self._put(encoder.begin(1, 0.0), 0, 0.0)
        self.flush()
        if self.trouble:
            self.discard()
            raise UsageError(f"the record {path} cannot be written ({self.trouble}): give another file")

    def output(self, data: bytes, at: int) -> None:
        """The guest sent ``data``; the last of it arrived at ``at`` ticks."""
        seconds = self._seconds(at)
        self._put(self._encoder.output(data, seconds), len(data), seconds)

    def input(self, data: bytes, at: int) -> None:
        """``data`` was sent to the guest at ``at`` ticks."""
        seconds = self._seconds(at)
        self._put(self._encoder.input(data, seconds), len(data), seconds)

    def hidden(self, count: int, at: int) -> None:
        """So many characters were sent to the guest at ``at`` ticks, and which ones is not recorded."""
        seconds = self._seconds(at)
        self._put(self._encoder.hidden(count, seconds), count, seconds)

    def line_break(self, direction: str, at: int) -> None:
        """A break at ``at`` ticks; ``direction`` is ``"o"`` from the guest or ``"i"`` to it."""
        seconds = self._seconds(at)
        self._put(self._encoder.line_break(direction, seconds), 0, seconds)

    def mark(self, text: str, at: int) -> None:
        """``text`` says what happened at ``at`` ticks."""
        seconds = self._seconds(at)
        self._put(self._encoder.mark(text, seconds), 0, seconds)

    def _seconds(self, at: int) -> float:
        seconds = round((at - self._start) / TICKS_PER_SECOND, 9)
        if self._part_bytes is not None and self._end + self._pending_size >= self._part_bytes:
            self._begin_part(seconds)
        return seconds

    def _put(self, parts: tuple[bytes, ...], size: int, seconds: float) -> None:
        if not parts:
            self._held += size
            return
        line = _Line(parts, size + self._held, seconds)
        self._held = 0
        self._pending.append(line)
        self._pending_size += line.length
        if self._pending_size >= _GATHER:
            self.flush()

    def _begin_part(self, seconds: float) -> None:
        """Go on in another file, and remove the second-oldest if there are too many."""
        self.flush()
        if self._fd < 0 or self._end < (self._part_bytes or 0):
            return
        stem, ending = os.path.splitext(self.path)
        try:
            file = NewFile(f"{stem}.{self._part + 1}{ending}", "record")
        except UsageError:
            return  # go on here, and try again
        self._files.append(file)
        self._part += 1
        if len(self._files) > PARTS:
            second = self._files.pop(1)
            second.discard()
            self._close_fd(second.fd)
        self._fd, self._end = file.fd, 0
        self._put(self._encoder.begin(self._part, seconds), 0, seconds)

    @property
    def gathered(self) -> int:
        """How many bytes wait to be written."""
        return self._pending_size

    def flush(self) -> None:
        """Write what has gathered to the file.  A failure is counted, never raised."""
        if not self._pending:
            return
        lines, self._pending, self._pending_size = self._pending, [], 0
        if self._fd < 0:
            self._lose(lines)
            return
        if self._unsaid or self._unsaid_notes:
            text = f"{self._unsaid} bytes of the line and {self._unsaid_notes} breaks or marks are missing here"
            first = lines[0].seconds
            gap = self._encoder.gap(f"{text}: {self.trouble}", first, max(0.0, self._lost_s - self._written_s))
            lines.insert(0, _Line(gap, 0, first))
            # If only the mark could be written, the next mark would count the same losses again.
            if not (written := self._write(lines, at_least=2)):
                self._lose(lines[1:])
                return
            self._unsaid = self._unsaid_notes = 0
        else:
            written = self._write(lines)
        self._lose(lines[written:])

    def _write(self, lines: list[_Line], at_least: int = 1) -> int:
        """Write lines; returns how many of them reached the file whole.  The next write overwrites the rest."""
        parts = [part for line in lines for part in line.parts]
        if len(parts) > _VECTORS:
            parts = [b"".join(parts)]
        size = sum(map(len, parts))
        done = 0
        try:
            while done < size:
                done += os.pwritev(self._fd, parts, self._end + done)
                if done < size:
                    parts = [b"".join(parts)[-(size - done) :]]
        except OSError as error:
            self.trouble = os.strerror(error.errno or 0)
        if done == size:
            self._end += size
            self._written_s = lines[-1].seconds
            return len(lines)
        ends = list(accumulate(line.length for line in lines))
        whole = bisect_right(ends, done)
        if whole < at_least:
            whole = 0
        else:
            self._end += ends[whole - 1]
            self._written_s = lines[whole - 1].seconds
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._end)
        return whole

    def _lose(self, lines: list[_Line]) -> None:
        if not lines:
            return
        self._lost_s = lines[-1].seconds
        size, notes = sum(line.size for line in lines), sum(not line.size for line in lines)
        self.lost += size
        self._unsaid += size
        self.lost_notes += notes
        self._unsaid_notes += notes

    def close(self) -> None:
        """Flush the buffer and close the file."""
        if self._fd >= 0:
            seconds = self._pending[-1].seconds if self._pending else self._written_s
            self._put(self._encoder.finish(seconds), 0, seconds)
        self.flush()
        self._close()

    def discard(self) -> None:
        """Remove and close the file, because the port that it was for did not start."""
        for file in self._files:
            file.discard()
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            self._fd = -1
            for file in self._files:
                self._close_fd(file.fd)

    def _close_fd(self, fd: int) -> None:
        try:
            os.close(fd)
        except OSError as error:  # a network file system may report only now that a write failed
            self.trouble = os.strerror(error.errno or 0)

    def status(self) -> dict[str, Any]:
        """The path, the lost bytes, the lost breaks and marks, and the last trouble, as plain values."""
        return {
            "path": self.path,
            "lost_bytes": self.lost,
            "lost_breaks_and_marks": self.lost_notes,
            "trouble": self.trouble,
        }


def json_string(data: bytes) -> bytes:
    """``data`` as a JSON string with one code point for each byte."""
    if len(data) < _WORD or data.translate(None, _PLAIN):
        return json.dumps(data.decode("latin-1")).encode()
    # lines of text, which is nearly all that a guest sends: a third of the time
    text = data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\r", b"\\r").replace(b"\n", b"\\n")
    return b'"%b"' % text
