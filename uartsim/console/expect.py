"""Waiting for what a guest sends: a pattern, a fixed text, or silence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import trio

from uartsim.console.arguments import check_time
from uartsim.console.expectations import Expectation, Match, Timeout, Wanted
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.session import Session
from uartsim.console.text.patterns import Pattern, exact, expression
from uartsim.console.text.search import Found, Search


class Expect:
    """``expect``, ``expect_exact`` and ``wait_for_quiet`` of a console.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def expect(self, pattern: Expectation | Sequence[Expectation], timeout: Timeout) -> Match:
        """See ``Console.expect``."""
        __tracebackhide__ = True
        return await self._expect(pattern, timeout, expression)

    async def expect_exact(self, pattern: Expectation | Sequence[Expectation], timeout: Timeout) -> Match:
        """See ``Console.expect_exact``."""
        __tracebackhide__ = True
        return await self._expect(pattern, timeout, exact)

    async def wait_for_quiet(self, seconds: float, timeout: Timeout) -> None:
        """See ``Console.wait_for_quiet``."""
        __tracebackhide__ = True
        session = self._session
        check_time("wait_for_quiet", seconds, 1)
        with session.one_wait(f"wait_for_quiet({seconds:g})"):
            begin = trio.current_time()
            deadline = session.deadline(timeout)
            await trio.lowlevel.checkpoint()
            if not await session.quiet(seconds, deadline, begin=session.last_sent, kernel=True):
                session.raise_unfinished(f"a silence of {seconds:g} s was expected", begin, deadline)

    async def _expect(self, pattern: Any, timeout: Timeout, compiled: Callable[[Any], Pattern]) -> Match:
        __tracebackhide__ = True
        session = self._session
        wanted = Wanted(pattern, compiled)
        with session.one_wait(f"expect({wanted})"):
            begin = trio.current_time()
            deadline = begin + session.seconds(timeout)
            lookout = _Lookout(session, wanted.patterns, deadline)
            await trio.lowlevel.checkpoint()
            found = await session.watch(lookout.look, deadline)
            elapsed = trio.current_time() - begin
            if found is None:
                place = wanted.ended if session.ended else wanted.timeout
                return self._outcome(place, elapsed) or session.raise_unfinished(
                    f"{wanted} was expected", begin, deadline, lookout.hint()
                )
            session.before, session.after = session.received.matcher.consume(found)
            session.match = Match(wanted.indexes[found.index], found.match, session.before, session.after, elapsed)
            return session.match

    def _outcome(self, index: int | None, elapsed: float) -> Match | None:
        """The match that stands for an outcome in the list of what was expected; None if it is not in the list."""
        session = self._session
        session.before, session.after, session.match = session.received.matcher.unread, "", None
        if index is not None:
            session.match = Match(index, None, session.before, "", elapsed)
        return session.match


class _Lookout:
    """One search for patterns that passes over the echo of what was typed.

    Args:
        session: the console's session.
        patterns: what is looked for.
        deadline: when the wait ends.
    """

    def __init__(self, session: Session, patterns: list[Pattern], deadline: float) -> None:
        self._session = session
        self._patterns = patterns
        self._deadline = deadline
        self._search: Search = session.received.matcher.search(patterns)
        self._passed_echo = False

    def look(self, now: float) -> tuple[Found | None, float]:
        """What was found by now, and when to look again; for :meth:`Session.watch`."""
        session, received = self._session, self._session.received
        settled = received.spoke_at + SETTLE_S
        if received.matcher.held:  # the last line may be a kernel line that is still coming
            settled = max(settled, received.last_output + SETTLE_S)
        paused = session.ended or now >= min(self._deadline, settled)
        while (found := self._search.find(paused=paused)) is not None:
            echo_end = received.echoes.end_of(found)
            if echo_end is None and not paused and received.echoes.may_be(found):
                return None, settled
            if echo_end is None and paused:
                echo_end = received.echoes.unfinished(found)
            if echo_end is None:
                break
            self._passed_echo = True
            self._search = received.matcher.search(self._patterns, echo_end)
        return found, settled if self._search.wants_pause and now < settled else math.inf

    def hint(self) -> str:
        """Help where a fixed text was written as an expression, or where an echo was waited for."""
        if self._passed_echo:
            return " (what was typed came back, and an echo never matches: type() waits for it)"
        unread = self._session.received.matcher.unread
        for pattern in self._search.patterns:
            if pattern.literal is None and pattern.source in unread:
                return f" ({pattern.source!r} is there as it is written: use expect_exact() for a fixed text)"
        return ""
