"""Reading a record of any format, ours or another program's: transcripts, asciicast v2 and v3, and plain logs.

The format is recognised by the first line.  A file whose last line is incomplete, because the process that wrote it was
killed, is read up to there; anything else that is wrong is an error with the number of its line.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.record.transcript import Event, read_transcript

#: The largest terminal that is believed, in columns or rows.
_LARGEST: Final = 1000
#: How much of a plain log is one event, in bytes; the longest line of a cast.
_PIECE: Final = 1 << 16
_LONGEST_LINE: Final = 1 << 26


class RecordedSession:
    """A record, opened for reading.

    Args:
        path: the file.

    Attributes:
        kind: ``"jsonl"`` (a transcript), ``"cast"``, ``"cast-v3"``, or ``"log"`` (anything else: output without times).
        columns, rows: the size of the terminal.
        title: what the record calls the session; empty if it does not.
        idle_limit_s: the longest pause that the record asks a player for, in seconds; None if it does not.

    Raises:
        UsageError: the file cannot be read, or it is a cast of another version, or its header is damaged.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.kind = "log"
        self.columns, self.rows = 80, 24
        self.title = ""
        self.idle_limit_s: float | None = None
        try:
            with open(path, "rb") as file:
                first = file.readline(_PIECE)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from None
        if first.lstrip().startswith(b"{"):
            self._read_header(first)

    def _read_header(self, line: bytes) -> None:
        try:
            header = json.loads(line)
        except (ValueError, RecursionError):
            raise UsageError(
                f"{self.path} is damaged: its first line is not the header of a cast or of a transcript"
            ) from None
        if header.get("uartsim") == "transcript":
            self.kind, self.title = "jsonl", str(header.get("name", ""))
            return
        if header.get("version") not in (2, 3):
            raise UsageError(
                f"{self.path} is not a record that can be read: "
                + (
                    f"it is an asciicast of version {header['version']!r}, and 2 and 3 are known"
                    if "version" in header
                    else "it is neither an asciicast nor a transcript of uartsim"
                )
            )
        self.kind = "cast" if header["version"] == 2 else "cast-v3"
        terminal = header.get("term") if self.kind == "cast-v3" else header
        terminal = terminal if isinstance(terminal, dict) else {}
        columns, rows = ("cols", "rows") if self.kind == "cast-v3" else ("width", "height")
        self.columns = _size(terminal.get(columns), 80)
        self.rows = _size(terminal.get(rows), 24)
        self.title = str(header.get("title") or "")
        limit = header.get("idle_time_limit")
        if isinstance(limit, (int, float)) and math.isfinite(limit) and limit >= 0:
            self.idle_limit_s = float(limit)

    def events(self) -> Iterator[Event]:
        """What happened, in the order of the file: the kinds of a transcript, and ``"r"``: a size such as ``80x24``.

        Raises:
            UsageError: the file is damaged, or cannot be read any more.
        """
        if self.kind == "jsonl":
            return read_transcript(self.path)
        return self._of_log() if self.kind == "log" else self._of_cast()

    def _of_log(self) -> Iterator[Event]:
        try:
            with open(self.path, "rb") as file:
                while data := file.read(_PIECE):
                    yield Event(0.0, "o", data)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from None

    def _of_cast(self) -> Iterator[Event]:
        seconds, number = 0.0, 1
        try:
            with open(self.path, "rb") as file:
                file.readline()
                while line := file.readline(_LONGEST_LINE):
                    number += 1
                    if line.startswith(b"#") or not line.strip():
                        continue
                    time, code, text = self._event(line, number)
                    if code is None:
                        return
                    seconds = time if self.kind == "cast" else seconds + time
                    if code in ("o", "i"):
                        yield Event(seconds, code, text.encode("utf-8", "surrogateescape"))
                    elif code in ("m", "r"):
                        yield Event(seconds, code, text)
                    elif code == "x":
                        yield Event(seconds, "m", f"ended: {text}")
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from None

    def _event(self, line: bytes, number: int) -> tuple[float, str | None, str]:
        """The time, code and text of a line; no code for one that was not written to its end."""
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        match found:
            case [int() | float() as time, str(code), str(text)] if math.isfinite(time) and time >= 0:
                try:
                    text.encode("utf-8", "surrogateescape")
                except UnicodeEncodeError:
                    text = text.encode("utf-8", "replace").decode()
                return float(time), code, text
        if not line.endswith(b"\n"):
            return 0.0, None, ""
        raise UsageError(
            f"{self.path} is damaged at line {number}: a line of an asciicast is [seconds, code, text]; "
            "remove that line to read the rest"
        )


def _size(value: Any, usual: int) -> int:
    is_size = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST
    return value if is_size else usual


def session_title(session: RecordedSession) -> str:
    """What to call a session: its title, or its file's name."""
    return session.title or os.path.basename(session.path)
