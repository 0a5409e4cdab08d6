"""Turns what the guest sends into the text that a person reads: no control sequences, and one form of line end.

What is removed (ECMA-48, xterm's ctlseqs, 7-bit forms only, as a UTF-8 terminal knows them):

- CSI sequences: cursor, colour, erase, bracketed paste (``ESC [ ? 2004 h``);
- control strings: OSC (ended by BEL or ST), DCS, SOS, PM, APC (ended by ST);
- all other escape sequences: character sets (``ESC ( B``), keypad modes, save and restore;
- control characters except tab and newline: NUL, BEL, backspace, shift in and out, DEL.

A control string that meets a line's end, CAN, SUB or another escape is broken off there; one longer than
``MAX_STRING`` bytes is not one, and only its introducer is removed: noise on the line must not swallow the log.
(Terminals do otherwise, so :class:`uartsim.control_sequences.ControlSequenceParser` is of no use here.)

Line ends: ``\\r\\n`` and any ``\\r\\r\\n`` (agetty) become ``\\n``; ``\\r`` at the start of a line vanishes (bash after
``ESC [ ? 2004 l``); any other run of ``\\r``, as of a progress bar, stays as one ``\\r``.  A ``\\r`` is held back until
the next character tells which it is.

What is left is decoded as UTF-8; an invalid byte becomes U+FFFD.

A kernel line may come between any two bytes, even inside a multi-byte character or a control sequence.  The bytes are
reordered so that the kernel line comes first, and both are whole.

The result does not depend on how the bytes were cut into pieces.  No I/O, no clock.
"""

from __future__ import annotations

import codecs
import math
import re
from array import array
from bisect import bisect_right
from collections import deque
from typing import Final

from uartsim.console.text.buffer import TextBuffer
from uartsim.console.text.kernel_prefix import MAX_LINE, PREFIX, PREFIX_BEGUN

#: The longest control string (OSC, DCS, ...) that is recognised, in bytes.
MAX_STRING: Final = 4096

_PAYLOAD: Final = rb"[^\x07\x0a\x0d\x18\x1a\x1b]{0,%d}" % MAX_STRING
_SEQUENCE: Final = re.compile(
    rb"\x1b(?:"
    rb"\[[ -?]{0,80}[@-~]"  # CSI; a parameter behind an intermediate byte makes it void, and no text
    rb"|\]" + _PAYLOAD + rb"(?:\x07|\x1b\\|[\x18\x1a]|(?=[\x0a\x0d\x1b]))"  # OSC
    rb"|[PX^_]" + _PAYLOAD + rb"(?:\x1b\\|[\x07\x18\x1a]|(?=[\x0a\x0d\x1b]))"  # DCS, SOS, PM, APC
    rb"|[ -/]{1,16}[0-~]"  # character sets and other sequences with intermediate bytes
    rb"|[0-OQ-WYZ\\`-~]"  # all sequences of two bytes
    rb"|\[[ -?]{0,80}"  # a CSI broken off by what follows
    rb"|[\]PX^_]"  # an introducer without its string
    rb")?"
)
#: An escape that may still become one of the above.
_UNFINISHED: Final = re.compile(rb"\x1b(?:\[[ -?]{0,80}|[\]PX^_]" + _PAYLOAD + rb"\x1b?|[ -/]{1,16})?\Z")
#: The beginning of a character of several bytes, and of a control sequence.
_TORN_CHARACTER: Final = rb"[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2}"
_TORN_SEQUENCE: Final = rb"\x1b(?:\[[ -?]{0,80}?|[\]PX^_][^\x07\x0a\x0d\x18\x1a\x1b]{0,%d}?|[ -/]{1,16}?)?" % MAX_STRING
_BODY: Final = rb"[^\n]{0,%d}" % (MAX_LINE - 1)
#: Such a beginning, with kernel lines between it and its end; and what may become that.
_TORN: Final = re.compile(
    rb"(?P<torn>%b|%b)(?P<lines>(?:%b%b\n)+)" % (_TORN_CHARACTER, _TORN_SEQUENCE, PREFIX.encode(), _BODY)
)
_LINE_BEGUN: Final = rb"(?:%b%b|%b)" % (PREFIX.encode(), _BODY, PREFIX_BEGUN.encode())
_TORN_AT_END: Final = re.compile(rb"(?:(?:%b)%b?|%b%b)\Z" % (_TORN_CHARACTER, _LINE_BEGUN, _TORN_SEQUENCE, _LINE_BEGUN))
#: How far back ``_TORN_AT_END`` can match, in bytes.
_TORN_REACH: Final = MAX_STRING + MAX_LINE + 256
#: The cleaner's state is kept for every so many bytes of a transcript.
_PIECE_BYTES: Final = 256
#: Bytes that come within so many seconds share one time, unless a line begins in them; and lines within so many.
_PIECE_SECONDS: Final = 0.05
_LINE_SECONDS: Final = 0.0005
_DELETED: Final = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
_RETURNS_THEN_NEWLINE: Final = re.compile(rb"\r+\n")
_RETURNS_AT_LINE_START: Final = re.compile(rb"(?<=\n)\r+")
_RETURNS: Final = re.compile(rb"\r{2,}")


