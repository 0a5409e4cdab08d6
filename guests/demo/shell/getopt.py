"""The options of commands, as getopt(3) reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class UsageFailure(Exception):
    """The options are wrong; the message is what the command says about it."""


@dataclass
class Parsed:
    """Options and operands.

    Attributes:
        flags: the letters of the options given that take no value.
        values: the letters of the options given that take a value, and the values.
        operands: the other arguments.
    """

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    operands: list[str] = field(default_factory=list)

    def __contains__(self, letter: str) -> bool:
        return letter in self.flags


_NO_LONG: Final[Mapping[str, str]] = {}


def parse(arguments: list[str], letters: str, long: Mapping[str, str] = _NO_LONG) -> Parsed:
    """Split arguments into options and operands; options may follow operands.

    Args:
        arguments: the arguments, without the command's name.
        letters: the letters of the options; one that takes a value is followed by a colon.
        long: the names of long options, and the letters that they stand for.

    Raises:
        UsageFailure: an option is unknown, or its value is missing.
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
        UsageFailure: it is not one.
    """
    try:
        return int(text)
    except ValueError:
        raise UsageFailure(f"invalid {what}: '{text}'") from None
