"""Records of terminal sessions: ours (:mod:`uartsim.record.transcript`), and asciinema's asciicasts of versions 2 and 3.

The formats are described at https://docs.asciinema.org/manual/asciicast/v2/ and .../v3/: a line of JSON with the header, and a
line ``[time, code, text]`` for each event.  The time counts from the start in version 2, and from the event before in
version 3, which also has comments (``#``).
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.record.transcript import Event, parsed_line, read_transcript

#: The size of a serial terminal of which nothing is said.
ROWS: Final = 24
COLUMNS: Final = 80
#: The longest record that is taken for one, in seconds: ten years.
_LONGEST_S: Final = 315_360_000.0


@dataclass(frozen=True)
class Record:
    """A record of a console.

    Attributes:
        name: what was recorded; empty if it is not said.
        rows: the height of the terminal.
        columns: its width.
        events: bytes from (``"o"``) and to (``"i"``) the guest, breaks and marks, in order.
        cut: where the file ends in the middle of an event, its line; 0 if it is whole.
    """

    name: str
    rows: int
    columns: int
    events: tuple[Event, ...]
    cut: int = 0

    @property
    def seconds(self) -> float:
        """The time of the last event, in seconds since the start."""
        return self.events[-1].seconds if self.events else 0.0


def read_record(path: str) -> Record:
    """A record in any of the formats, by its first line.

    Raises:
        UsageError: the file cannot be read, is no record, or is damaged (``FILE:LINE: what``).
    """
    try:
        with open(path, "rb") as file:
            first = file.readline(1 << 16)
            header = parsed_line(first)
            if not isinstance(header, dict):
                raise UsageError(
                    f"{path} is no record: give a file that 'uartsim run --record' or asciinema has written"
                )
            if header.get("uartsim") == "transcript":
                return Record(str(header.get("name", "")), ROWS, COLUMNS, tuple(read_transcript(path)))
            if header.get("version") not in (2, 3):
                version = f"an asciicast of version {header['version']}" if "version" in header else "no record"
                raise UsageError(
                    f"{path} is {version}: uartsim reads its own records, and asciicasts of versions 2 and 3"
                )
            return _cast(path, header, file.read())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def _cast(path: str, header: dict[str, Any], body: bytes) -> Record:
    is_relative = header["version"] == 3
    size = header.get("term", {}) if is_relative else header
    columns, rows = (size.get("cols"), size.get("rows")) if is_relative else (size.get("width"), size.get("height"))
    events: list[Event] = []
    now, cut = 0.0, 0
    lines = body.split(b"\n")
    for number, line in enumerate(lines, 2):
        if not line.strip() or line.startswith(b"#"):
            continue
        match parsed_line(line):
            case [int() | float() as time, str(code), str(text)] if math.isfinite(time) and 0 <= time <= _LONGEST_S:
                now = now + time if is_relative else max(now, float(time))
                if code in ("o", "i"):
                    events.append(Event(now, code, text.encode("utf-8", "replace")))
                elif code == "m":
                    events.append(Event(now, "m", text))
            case _ if number == len(lines) + 1:
                cut = number  # the recorder was ended in the middle of it
            case _:
                raise UsageError(f"{path}:{number}: the asciicast is damaged here: a line has to be [time, code, text]")
    return Record(str(header.get("title", "")), _count(rows, ROWS), _count(columns, COLUMNS), tuple(events), cut)


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and 1 <= value <= 1000 else default


def cast_lines(record: Record, version: int = 2) -> Iterator[str]:
    """A record as the lines of an asciicast.

    A byte that is not UTF-8 becomes U+FFFD; a character that the line brought in pieces is in the event that completes it.  A
    break is a marker.

    Args:
        record: what to write.
        version: 2, which asciinema plays since 2.0, or 3, since 3.0.
    """
    title = {"title": record.name} if record.name else {}
    if version == 3:
        size: dict[str, Any] = {"term": {"cols": record.columns, "rows": record.rows, "type": "vt220"}}
    else:
        size = {"width": record.columns, "height": record.rows}
    yield json.dumps({"version": version, **size, **title})
    before = 0.0
    for seconds, code, text in _texts(record.events):
        time = round(seconds - before if version == 3 else seconds, 6)
        before += time if version == 3 else 0.0  # of what was written, so that rounding does not add up
        yield json.dumps([time, code, text], ensure_ascii=False)


def _texts(events: Iterable[Event]) -> Iterator[tuple[float, str, str]]:
    decoders = {code: codecs.getincrementaldecoder("utf-8")("replace") for code in "oi"}
    seconds = 0.0
    for event in events:
        seconds = event.seconds
        if isinstance(event.data, bytes):
            if text := decoders[event.kind].decode(event.data):
                yield seconds, event.kind, text
        else:
            yield seconds, "m", event.note
    for code, decoder in decoders.items():
        if text := decoder.decode(b"", final=True):
            yield seconds, code, text