class TextCleaner:
    """Turns bytes into cleaned text, piece by piece."""

    __slots__ = ("_decoder", "_held", "_returns", "at_line_start")

    def __init__(self) -> None:
        self._held = b""  # an unfinished sequence or character, and the kernel line inside it
        self._returns = False  # a run of \r in the middle of a line, of which it is not decided what it is
        #: Whether the text ends with a line.
        self.at_line_start = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def copy(self) -> TextCleaner:
        """A cleaner in the same state."""
        other = TextCleaner()
        other._held, other._returns, other.at_line_start = self._held, self._returns, self.at_line_start
        other._decoder.setstate(self._decoder.getstate())
        return other

    def feed(self, data: bytes) -> str:
        """The text that ``data`` adds."""
        if self._held or b"\x1b" in data or not data.isascii():
            data = self._without_sequences(_mended(self._held + data))
        data = data.translate(None, _DELETED)
        if self._returns or b"\r" in data:
            data = self._with_one_line_end(data)
        if not data:
            return ""
        self.at_line_start = data.endswith(b"\n")
        return self._decoder.decode(data)

    def _without_sequences(self, data: bytes) -> bytes:
        self._held = b""
        torn = _TORN_AT_END.search(data, max(0, len(data) - _TORN_REACH))
        if torn is not None and not self._is_in_string(data, torn.start()):
            start = torn.start()
            self._held, data = data[start:], data[: start + (data[start] == 0x1B)]
        elif (last := data.rfind(b"\x1b")) >= 0:
            # ESC at the very end may be the first half of the ST that ends a string begun by the escape before it
            before = data.rfind(b"\x1b", max(0, last - MAX_STRING - 2), last) if last == len(data) - 1 else -1
            for start in (before, last):
                if start >= 0 and _UNFINISHED.match(data, start):
                    # what is before it must see that an escape follows; the escape that is left is removed later
                    self._held, data = data[start:], data[: start + 1]
                    break
        return _SEQUENCE.sub(b"", data) if b"\x1b" in data else data

    @staticmethod
    def _is_in_string(data: bytes, place: int) -> bool:
        """Whether the character that begins at ``place`` may belong to a control string that is not over."""
        start = data.rfind(b"\x1b", max(0, place - MAX_STRING - 2), place)
        return start >= 0 and _UNFINISHED.match(data, start) is not None

    def _with_one_line_end(self, data: bytes) -> bytes:
        if not data:
            return data
        if self._returns:
            data = b"\r" + data
        self._returns = False
        if self.at_line_start and data[0] == 0x0D:
            data = data.lstrip(b"\r")
        data = data.replace(b"\r\n", b"\n")
        if b"\r" in data:
            data = _RETURNS_THEN_NEWLINE.sub(b"\n", data)
            data = _RETURNS_AT_LINE_START.sub(b"", data)
            data = _RETURNS.sub(b"\r", data)
            if data.endswith(b"\r"):
                self._returns = True
                data = data[:-1]
        return data


def _mended(data: bytes) -> bytes:
    """``data``, in which kernel lines inside a character or a sequence are moved before it."""
    torn = _TORN.search(data)
    if torn is None:
        return data
    mended = bytearray(data)
    while torn is not None:
        start, lines = torn.start(), torn["lines"]
        mended[start : torn.end()] = lines + torn["torn"]
        torn = _TORN.search(mended, start + len(lines))
    return bytes(mended)


