"""Takes apart what is sent to a terminal: text, escape sequences, control sequences and control strings.

The grammar is ECMA-48's (sections 5.3 to 5.6), and the order in which it is decided that of the DEC terminals' parsers, which
terminals of today have kept:

- ``ESC``, any intermediate bytes (0x20 to 0x2F) and a final byte (0x30 to 0x7E) are an escape sequence.
- ``ESC [``, parameter bytes (0x30 to 0x3F), intermediate bytes and a final byte (0x40 to 0x7E) are a control sequence (CSI).
- ``ESC ]`` (OSC), ``ESC P`` (DCS), ``ESC X`` (SOS), ``ESC ^`` (PM) and ``ESC _`` (APC) begin a control string.  ST
  (``ESC \\``) ends it; BEL ends an OSC too, as in xterm.
- A C1 control (0x80 to 0x9F) is the escape sequence with the byte that is 0x40 less.  It is known as a byte of its own and
  as UTF-8 writes it (``C2 80`` to ``C2 9F``); a byte in the middle of a UTF-8 character is never one.
- C0 controls act even in the middle of a sequence, which goes on behind them.  CAN and SUB cut a sequence or a string off,
  and so do ESC and every C1 control, which then begin their own.

The parser is incremental, and the result does not depend on how the bytes were cut into pieces, but for where text, the
content of a string and an ignored sequence are cut.  Its time is linear, and it holds back at most
:data:`LONGEST_SEQUENCE` bytes.  No I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, NamedTuple

#: A sequence that is longer is ignored, in bytes; xterm's longest (a colour by direct values, several at once) is shorter.
LONGEST_SEQUENCE: Final = 256

_CAN: Final = 0x18
_SUB: Final = 0x1A
_ESC: Final = 0x1B
_DEL: Final = 0x7F

#: Bytes above 0x7F that are text: characters of UTF-8 other than C1 controls, and bytes that are neither.
_HIGH: Final = (
    rb"\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
    rb"|[\xa0-\xc1\xf5-\xff]|[\xc2-\xf4](?![\x80-\xbf]|\Z)"
    rb"|[\xe0-\xf4][\x80-\xbf](?![\x80-\xbf]|\Z)|[\xf0-\xf4][\x80-\xbf]{2}(?![\x80-\xbf]|\Z)"
)
_TEXT: Final = re.compile(rb"(?:[^\x1b\x80-\xff]++|%b)++" % _HIGH)
_CONTENT: Final = re.compile(rb"(?:[^\x07\x18\x1a\x1b\x80-\xff]++|%b)++" % _HIGH)
_C1: Final = re.compile(rb"\xc2?([\x80-\x9f])")
_C1_AS_UTF8: Final = re.compile(rb"\xc2([\x80-\x9f])")
#: Of a control sequence: the parameters' first byte may mark them as private.
_CSI: Final = re.compile(rb"[<-?]?[0-9:;]*[ -/]*[@-~]")
#: A sequence that is there as a whole: the same as the steps through its bytes find, at once.
_WHOLE: Final = re.compile(
    rb"\x1b(?:\[(?P<control>[<-?]?[0-9:;]{0,200}[ -/]{0,16}[@-~])|(?P<escape>[ -/]{1,16}[0-~]|[0-OQ-WYZ\\`-~]))"
)


class Kind(Enum):
    """What a token is."""

    #: Characters and C0 controls other than ESC.
    TEXT = auto()
    #: An escape sequence, or a C1 control; the body is what follows ESC.
    ESCAPE = auto()
    #: A control sequence; the body is what follows the introducer.
    CSI = auto()
    #: The beginning of a control string; the body is ``]``, ``P``, ``X``, ``^`` or ``_``.
    STRING_BEGIN = auto()
    #: The content of a control string, or a part of it.
    STRING = auto()
    #: The end of a control string; there are no bytes to it if something else has cut the string off.
    STRING_END = auto()
    #: A sequence, or a part of one, that terminals ignore: cut off, malformed or too long.
    IGNORED = auto()


class Token(NamedTuple):
    """A piece of what is sent to a terminal.

    Attributes:
        kind: what it is.
        data: the bytes of the stream, with C0 controls and DEL where they have come in the middle of a sequence.
        body: the bytes that say what the sequence does, the same in the 7-bit and the 8-bit form.
    """

    kind: Kind
    data: bytes
    body: bytes = b""


class ControlSequenceParser:
    """Takes a stream of bytes apart, piece by piece.

    Args:
        single_bytes: whether a byte of 0x80 to 0x9F outside of a UTF-8 character is a C1 control.  A terminal that reads
            UTF-8 shows such a byte as a wrong character; any other obeys it.

    The data of all tokens, joined, and :attr:`pending` are the stream.
    """

    __slots__ = ("_body", "_c1", "_held", "_is_osc", "_partial", "_step", "_tokens", "_valid")

    def __init__(self, *, single_bytes: bool = True) -> None:
        self._c1 = _C1 if single_bytes else _C1_AS_UTF8
        self._step: Callable[[ControlSequenceParser, bytes, int], int] = ControlSequenceParser._ground
        self._tokens: list[Token] = []
        self._held = bytearray()  # the sequence that is not complete
        self._body = bytearray()
        self._valid = True  # it has not become too long
        self._is_osc = False
        self._partial = b""  # a character that is not complete

    @property
    def pending(self) -> bytes:
        """The bytes that are held back, because what they begin is not complete."""
        return bytes(self._held) + self._partial

    def feed(self, data: bytes) -> list[Token]:
        """Take in more of the stream, and return what is complete."""
        if self._step is ControlSequenceParser._ground and not self._partial and data.isascii() and b"\x1b" not in data:
            return [Token(Kind.TEXT, data)] if data else []
        data, self._partial = self._partial + data, b""
        at = 0
        while at < len(data):
            at = self._step(self, data, at)
        tokens, self._tokens = self._tokens, []
        return tokens

    def _put(self, kind: Kind, data: bytes, body: bytes = b"") -> None:
        self._tokens.append(Token(kind, data, body))

    # -- each takes the data and a place in it, and returns the place from which to go on ------------------------

    def _ground(self, data: bytes, at: int) -> int:
        if text := _TEXT.match(data, at):
            self._put(Kind.TEXT, text[0])
            return text.end()
        if data[at] != _ESC:
            return self._high(data, at)
        if whole := _WHOLE.match(data, at):
            self._put(Kind.CSI if whole["control"] else Kind.ESCAPE, whole[0], whole[whole.lastgroup or 0])
            return whole.end()
        return self._begin_escape(at)

    def _begin_escape(self, at: int) -> int:
        self._held[:] = b"\x1b"
        self._body.clear()
        self._valid = True
        self._step = ControlSequenceParser._escape
        return at + 1

    def _high(self, data: bytes, at: int) -> int:
        """A C1 control, a wrong byte, or the beginning of a character."""
        control = self._c1.match(data, at)
        if control is None and data[at] < 0xA0:
            in_string = self._step is ControlSequenceParser._string
            self._put(Kind.STRING if in_string else Kind.TEXT, data[at : at + 1])
            return at + 1
        if control is None:
            self._partial = data[at:]
            return len(data)
        if self._step is ControlSequenceParser._string:
            ends = control[1] == b"\x9c"
            self._end_string(control[0] if ends else b"")
            if ends:
                return control.end()
        self._held[:] = control[0]
        self._body.clear()
        self._valid = True
        self._opened(bytes([control[1][0] - 0x40]))
        return control.end()

    def _opened(self, letter: bytes) -> None:
        """``ESC`` and a letter, which is in ``_held`` already."""
        if letter == b"[":
            self._body.clear()
            self._step = ControlSequenceParser._control_sequence
            return
        is_string = letter in (b"]", b"P", b"X", b"^", b"_")
        self._is_osc = letter == b"]"
        self._step = ControlSequenceParser._string if is_string else ControlSequenceParser._ground
        self._put(Kind.STRING_BEGIN if is_string else Kind.ESCAPE, bytes(self._held), letter)
        self._held.clear()

    def _escape(self, data: bytes, at: int) -> int:
        byte = data[at]
        if not 0x20 <= byte < _DEL:
            return self._out_of_place(byte, at)
        self._body.append(byte)
        self._hold(byte)
        if byte >= 0x30:
            if len(self._body) == 1:
                self._opened(bytes(self._body))
            else:
                self._complete(Kind.ESCAPE)
        return at + 1

    def _control_sequence(self, data: bytes, at: int) -> int:
        byte = data[at]
        if not 0x20 <= byte < _DEL:
            return self._out_of_place(byte, at)
        self._body.append(byte)
        self._hold(byte)
        if byte >= 0x40:
            self._complete(Kind.CSI if _CSI.fullmatch(self._body) else Kind.IGNORED)
        return at + 1

    def _hold(self, byte: int) -> None:
        """One more byte of a sequence; one that becomes too long is ignored, unless it is all controls so far."""
        self._held.append(byte)
        if len(self._held) > LONGEST_SEQUENCE:
            self._valid = self._valid and not self._body
            self._put(Kind.IGNORED, bytes(self._held))
            self._held.clear()
            del self._body[2:]  # it is still not empty, and never looked at

    def _complete(self, kind: Kind) -> None:
        self._put(kind if self._valid else Kind.IGNORED, bytes(self._held), bytes(self._body) if self._valid else b"")
        self._held.clear()
        self._step = ControlSequenceParser._ground

    def _out_of_place(self, byte: int, at: int) -> int:
        """A control, DEL or a byte above 0x7F in the middle of a sequence."""
        if byte in (_CAN, _SUB, _ESC) or byte > _DEL:
            if self._held:
                self._put(Kind.IGNORED, bytes(self._held))
                self._held.clear()
            self._step = ControlSequenceParser._ground
            return at  # it is what it is everywhere
        self._hold(byte)
        return at + 1

    def _string(self, data: bytes, at: int) -> int:
        if content := _CONTENT.match(data, at):
            self._put(Kind.STRING, content[0])
            return content.end()
        byte = data[at]
        if byte > _DEL:
            return self._high(data, at)
        if byte == _ESC:
            self._held[:] = b"\x1b"
            self._step = ControlSequenceParser._string_escape
            return at + 1
        if byte in (_CAN, _SUB):
            self._end_string(b"")
            return at
        if self._is_osc:  # BEL
            self._end_string(b"\x07")
        else:
            self._put(Kind.STRING, b"\x07")
        return at + 1

    def _string_escape(self, data: bytes, at: int) -> int:
        """ESC in a string: with a backslash it is ST, and anything else begins another sequence."""
        if data[at] == 0x5C:
            self._held.clear()
            self._end_string(b"\x1b\\")
            return at + 1
        self._end_string(b"")
        self._begin_escape(at)
        return at

    def _end_string(self, data: bytes) -> None:
        self._put(Kind.STRING_END, data)
        self._step = ControlSequenceParser._ground
