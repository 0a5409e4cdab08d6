"""Types of command line options that more than one module of commands needs."""

from __future__ import annotations

import math
from typing import Any, Final

import click

#: Thirty million years: nobody waits longer, and in ticks it is less than :data:`uartsim.line_format.NEVER`.
LONGEST_S: Final = 1e15


class Seconds(click.FloatRange):
    """A time or a length of time in seconds, finite; what is no such number is refused in a sentence.

    Args:
        positive: more than 0; otherwise 0 is allowed too.
        most: the largest, in seconds.
    """

    name = "seconds"

    def __init__(self, *, positive: bool = False, most: float = LONGEST_S) -> None:
        super().__init__(0, most, min_open=positive)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; :class:`click.BadParameter` if it is none, not finite, or out of range."""
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = math.nan
        least = "more than 0" if self.min_open else "0 or more"
        if not math.isfinite(seconds) or seconds < 0 or (self.min_open and not seconds):
            self.fail(f"{value} is no number of seconds that can be: give {least}, such as 2.5", param, ctx)
        if self.max is not None and seconds > self.max:
            self.fail(f"{value} seconds are too many: give {self.max:g} or fewer", param, ctx)
        return seconds
