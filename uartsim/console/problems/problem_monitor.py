"""The problems of a live console, for its waits: is there one that makes it pointless to go on?

It joins the watches (``problem_watch.py``, ``watchdogs.py``) and knows which fatal problems a wait still has to hear of.
A problem that is expected does not end a wait: its line was matched, or read past.

The details of a fatal problem come behind it: registers, a call trace.  So it ends a wait when these are there: when
the kernel has closed its report, or the guest has been quiet for ``QUIET_S``; at the latest after ``EVIDENCE_S``,
because a guest may never be quiet.  No I/O, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from uartsim.console.problems.problem_catalogue import Source, load_catalogue
from uartsim.console.problems.problem_watch import Problem, ProblemWatch
from uartsim.console.problems.watchdogs import GarbageWatch, LossWatch, SilenceWatch
from uartsim.console.text.kernel_lines import Segment
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.search import Found

#: How long a guest must be quiet for a fatal problem's details to be complete, in seconds; and the longest wait for them.
QUIET_S: Final = 1.0
EVIDENCE_S: Final = 5.0


class _Fatal(NamedTuple):
    """A fatal problem that has ended no wait yet, when it was seen, and whether its details are complete."""

    problem: Problem
    seen_s: float
    is_complete: bool


class ProblemMonitor:
    """The problems of one console.

    Args:
        matcher: the console's.
        problems: the user's additions to the catalogue: files or entries.
        allow: ids of problems to ignore.
        now_s: the time, in seconds of the console's clock.
        scale: the factor of the console's time-outs.

    Raises:
        UsageError: an addition cannot be read or is wrong, or an id is unknown.
    """

    def __init__(
        self,
        matcher: Matcher,
        problems: Source | Sequence[Source] | None = None,
        allow: Iterable[str] = (),
        now_s: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        self._matcher = matcher
        self.watch = ProblemWatch(load_catalogue(problems), allow, matcher.kernel_log)
        self._garbage = GarbageWatch()
        self._losses = LossWatch()
        self._silence = SilenceWatch(now_s=now_s)
        self._heard_s = now_s
        self._scale = scale
        self._fatal: list[_Fatal] = []
        self.wants_pause = False  # an unfinished line has not been examined yet

    def take(self, segments: Sequence[Segment], raw: bytes, at: float) -> None:
        """Take in what came at ``at`` seconds: the matcher's segments, and the bytes."""
        self.wants_pause = True
        self._heard_s = at
        self._silence.heard(at)
        self._note(self.watch.take(segments, at), at)
        if garbage := self._garbage.feed(raw):
            self._note(self.watch.report("garbage", garbage, at, self._matcher.buffer.end), at)

    def pause(self, at: float) -> None:
        """Examine the unfinished line: the guest has stopped sending for now."""
        if self.wants_pause:
            self.wants_pause = False
            self._note(self.watch.pause(at), at, paused=True)

    def finish(self, at: float) -> None:
        """Examine what is left: the guest has ended."""
        self.take(self._matcher.finish(), b"", at)
        self.pause(at)
        self._note(self.watch.overdue(), at)

    def look(self, counters: Mapping[str, int], at: float) -> list[Problem]:
        """All problems so far, including those that no text shows: losses in the line's counters, and a long silence."""
        end = self._matcher.buffer.end
        for loss in self._losses.check(counters):
            self._note(self.watch.report("loss", loss, at, end), at)
        if silence := self._silence.check(at):
            self._note(self.watch.report("silence", silence, at, end), at)
        self._note(self.watch.overdue(at), at)
        return list(self.watch.problems)

    def fatal(
        self, found: Found | None = None, copes_with: Container[str] = (), now_s: float = math.inf, read_to: int = 0
    ) -> Problem | float | None:
        """The problem that ends a wait; each is returned once.

        Args:
            found: what the wait has found and not yet consumed: a problem in the same lines is what was expected, and
                one behind it is for the next wait.
            copes_with: ids of problems that the wait itself handles, as a log-in handles an emergency shell.
            now_s: the time; without it, the evidence is taken as it is.
            read_to: a place up to which the wait has read what it has not consumed yet.

        Returns:
            The problem; or when its details will be complete, in seconds, unless the guest sends more; or None if there is
            no such problem.
        """
        open_ones = [
            fatal
            for fatal in self._fatal
            if fatal.problem.start >= max(self._matcher.position, read_to) and fatal.problem.id not in copes_with
        ]
        if found is not None:
            open_ones = [f for f in open_ones if f.problem.end <= found.start or f.problem.start >= found.end]
        self._fatal = open_ones
        ends = next((f for f in open_ones if found is None or f.problem.end <= found.start), None)
        if ends is None:
            return None
        if (due_s := self._evidence_due(ends)) > now_s:
            return due_s
        self._fatal.remove(ends)
        return ends.problem

    def _evidence_due(self, fatal: _Fatal) -> float:
        if fatal.is_complete or self.watch.report_end > fatal.problem.end:
            return fatal.seen_s
        return min(self._heard_s + QUIET_S * self._scale, fatal.seen_s + EVIDENCE_S * self._scale)

    def _note(self, problems: Iterable[Problem], at: float, *, paused: bool = False) -> None:
        for problem in problems:
            if problem.is_fatal:
                entry = self.watch.catalogue.entries[problem.id]
                # at a prompt the guest has printed all details, and before a restart too
                self._fatal.append(_Fatal(problem, at, bool(entry.watch) or (paused and entry.prompt)))
