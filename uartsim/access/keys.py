"""Tells a person's keys for the guest from those for the menu, which follow ``Ctrl-]``.

A ``Ctrl-]`` that is pasted is text like any other and goes to the guest.  A paste is recognised by the brackets that a
terminal puts around it where the guest's program has asked for them (``ESC [ 200 ~``), and otherwise by its speed: a person
does not type more than :data:`PASTE_BYTES` between two reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol

ESCAPE: Final = b"\x1d"  # Ctrl-]
#: What most need; ``?`` shows every key.
MENU: Final = "[b break|s SysRq|n NMI|r reset|d diagnosis|l record|w watch|f take|q quit|?]"
#: More than this in one read is a paste, in bytes.
PASTE_BYTES: Final = 32
#: Keys that follow a paste within this time belong to it, in seconds.
PASTE_GAP_S: Final = 0.05
#: How long the end of a bracketed paste is waited for, in seconds, so that the menu stays within reach.
PASTE_BRACKET_S: Final = 1.0

_PASTE_BEGINS: Final = b"\x1b[200~"
_PASTE_ENDS: Final = b"\x1b[201~"
#: The bytes that one key sends: an escape sequence, a character of UTF-8, or a byte.
_KEY: Final = re.compile(rb"\x1b[\[O][0-?]*[ -/]*[@-~]|[\xc2-\xf4][\x80-\xbf]+|.", re.DOTALL)
_COMMANDS: Final = {
    b"b": "break",
    b"n": "nmi",
    b"r": "reset",
    b"d": "diagnosis",
    b"t": "times",
    b"x": "hex",
    b"z": "size",
    b"w": "watch",
    b"f": "take",
    b"q": "quit",
    b"?": "help",
    b"h": "help",
}
#: The help that ``?`` shows, by lines.
HELP: Final = (
    "b  send a break (0.25 s)",
    "s  send SysRq: a break and a key; several letters are a sequence",
    "n  press the NMI button",
    "r  press the reset button",
    "d  diagnosis: speed, modem lines, counters, holder of the line, link to the pty",
    "l  record to a file, whose ending says how (.log, .stamped.log, .cast, .jsonl); again: end the record",
    "t  times before the lines: of the day, since attached, none",
    "x  bytes in hexadecimal; again: as they are",
    "z  type 'stty rows R cols C' with this terminal's size at the guest",
    "w  only watch: give the line up",
    "f  take the line from its holder",
    "q  quit",
    "?  this help",
    "Ctrl-]  send a Ctrl-] to the guest; Esc, Enter, Space or Ctrl-C close the menu",
)
#: What the menu asks, by what the answer is for.
QUESTIONS: Final = {
    "sysrq": b"SysRq key or sequence, then Enter (Esc: none): ",
    "record": b"record to which file, then Enter (nothing: a .log here; Esc: none): ",
}
_CANCEL: Final = (b"\x1b", b"\x03", b"\r", b"\n", b" ")


class Menu(Protocol):
    """What the keys after Ctrl-] do."""

    @property
    def is_open(self) -> bool:
        """Whether the next key is the menu's."""

    def open(self) -> None:
        """Ctrl-] was pressed."""

    def close(self) -> None:
        """A paste has come: it does not press the menu's keys, but may answer its question, for which it stays open."""

    def press(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        """What to do after a key, and with which bytes."""


class Keys:
    """Tells keys for the guest from those for the menu.

    Feed it what was typed; it yields pairs of what to do and with which bytes: ``send`` bytes, ``menu`` (show it),
    ``clear`` (the menu line is done), ``pasted`` (a Ctrl-] has gone to the guest), and whatever the menu says.

    Args:
        menu: the menu.
    """

    def __init__(self, menu: Menu) -> None:
        self._menu = menu
        self._last_at = float("-inf")
        self._in_burst = False
        self._in_brackets = False
        self._tail = b""

    @property
    def pasting(self) -> bool:
        """Whether what came last is part of a paste."""
        return self._in_burst or self._in_brackets

    def feed(self, data: bytes, now_s: float) -> Iterator[tuple[str, bytes]]:
        """The actions for ``data``, which was read at ``now_s`` seconds, in the order of the keys."""
        quiet_s = now_s - self._last_at
        self._last_at = now_s
        self._in_burst = len(data) > PASTE_BYTES or (self._in_burst and quiet_s < PASTE_GAP_S)
        if quiet_s > PASTE_BRACKET_S:
            self._in_brackets = False
        before, self._tail = self._tail, (self._tail + data)[1 - len(_PASTE_BEGINS) :]
        if self._in_burst and self._menu.is_open:
            self._menu.close()
            if not self._menu.is_open:
                yield "clear", b""
        position = 0
        while position < len(data):
            if self._menu.is_open:
                match = _KEY.match(data, position)
                assert match is not None
                position = match.end()
                yield from self._menu.press(match[0])
                continue
            until, pasted = data.find(ESCAPE, position), False
            while until >= 0 and (self._in_burst or self._bracketed(before + data[:until])):
                until, pasted = data.find(ESCAPE, until + 1), True
            end = len(data) if until < 0 else until
            if end > position:
                yield "send", data[position:end]
            if pasted:
                yield "pasted", b""
            if until < 0:
                break
            position = until + 1
            self._menu.open()
            yield "menu", b""
        self._in_brackets = self._bracketed(before + data)

    def _bracketed(self, text: bytes) -> bool:
        """Whether the end of ``text`` is inside a paste."""
        begins, ends = text.rfind(_PASTE_BEGINS), text.rfind(_PASTE_ENDS)
        return self._in_brackets if begins == ends else begins > ends


class AttachMenu:
    """The menu of ``uartsim attach``.

    It says ``prompt`` (ask for SysRq keys, or for a record's file: its bytes are the question), ``echo`` bytes (to the
    screen), ``clear`` (the menu line is done), ``sysrq`` keys, ``record`` with a file's name, ``end record``, ``unknown``
    key, and ``break``, ``nmi``, ``reset``, ``diagnosis``, ``times``, ``hex``, ``size``, ``watch``, ``take``, ``quit``,
    ``help``.

    Attributes:
        recording: whether there is a record, which the key for it ends.
    """

    def __init__(self) -> None:
        self.recording = False
        self._state = "guest"
        self._answer: list[bytes] = []  # to the question of the prompt, key by key

    @property
    def is_open(self) -> bool:
        """Whether the next key is the menu's."""
        return self._state != "guest"

    def open(self) -> None:
        """Ctrl-] was pressed."""
        self._state = "menu"

    def close(self) -> None:
        """The next key is the guest's, unless a file's name is asked for, which may be pasted."""
        if self._state != "record":
            self._state = "guest"

    def press(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        """What to do after a key, and with which bytes."""
        return self._in_menu(key) if self._state == "menu" else self._in_prompt(key)

    def _in_menu(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        self._state = "guest"
        if key.lower() == b"s" or (key.lower() == b"l" and not self.recording):
            self._state = "sysrq" if key.lower() == b"s" else "record"
            self._answer.clear()
            yield "prompt", QUESTIONS[self._state]
            return
        yield "clear", b""
        if key == ESCAPE:
            yield "send", ESCAPE
        elif key.lower() == b"l":
            yield "end record", b""
        elif key not in _CANCEL:
            yield _COMMANDS.get(key.lower(), "unknown"), key

    def _in_prompt(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        if key in (b"\r", b"\n"):
            asked, self._state = self._state, "guest"
            yield "clear", b""
            if self._answer or asked == "record":
                yield asked, b"".join(self._answer)
        elif key in (b"\x1b", b"\x03", ESCAPE):
            self._state = "guest"
            yield "clear", b""
        elif key in (b"\x7f", b"\b"):
            if self._answer:
                del self._answer[-1]
                yield "echo", b"\b \b"
        elif (len(key) == 1 and key.isalnum()) or (self._state == "record" and _is_character(key)):
            self._answer.append(key)
            yield "echo", key


def _is_character(key: bytes) -> bool:
    """Whether a key is a character that a file's name may have."""
    return key.decode(errors="replace").isprintable() and not key.startswith(b"\x1b")
