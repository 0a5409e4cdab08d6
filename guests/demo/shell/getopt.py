"""Command line options of the programs, as getopt(3) reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class UsageFailure(Exception):
    """An option that the program does not have; the message is what it says about it."""


@dataclass
class Parsed:
    """Options and operands.

    Attributes:
        flags: the letters that were given.
        values: letters that take a value, and theirs.
        operands: what is left.
    """

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    operands: list[str] = field(default_factory=list)

    def __contains__(self, letter: str) -> bool:
        return letter in self.flags


_NO_LONG: Final[Mapping[str, str]] = {}


def parse(arguments: list[str], letters: str, long: Mapping[str, str] = _NO_LONG) -> Parsed:
    """Split arguments into options and operands; options may stand behind operands.

    Args:
        arguments: without the program's name.
        letters: the letters allowed, one followed by a colon takes a value.
        long: long options without ``--``, and the letters they stand for.

    Raises:
        UsageFailure: an unknown option, or a value is missing.
    """
    result = Parsed()
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            result.operands += queue
            break
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            letter = long.get(name)
            if letter is None:
                raise UsageFailure(f"unrecognized option '{argument}'")
            _take(result, letter, letters, [value, *queue] if equals else queue)
        elif argument.startswith("-") and argument != "-":
            rest = argument[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                if letter not in letters or letter == ":":
                    raise UsageFailure(f"invalid option -- '{letter}'")
                if f"{letter}:" in letters:
                    _take(result, letter, letters, [rest] if rest else queue)
                    rest = ""
                else:
                    result.flags.add(letter)
        else:
            result.operands.append(argument)
    return result


def _take(result: Parsed, letter: str, letters: str, queue: list[str]) -> None:
    if f"{letter}:" not in letters:
        result.flags.add(letter)
    elif not queue:
        raise UsageFailure(f"option requires an argument -- '{letter}'")
    else:
        result.values[letter] = queue.pop(0)


def number(text: str, what: str = "number") -> int:
    """``text`` as a whole number.

    Raises:
        UsageFailure: it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise UsageFailure(f"invalid {what}: '{text}'") from None
