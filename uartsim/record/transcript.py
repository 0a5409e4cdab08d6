"""A transcript: every byte on the line with its time and direction, and marks, as a file of JSON lines.

The first line is a header, ``{"uartsim": "transcript", "version": 1, "name": ..., "format": ...}``.  Every other
line is ``[seconds, kind, text]``: seconds since the start of the record, and

- ``"o"``: bytes from the guest, ``"i"``: bytes to the guest; each byte is one code point (ISO 8859-1), so that every
  value comes back exactly;
- ``"b"``: a break, text ``"o"`` or ``"i"`` for its direction;
- ``"m"``: a mark: a sentence about what happened, for instance which client took the line.

A long run (4096 bytes or more at once, which only a line at unlimited rate produces) is stored unencoded:
a line ``[seconds, "O", size]`` (``"I"`` to the guest), then ``size`` bytes, then a newline.  Writing it as a JSON
string would take longer than transferring it.

A file that cannot be written (disk full) never stops the line: lost bytes are counted, and a mark gives their number as
soon as writing works again.  A line that reached the file only in part is overwritten by the next one; a file that ends
in an incomplete line or block is read up to there.
"""

from __future__ import annotations

import contextlib
import json
import os
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, BinaryIO, Final, NamedTuple

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.own_files.outputs import NewFile

_HEADER: Final = {"uartsim": "transcript", "version": 1}
#: The buffer is flushed when it holds this many bytes, or by :meth:`TranscriptWriter.flush`.
_GATHER: Final = 1 << 16
#: Runs of this many bytes and more are stored unencoded.
_BLOCK: Final = 4096
#: More pieces than this are joined before they are written (IOV_MAX is 1024).
_VECTORS: Final = 64


class Event(NamedTuple):
    """One line of a transcript.

    Attributes:
        seconds: since the start of the record.
        kind: ``"o"``, ``"i"``, ``"b"`` or ``"m"``.
        data: bytes for ``"o"`` and ``"i"``, text for the others.
    """

    seconds: float
    kind: str
    data: bytes | str

    @property
    def note(self) -> str:
        """What a break or a mark says; empty for bytes."""
        if self.kind == "b":
            return f"break {'from' if self.data == 'o' else 'to'} the guest"
        return self.data if isinstance(self.data, str) else ""


class _Line(NamedTuple):
    """A line that waits to be written.

    Attributes:
        text: the line of JSON, with its newline.
        size: how many bytes of the serial line it holds; 0 for a break or a mark.
        seconds: its time since the start of the record.
        block: the bytes that follow it unencoded; their newline is counted in ``length``.
    """

    text: bytes
    size: int
    seconds: float
    block: bytes = b""

    @property
    def length(self) -> int:
        return len(self.text) + (len(self.block) + 1 if self.block else 0)


