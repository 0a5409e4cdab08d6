"""Records of terminal sessions, read whole: ours (:mod:`uartsim.record.transcript`), and asciicasts of any program.

The format of asciicasts is in :mod:`uartsim.record.cast_encoder`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, BinaryIO, Final

from uartsim.errors import UsageError
from uartsim.printable import quoted
from uartsim.record.cast_encoder import CastEncoder
from uartsim.record.record_input import open_input, seekable
from uartsim.record.transcript import Event, is_time, parsed_line, transcript_events

#: The size of a serial terminal of which nothing is said.
ROWS: Final = 24
COLUMNS: Final = 80
#: The largest terminal that is believed, in columns or rows.
_LARGEST: Final = 1000


@dataclass(frozen=True)
class Record:
    """A record of a console.

    Attributes:
        name: what was recorded; empty if it is not said.
        rows: the height of the terminal.
        columns: its width.
        events: in order of time: bytes from (``"o"``) and to (``"i"``) the guest, how many characters the guest did not
            echo, breaks and marks; and new sizes of the terminal (``"r"``, such as ``80x24``).
        cut: where the file ends in the middle of an event, its line; 0 if it is whole.
        idle_limit_s: the longest pause that the record asks a player for, in seconds; None if it does not.
    """

    name: str
    rows: int
    columns: int
    events: tuple[Event, ...]
    cut: int = 0
    idle_limit_s: float | None = None

    @property
    def seconds(self) -> float:
        """The time of the last event, in seconds since the start."""
        return self.events[-1].seconds if self.events else 0.0


def read_record(path: str) -> Record:
    """A record in any of the formats, by its first line; it is read once, so that it may be a pipe.

    Raises:
        UsageError: the file cannot be read, is no record, or is damaged (``FILE:LINE: what``).
    """
    try:
        with open_input(path) as file:
            begun = begun_record(file)
            if not begun.header:
                raise UsageError(
                    f"{path} is no record: give a transcript or an asciicast, as 'uartsim run --record FILE.cast' and "
                    "asciinema write them (a plain log has no times)"
                )
            return begun.read(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


@dataclass(frozen=True)
class BegunRecord:
    """A file of which the first line has been looked at.

    Attributes:
        header: the first line; empty if it is no header.
        file: the file at its beginning; what has a header can be read at any place.
    """

    header: dict[str, Any]
    file: BinaryIO

    @property
    def is_transcript(self) -> bool:
        """Whether it is a record of ours, and no asciicast."""
        return self.header.get("uartsim") == "transcript"

    @property
    def is_cast(self) -> bool:
        """Whether it is an asciicast of a version that is read."""
        return type(version := self.header.get("version")) in (int, float) and version in (2, 3)

    def read(self, path: str) -> Record:
        """All of it.

        Args:
            path: its name, for messages.

        Raises:
            UsageError: it is of another version, or damaged.
        """
        if self.is_transcript:
            # what was typed stands behind its echo, with the time at which it was typed
            events = sorted(transcript_events(path, self.file), key=attrgetter("seconds"))
            return Record(_text(self.header.get("name")), ROWS, COLUMNS, tuple(events))
        if not self.is_cast:
            version = "no record"
            if "version" in self.header:
                version = f"an asciicast of version {quoted(self.header['version'])}"
            raise UsageError(f"{path} is {version}: uartsim reads its own records, and asciicasts of versions 2 and 3")
        return _cast(path, self.header, self.file.read().partition(b"\n")[2])


def begun_record(file: BinaryIO) -> BegunRecord:
    """Look at the first line of a file that is at its beginning."""
    if not isinstance(file, io.BufferedReader):
        file = io.BufferedReader(file)  # type: ignore[type-var]
    if not file.peek(1).startswith(b"{"):
        return BegunRecord({}, file)
    whole = seekable(file)
    header = parsed_line(whole.readline())
    whole.seek(0)
    return BegunRecord(header if isinstance(header, dict) else {}, whole)


def _cast(path: str, header: dict[str, Any], body: bytes) -> Record:
    is_relative = header["version"] == 3
    size = header.get("term", {}) if is_relative else header
    if not isinstance(size, dict):
        raise UsageError(f'{path}:1: the asciicast is damaged here: "term" has to be {{"cols": 80, "rows": 24}}')
    columns, rows = (size.get("cols"), size.get("rows")) if is_relative else (size.get("width"), size.get("height"))
    events: list[Event] = []
    now, cut = 0.0, 0
    lines = body.split(b"\n")
    for number, line in enumerate(lines, 2):
        if not line.strip() or line.startswith(b"#"):
            continue
        match parsed_line(line):
            case [time, str(code), str(text)] if is_time(time) and (not is_relative or is_time(now + time)):
                now = now + time if is_relative else max(now, float(time))
                if code in ("o", "i"):
                    events.append(Event(now, code, text.encode("utf-8", "replace")))
                elif code in ("m", "r"):
                    events.append(Event(now, code, text))
                elif code == "x":
                    events.append(Event(now, "m", f"ended: {text}"))
            case _ if number == len(lines) + 1:
                cut = number  # the recorder was ended in the middle of it
            case _:
                raise UsageError(f"{path}:{number}: the asciicast is damaged here: a line has to be [time, code, text]")
    limit = header.get("idle_time_limit")
    return Record(
        name=_text(header.get("title")),
        rows=_count(rows, ROWS),
        columns=_count(columns, COLUMNS),
        events=tuple(events),
        cut=cut,
        idle_limit_s=float(limit) if limit is not None and is_time(limit) else None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any, default: int) -> int:
    return value if type(value) is int and 1 <= value <= _LARGEST else default


def cast_lines(record: Record, version: int = 2) -> Iterator[str]:
    """A record as the lines of an asciicast, in order of time.

    A byte that is not UTF-8 becomes U+FFFD; a character that the line brought in pieces is in the event that completes it.  A
    break, and input that the guest did not echo, are markers.

    Args:
        record: what to write.
        version: 2, which asciinema plays since 2.0, or 3, since 3.0.
    """
    encoder = CastEncoder(version, columns=record.columns, rows=record.rows, title=record.name)
    yield from _lines(encoder.header())
    for event in record.events:
        seconds, kind, data = event
        if isinstance(data, bytes):
            yield from _lines(encoder.output(data, seconds) if kind == "o" else encoder.input(data, seconds))
        elif kind == "r":
            yield from _lines(encoder.resize(data, seconds))
        else:
            yield from _lines(encoder.mark(event.note, seconds))
    yield from _lines(encoder.finish(record.seconds))


def _lines(encoded: bytes) -> list[str]:
    return encoded.decode().split("\n")[:-1]
