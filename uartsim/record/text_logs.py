"""Records as text: what the guest has sent, as it is, or in lines with the time at which each began.

Both are :class:`uartsim.record.record_writer.RecordEncoder` formats.
"""

from __future__ import annotations

import codecs
import re

from uartsim.control_sequences import ControlSequenceParser, Kind
from uartsim.printable import printable
from uartsim.record.cast_encoder import CastEncoder
from uartsim.record.transcript import break_note, hidden_note

_LINE_END = re.compile(r"(\r?\n|\r)")


class PlainLog:
    """The bytes that the guest has sent, and nothing else."""

    def begin(self, part: int, seconds: float) -> tuple[bytes, ...]:
        """Nothing."""
        return ()

    def output(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """The bytes."""
        return (data,) if data else ()

    def input(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """Nothing: the guest echoes it."""
        return ()

    def hidden(self, count: int, seconds: float) -> tuple[bytes, ...]:
        """Nothing."""
        return ()

    def line_break(self, direction: str, seconds: float) -> tuple[bytes, ...]:
        """Nothing."""
        return ()

    def mark(self, text: str, seconds: float) -> tuple[bytes, ...]:
        """Nothing."""
        return ()

    def gap(self, text: str, seconds: float, lost_s: float) -> tuple[bytes, ...]:
        """A line of its own: a log must not look whole where it is not."""
        return (f"\n[uartsim: {text}]\n".encode(),)

    def finish(self, seconds: float) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


class StampedLog:
    """Lines of text with the time at which each began, ``[   62.345000] text``, and marks, ``[   62.345000] -- text``.

    Control sequences are left out, and one that places the cursor ends the line; other control characters are shown as their
    pictures.
    """

    def __init__(self) -> None:
        self._parser = ControlSequenceParser()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._in_line = False
        self._carriage_return = False

    def begin(self, part: int, seconds: float) -> tuple[bytes, ...]:
        """Nothing; a line that has begun in the file before is told apart from what follows here."""
        self._in_line = False
        return ()

    def output(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """The text, with a time at the beginning of each line."""
        raw = b""
        for token in self._parser.feed(data):
            if token.kind is Kind.TEXT:
                raw += token.data
            elif token.kind is Kind.CSI and token.body[-1:] in b"Hf":
                raw += b"\r"  # what is drawn elsewhere on the screen is another line here
        return self._text(self._decoder.decode(raw), seconds)

    def _text(self, text: str, seconds: float) -> tuple[bytes, ...]:
        if self._carriage_return:
            text, self._carriage_return = "\r" + text, False
        if text.endswith("\r"):  # its line feed may follow
            text, self._carriage_return = text[:-1], True
        written = []
        for number, piece in enumerate(_LINE_END.split(text)):
            if number % 2:
                if self._in_line or piece != "\r":
                    written.append("\n" if self._in_line else f"{stamp(seconds)}\n")
                self._in_line = False
            elif piece:
                written.append(printable(piece) if self._in_line else f"{stamp(seconds)} {printable(piece)}")
                self._in_line = True
        return ("".join(written).encode(),) if written else ()

    def input(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """Nothing: the guest echoes it."""
        return ()

    def hidden(self, count: int, seconds: float) -> tuple[bytes, ...]:
        """A note."""
        return self.mark(hidden_note(count), seconds)

    def line_break(self, direction: str, seconds: float) -> tuple[bytes, ...]:
        """A note."""
        return self.mark(break_note(direction), seconds)

    def mark(self, text: str, seconds: float) -> tuple[bytes, ...]:
        """A note on a line of its own."""
        end = "\n" if self._in_line else ""
        self._in_line = False
        return (f"{end}{stamp(seconds)} -- {printable(text)}\n".encode(errors="backslashreplace"),)

    def gap(self, text: str, seconds: float, lost_s: float) -> tuple[bytes, ...]:
        """A note on a line of its own."""
        return (f"\n{stamp(seconds)} -- {text}\n".encode(),)

    def finish(self, seconds: float) -> tuple[bytes, ...]:
        """The end of the last line."""
        return (b"\n",) if self._in_line else ()


class CastRecord:
    """An asciicast (:mod:`uartsim.record.cast_encoder`); what the guest does not echo is a marker with its length.

    Args:
        version: 2 or 3.
        title: the title.
        timestamp: when it begins, in seconds since 1970.
        size: the terminal's rows and columns.
    """

    def __init__(self, version: int, title: str, timestamp: float, size: tuple[int, int]) -> None:
        self._version, self._title, self._timestamp = version, title, timestamp
        self._rows, self._columns = size
        self._encoder = CastEncoder(version)
        self._begin_s = 0.0

    def begin(self, part: int, seconds: float) -> tuple[bytes, ...]:
        """The header; the times of a part count from its beginning, so that a player has nothing to wait for."""
        title = f"{self._title}, part {part}" if part > 1 else self._title
        self._begin_s = seconds
        self._encoder = CastEncoder(
            self._version,
            columns=self._columns,
            rows=self._rows,
            title=title,
            timestamp=self._timestamp + seconds,
        )
        return (self._encoder.header(),)

    def output(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """Output."""
        return _line(self._encoder.output(data, seconds - self._begin_s))

    def input(self, data: bytes, seconds: float) -> tuple[bytes, ...]:
        """Input."""
        return _line(self._encoder.input(data, seconds - self._begin_s))

    def hidden(self, count: int, seconds: float) -> tuple[bytes, ...]:
        """A marker."""
        return self.mark(hidden_note(count), seconds)

    def line_break(self, direction: str, seconds: float) -> tuple[bytes, ...]:
        """A marker."""
        return self.mark(break_note(direction), seconds)

    def mark(self, text: str, seconds: float) -> tuple[bytes, ...]:
        """A marker."""
        return _line(self._encoder.mark(text, seconds - self._begin_s))

    def gap(self, text: str, seconds: float, lost_s: float) -> tuple[bytes, ...]:
        """A marker."""
        return (self._encoder.mark_of_gap(text, seconds - self._begin_s, lost_s),)

    def finish(self, seconds: float) -> tuple[bytes, ...]:
        """What waits for its rest."""
        return _line(self._encoder.finish(seconds - self._begin_s))


def _line(data: bytes) -> tuple[bytes, ...]:
    return (data,) if data else ()


def stamp(seconds: float) -> str:
    """A time in seconds since the start, as the kernel writes it: ``[   62.345000]``."""
    return f"[{seconds:12.6f}]"
