"""Finds the lines of a text that are worth examining, by a quick search before any expression is tried.  No I/O, no clock.

Most text on a console shows no problem.  So each piece is searched for texts of which every match of an expression
contains one, and an expression is tried only on lines that have such a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

#: The rest of a colour sequence (SGR) whose ESC was lost, or was written as a visible ``^[`` or ``#033``.
_LOST_COLOUR: Final = re.compile(
    r"(?:\^\[|#033|\\033|\\e|\\x1[bB]|[\u241b\ufffd])\[(?:\d{1,3}(?:;\d{1,3}){0,7})?[mK]|\[\d{1,3}(?:;\d{1,3}){0,7}m"
)
#: What a terminal program writes before each line of a log: the time of day.
_TIME_OF_DAY: Final = re.compile(
    r"^(?:\[\d\d:\d\d:\d\d[.:]\d{3}\]|\d\d:\d\d:\d\d\.\d{3}:|\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\]) "
)
#: The characters of boot logs, the most frequent first.
_BY_FREQUENCY: Final = "etaonrisdlcmupfghbywv 0123456789.:-/_,x=kSTILCEPADNRMFB()[]jzqUOHKVGWXYQZJ'#+@%<>*\"!?;&|{}~`^$"

#: A text that is looked for, and the numbers of the items that have it.
_Sought: TypeAlias = "tuple[str, list[int]]"


class Look(NamedTuple):
    """A line to examine: the numbers of the items that it may be, and the ids that were already found in it."""

    end: int
    start: int
    line: str
    at: float
    numbers: list[int]
    done: set[str]


class Quick:
    """Finds the lines of a text that may be one of many items.

    Hundreds of texts are looked for, so most are excluded without a search: a text with a whole word in it where the
    piece does not have that word, and a text with a rare character where the piece does not have that character.

    Args:
        items: for each item, texts of which its lines contain at least one; empty where that is not known.
    """

    def __init__(self, items: Sequence[frozenset[str]]) -> None:
        #: The items without such a text: each line may be one of these.
        self.slow = [number for number, texts in enumerate(items) if not texts]
        users: dict[str, list[int]] = {}
        for number, texts in enumerate(items):
            for text in texts:
                users.setdefault(text, []).append(number)
        self._by_word: dict[str, list[_Sought]] = {}
        others: dict[str, list[int]] = {}
        for text, numbers in users.items():
            if (word := _whole_word(text)) is not None:
                self._by_word.setdefault(word, []).append((text, numbers))
            else:
                others[text] = numbers
        by_character: dict[str, list[_Sought]] = {}
        for text, numbers in _shortest(others).items():
            by_character.setdefault(max(text, key=_rarity), []).append((text, numbers))
        self._by_character = list(by_character.items())

    def lines(self, block: str) -> dict[tuple[int, int], set[int]]:
        """Bounds of lines of ``block`` (without their ends), and the items that may match there."""
        sought = [each for character, some in self._by_character if character in block for each in some]
        for word in self._by_word.keys() & set(block.split()):
            sought += self._by_word[word]
        found: dict[tuple[int, int], set[int]] = {}
        for text, numbers in sought:
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


def _whole_word(text: str) -> str | None:
    """The longest word in a text that has white space on both sides, and so is a whole word wherever the text occurs."""
    words = text.split()
    inner = words[0 if text[:1].isspace() else 1 : len(words) if text[-1:].isspace() else -1]
    return max(inner, key=len, default=None)


def _shortest(users: dict[str, list[int]]) -> dict[str, list[int]]:
    """Merge texts: one that contains another is looked for by that other one."""
    found: dict[str, list[int]] = {}
    for text, numbers in users.items():
        found.setdefault(min((other for other in users if other in text), key=len), []).extend(numbers)
    return found


def _rarity(character: str) -> int:
    """How rare a character is in a console's text."""
    place = _BY_FREQUENCY.find(character)
    return place if place >= 0 else len(_BY_FREQUENCY)


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
    """The line without what damaged colour sequences leave behind, and without a terminal program's time of day."""
    return _TIME_OF_DAY.sub("", _LOST_COLOUR.sub("", line) if "[" in line else line)
