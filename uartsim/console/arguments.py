"""What the arguments of a console's calls may be: one rule, and one message, for each kind."""

from __future__ import annotations

import re
from typing import Final, TypeGuard

from uartsim.errors import UsageError
from uartsim.printable import quoted

#: The longest time that can be asked for, in seconds: 31 years.  Time-outs beyond it are for ever.
LONGEST_S: Final = 1e9


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is an int or a float: not a bool, and not NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a value is an int, and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_count(call: str, count: object) -> None:
    """Check a number of things; UsageError if it is not an int from 0 on."""
    __tracebackhide__ = True
    if not is_integer(count) or count < 0:
        raise UsageError(f"{call}({quoted(count)}): give a whole number from 0 on")


def check_timeout(seconds: object) -> None:
    """Check a time-out that ends some day; UsageError if it is not a number from 0 on."""
    __tracebackhide__ = True
    if not is_number(seconds):
        raise UsageError(f"the time-out is {quoted(seconds)}: give seconds, or None to wait for ever")
    if seconds < 0:
        raise UsageError(f"the time-out is {quoted(seconds)} s: give 0 or more, or None to wait for ever")


def check_time(call: str, seconds: object, example: float, longest_s: float = LONGEST_S) -> None:
    """Check a time that a call was given.

    Raises:
        UsageError: it is not a number above 0 and up to ``longest_s``.
    """
    __tracebackhide__ = True
    if not is_number(seconds) or not 0 < seconds <= longest_s:
        raise UsageError(
            f"{call}({quoted(seconds)}): give a time above 0, and at most {longest_s:g} s, such as {example:g}"
        )


def compiled(call: str, pattern: object) -> re.Pattern[str]:
    """A regular expression for one line of text, from text or a compiled one.

    Raises:
        UsageError: it is something else, or does not compile.
    """
    __tracebackhide__ = True
    if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str):
        return pattern
    if not isinstance(pattern, str):
        raise UsageError(f"{call}: {quoted(pattern)} is not a regular expression: give text, or one compiled from text")
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise UsageError(f"{call}: {quoted(pattern)} is not a regular expression: {error}") from None


def check_utf8(text: str, what: str) -> None:
    """Check that a text can be written as UTF-8.

    Raises:
        UsageError: it cannot; the message does not quote it, for it may be a password.
    """
    position = next((at for at, character in enumerate(text) if "\ud800" <= character <= "\udfff"), None)
    if position is not None:
        raise UsageError(
            f"{what} has a lone surrogate as its character {position + 1}, which UTF-8 cannot write: give bytes to send(), "
            "or text without it"
        )
