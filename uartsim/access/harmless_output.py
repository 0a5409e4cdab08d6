"""The filter between a record and a person's terminal: what is known only to draw passes, and nothing else.

A guest that is recorded is no longer there to read an answer or a key, and a record may come from a stranger.  So this is a
list of what passes, not of what is taken out: terminals obey and answer more than anybody has listed.

- Text, BEL, and the controls that move the cursor or shift the character set (BS to SI).
- SGR, cursor, erasing, inserting, deleting, scrolling, margins, character sets, cursor shape (ECMA-48, DEC STD 070).
- The modes that change how something is drawn (:data:`DRAWING_MODES`, :data:`ANSI_DRAWING_MODES`); of several in one
  sequence, those.  Modes of keyboard and mouse do not pass: what they make the terminal send would reach the person's shell.
- The title of the window, and its stack.

What passes is undone by :class:`uartsim.access.terminal_modes.Modes`, except the title.  RIS passes as a token: the caller has
to write something softer.  No I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from uartsim.control_sequences import ControlSequenceParser, Kind, Token

#: DEC private modes that draw: reverse video, origin, wrap, cursor shown, reverse wrap, alternate screens, margins left and
#: right, saved cursor, synchronised output.
DRAWING_MODES: Final = frozenset({5, 6, 7, 25, 45, 47, 69, 1047, 1048, 1049, 2026})
#: ANSI modes that draw: insert, line feed.
ANSI_DRAWING_MODES: Final = frozenset({4, 20})

_NUMBERS: Final = rb"[0-9;]*"
#: Control sequences that draw, by what follows the introducer.  T with more parameters begins mouse tracking.
_DRAWS: Final = re.compile(
    rb"[0-9;:]*m|%b[@A-HJKLMPSX`abdefrsuIZ]|[0-9]*T|\?%b[JK]|%b(?: [@Aq]|!p|\"q|\$[rtvxz{]|'[}~])|2[23](?:;[012]){0,2}t"
    % ((_NUMBERS,) * 3)
)
_SWITCH: Final = re.compile(rb"(\??)([0-9;]*)([hl])")
#: Escape sequences that draw: character sets and shifts to them, saved cursor, index, lines of double size, RIS.
_ESCAPES: Final = re.compile(rb"[()*+\-./][%\"&]?[0-~]|[NOno|}~]|[78DEM69c]|#[34568]")
_TITLE: Final = re.compile(rb"0*[012];[^\x00-\x1f\x7f]*")
#: The longest title that passes, in bytes.
_LONGEST_TITLE: Final = 512
#: C0 controls and DEL that do not pass: all but BEL to SI (ENQ has the terminal answer).
_NO_CONTROLS: Final = bytes([*range(7), *range(0x10, 0x1B), *range(0x1C, 0x20), 0x7F])
#: A control that is not in a title: the string was cut short on its way, as by noise on the line.
_CUT_SHORT: Final = re.compile(rb"[\x00-\x1f]")
#: What a terminal of UTF-8 shows for a byte that is none.  Others would take it for a C1 control.
_WRONG: Final = "\N{REPLACEMENT CHARACTER}".encode()


class HarmlessFilter:
    """Lets through what only draws.

    A control string without an end does not swallow what follows, if it is an OSC: it ends at the next control.
    """

    def __init__(self) -> None:
        self._parser = ControlSequenceParser(single_bytes=False)
        self._title: list[Token] = []  # an OSC, until it is known whether it is a title
        self._size = 0
        self._state = "outside"  # or "osc", "other string", "cut short": what follows in the string is text

    def feed(self, data: bytes) -> list[Token]:
        """The tokens of ``data`` that may be shown; a title is held back until it is complete."""
        return [shown for token in self._parser.feed(data) for shown in self._passed(token)]

    def _passed(self, token: Token) -> Iterator[Token]:
        match token.kind:
            case Kind.TEXT:
                yield from _text(token.data)
            case Kind.ESCAPE if _ESCAPES.fullmatch(token.body):
                yield _without_controls(token)
            case Kind.CSI:
                yield from _control(token)
            case Kind.STRING_BEGIN:
                self._state = "osc" if token.body == b"]" else "other string"
                self._title, self._size = [_without_controls(token)], 0
            case Kind.STRING if self._state == "cut short":
                yield from _text(token.data)
            case Kind.STRING if self._state == "osc":
                yield from self._string(token)
            case Kind.STRING_END:
                yield from self._end(token)

    def _string(self, token: Token) -> Iterator[Token]:
        if cut := _CUT_SHORT.search(token.data):
            self._state = "cut short"
            yield from _text(token.data[cut.start() :])
            return
        # a byte that an 8-bit terminal takes for a C1 control is in no title either
        self._size += len(token.data) if not _is_wrong(token.data) else _LONGEST_TITLE + 1
        if self._size <= _LONGEST_TITLE:
            self._title.append(token)

    def _end(self, token: Token) -> Iterator[Token]:
        content = b"".join(part.data for part in self._title[1:])
        is_title = self._state == "osc" and token.data and self._size <= _LONGEST_TITLE and _TITLE.fullmatch(content)
        self._state = "outside"
        if is_title:
            yield from (*self._title, token)


def _without_controls(token: Token) -> Token:
    """The token without the controls in the middle of it that do not pass."""
    return token._replace(data=token.data.translate(None, _NO_CONTROLS))


def _is_wrong(data: bytes) -> bool:
    """Whether it is a byte of 0x80 to 0x9F outside of a character; the parser gives each by itself."""
    return len(data) == 1 and 0x80 <= data[0] < 0xA0


def _text(data: bytes) -> Iterator[Token]:
    if _is_wrong(data):
        yield Token(Kind.TEXT, _WRONG)
    elif shown := data.translate(None, _NO_CONTROLS):
        yield Token(Kind.TEXT, shown)


def _control(token: Token) -> Iterator[Token]:
    """The control sequence, if it draws; of modes, those that do."""
    if _DRAWS.fullmatch(token.body):
        yield _without_controls(token)
    elif switch := _SWITCH.fullmatch(token.body):
        known = DRAWING_MODES if switch[1] else ANSI_DRAWING_MODES
        modes = [number for number in switch[2].split(b";") if len(number) < 6 and number and int(number) in known]
        if modes:
            body = switch[1] + b";".join(modes) + switch[3]
            yield Token(Kind.CSI, b"\x1b[" + body, body)
