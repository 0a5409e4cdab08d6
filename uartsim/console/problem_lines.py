"""Which lines of a text are worth a look: a quick search, before any expression is tried.  No I/O, no clock.

Most text on a console is no problem.  So each piece is searched for texts of which every match of an expression
contains one, and the expressions are tried only on lines that have such a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

#: The rest of a colour sequence (SGR) whose ESC was lost, or was written as a visible ``^[`` or ``#033``.
_LOST_COLOUR: Final = re.compile(
    r"(?:\^\[|#033|\\033|\\e|\\x1[bB]|[\u241b\ufffd])\[(?:\d{1,3}(?:;\d{1,3}){0,7})?[mK]|\[\d{1,3}(?:;\d{1,3}){0,7}m"
)
#: What a terminal program writes before each line of a log: the time of day.
_TIME_OF_DAY: Final = re.compile(
    r"^(?:\[\d\d:\d\d:\d\d[.:]\d{3}\]|\d\d:\d\d:\d\d\.\d{3}:|\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\]) "
)


class Look(NamedTuple):
    """A line that may be something: which items (their numbers), and the ids that it is already known to be."""

    end: int
    start: int
    line: str
    at: float
    numbers: list[int]
    done: set[str]


class Quick:
    """Finds the lines of a text that may be one of many items.

    Args:
        items: of each, texts of which its lines contain one; none where that is not known.
    """

    def __init__(self, items: Sequence[frozenset[str]]) -> None:
        #: Those without a text to look for: they are asked about each line.
        self.slow = [number for number, texts in enumerate(items) if not texts]
        users: dict[str, list[int]] = {}
        for number, texts in enumerate(items):
            for text in texts:
                users.setdefault(text, []).append(number)
        self.users = list(users.items())

    def lines(self, block: str) -> dict[tuple[int, int], set[int]]:
        """Bounds of lines of ``block`` (without their ends), and the items that may match there."""
        found: dict[tuple[int, int], set[int]] = {}
        for text, numbers in self.users:
            at = block.find(text)
            while at >= 0:
                end = block.find("\n", at)
                end = end if end >= 0 else len(block)
                found.setdefault((block.rfind("\n", 0, at) + 1, end), set()).update(numbers)
                at = block.find(text, end)
        if self.slow:
            start = 0
            for line in block.split("\n"):
                if line:
                    found.setdefault((start, start + len(line)), set()).update(self.slow)
                start += len(line) + 1
        return found


def next_line(block: str, start: int) -> tuple[int, int] | None:
    """Bounds of the first line of ``block`` from ``start`` on that has any text, or None."""
    while start < len(block):
        end = block.find("\n", start)
        end = end if end >= 0 else len(block)
        if block[start:end].strip():
            return start, end
        start = end + 1
    return None


def bare(line: str) -> str:
    """The line as the guest meant it.

    Without what colour sequences leave behind when their ESC was lost, and the time of day before it.
    """
    return _TIME_OF_DAY.sub("", _LOST_COLOUR.sub("", line) if "[" in line else line)
