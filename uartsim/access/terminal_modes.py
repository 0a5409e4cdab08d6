"""The modes that a guest switches in a person's terminal, and how they are restored (ECMA-48, DEC STD 070, xterm's ctlseqs).

A program in the guest may leave the terminal in inverse video, with a line-drawing character set, without wrapping, with
margins or mouse reports, which would disturb the person's shell.  :class:`Modes` follows what is switched and restores only
that: a terminal that the guest has left alone gets nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from uartsim.control_sequences import Kind, Token

#: DEC private modes and what they are at rest: cursor keys, 132 columns, reverse video, origin, wrap, X10 mouse, blinking
#: and shown cursor, application keypad, reverse wrap, margins left and right, mouse, focus, alternate screens, metas, paste,
#: synchronised output, reports of the theme and of sizes, and Windows' keys; 67 is the backspace key.
_PRIVATE_AT_REST: Final = {
    **dict.fromkeys((1, 3, 5, 6, 9, 45, 47, 66, 67, 69, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016), "l"),
    **dict.fromkeys((1047, 1049, 2004, 2026, 2031, 2048, 9001), "l"),
    **dict.fromkeys((7, 25), "h"),
}
#: ANSI modes: keyboard lock, insert, local echo (send-receive is on at rest), line feed.
_ANSI_AT_REST: Final = {2: "l", 4: "l", 12: "h", 20: "l"}

#: The parts of a control sequence: a private mark, parameters, intermediate bytes, the final byte.
_CSI_PARTS: Final = re.compile(rb"([<-?]?)([0-9:;]*)([ -/]*)([@-~])")
#: Escape sequences that select a character set, or shift to one for good.
_CHARSET: Final = re.compile(rb"[()*+\-./][%\"&]?[0-~]|[no|}~]")
#: Colours of the palette and of the screen, and links: how an OSC that sets one begins, and what resets it.
_SETS: Final = re.compile(rb"(4|1[0-9]|8);")
_RESETS: Final = {
    **dict.fromkeys(("4",), "\x1b]104\x07"),
    **{str(number): f"\x1b]1{number}\x07" for number in range(10, 20)},
    "8": "\x1b]8;;\x07",
}
#: How often a program may have pushed its keyboard modes before the count stops.
_MOST_PUSHED: Final = 99


class Modes:
    """Follows which modes of the terminal the guest has switched."""

    def __init__(self) -> None:
        self._in_string = False
        self._number: bytes | None = None  # how the content of an OSC begins, until it tells what is set
        self._forget()

    def _forget(self) -> None:
        """Everything is as it was at first, as after a reset."""
        self._private: dict[int, None] = {}
        self._ansi: dict[int, None] = {}
        self._keypad = self._colours = self._charset = self._margins = self._side_margins = False
        self._cursor_shape = self._protected = self._is_vt52 = False
        self._modified_keys: dict[int, None] = {}
        self._pushed = 0
        self._keyboard_set = False
        self._set: dict[str, None] = {}

    def follow(self, tokens: Iterable[Token]) -> None:
        """The terminal gets ``tokens``."""
        for token in tokens:
            if token.kind is not Kind.STRING and b"\x0e" in token.data:  # SO, also in the middle of a sequence
                self._charset = True
            match token.kind:
                case Kind.CSI:
                    self._control(token.body)
                case Kind.ESCAPE:
                    self._escape(token.body)
                case Kind.STRING_BEGIN:
                    self._in_string = True
                    self._number = b"" if token.body == b"]" else None
                case Kind.STRING if self._number is not None:
                    self._number += token.data[:8]
                    if setting := _SETS.match(self._number):
                        self._set[setting[1].decode()] = None
                    if setting or len(self._number) >= 8:
                        self._number = None
                case Kind.STRING_END:
                    self._in_string = False

    def _escape(self, body: bytes) -> None:
        if body in (b"=", b">"):
            self._keypad = body == b"="
        elif body == b"c":
            self._forget()
        elif body != b"(B" and _CHARSET.fullmatch(body):
            self._charset = True

    def _control(self, body: bytes) -> None:
        lead, parameters, middle, final = _CSI_PARTS.fullmatch(body).groups()  # type: ignore[union-attr]
        numbers = [int(part) for part in re.split(rb"[;:]", parameters) if part and len(part) < 6]
        match (lead + middle, final):
            case (b"?", b"h" | b"l"):
                self._switch(self._private, _PRIVATE_AT_REST, numbers, final)
                self._is_vt52 = self._is_vt52 or (2 in numbers and final == b"l")
            case (b"?", b"r"):  # restores what was saved, which is not known here
                self._private.update(dict.fromkeys(number for number in numbers if number in _PRIVATE_AT_REST))
            case (b"", b"h" | b"l"):
                self._switch(self._ansi, _ANSI_AT_REST, numbers, final)
            case (b"", b"m"):
                self._colours = bool(parameters.strip(b"0;"))
            case (b"", b"r"):
                self._margins = bool(numbers)
            case (b"", b"s"):
                self._side_margins = self._side_margins or bool(numbers)
            case (b" ", b"q"):
                self._cursor_shape = any(numbers)
            case (b'"', b"q"):
                self._protected = any(numbers)
            # DECSTR (! p) is not here: what it resets depends on the terminal, so nothing is forgotten
            case _:
                self._keyboard(lead + middle, numbers, final)

    def _keyboard(self, marks: bytes, numbers: list[int], final: bytes) -> None:
        """xterm's modified keys, and kitty's stack of keyboard modes."""
        match (marks, final):
            case (b">", b"m" | b"n"):
                self._modified_keys.update(dict.fromkeys(numbers[:1] or range(5)))
            case (b">", b"u"):
                self._pushed = min(self._pushed + 1, _MOST_PUSHED)
            case (b"<", b"u"):
                self._pushed = max(0, self._pushed - (numbers[0] if numbers else 1))
            case (b"=", b"u"):
                self._keyboard_set = True

    @staticmethod
    def _switch(switched: dict[int, None], at_rest: dict[int, str], numbers: list[int], final: bytes) -> None:
        for number in numbers:
            switched.pop(number, None)
            if number in at_rest and final.decode() != at_rest[number]:
                switched[number] = None

    def undo(self) -> bytes:
        """The bytes that restore the modes, the last one first; a control string that has begun is cut off first (CAN)."""
        back = ["\x1b<"] * self._is_vt52  # a VT52 obeys no control sequence, but this
        if self._pushed:
            back.append(f"\x1b[<{self._pushed}u")
        if self._keyboard_set:
            back.append("\x1b[=0u")
        back += [f"\x1b[>{number}m" for number in self._modified_keys]
        # margins and origin first while the screen is the guest's; leaving them moves the cursor, so it is kept in place
        moves = [mode for mode in (6, 69) if mode in self._private]
        if moves or self._margins or self._side_margins:
            back.append("\x1b7")
            back += ["\x1b[?69h\x1b[s\x1b[?69l"] if self._side_margins or 69 in moves else []
            back += ["\x1b[r"] if self._margins else []
            back.append("\x1b8")
            back += ["\x1b[?6l"] if 6 in moves else []  # after ESC 8, which restores the origin mode as well
        back += [
            f"\x1b[?{number}{_PRIVATE_AT_REST[number]}" for number in reversed(self._private) if number not in (6, 69)
        ]
        back += [f"\x1b[{number}{_ANSI_AT_REST[number]}" for number in reversed(self._ansi)]
        back += ["\x1b>"] * self._keypad
        back += ["\x0f\x1b(B\x1b)B\x1b*B\x1b+B"] * self._charset
        back += ['\x1b[0"q'] * self._protected
        back += ["\x1b[0 q"] * self._cursor_shape
        back += ["\x1b[0m"] * self._colours
        back += [_RESETS[what] for what in self._set]
        return (b"\x18" if self._in_string else b"") + "".join(back).encode()
