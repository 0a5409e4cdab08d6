"""Filters between a guest's output and a person's terminal: access to the clipboard, and queries of the past."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from uartsim.control_sequences import ControlSequenceParser, Kind, Token

#: Terminals pass over these in a control string: C0 controls and DEL.
_PASSED_OVER: Final = bytes([*range(0x20), 0x7F])
#: How the strings begin that read or write the clipboard: OSC 52 (xterm), OSC 5522 (kitty), and two verbs of OSC 1337,
#: which once was OSC 50 (iTerm2).  Zeros before the number do not count.
_CLIPBOARD: Final = (b"52;", b"5522;", b"1337;copy", b"1337;endcopy", b"50;copy", b"50;endcopy")
#: A string of which this many bytes do not show what it is is taken for one of them.
_LONGEST_BEGINNING: Final = 64
#: A control that cannot be in the clipboard's content, which is text: the string was cut short on its way.
_CUT_SHORT: Final = re.compile(rb"[\x00-\x1f]")

#: CSI sequences that a terminal answers: its name, the cursor's place, a mode, its keyboard, its size, its parameters, its
#: modified keys, its graphics, its tab stops, its character sets, the sum of what it shows, its colours, its mouse.
_CSI_QUERY: Final = re.compile(
    rb"[>=?]?[0-9;]*(?:[cn]|\$p)|>[0-9]*q|\?u|(?:1[13-9]|2[01])(?:;[0-9]*)*t|[0-9;]*(?:x|\$[uw]|\*y|&u|#[R|]|'\|)|\?[0-9;]*[mS]"
)
#: Control strings that a terminal answers: colours, its pointer, its font; a capability or a setting; a picture of kitty's.
_STRING_QUERY: Final = re.compile(
    rb"\][0-9;]*\?|\]0*(?:[45]|1[0-9]);(?:.*;)?\?(?:;.*)?|\]0*2[12];.*\?.*|\]0*1337;Report.*|P[+$]q.{0,64}|_G(?:[^;]*,)?a=q[,;].*",
    re.DOTALL,
)
#: The longest content of such a string, in bytes.
_LONGEST_QUERY: Final = 512
_CAN: Final = b"\x18"


class ClipboardFilter:
    """Takes out the sequences that would read or write the person's clipboard: a console has no business there.

    A clipboard's string that meets a control is cut off there, so that one without an end, as noise on the line makes it,
    does not swallow what follows.
    """

    def __init__(self) -> None:
        self._held: list[Token] = []  # an OSC, until it is known what it does
        self._state = "outside"  # or "deciding", "dropping", "cut short": what follows in the string is text

    def filter(self, tokens: Iterable[Token]) -> list[Token]:
        """The tokens that may be shown; an OSC is held back until it is known what it does."""
        shown: list[Token] = []
        for token in tokens:
            if token.kind is Kind.STRING_BEGIN:
                if token.body == b"]":
                    self._state = "deciding"
                    self._held.append(token)
                else:
                    shown.append(token)
            elif self._state == "deciding":
                self._decide(token, shown)
            elif self._state == "dropping":
                self._drop(token, shown)
            elif self._state == "cut short":
                if token.data:
                    shown.append(Token(Kind.TEXT, token.data))
                if token.kind is Kind.STRING_END:
                    self._state = "outside"
            else:
                shown.append(token)
        return shown

    def _decide(self, token: Token, shown: list[Token]) -> None:
        self._held.append(token)
        content = b"".join(held.data for held in self._held[1:] if held.kind is Kind.STRING)
        beginning = content.translate(None, _PASSED_OVER).lstrip(b"0").lower()
        may_be = any(known.startswith(beginning) for known in _CLIPBOARD)
        too_long = len(content) > _LONGEST_BEGINNING
        if may_be and token.kind is not Kind.STRING_END and not too_long:
            return
        if beginning.startswith(_CLIPBOARD) or (may_be and too_long):
            self._held.clear()
            self._state = "dropping"
            self._drop(Token(Kind.STRING, content.partition(b";")[2]), shown)
            if token.kind is Kind.STRING_END:
                self._state = "outside"
            return
        shown += self._held
        self._held.clear()
        self._state = "outside"

    def _drop(self, token: Token, shown: list[Token]) -> None:
        if token.kind is Kind.STRING_END:
            self._state = "outside"
        elif cut := _CUT_SHORT.search(token.data):
            self._state = "cut short"
            shown.append(Token(Kind.TEXT, token.data[cut.start() :]))


class QueryFilter:
    """Takes the queries to a terminal out of what the guest sent before the person attached.

    Shown again they would be answered again, and the answers would be typed at the guest.

    Args:
        size: how many bytes are of the past.
        keeps_length: what is taken out is replaced, byte for byte: a query by CAN, which shows nothing and also cancels a
            query whose first bytes the terminal has had already; ENQ, which may stand within a sequence, by NUL.
    """

    def __init__(self, size: int, *, keeps_length: bool = False) -> None:
        self._left = size
        self._keeps_length = keeps_length
        self._no_enq = b"\0" if keeps_length else b""
        self._parser = ControlSequenceParser()
        self._held: list[bytes] = []  # a string that may be a query
        self._content = b""  # its content, with the letter that began it

    def end(self) -> bytes:
        """What comes from now on is not of the past; returns what has been held back."""
        held, self._left = (self._all_held() if self._left else b""), 0
        return held

    def feed(self, data: bytes) -> bytes:
        """The part of ``data`` that may be shown."""
        if not self._left:
            return data
        past, now = data[: self._left], data[self._left :]
        self._left -= len(past)
        shown: list[bytes] = []
        for token in self._parser.feed(past):
            self._take(token, shown)
        if not self._left:
            shown.append(self._all_held())
        return b"".join(shown) + now

    def _all_held(self) -> bytes:
        pending = self._parser.pending
        if self._keeps_length:
            pending = pending.replace(b"\x05", self._no_enq)
        return b"".join([*self._held, pending])

    def _take(self, token: Token, shown: list[bytes]) -> None:
        if self._held:
            self._take_string(token, shown)
        elif token.kind is Kind.STRING_BEGIN and token.body in (b"]", b"P", b"_"):
            self._held.append(token.data)
            self._content = token.body
        elif not _is_query(token):
            shown.append(token.data.replace(b"\x05", self._no_enq))  # ENQ is a query of its own
        elif self._keeps_length:
            shown.append(_CAN * len(token.data))

    def _take_string(self, token: Token, shown: list[bytes]) -> None:
        self._held.append(token.data)
        if token.kind is Kind.STRING:
            self._content += token.data
            if len(self._content) <= _LONGEST_QUERY:
                return
        elif token.data and _STRING_QUERY.fullmatch(self._content.translate(None, _PASSED_OVER)):
            if self._keeps_length:
                shown.append(_CAN * sum(map(len, self._held)))
            self._held.clear()
            return
        shown += self._held
        self._held.clear()


def _is_query(token: Token) -> bool:
    if token.kind is Kind.CSI:
        return _CSI_QUERY.fullmatch(token.body) is not None
    return token.kind is Kind.ESCAPE and token.body == b"Z"  # DECID
