"""What a wait is for, and what it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from uartsim.console.console_errors import ExpectTimeout, GuestEnded, stands_for
from uartsim.console.text.patterns import Pattern, expression
from uartsim.errors import UsageError
from uartsim.printable import quoted

#: What can be waited for: a text or an expression, or the class of an outcome (``ExpectTimeout``, ``GuestEnded``).
Expectation: TypeAlias = "str | bytes | re.Pattern[str] | re.Pattern[bytes] | type[BaseException]"
#: What must not come before what is waited for.
Unwanted: TypeAlias = "str | re.Pattern[str] | Sequence[str | re.Pattern[str]] | None"
#: Seconds; None waits for ever; "default" is the console's time-out.
Timeout: TypeAlias = "float | Literal['default'] | None"


@dataclass(frozen=True, slots=True)
class Match:
    """What a wait found.

    Attributes:
        index: the place in the list of what was expected; 0 if it was not a list.
        match: the regular expression's match object (also for a fixed text), or None for ``ExpectTimeout`` and
            ``GuestEnded`` in the list.
        before: the cleaned text before the match, from the end of the last one.
        after: the matched text.
        elapsed: how long the wait was, in seconds.
    """

    index: int
    match: re.Match[str] | None
    before: str
    after: str
    elapsed: float

    def __getitem__(self, which: int | str) -> str | None:
        """A group of the match: ``match[1]`` is ``match.group(1)``."""
        return self.group(which)

    def groups(self) -> tuple[str | None, ...]:
        """All groups of the match; none if no text was matched."""
        return () if self.match is None else self.match.groups()

    def groupdict(self) -> dict[str, str | None]:
        """The named groups of the match; none if no text was matched."""
        return {} if self.match is None else self.match.groupdict()

    def group(self, which: int | str = 0) -> str | None:
        """A group of the match, as ``re.Match.group`` gives it.

        Raises:
            IndexError: the match does not have the group, or no text was matched.
        """
        if self.match is None:
            raise IndexError("no text was matched")
        group: str | None = self.match.group(which)
        return group


class Wanted:
    """What a wait is for.

    Args:
        pattern: what the caller gave: one expectation, or a list.
        compiled: makes a pattern of a text: ``expression`` or ``exact``.
        unwanted: what must not come before it.

    Attributes:
        patterns: what to look for.
        indexes: the place of each in the caller's list.
        timeout: the place of ``ExpectTimeout`` in it, or None.
        ended: the place of ``GuestEnded`` in it, or None.
        unwanted: what must not come before them.

    Raises:
        UsageError: one of them is impossible, or the list is empty.
    """

    def __init__(self, pattern: Any, compiled: Callable[[Any], Pattern], unwanted: Unwanted = None) -> None:
        __tracebackhide__ = True
        self.unwanted = unwanted_patterns(unwanted, compiled)
        items = list(pattern) if isinstance(pattern, (list, tuple)) else [pattern]
        self.patterns: list[Pattern] = []
        self.indexes: list[int] = []
        self.timeout: int | None = None
        self.ended: int | None = None
        for index, item in enumerate(items):
            if stands_for(item, ExpectTimeout):
                self.timeout = index
            elif stands_for(item, GuestEnded):
                self.ended = index
            else:
                self.patterns.append(expression(item) if isinstance(item, re.Pattern) else compiled(item))
                self.indexes.append(index)
        if not items:
            raise UsageError("an empty list was given: say what to expect")

    def __str__(self) -> str:
        return " or ".join([*map(str, self.patterns)] or ["the end"])


def unwanted_patterns(unwanted: Any, compiled: Callable[[Any], Pattern] = expression) -> list[Pattern]:
    """What ``not_matching`` names; ``compiled`` makes a pattern of a text.

    Raises:
        UsageError: one of them is impossible; an outcome, such as ``ExpectTimeout``, is none.
    """
    __tracebackhide__ = True
    if unwanted is None:
        return []
    several = unwanted if isinstance(unwanted, (list, tuple)) else [unwanted]
    return [expression(each) if isinstance(each, re.Pattern) else compiled(each) for each in several]


def all_patterns(patterns: Sequence[str | re.Pattern[str]]) -> list[Pattern]:
    """What ``expect_all`` waits for.

    Raises:
        UsageError: it is not a list, or empty, or one of them is impossible.
    """
    __tracebackhide__ = True
    if not isinstance(patterns, (list, tuple)):
        raise UsageError(f"expect_all() needs a list of patterns, not {quoted(patterns)}: for one there is expect()")
    if not patterns:
        raise UsageError("an empty list was given: say what to expect")
    return [expression(each) for each in patterns]
