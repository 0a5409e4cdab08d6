"""A transcript: every byte on the line with its time and direction, and marks, as a file of JSON lines.

The first line is a header, ``{"uartsim": "transcript", "version": 1, "name": ..., "format": ...}``.  Every other
line is ``[seconds, kind, text]``: seconds since the start of the record, and

- ``"o"``: bytes from the guest, ``"i"``: bytes to the guest; each byte is one code point (ISO 8859-1), so that every
  value comes back exactly;
- ``"h"``: a number: so many characters were sent to the guest that it did not echo, such as a password;
- ``"b"``: a break, text ``"o"`` or ``"i"`` for its direction;
- ``"m"``: a mark: a sentence about what happened, for instance which client took the line.

A long run (4096 bytes or more at once, which only a line at unlimited rate produces) is stored unencoded:
a line ``[seconds, "O", size]`` (``"I"`` to the guest), then ``size`` bytes, then a newline.  Writing it as a JSON
string would take longer than transferring it.

What is typed is written when the guest has echoed it, or has not (:mod:`uartsim.record.line_recorder`), with the time at
which it was sent: its line may stand behind the output that answers it.

The header also has ``begun``, the time of the start in seconds since 1970, and in a later part of a record with a limit
``part``, its number; times go on counting from the start of the record.

A file that ends in an incomplete line or block is read up to there; how it is written, and what happens on a full disk, is
in :mod:`uartsim.record.record_writer`.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from uartsim.errors import UsageError
from uartsim.printable import quoted
from uartsim.record.record_input import open_input, seekable
from uartsim.record.record_writer import RecordWriter, json_string

#: How every transcript begins.
TRANSCRIPT_BEGIN: Final = b'{"uartsim": "transcript"'
#: The longest record that is taken for one, in seconds: ten years.
LONGEST_RECORD_S: Final = 315_360_000.0
_HEADER: Final = {"uartsim": "transcript", "version": 1}
#: The mark of a machine that was reset, by its button or by the guest: another boot begins.
RESET_MARK: Final = "the machine is reset"
#: Runs of this many bytes and more are stored unencoded.
_BLOCK: Final = 4096
#: No run is so long, in bytes.
_LARGEST_BLOCK: Final = 1 << 40


class Event(NamedTuple):
    """One line of a transcript.

    Attributes:
        seconds: since the start of the record.
        kind: ``"o"``, ``"i"``, ``"h"``, ``"b"`` or ``"m"``; of an asciicast also ``"r"``, a new size of the terminal.
        data: bytes for ``"o"`` and ``"i"``; for ``"h"`` a number, as text; text for the others.
    """

    seconds: float
    kind: str
    data: bytes | str

    @property
    def note(self) -> str:
        """What a break, a mark or hidden input says, as a sentence; empty for bytes."""
        if isinstance(self.data, bytes):
            return ""
        if self.kind == "b":
            return break_note(self.data)
        return hidden_note(int(self.data)) if self.kind == "h" else self.data


def break_note(direction: str) -> str:
    """What a record says of a break: ``"o"`` from the guest, ``"i"`` to it."""
    return f"break {'from' if direction == 'o' else 'to'} the guest"


def hidden_note(count: int) -> str:
    """What a record says of input that the guest has not echoed."""
    return f"{count} character{'s' * (count != 1)} sent that the guest did not echo"


class JsonLines:
    """The format of transcripts; see :class:`uartsim.record.record_writer.RecordEncoder`.

    Args:
        name: the machine's name.
        line_format: the line's format as text.
    """

    def __init__(self, name: str, line_format: str) -> None:
        self._header = {**_HEADER, "name": name, "format": line_format, "begun": round(time.time(), 3)}

    def begin(self, part: int, seconds: float) -> tuple[bytes, ...]:
        """The header."""
        return (json.dumps({**self._header, **({"part": part} if part > 1 else {})}).encode() + b"\n",)

    def output(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """The guest sent ``data``."""
        return _bytes(b"o", data, seconds)

    def input(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """``data`` was sent to the guest."""
        return _bytes(b"i", data, seconds)

    def hidden(self, count: int, seconds: float) -> tuple[bytes, ...]:
        """So many characters were sent to the guest."""
        return (b'[%a,"h",%d]\n' % (seconds, count),)

    def line_break(self, direction: str, seconds: float) -> tuple[bytes, ...]:
        """A break."""
        return (b'[%a,"b",%b]\n' % (seconds, json.dumps(direction).encode()),)

    def mark(self, text: str, seconds: float) -> tuple[bytes, ...]:
        """A mark."""
        return (b'[%a,"m",%b]\n' % (seconds, json.dumps(text).encode()),)

    def gap(self, text: str, seconds: float, lost_s: float) -> tuple[bytes, ...]:
        """A mark, at the time of the event behind it."""
        return self.mark(text, seconds)

    def finish(self, seconds: float) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


def _bytes(kind: bytes, data: bytes, seconds: float) -> tuple[bytes, ...]:
    if len(data) < _BLOCK:
        return (b'[%a,"%b",%b]\n' % (seconds, kind, json_string(data)),)
    return b'[%a,"%b",%d]\n' % (seconds, kind.upper(), len(data)), data, b"\n"


class TranscriptWriter(RecordWriter):
    """Writes a transcript.

    Args:
        path: the file; it must not exist yet, so that nothing is overwritten.
        name: the machine's name.
        line_format: the line's format as text, for the header.
        start: the time of the start, in ticks.
        limit_bytes: about how much all parts may take; None for no limit.

    Raises:
        UsageError: the file exists, or cannot be made or written.
    """

    def __init__(self, path: str, name: str, line_format: str, start: int, limit_bytes: int | None = None) -> None:
        super().__init__(path, JsonLines(name, line_format), start, limit_bytes)


def read_transcript(path: str) -> Iterator[Event]:
    """The events of a transcript, in order; a line that was written only in part is skipped.

    Raises:
        UsageError: the file cannot be read, is not a transcript, or has an event at an impossible time.
    """
    try:
        with open_input(path) as file:
            yield from transcript_events(path, seekable(file))
    except OSError as error:
        raise UsageError(f"{path} cannot be read as a transcript: {error}") from None


def transcript_events(path: str, file: BinaryIO) -> Iterator[Event]:
    """The same, of an open file that is at its beginning, and can be read at any place.

    Args:
        path: its name, for messages.
        file: the file.
    """
    header = parsed_line(file.readline())
    if not isinstance(header, dict) or header.get("uartsim") != "transcript":
        raise UsageError(f"{path} is not a transcript of uartsim: its first line must be the header")
    if header.get("version") != 1:
        raise UsageError(f"{path} is a transcript of version {quoted(header.get('version'))}; this uartsim reads 1")
    for line in file:
        match found := parsed_line(line):
            case [int() | float() as seconds, "o" | "i" | "b" | "m" | "h" | "O" | "I", _] if not is_time(seconds):
                begin = file.tell() - len(line)
                file.seek(0)
                number = file.read(begin).count(b"\n") + 1
                raise UsageError(f"{path}:{number}: the transcript is damaged here: a time has to be 0 s to ten years")
        if (event := _event_of(found, file)) is not None:
            yield event


def is_time(value: object) -> bool:
    """Whether it is a time, or a length of time, that a record may have, in seconds."""
    return type(value) in (int, float) and 0 <= value <= LONGEST_RECORD_S  # type: ignore[operator]


def _event_of(found: Any, file: BinaryIO) -> Event | None:
    """The event in a line's JSON, with the block that follows it in ``file`` if it has one; None if it is not an event."""
    match found:
        case [int() | float() as seconds, "o" | "i" | "b" | "m" as kind, str(text)]:
            with contextlib.suppress(UnicodeEncodeError):
                return Event(float(seconds), kind, text.encode("latin-1") if kind in "oi" else text)
        case [int() | float() as seconds, "h", int(count)]:
            return Event(float(seconds), "h", str(count))
        case [int() | float() as seconds, "O" | "I" as kind, int(size)] if _BLOCK <= size < _LARGEST_BLOCK:
            behind = file.tell()
            # Look for the block's newline first: a damaged size then costs the reading of a page, not of a whole block.
            data = file.read(size + 1) if _is_line_end(file, behind + size) else b""
            if len(data) == size + 1 and data.endswith(b"\n"):
                return Event(float(seconds), kind.lower(), data[:-1])
            file.seek(behind)
    return None


def _is_line_end(file: BinaryIO, at: int) -> bool:
    behind = file.tell()
    file.seek(at)
    is_line_end = file.read(1) == b"\n"
    file.seek(behind)
    return is_line_end


def parsed_line(line: bytes) -> Any:
    """The value in a line of JSON; None if it is none."""
    try:
        return json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