class TranscriptWriter:
    """Writes a transcript.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        name: the machine's name.
        line_format: the line's format as text, for the header.
        start: the time of the start, in ticks.

    Raises:
        UsageError: the file exists, or cannot be made or written.
    """

    def __init__(self, path: str, name: str, line_format: str, start: int) -> None:
        self.path = path
        #: How many bytes of the line, and how many breaks and marks, could not be recorded; and the reason of the last
        #: failure.
        self.lost = 0
        self.lost_notes = 0
        self.trouble = ""
        self._start = start
        self._pending: list[_Line] = []
        self._unsaid = self._unsaid_notes = 0
        self._end = 0  # the size of the file up to its last whole line or block
        self._file = NewFile(path, "record")
        self._fd = self._file.fd
        header = json.dumps({**_HEADER, "name": name, "format": line_format})
        self._pending.append(_Line(header.encode() + b"\n", 0, 0.0))
        self.flush()
        if self.trouble:
            self.discard()
            raise UsageError(f"the record {path} cannot be written ({self.trouble}): give another file")

    def output(self, data: bytes, at: int) -> None:
        """The guest sent ``data``; the last of it arrived at ``at`` ticks."""
        self._bytes("o", data, at)

    def input(self, data: bytes, at: int) -> None:
        """``data`` was sent to the guest at ``at`` ticks."""
        self._bytes("i", data, at)

    def line_break(self, direction: str, at: int) -> None:
        """A break at ``at`` ticks; ``direction`` is ``"o"`` from the guest or ``"i"`` to it."""
        self._event("b", json.dumps(direction).encode(), at, 0)

    def mark(self, text: str, at: int) -> None:
        """``text`` says what happened at ``at`` ticks."""
        self._event("m", json.dumps(text).encode(), at, 0)

    def _bytes(self, kind: str, data: bytes, at: int) -> None:
        if len(data) < _BLOCK:
            self._event(kind, _json_string(data), at, len(data))
        else:
            seconds = self._seconds(at)
            self._add(_Line(b'[%a,"%b",%d]\n' % (seconds, kind.upper().encode(), len(data)), len(data), seconds, data))

    def _event(self, kind: str, text: bytes, at: int, size: int) -> None:
        seconds = self._seconds(at)
        self._add(_Line(b'[%a,"%b",%b]\n' % (seconds, kind.encode(), text), size, seconds))

    def _seconds(self, at: int) -> float:
        return round((at - self._start) / TICKS_PER_SECOND, 9)

    def _add(self, line: _Line) -> None:
        self._pending.append(line)
        self._pending_size += line.length
        if self._pending_size >= _GATHER:
            self.flush()

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
            mark = json.dumps(f"{text}: {self.trouble}").encode()
            first = lines[0].seconds
            lines.insert(0, _Line(b'[%a,"m",%b]\n' % (first, mark), 0, first))
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
        parts = [part for line in lines for part in ((line.text, line.block, b"\n") if line.block else (line.text,))]
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
            return len(lines)
        ends = list(accumulate(line.length for line in lines))
        whole = bisect_right(ends, done)
        if whole < at_least:
            whole = 0
        else:
            self._end += ends[whole - 1]
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._end)
        return whole

    def _lose(self, lines: list[_Line]) -> None:
        size, notes = sum(line.size for line in lines), sum(not line.size for line in lines)
        self.lost += size
        self._unsaid += size
        self.lost_notes += notes
        self._unsaid_notes += notes

    def close(self) -> None:
        """Flush the buffer and close the file."""
        self.flush()
        self._close()

    def discard(self) -> None:
        """Remove and close the file, because the port that it was for did not start."""
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
        """The path, the lost bytes, the lost breaks and marks, and the last trouble, as plain values."""
        return {
            "path": self.path,
            "lost_bytes": self.lost,
            "lost_breaks_and_marks": self.lost_notes,
            "trouble": self.trouble,
        }


def _json_string(data: bytes) -> bytes:
    """``data`` as a JSON string with one code point for each byte."""
    return json.dumps(data.decode("latin-1")).encode()


def read_transcript(path: str) -> Iterator[Event]:
    """The events of a transcript, in order; a line that was written only in part is skipped.

    Raises:
        UsageError: the file cannot be read or is not a transcript.
    """
    try:
        with open(path, "rb") as file:
            header = parsed_line(file.readline())
            if not isinstance(header, dict) or header.get("uartsim") != "transcript":
                raise UsageError(f"{path} is not a transcript of uartsim: its first line must be the header")
            if header.get("version") != 1:
                raise UsageError(f"{path} is a transcript of version {header.get('version')}; this uartsim reads 1")
            for line in file:
                if (event := _event_of(parsed_line(line), file)) is not None:
                    yield event
    except OSError as error:
        raise UsageError(f"{path} cannot be read as a transcript: {error}") from None


def _event_of(found: Any, file: BinaryIO) -> Event | None:
    """The event in a line's JSON, with the block that follows it in ``file`` if it has one; None if it is not an event."""
    match found:
        case [int() | float() as seconds, "o" | "i" | "b" | "m" as kind, str(text)]:
            with contextlib.suppress(UnicodeEncodeError, OverflowError):
                return Event(float(seconds), kind, text.encode("latin-1") if kind in "oi" else text)
        case [int() | float() as seconds, "O" | "I" as kind, int(size)] if size >= _BLOCK:
            behind = file.tell()
            # Look for the block's newline first: a damaged size then costs the reading of one byte, not of a whole block.
            end = behind + size
            is_whole = end < os.fstat(file.fileno()).st_size and os.pread(file.fileno(), 1, end) == b"\n"
            data = file.read(size + 1) if is_whole else b""
            if len(data) == size + 1 and data.endswith(b"\n"):
                with contextlib.suppress(OverflowError):
                    return Event(float(seconds), kind.lower(), data[:-1])
            file.seek(behind)
    return None


def parsed_line(line: bytes) -> Any:
    """The value in a line of JSON; None if it is none."""
    try:
        return json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
