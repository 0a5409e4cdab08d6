"""What a console's waits ask about problems: is there one that makes it pointless to go on?

It joins the watches (``problems.py``, ``watchdogs.py``) and knows which fatal problems a wait still has to hear of.
Who expects a problem gets it: a problem whose line was matched, or read past, ends no wait.  No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from uartsim.console.kernel_lines import Segment
from uartsim.console.matcher import Found, Matcher
from uartsim.console.problem_catalogue import Source, load_catalogue
from uartsim.console.problems import Problem, ProblemWatch
from uartsim.console.watchdogs import GarbageWatch, LossWatch, SilenceWatch


class Guard:
    """The problems of one console.

    Args:
        matcher: the console's.
        problems: the user's additions to the catalogue: files or entries.
        allow: ids of problems that are none here.
        now_s: the time, in seconds of the console's clock.

    Raises:
        UsageError: an addition cannot be read or is wrong, or an id is unknown.
    """

    def __init__(
        self,
        matcher: Matcher,
        problems: Source | Sequence[Source] | None = None,
        allow: Iterable[str] = (),
        now_s: float = 0.0,
    ) -> None:
        self._matcher = matcher
        self.watch = ProblemWatch(load_catalogue(problems), allow, matcher.kernel_log)
        self._garbage = GarbageWatch()
        self._losses = LossWatch()
        self._silence = SilenceWatch(now_s=now_s)
        self._fatal: list[Problem] = []
        self.wants_pause = False  # an unfinished line has not been looked at yet

    def take(self, segments: Sequence[Segment], raw: bytes, at: float) -> None:
        """Take in what came at ``at`` seconds: what the matcher made of it, and the bytes."""
        self.wants_pause = True
        self._silence.heard(at)
        self._note(self.watch.take(segments, at))
        if garbage := self._garbage.feed(raw):
            self._note(self.watch.report("garbage", garbage, at, self._matcher.buffer.end))

    def pause(self, at: float) -> None:
        """The guest has stopped sending for now."""
        if self.wants_pause:
            self.wants_pause = False
            self._note(self.watch.pause(at))

    def finish(self, at: float) -> None:
        """The guest has ended."""
        self.take(self._matcher.finish(), b"", at)
        self.pause(at)

    def look(self, counters: Mapping[str, int], at: float) -> list[Problem]:
        """All problems so far, also what no text tells: what the line's counters say was lost, and a long silence."""
        end = self._matcher.buffer.end
        for loss in self._losses.check(counters):
            self._note(self.watch.report("loss", loss, at, end))
        if silence := self._silence.check(at):
            self._note(self.watch.report("silence", silence, at, end))
        return list(self.watch.problems)

    def fatal(self, found: Found | None = None, copes_with: Container[str] = ()) -> Problem | None:
        """The problem that ends a wait, once for each; None if there is none.

        Args:
            found: what the wait has found meanwhile and not yet consumed: a problem in the same lines is what was
                waited for, and one behind it is for the next wait.
            copes_with: ids of problems that the wait itself deals with, as a log-in with an emergency shell.
        """
        waiting, self._fatal = self._fatal, []
        ends: Problem | None = None
        for problem in waiting:
            if problem.start < self._matcher.position or problem.id in copes_with:
                continue
            if found is not None and problem.end > found.start:
                if problem.start >= found.end:
                    self._fatal.append(problem)
            elif ends is None:
                ends = problem
            else:
                self._fatal.append(problem)
        return ends

    def _note(self, problems: Iterable[Problem]) -> None:
        self._fatal += [problem for problem in problems if problem.is_fatal]
