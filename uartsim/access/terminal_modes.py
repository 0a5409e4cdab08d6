"""What a guest switches in a person's terminal, and how it is switched back (ECMA-48, DEC STD 070, xterm's ctlseqs).

A program in the guest may leave the terminal in inverse video, with a line-drawing character set, without wrapping, with
margins or mouse reports: the person's shell would have to live with it.  :class:`Modes` follows what is switched and undoes
only that, so that a terminal which was left alone gets nothing.
"""

from __future__ import annotations

import re
from typing import Final

#: DEC private modes and what they are at rest: cursor keys, 132 columns, reverse video, origin, wrap, X10 mouse, blinking
#: and shown cursor, application keypad, reverse wrap, margins left and right, mouse, focus, alternate screens, metas, paste,
#: synchronised output, and reports of the theme and of sizes.
_PRIVATE_AT_REST: Final = {
    **dict.fromkeys((1, 3, 5, 6, 9, 45, 47, 66, 69, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016), "l"),
    **dict.fromkeys((1047, 1049, 2004, 2026, 2031, 2048), "l"),
    **dict.fromkeys((7, 25), "h"),
}
#: ANSI modes: keyboard lock, insert, local echo (send-receive is on at rest), line feed.
_ANSI_AT_REST: Final = {2: "l", 4: "l", 12: "h", 20: "l"}

_PARAMETERS: Final = rb"[0-9;:]{0,200}"
_SEQUENCE: Final = re.compile(
    rb"(?:\x1b\[|\xc2\x9b|(?<![\x80-\xff])\x9b)(?P<lead>[?<=>]?)(?P<parameters>"
    + _PARAMETERS
    + rb")(?P<middle>[ !\"'$*]?)"
    rb"(?P<final>[@-~])"
    rb"|\x1b(?P<charset>[()*+\-./][%\"&]?[0-~])"
    rb"|\x1b(?P<short>[=>cno|}~N7])"
    rb"|(?P<shift>[\x0e\x0f])"
)
_BEGUN: Final = re.compile(
    rb"(?:\x1b(?:\[[?<=>]?"
    + _PARAMETERS
    + rb"[ !\"'$*]?|[()*+\-./][%\"&]?|\][0-9]{0,2})?|\xc2(?:\x9b[?<=>]?"
    + _PARAMETERS
    + rb")?)\Z"
)
#: The longest beginning of a sequence that is kept until its end comes, in bytes.
_LONGEST_BEGUN: Final = 220
#: What opens a string (OSC, DCS, SOS, PM, APC), and what ends one.
_STRING: Final = re.compile(rb"\x1b(?P<opens>[\]PX^_])|[\x07\x18\x1a]|\x1b")
#: Colours of the palette and of the screen, and links: what opens them, and what takes them back.
_SETS: Final = re.compile(rb"\x1b\](4|10|11|12|17|19|8);")
_RESETS: Final = {
    **dict.fromkeys(("4",), "\x1b]104\x07"),
    **{str(number): f"\x1b]1{number}\x07" for number in (10, 11, 12, 17, 19)},
    "8": "\x1b]8;;\x07",
}
#: How often a program may have pushed its keyboard modes before the count stops.
_MOST_PUSHED: Final = 99


