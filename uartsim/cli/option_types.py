"""Types of command line options that several modules of commands use."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import click

from uartsim.errors import UsageError

#: Where a context keeps the defaults of ``run`` for each guest: ``ctx.meta[GUEST_DEFAULTS][NAME][PARAMETER]``.
GUEST_DEFAULTS: Final = "uartsim.guest_defaults"
#: Where it keeps all of them, each with its place in the file.
ALL_DEFAULTS: Final = "uartsim.all_defaults"
#: The longest time, in seconds: thirty million years; in ticks it is less than :data:`uartsim.line_format.NEVER`.
LONGEST_S: Final = 1e15


class Seconds(click.FloatRange):
    """A finite time or length of time in seconds; anything else is refused in a sentence.

    Args:
        positive: whether 0 is refused too.
        most: the longest time, in seconds.
    """

    name = "seconds"

    def __init__(self, *, positive: bool = False, most: float = LONGEST_S) -> None:
        super().__init__(0, most, min_open=positive)

    def _describe_range(self) -> str:
        return ""  # click's help would show fifteen zeros

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number.

        Raises:
            click.BadParameter: it is not a number, not finite, or out of range.
        """
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = math.nan
        valid = "a positive number" if self.min_open else "0 or more"
        if not math.isfinite(seconds) or seconds < 0 or (self.min_open and not seconds):
            self.fail(f"{value!r} is not a valid number of seconds: use {valid}, such as 2.5", param, ctx)
        if self.max is not None and seconds > self.max:
            self.fail(f"{value} seconds are too many: use {self.max:g} or fewer", param, ctx)
        return seconds


#: A number of bytes with a unit, by the unit's letter.
_SIZE: Final = re.compile(r"(\d{1,15})([kmgt]?)(?:i?b)?", re.IGNORECASE)


def size_in_bytes(option: str, text: str | None) -> int | None:
    """A size such as ``64M``, in bytes; None if the option was not given.

    Raises:
        UsageError: it is not a size.
    """
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{option} {text!r} is not a size: give a number and a unit, such as 64M")
    return int(found[1]) << 10 * " kmgt".index(found[2].lower() or " ")
