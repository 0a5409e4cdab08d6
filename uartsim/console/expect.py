"""Waiting for what a guest sends: a pattern, a fixed text, or silence."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import trio

from uartsim.console.arguments import check_time
from uartsim.console.console_errors import UnwantedOutput
from uartsim.console.expectations import (
    Expectation,
    Match,
    Timeout,
    Unwanted,
    Wanted,
    all_patterns,
    unwanted_patterns,
)
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

    async def expect(
        self, pattern: Expectation | Sequence[Expectation], timeout: Timeout, not_matching: Unwanted = None
    ) -> Match:
        """See ``Console.expect``."""
        __tracebackhide__ = True
        return await self._expect(pattern, timeout, expression, not_matching)

    async def expect_all(
        self, patterns: Sequence[str | re.Pattern[str]], timeout: Timeout, not_matching: Unwanted
    ) -> list[Match]:
        """See ``Console.expect_all``."""
        __tracebackhide__ = True
        session = self._session
        wanted, unwanted = all_patterns(patterns), unwanted_patterns(not_matching)
        matcher = session.received.matcher
        with session.one_wait(f"expect_all({_all_of(wanted)})"):
            begin = trio.current_time()
            deadline = begin + session.seconds(timeout)
            missing = list(range(len(wanted)))
            matches: dict[int, Match] = {}
            end, last = matcher.position, None
            await trio.lowlevel.checkpoint()
            while missing:
                left = [wanted[index] for index in missing]
                lookout = _Lookout(session, left, unwanted, deadline, end)
                found = await session.watch(lookout.look, deadline, read_to=end)
                if found is None:
                    session.before, session.after, session.match = matcher.unread, "", None
                    came = f" beside {_all_of([wanted[index] for index in matches])}, which came" if matches else ""
                    did = f"did not send {'them' if len(left) > 1 else 'it'}"
                    session.raise_unfinished(f"{_were_expected(left)}{came}", begin, deadline, lookout.hint(), did)
                if found.index >= len(left):
                    which = unwanted[found.index - len(left)]
                    self._raise_unwanted(_were_expected(left), which, found, "them" if len(left) > 1 else "it")
                index = missing.pop(found.index)
                before, after = matcher.buffer.slice(max(end, matcher.position), found.start), found.match[0]
                matches[index] = Match(index, found.match, before, after, trio.current_time() - begin)
                session.match, end, last = matches[index], found.end, found
            assert last is not None
            session.before, session.after = matcher.consume(last)
            return [matches[index] for index in range(len(wanted))]

    async def expect_exact(
        self, pattern: Expectation | Sequence[Expectation], timeout: Timeout, not_matching: Unwanted = None
    ) -> Match:
        """See ``Console.expect_exact``."""
        __tracebackhide__ = True
        return await self._expect(pattern, timeout, exact, not_matching)

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
                did = "was not silent for so long"
                session.raise_unfinished(f"a silence of {seconds:g} s was expected", begin, deadline, did=did)

    async def _expect(
        self, pattern: Any, timeout: Timeout, compiled: Callable[[Any], Pattern], not_matching: Unwanted
    ) -> Match:
        __tracebackhide__ = True
        session = self._session
        wanted = Wanted(pattern, compiled, not_matching)
        with session.one_wait(f"expect({wanted})"):
            begin = trio.current_time()
            deadline = begin + session.seconds(timeout)
            lookout = _Lookout(session, wanted.patterns, wanted.unwanted, deadline)
            await trio.lowlevel.checkpoint()
            found = await session.watch(lookout.look, deadline)
            elapsed = trio.current_time() - begin
            if found is None:
                place = wanted.ended if session.ended else wanted.timeout
                return self._outcome(place, elapsed) or session.raise_unfinished(
                    f"{wanted} was expected", begin, deadline, lookout.hint()
                )
            if (unwanted := found.index - len(wanted.patterns)) >= 0:
                self._raise_unwanted(f"{wanted} was expected", wanted.unwanted[unwanted], found)
            session.before, session.after = session.received.matcher.consume(found)
            session.match = Match(wanted.indexes[found.index], found.match, session.before, session.after, elapsed)
            return session.match

    def _raise_unwanted(self, what: str, pattern: Pattern, found: Found, it: str = "it") -> NoReturn:
        __tracebackhide__ = True
        session = self._session
        session.before, session.after, session.match = session.received.matcher.unread, "", None
        text = f", as {found.match[0]!r}" if pattern.literal is None else ""
        raise UnwantedOutput(
            f"{what}, and {session.name} sent first what must not come before {it}: {pattern}{text}{session.evidence()}",
            found.match,
        )

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
        wanted: what is looked for.
        unwanted: what must not come first; in what is found, their indexes follow those of ``wanted``.
        deadline: when the wait ends.
        after: where the search begins, if not at the unread text.
    """

    def __init__(
        self, session: Session, wanted: list[Pattern], unwanted: list[Pattern], deadline: float, after: int = 0
    ) -> None:
        self._session = session
        self._wanted, self._unwanted = wanted, unwanted
        self._deadline = deadline
        self._after = after
        self._search: Search = session.received.matcher.search(wanted + unwanted, after)
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
            self._search = received.matcher.search(self._wanted + self._unwanted, echo_end)
        if found is not None and found.index < len(self._wanted):
            found = self._begun_before(found) or found
        return found, settled if self._search.wants_pause and now < settled else math.inf

    def _begun_before(self, found: Found) -> Found | None:
        """What must not come first and began before what was found, though its line goes on, as that of ``failed.*`` does."""
        received, after = self._session.received, self._after
        while self._unwanted:
            begun = received.matcher.search(self._unwanted, after).find_open(found.end)
            if begun is None or begun.start >= found.start:
                return None
            echo_end = received.echoes.end_of(begun)
            if echo_end is None:
                return replace(begun, index=len(self._wanted) + begun.index)
            after = echo_end
        return None

    def hint(self) -> str:
        """Help where a fixed text was written as an expression, or where an echo was waited for."""
        if self._passed_echo:
            return " (what was typed came back, and an echo never matches: type() waits for it)"
        unread = self._session.received.matcher.unread
        for pattern in self._wanted:
            if pattern.literal is None and pattern.source in unread:
                return f" ({pattern.source!r} is there as it is written: use expect_exact() for a fixed text)"
        return ""


def _all_of(patterns: Sequence[Pattern]) -> str:
    return " and ".join(map(str, patterns))


def _were_expected(patterns: Sequence[Pattern]) -> str:
    return f"{_all_of(patterns)} {'were' if len(patterns) > 1 else 'was'} expected"
