"""A screen of 80 columns and 24 lines, as Windows draws one on a serial line (VT-UTF8).

Each line that is ended is padded with blanks to 80 columns, and a longer text goes on in the next line.  The screen
remembers its lines, so that it can be drawn again when its channel is selected.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from typing import Final

COLUMNS: Final = 80
LINES: Final = 24
#: Erases the display and puts the cursor at its upper left corner.
ERASE: Final = "\x1b[2J\x1b[H"
#: To the last column of the line above.
_BACK_UP: Final = "\x1b[A\x1b[80G"


def width_of(character: str) -> int:
    """How many columns a character takes: 0, 1 or 2; a control character takes none."""
    if " " <= character < "\x7f":
        return 1
    if unicodedata.category(character) in ("Cc", "Cs", "Cn", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """The contents of one screen, and what has to be sent to show a change of it."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque([""], maxlen=LINES)
        self._column = 0
        self._went_on = False  # the line above was full, and this one belongs to it

    def draw(self, text: str) -> str:
        """Put a text on the screen.

        Args:
            text: ``\\n`` ends a line, ``\\b`` goes back a column; other control characters are dropped.

        Returns:
            What a terminal has to be sent.
        """
        sent: list[str] = []
        for character in text:
            if character == "\n":
                sent.append(self._end_line())
                self._went_on = False
            elif character == "\b":
                sent.append(self._go_back())
            else:
                sent.append(self._put(character))
        return "".join(sent)

    def erase(self) -> str:
        """Empty the screen; returns what a terminal has to be sent."""
        self._lines.clear()
        self._lines.append("")
        self._column, self._went_on = 0, False
        return ERASE

    def whole(self) -> str:
        """What a terminal has to be sent to show the screen as it is."""
        *ended, last = self._lines
        return ERASE + "".join(f"{line}{' ' * (COLUMNS - _width(line))}\r\n" for line in ended) + last

    def _put(self, character: str) -> str:
        width = width_of(character)
        if width == 0 and (character < " " or "\x7f" <= character < "\xa0"):
            return ""
        before = ""
        if self._column + width > COLUMNS:
            before = self._end_line()
            self._went_on = True
        self._lines[-1] += character
        self._column += width
        return before + character

    def _end_line(self) -> str:
        padding = " " * (COLUMNS - self._column)
        self._lines.append("")
        self._column = 0
        return padding + "\r\n"

    def _go_back(self) -> str:
        before = ""
        if self._column == 0 and self._went_on and len(self._lines) > 1:
            self._lines.pop()
            self._column = _width(self._lines[-1])
            self._went_on = False
            before = _BACK_UP
        if not self._lines[-1]:
            return before
        width = max(1, width_of(self._lines[-1][-1]))
        self._lines[-1] = self._lines[-1][:-1]
        self._column = _width(self._lines[-1])
        return before if before else "\b" * width


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(width_of, text))