class Transcript:
    """The last part of what a guest sent, raw and cleaned, each found from the other.

    Args:
        kept_bytes: how many raw bytes are kept at least; up to a quarter more may be.
    """

    def __init__(self, kept_bytes: int = 1 << 20) -> None:
        self._cleaner = TextCleaner()
        self._kept_bytes = kept_bytes
        self._text = TextBuffer()
        self._raw = bytearray()
        self._raw_start = 0
        #: Where a piece began: raw offset, text offset, the cleaner's state then.
        self._pieces: deque[tuple[int, int, TextCleaner]] = deque()
        #: When what begins at a place came: raw offset, text offset, time.  A line's first character has a place of its own.
        self._came: tuple[array[int], array[int], array[float]] = (array("q"), array("q"), array("d"))

    def feed(self, data: bytes, time_s: float) -> str:
        """Take in what came at ``time_s``; returns the text that it adds."""
        raw_at, text_at = self.raw_end, self._text.end
        begins_line = self._cleaner.at_line_start
        if not self._pieces or raw_at - self._pieces[-1][0] >= _PIECE_BYTES:
            self._pieces.append((raw_at, text_at, self._cleaner.copy()))
        self._raw += data
        text = self._cleaner.feed(data)
        self._text.append(text)
        before = self._came[2][-1] if self._came[2] else -math.inf
        begins_line = bool(text) and (begins_line or "\n" in text[:-1])
        if time_s - before >= (_LINE_SECONDS if begins_line else _PIECE_SECONDS):
            self._note(raw_at, text_at, time_s)
        if len(self._raw) > self._kept_bytes * 5 // 4:
            self._forget(self.raw_end - self._kept_bytes)
        return text

    def end_line(self, time_s: float) -> str:
        """End the unfinished line and any unfinished sequence, as after a reset; returns the text that this adds."""
        text = "" if self._cleaner.at_line_start else "\n"
        self._cleaner = TextCleaner()
        self._text.append(text)
        self._pieces.append((self.raw_end, self._text.end, self._cleaner.copy()))
        self._note(self.raw_end, self._text.end, time_s)
        return text

    def _note(self, raw_at: int, text_at: int, time_s: float) -> None:
        self._came[0].append(raw_at)
        self._came[1].append(text_at)
        self._came[2].append(time_s)

    def pieces(self) -> list[tuple[float, bytes]]:
        """The bytes that are kept, in pieces, each with the time at which it came."""
        starts, _, times = self._came
        if not starts:
            return []
        start = self._raw_start
        return [
            (time_s, bytes(self._raw[max(0, at - start) : end - start]))
            for at, end, time_s in zip(starts, [*starts[1:], self.raw_end], times, strict=True)
            if end > max(at, start)
        ]

    @property
    def raw_start(self) -> int:
        """How many bytes came before those that are kept."""
        return self._raw_start

    @property
    def raw_end(self) -> int:
        """How many bytes there have been."""
        return self._raw_start + len(self._raw)

    @property
    def text_end(self) -> int:
        """How many characters of cleaned text there have been."""
        return self._text.end

    @property
    def raw(self) -> bytes:
        """The bytes that are kept."""
        return bytes(self._raw)

    @property
    def text(self) -> str:
        """The cleaned text of the bytes that are kept."""
        return self._text.slice(self.text_start, self._text.end)

    @property
    def text_start(self) -> int:
        """How many characters of cleaned text came before those that are kept."""
        return self._pieces[0][1] if self._pieces else 0

    def slice(self, text_start: int, text_end: int) -> str:
        """The cleaned text from ``text_start`` to before ``text_end``, as far as it is kept."""
        return self._text.slice(max(text_start, self.text_start), text_end) if text_end > text_start else ""

    def raw_between(self, text_start: int, text_end: int) -> bytes:
        """The bytes that became the characters from ``text_start`` to before ``text_end``, with what was between them.

        Sequences before the first character and after the last are left out, as are bytes that are not kept any more.
        """
        if text_start >= text_end:
            return b""
        start, end = self._raw_offset(text_start), self._raw_offset(text_end - 1)
        return bytes(self._raw[start[0] - self._raw_start : end[1] - self._raw_start])

    def time_of(self, text_offset: int) -> float:
        """When the character at ``text_offset`` came: exact for the first one of a line, as far as that is kept."""
        _, starts, times = self._came
        return times[max(0, bisect_right(starts, text_offset) - 1)] if times else 0.0

    def _raw_offset(self, text_offset: int) -> tuple[int, int]:
        """The first and the next byte of the one character at ``text_offset``."""
        raw_end = self.raw_end
        place = None
        for piece in reversed(self._pieces):
            if piece[1] <= text_offset:
                place = piece
                break
            raw_end = piece[0]
        if place is None:
            return self._raw_start, self._raw_start
        raw_at, text_at, cleaner = place
        data = bytes(self._raw[raw_at - self._raw_start : raw_end - self._raw_start])
        wanted = text_offset - text_at + 1
        low, high = 0, len(data)
        while low < high:
            middle = (low + high) // 2
            if len(cleaner.copy().feed(data[:middle])) >= wanted:
                high = middle
            else:
                low = middle + 1
        # a byte that decided what the one before it was adds the characters of both
        last = min(low, low - (len(cleaner.copy().feed(data[:low])) - wanted))
        last += raw_at
        first = last - 1
        while first > self._raw_start and 0x80 <= self._raw[first - self._raw_start] < 0xC0:
            first -= 1
        return first, last

    def _forget(self, raw_offset: int) -> None:
        while len(self._pieces) > 1 and self._pieces[1][0] <= raw_offset:
            self._pieces.popleft()
        start, text_start = self._pieces[0][:2]
        spare = max(0, bisect_right(self._came[0], start) - 1)
        for places in self._came:
            del places[:spare]
        del self._raw[: start - self._raw_start]
        self._raw_start = start
        self._text.drop_before(text_start)