class Modes:
    """Follows which modes of the terminal the guest has switched."""

    def __init__(self) -> None:
        self._begun = b""
        self._rest()

    def _rest(self) -> None:
        self._private: dict[int, None] = {}
        self._ansi: dict[int, None] = {}
        self._keypad = self._colours = self._charset = self._margins = self._side_margins = False
        self._cursor_shape = self._protected = False
        self._modified_keys: dict[int, None] = {}
        self._pushed = 0
        self._keyboard_set = False
        self._in_string = False
        self._set: dict[str, None] = {}

    def feed(self, data: bytes) -> None:
        """The terminal gets ``data``."""
        if self._begun:
            data = self._begun + data
        for match in _SEQUENCE.finditer(data):
            if match["final"]:
                self._control(match["lead"], match["parameters"], match["middle"], match["final"])
            elif match["shift"] or match["charset"]:
                self._charset = self._charset or match[0] not in (b"\x0f", b"\x1b(B")
            elif match["short"] in b"=>":
                self._keypad = match["short"] == b"="
            elif match["short"] == b"c":
                self._rest()
            elif match["short"] in (b"n", b"o", b"|", b"}", b"~"):
                self._charset = True
        if b"\x1b" in data or self._in_string:
            self._set.update(dict.fromkeys(match[1].decode() for match in _SETS.finditer(data)))
            for match in _STRING.finditer(data):
                self._in_string = bool(match["opens"])
        begun = _BEGUN.search(data, max(0, len(data) - _LONGEST_BEGUN))
        self._begun = begun[0] if begun else b""

    def _control(self, lead: bytes, parameters: bytes, middle: bytes, final: bytes) -> None:
        numbers = [int(part) for part in re.split(rb"[;:]", parameters) if part and len(part) < 6]
        match (lead + middle, final):
            case (b"?", b"h" | b"l"):
                self._switch(self._private, _PRIVATE_AT_REST, numbers, final)
            case (b"?", b"r"):  # restored to what was saved, which we do not know
                self._private.update(dict.fromkeys(number for number in numbers if number in _PRIVATE_AT_REST))
            case (b"", b"h" | b"l"):
                self._switch(self._ansi, _ANSI_AT_REST, numbers, final)
            case (b"", b"m"):
                self._colours = bool(parameters.strip(b"0;"))
            case (b"", b"r"):
                self._margins = bool(numbers)
            case (b"", b"s"):
                self._side_margins = self._side_margins or bool(numbers)
            case (b"!", b"p"):  # DECSTR: what it resets depends on the terminal, so nothing is forgotten
                pass
            case (b" ", b"q"):
                self._cursor_shape = any(numbers)
            case (b'"', b"q"):
                self._protected = any(numbers)
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
        """What switches them back, the last one first.  A sequence that the guest has begun is cancelled before it (CAN)."""
        back = []
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
        return (b"\x18" if self._begun or self._in_string else b"") + "".join(back).encode()


#: OSC 52 reads and writes the clipboard; OSC 5522 is kitty's.
_CLIPBOARD_BEGUN: Final = re.compile(
    rb"(?:\x1b(?:\](?:5(?:2|5(?:2(?:2)?)?)?)?)?|\xc2(?:\x9d(?:5(?:2|5(?:2(?:2)?)?)?)?)?)\Z"
)
_CLIPBOARD_HEAD: Final = re.compile(rb"(?:\x1b\]|\xc2\x9d)(?:52|5522);")
#: The end of it, or a control that cannot be in it: a line that was cut short must not swallow what follows.
_CLIPBOARD_END: Final = re.compile(rb"\x1b\\|\xc2\x9c|[\x00-\x1f]")


class Clipboard:
    """Takes out what would read or write the person's clipboard (OSC 52): a console has no business there."""

    def __init__(self) -> None:
        self._held = b""
        self._inside = False

    def feed(self, data: bytes) -> bytes:
        """What of ``data`` is to be shown; a beginning that may become such a sequence is held back."""
        if not self._held and not self._inside and b"\x1b" not in data and b"\xc2" not in data:
            return data
        data, self._held = self._held + data, b""
        shown = []
        at = 0
        while at < len(data):
            if self._inside:
                end = _CLIPBOARD_END.search(data, at)
                if end is None:
                    if data.endswith(b"\xc2"):
                        self._held = b"\xc2"
                    break
                if end[0] == b"\x1b" and end.end() == len(data):
                    self._held = b"\x1b"
                    break
                at = end.end() if end[0] in (b"\x07", b"\x1b\\", b"\xc2\x9c") else end.start()
                self._inside = False
            elif (head := _CLIPBOARD_HEAD.search(data, at)) is not None:
                shown.append(data[at : head.start()])
                at, self._inside = head.end(), True
            else:
                begun = _CLIPBOARD_BEGUN.search(data, max(at, len(data) - 8))
                stop = begun.start() if begun else len(data)
                shown.append(data[at:stop])
                self._held = data[stop:]
                break
        return b"".join(shown)
