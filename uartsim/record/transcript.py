"""A transcript: every byte on the line with its time and direction, and marks, as a file of JSON lines.

The first line is a header, ``{"uartsim": "transcript", "version": 1, "name": ..., "format": ...}``.  Every other
line is ``[seconds, kind, text]``: seconds since the start of the record, and

- ``"o"``: bytes from the guest, ``"i"``: bytes to the guest; each byte is one code point (ISO 8859-1), so that every
  value comes back exactly;
- ``"b"``: a break, text ``"o"`` or ``"i"`` for its direction;
- ``"m"``: a mark: a sentence about what happened, such as who took the line.

A file that cannot be written (disk full) never stops the line: what is lost is counted, and said in a mark as soon as
writing works again.  What reached the file only in part is a torn line: it stays a line of its own, and readers pass
over it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from uartsim.line_format import TICKS_PER_SECOND, UsageError

_HEADER: Final = {"uartsim": "transcript", "version": 1}
#: What JSON leaves alone in a string; and what consoles send besides, with how JSON writes it.
_PLAIN: Final = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
_ESCAPES: Final = (
    (b"\\", b"\\\\"),
    (b'"', b'\\"'),
    (b"\r", b"\\r"),
    (b"\n", b"\\n"),
    (b"\t", b"\\t"),
    (b"\x1b", b"\\u001b"),
)
_ESCAPED: Final = b"".join(byte for byte, _ in _ESCAPES)
#: Text is handed to the system when this much has gathered, in bytes, or on :meth:`TranscriptWriter.flush`.
_GATHER: Final = 1 << 16


class Event(NamedTuple):
    """One line of a transcript: ``kind`` is "o", "i", "b" or "m"; ``data`` are bytes for "o" and "i", else text."""

    seconds: float
    kind: str
    data: bytes | str


class _Line(NamedTuple):
    """A line that waits to be written: how many bytes of the serial line it holds (0: a break or mark), and its time."""

    text: bytes
    size: int
    seconds: float


class TranscriptWriter:
    """Writes a transcript.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        name: the machine's name.
        line_format: the line's format, in words.
        start: the time of the start, in ticks.

    Raises:
        UsageError: the file exists, or cannot be made or written.
    """

    def __init__(self, path: str, name: str, line_format: str, start: int) -> None:
        self.path = path
        #: Bytes of the line that could not be recorded; breaks and marks that could not; and why the last time.
        self.lost = 0
        self.lost_notes = 0
        self.trouble = ""
        self._start = start
        self._pending: list[_Line] = []
        self._pending_size = 0
        self._unsaid = self._unsaid_notes = 0
        self._torn = False
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise UsageError(f"the record {path} exists: remove it or give another file") from None
        except OSError as error:
            raise UsageError(f"the record {path} cannot be made ({error.strerror}): give another file") from None
        header = json.dumps({**_HEADER, "name": name, "format": line_format})
        self._pending.append(_Line(header.encode() + b"\n", 0, 0.0))
        self.flush()
        if self.trouble:
            self.close()
            os.unlink(path)
            raise UsageError(f"the record {path} cannot be written ({self.trouble}): give another file")

    def output(self, data: bytes, at: int) -> None:
        """The guest sent ``data``; the last of it arrived at ``at`` ticks."""
        self._event("o", _json_string(data), at, len(data))

    def input(self, data: bytes, at: int) -> None:
        """``data`` was sent to the guest at ``at`` ticks."""
        self._event("i", _json_string(data), at, len(data))

    def line_break(self, direction: str, at: int) -> None:
        """A break at ``at`` ticks; ``direction`` is "o" from the guest or "i" to it."""
        self._event("b", json.dumps(direction).encode(), at, 0)

    def mark(self, text: str, at: int) -> None:
        """Something happened at ``at`` ticks."""
        self._event("m", json.dumps(text).encode(), at, 0)

    def _event(self, kind: str, text: bytes, at: int, size: int) -> None:
        seconds = round((at - self._start) / TICKS_PER_SECOND, 9)
        self._pending.append(_Line(b'[%a,"%b",%b]\n' % (seconds, kind.encode(), text), size, seconds))
        self._pending_size += len(text)
        if self._pending_size >= _GATHER:
            self.flush()

    def flush(self) -> None:
        """Hand what has gathered to the system.  Losing it is counted, never raised."""
        if not self._pending or self._fd < 0:
            return
        lines, self._pending, self._pending_size = self._pending, [], 0
        if self._unsaid or self._unsaid_notes:
            text = f"{self._unsaid} bytes of the line and {self._unsaid_notes} breaks or marks are missing here"
            mark = b'[%a,"m",%b]\n' % (lines[0].seconds, json.dumps(f"{text}: {self.trouble}").encode())
            if not self._write([mark]):
                self._lose(lines)
                return
            self._unsaid = self._unsaid_notes = 0
        written = self._write([line.text for line in lines])
        self._lose(lines[written:])

    def _write(self, lines: list[bytes]) -> int:
        """Write lines; returns how many reached the file whole."""
        # What was half written stays a line of its own.
        data = b"".join((b"\n" * self._torn, *lines)) if self._torn or len(lines) > 1 else lines[0]
        done = 0
        try:
            while done < len(data):
                done += os.write(self._fd, memoryview(data)[done:])
        except OSError as error:
            self.trouble = os.strerror(error.errno or 0)
        if done == len(data):
            self._torn = False
            return len(lines)
        if done:
            whole = data.count(b"\n", self._torn, done + 1)  # a line that lacks nothing but its end is whole
            self._torn = data[done - 1] != ord("\n")
            return whole
        return 0

    def _lose(self, lines: list[_Line]) -> None:
        size, notes = sum(line.size for line in lines), sum(not line.size for line in lines)
        self.lost += size
        self._unsaid += size
        self.lost_notes += notes
        self._unsaid_notes += notes

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:  # a network's file system may say so late that it could not write
                self.trouble = os.strerror(error.errno or 0)

    def status(self) -> dict[str, Any]:
        """What it does, as plain values."""
        return {
            "path": self.path,
            "lost_bytes": self.lost,
            "lost_breaks_and_marks": self.lost_notes,
            "trouble": self.trouble,
        }


def _json_string(data: bytes) -> bytes:
    """``data`` as a JSON string, a byte a code point; what consoles mostly send takes a third of json's time."""
    if special := data.translate(None, _PLAIN):
        if special.translate(None, _ESCAPED):
            return json.dumps(data.decode("latin-1")).encode()
        for byte, escape in _ESCAPES:
            data = data.replace(byte, escape)
    return b'"%b"' % data


def read_transcript(path: str) -> Iterator[Event]:
    """The events of a transcript, in order; a line torn by a full disk is passed over.

    Raises:
        UsageError: the file cannot be read or is no transcript.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            header = _parse(file.readline())
            if not isinstance(header, dict) or header.get("uartsim") != "transcript":
                raise UsageError(f"{path} is no transcript of uartsim: its first line has to be the header")
            if header.get("version") != 1:
                raise UsageError(f"{path} is a transcript of version {header.get('version')}; this uartsim reads 1")
            for line in file:
                if (event := _event_of(_parse(line))) is not None:
                    yield event
    except OSError as error:
        raise UsageError(f"{path} cannot be read as a transcript: {error}") from None


def _event_of(found: Any) -> Event | None:
    """The event that a line's JSON stands for; None if it is none of ours."""
    match found:
        case [int() | float() as seconds, "o" | "i" | "b" | "m" as kind, str(text)]:
            try:
                return Event(float(seconds), kind, text.encode("latin-1") if kind in "oi" else text)
            except (UnicodeEncodeError, OverflowError):
                pass
    return None


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
