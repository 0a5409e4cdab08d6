"""A transcript: every byte on the line with its time and direction, and marks, as a file of JSON lines.

The first line is a header, ``{"uartsim": "transcript", "version": 1, "name": ..., "format": ...}``.  Every other
line is ``[seconds, kind, text]``: seconds since the start of the record, and

- ``"o"``: bytes from the guest, ``"i"``: bytes to the guest; each byte is one code point (ISO 8859-1), so that every
  value comes back exactly;
- ``"b"``: a break, text ``"o"`` or ``"i"`` for its direction;
- ``"m"``: a mark: a sentence about what happened, such as who took the line.

A file that cannot be written (disk full) never stops the line: what is lost is counted, and said in a mark as soon as
writing works again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from uartsim.line_format import TICKS_PER_SECOND, UsageError

_HEADER: Final = {"uartsim": "transcript", "version": 1}
#: Text is handed to the system when this much has gathered, in bytes, or on :meth:`TranscriptWriter.flush`.
_GATHER: Final = 1 << 16


class Event(NamedTuple):
    """One line of a transcript: ``kind`` is "o", "i", "b" or "m"; ``data`` are bytes for "o" and "i", else text."""

    seconds: float
    kind: str
    data: bytes | str


class TranscriptWriter:
    """Writes a transcript.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        name: the machine's name.
        line_format: the line's format, in words.
        start: the time of the start, in ticks.

    Raises:
        UsageError: the file exists or cannot be made.
    """

    def __init__(self, path: str, name: str, line_format: str, start: int) -> None:
        self.path = path
        #: Bytes of the line that could not be recorded, and why the last time.
        self.lost = 0
        self.trouble = ""
        self._start = start
        self._pending: list[str] = []
        self._pending_size = 0
        self._pending_bytes = 0
        self._unsaid = 0
        self._torn = False
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise UsageError(f"the record {path} exists: remove it or give another file") from None
        except OSError as error:
            raise UsageError(f"the record {path} cannot be made ({error.strerror}): give another file") from None
        self._add(json.dumps({**_HEADER, "name": name, "format": line_format}), 0)
        self.flush()

    def output(self, data: bytes, at: int) -> None:
        """The guest sent ``data``; the last of it arrived at ``at`` ticks."""
        self._event("o", data.decode("latin-1"), at, len(data))

    def input(self, data: bytes, at: int) -> None:
        """``data`` was sent to the guest at ``at`` ticks."""
        self._event("i", data.decode("latin-1"), at, len(data))

    def line_break(self, direction: str, at: int) -> None:
        """A break at ``at`` ticks; ``direction`` is "o" from the guest or "i" to it."""
        self._event("b", direction, at, 0)

    def mark(self, text: str, at: int) -> None:
        """Something happened at ``at`` ticks."""
        self._event("m", text, at, 0)

    def _event(self, kind: str, text: str, at: int, size: int) -> None:
        seconds = round((at - self._start) / TICKS_PER_SECOND, 9)
        self._add(f"[{seconds},{json.dumps(kind)},{json.dumps(text)}]", size)

    def _add(self, line: str, size: int) -> None:
        self._pending.append(line)
        self._pending_size += len(line)
        self._pending_bytes += size
        if self._pending_size >= _GATHER:
            self.flush()

    def flush(self) -> None:
        """Hand what has gathered to the system.  Losing it is counted, never raised."""
        if not self._pending or self._fd < 0:
            return
        text = "\n".join(self._pending) + "\n"
        if self._unsaid:
            mark = json.dumps(f"{self._unsaid} bytes of the line are missing here: {self.trouble}")
            text = f'{text[: text.index(",")] if text[0] == "[" else "[0"},"m",{mark}]\n{text}'
        if self._torn:
            text = "\n" + text  # what was half written stays a line of its own
        view = memoryview(text.encode())
        try:
            while view:
                view = view[os.write(self._fd, view) :]
                self._torn = True
            self._torn = False
            self._unsaid = 0
        except OSError as error:
            self.trouble = os.strerror(error.errno or 0)
            self.lost += self._pending_bytes
            self._unsaid += self._pending_bytes
        self._pending.clear()
        self._pending_size = self._pending_bytes = 0

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def status(self) -> dict[str, Any]:
        """What it does, as plain values."""
        return {"path": self.path, "lost_bytes": self.lost, "trouble": self.trouble}


def read_transcript(path: str) -> Iterator[Event]:
    """The events of a transcript, in order; a line torn by a full disk is passed over.

    Raises:
        UsageError: the file cannot be read or is no transcript.
    """
    try:
        with open(path, encoding="utf-8") as file:
            header = _parse(file.readline())
            if not isinstance(header, dict) or header.get("uartsim") != "transcript":
                raise UsageError(f"{path} is no transcript of uartsim: its first line has to be the header")
            if header.get("version") != 1:
                raise UsageError(f"{path} is a transcript of version {header.get('version')}; this uartsim reads 1")
            for line in file:
                found = _parse(line)
                if isinstance(found, list) and len(found) == 3:
                    seconds, kind, text = found
                    yield Event(float(seconds), kind, text.encode("latin-1") if kind in "oi" else text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as a transcript: {error}") from None


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
