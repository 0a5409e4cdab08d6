"""pyte's terminal, with a bound on what one cell holds.

It imports pyte; :mod:`uartsim.console.text.screen` imports it when something is drawn.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import Final

import pyte
from wcwidth import wcwidth

#: How many characters a cell holds: one, and combining marks.  As on terminals, further marks are not shown.  Without a
#: bound each mark costs as much as all before it, and guests could make a screen of any size.
MOST_IN_A_CELL: Final = 8


class BoundedTerminal(pyte.Screen):
    """A terminal whose cells hold at most :data:`MOST_IN_A_CELL` characters each.

    It passes over characters that show nothing; pyte would leave out the text behind them.
    """

    def draw(self, data: str) -> None:
        """Show text at the cursor."""
        if data.isascii() and data.isprintable():
            super().draw(data)
            return
        for width, characters in groupby(data, _width):
            text = "".join(characters)
            if width is None:
                super().draw(text[: self._room()])
            elif width > 0:
                super().draw(text)

    def _room(self) -> int:
        """How many more combining marks the cell before the cursor takes."""
        at = self.cursor
        row, column = (at.y, at.x - 1) if at.x else (at.y - 1, self.columns - 1)
        return max(0, MOST_IN_A_CELL - len(self.buffer[row][column].data)) if row >= 0 else 0


def _width(character: str) -> int | None:
    """How many columns a character takes: none or less, if it shows nothing; None for a combining mark."""
    width = wcwidth(character)
    return None if width == 0 and unicodedata.combining(character) else width
