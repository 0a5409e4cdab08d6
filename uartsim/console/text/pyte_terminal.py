"""pyte's terminal, with a bound on what one cell holds.

It imports pyte; :mod:`uartsim.console.text.screen` imports it when something is drawn.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import Final

import pyte

#: How many characters a cell holds: one, and combining marks.  As on terminals, further marks are not shown.  Without a
#: bound each mark costs as much as all before it, and guests could make a screen of any size.
MOST_IN_A_CELL: Final = 8


class BoundedTerminal(pyte.Screen):
    """A terminal whose cells hold at most :data:`MOST_IN_A_CELL` characters each."""

    def draw(self, data: str) -> None:
        """Show text at the cursor."""
        if data.isascii():
            super().draw(data)
            return
        for are_marks, characters in groupby(data, _is_mark):
            text = "".join(characters)
            super().draw(text[: self._room()] if are_marks else text)

    def _room(self) -> int:
        """How many more combining marks the cell before the cursor takes."""
        at = self.cursor
        row, column = (at.y, at.x - 1) if at.x else (at.y - 1, self.columns - 1)
        return max(0, MOST_IN_A_CELL - len(self.buffer[row][column].data)) if row >= 0 else 0


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) != 0
