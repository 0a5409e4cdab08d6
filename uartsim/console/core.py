"""What all verbs of a console share: what came, how one waits for more, and what an error says.

The verbs themselves are in classes that build on :class:`ConsoleCore`, a file for each concern; ``Console`` is all of
them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, Protocol, TypeVar

import trio

from uartsim.console.console_errors import (
    ConsoleBusy,
    ConsoleClosed,
    ExpectTimeout,
    GuestEnded,
    ProblemFound,
    as_raised,
)
from uartsim.console.expectations import Match, Timeout
from uartsim.console.live_log import LiveLog
from uartsim.console.problems.problem_catalogue import Source
from uartsim.console.problems.problem_monitor import ProblemMonitor
from uartsim.console.problems.problem_watch import Problem
from uartsim.console.protocols import LineClient, MachineButtons
from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.echoes import Echoes
from uartsim.console.text.kernel_lines import KernelLine, Plain
from uartsim.console.text.matcher import Found, Matcher
from uartsim.console.text.screen import Screen, ScreenModel
from uartsim.errors import UsageError

#: How long the guest must be silent for an open pattern (such as ``# $``) to be looked for, in seconds.
SETTLE_S: Final = 0.05
#: How many lines of the guest's output an error shows, and how many characters of each.
SHOWN_LINES: Final = 10
SHOWN_COLUMNS: Final = 200
#: How many problems an error shows.
SHOWN_PROBLEMS: Final = 5

_T = TypeVar("_T")


class Feed(Protocol):
    """Somebody else who gets what the guest sends."""

    def put(self, data: bytes) -> None:
        """It has come."""


class ConsoleCore:
    """One client of a line: what it has received, and how to wait for more.

    Args:
        client: the line.
        machine: its buttons, or None where there are none.
        timeout: how long a verb waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied with it, for slow machines.
        problems: what is a problem besides the package's own catalogue: files, or entries as mappings.
        allow: ids of problems that are none here, as ``linux.panic`` or ``linux.*``.
    """

    def __init__(
        self,
        client: LineClient,
        machine: MachineButtons | None = None,
        *,
        timeout: float | None = 30.0,
        timeout_scale: float = 1.0,
        problems: Source | Sequence[Source] | None = None,
        allow: Iterable[str] = (),
    ) -> None:
        if not 0 < timeout_scale < math.inf:
            raise UsageError(f"the time-out scale is {timeout_scale}: use a factor above 0, such as 3")
        #: The cleaned text before the last match, and the matched text; after a failed wait, what was there.
        self.before = ""
        self.after = ""
        #: The last match, or None.
        self.match: Match | None = None
        self.timeout = timeout
        self.timeout_scale = timeout_scale
        self._client = client
        self._machine = machine
        self._name = machine.name if machine is not None else "the guest"
        self._transcript = Transcript()
        self._live_log = LiveLog(self._name)
        self._matcher = Matcher()
        self._echoes = Echoes(self._matcher)
        self._monitor = ProblemMonitor(self._matcher, problems, allow, trio.current_time(), timeout_scale)
        self._screen = ScreenModel()
        self._arrived = trio.Event()
        #: A screen that the kernel does not write on: what an editor of lines believes to stand there.
        self._edited = ScreenModel(kernel_lines=False)
        self._opened_at = self._last_output = self._last_sent = trio.current_time()
        #: When anything but kernel lines came last; and what may become one is undecided since when, or None.
        self._last_plain = self._opened_at
        self._undecided_since: float | None = None
        self._ended = False
        self._closed = False
        self._waiting: str | None = None
        self._began = self._opened_at  # when the wait began that goes on, or was the last
        #: The place in the matched text behind a prompt that is known to be one.
        self._prompt_at = -1
        #: Where tasks of this console run, while somebody follows it; and who else gets what the guest sends.
        self._background: trio.Nursery | None = None
        self._feeds: set[Feed] = set()

    # -- what the guest sends -----------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Take in what the guest sends until it ends.  ``open_console`` runs this in the background."""
        async with trio.open_nursery() as self._background:
            while data := await self._client.receive():
                self._take(data)
                self._wake()
            self._ended = True
            self._monitor.finish(trio.current_time())
            self._wake()

    def _take(self, data: bytes) -> None:
        self._last_output = trio.current_time()
        self._screen.feed(data)
        self._edited.feed(data)
        for feed in self._feeds:
            feed.put(data)
        self._take_text(self._transcript.feed(data, self._last_output), data)

    def _take_text(self, text: str, data: bytes) -> None:
        self._live_log.feed(text)
        segments = self._matcher.feed(text, self._last_output)
        if any(isinstance(segment, Plain) for segment in segments):
            self._last_plain = self._last_output
            self._undecided_since = None
        if not self._matcher.undecided:
            self._undecided_since = None
        elif self._undecided_since is None:
            self._undecided_since = self._last_output
        self._monitor.take(segments, data, self._last_output)

    def _forget_boot(self) -> None:
        """The guest is about to start anew: its unfinished line, its screen, its prompt and what was typed are of the past."""
        self._take_all()
        self._take_text(self._transcript.end_line(trio.current_time()), b"")
        self._matcher.consume_all()
        self._screen = ScreenModel(self._screen.rows, self._screen.columns)
        self._edited = ScreenModel(self._screen.rows, self._screen.columns, kernel_lines=False)
        self._echoes = Echoes(self._matcher)
        self._prompt_at = -1

    def _take_all(self) -> None:
        """Take in what has come and ``follow`` has had no turn to take: no answer without it."""
        while data := self._client.receive_nowait():
            self._take(data)

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = trio.Event()

    @property
    def text(self) -> str:
        """All the guest has sent, cleaned: the last megabyte of it."""
        return self._transcript.text

    @property
    def raw(self) -> bytes:
        """All the guest has sent, as it came: the last megabyte of it."""
        return self._transcript.raw

    @property
    def unread(self) -> str:
        """The cleaned text that no match has consumed yet."""
        return self._matcher.unread

    @property
    def problems(self) -> list[Problem]:
        """What went wrong so far, oldest first: also what ended no wait."""
        self._take_all()
        now = trio.current_time()
        if self._ended or now >= self._last_output + SETTLE_S:
            self._monitor.pause(now)
        return self._monitor.look(self.counters, now)

    @property
    def kernel_lines(self) -> list[KernelLine]:
        """The kernel's messages, wherever they landed, each with its own time and when it came: the last 10 000."""
        self._take_all()
        return list(self._matcher.kernel_log.lines)

    @property
    def screen(self) -> Screen:
        """What a terminal on this line shows now."""
        self._take_all()
        return self._screen.read()

    def last_lines(self, count: int = SHOWN_LINES) -> list[str]:
        """The last cleaned lines that are not empty, each with when it came: seconds after the console was opened."""
        return [f"{t - self._opened_at:+9.3f} s  {_shown(line)}" for t, line in self._transcript.last_lines(count)]

    # -- what the verbs read --------------------------------------------------------------------------------------

    @property
    def _end(self) -> int:
        """The place in the matched text behind the last character."""
        return self._matcher.buffer.end

    def _since(self, place: int) -> str:
        """The matched text from ``place`` on, without the kernel's lines; a line that they cut is whole again."""
        return self._matcher.between(place, self._end, kernel="lift").replace("\r\n", "\n")

    @property
    def _spoke_at(self) -> float:
        """When the guest last sent anything but kernel lines, which may never cease."""
        return self._last_plain if self._undecided_since is None else max(self._last_plain, self._undecided_since)

    def _own(self, start: int, end: int) -> str:
        """What a command printed between two places: without the lines that the kernel sent meanwhile."""
        return self._matcher.between(start, end, kernel="own").replace("\r\n", "\n")

    async def _watch(
        self,
        look: Callable[[float], tuple[_T | None, float]],
        deadline: float,
        copes_with: Container[str] = (),
    ) -> _T | None:
        """Look again and again at what has come.

        Args:
            look: told the time; returns what it found, or None, and when to look again if nothing comes before.
            deadline: when to give up.
            copes_with: ids of problems that end other waits and not this one.

        Returns:
            What was found; None if it was not by the deadline, or the guest has ended.

        Raises:
            ProblemFound: something went wrong after which nothing good can come.
        """
        while True:
            self._take_all()
            now = trio.current_time()
            found, again = look(now)
            evidence_at = math.inf
            if found is None or isinstance(found, Found):
                evidence_at = self._check_problems(now, found, copes_with, is_last=self._ended or now >= deadline)
            if evidence_at == math.inf and (found is not None or self._ended or now >= deadline):
                return found
            await self._next(
                min(deadline, again if found is None else math.inf, self._unsettled_until(now), evidence_at)
            )

    async def _quiet(
        self, seconds: float, deadline: float, begin: float | None = None, *, kernel: bool = False
    ) -> bool:
        """Wait until the guest has been silent for ``seconds``, at the earliest since ``begin``.

        Args:
            seconds: how long.
            deadline: when to give up.
            begin: since when; None for now.
            kernel: whether the kernel must be silent too.
        """
        since = trio.current_time() if begin is None else begin

        def look(now: float) -> tuple[bool | None, float]:
            quiet_at = max(self._last_output if kernel else self._spoke_at, since) + seconds
            return (True if now >= quiet_at else None), quiet_at

        return bool(await self._watch(look, deadline))

    # -- problems -------------------------------------------------------------------------------------------------

    def _unsettled_until(self, now: float) -> float:
        """When the guest will have paused, if a problem may be seen then; else never."""
        settled = self._last_output + SETTLE_S
        return settled if self._monitor.wants_pause and now < settled else math.inf

    def _check_problems(
        self, now: float, found: Found | None = None, copes_with: Container[str] = (), *, is_last: bool = False
    ) -> float:
        """End the wait if something is wrong after which nothing good can come, and what the guest says of it is there.

        Args:
            now: the time.
            found: what was found meanwhile; who waited for the problem's line gets it.
            copes_with: ids of problems that the wait itself deals with.
            is_last: the wait ends now.

        Returns:
            When to check again, because more is expected of the guest; infinity if nothing is wrong.

        Raises:
            ProblemFound: it is.
        """
        __tracebackhide__ = True
        if self._ended or now >= self._last_output + SETTLE_S:
            self._monitor.pause(now)
        problem = self._monitor.fatal(found, copes_with, math.inf if is_last else now)
        if isinstance(problem, Problem):
            raise ProblemFound(
                f"{problem.cause}; {self._waiting or 'a wait'} ends here, unless allow={[problem.id]!r} is given. "
                f"{problem.advice}{self._evidence()}",
                problem,
            )
        return math.inf if problem is None else problem

    # -- waiting --------------------------------------------------------------------------------------------------

    async def _next(self, until: float) -> None:
        """Wait for more output, or the moment ``until``."""
        with trio.move_on_at(until):
            await self._arrived.wait()

    @contextmanager
    def _one_wait(self, what: str) -> Iterator[None]:
        __tracebackhide__ = True
        self._check_open(what)
        if self._waiting is not None:
            raise ConsoleBusy(f"{what}: {self._waiting} is still waiting on this console; one wait at a time")
        self._waiting = what
        self._began = trio.current_time()
        try:
            yield
        finally:
            self._waiting = None

    def _seconds(self, timeout: Any) -> float:
        __tracebackhide__ = True
        seconds = self.timeout if timeout == "default" else timeout
        if seconds is None:
            return math.inf
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or math.isnan(seconds):
            raise UsageError(f"the time-out is {seconds!r}: give seconds, or None to wait for ever")
        if seconds < 0:
            raise UsageError(f"the time-out is {seconds} s: give 0 or more, or None to wait for ever")
        return float(seconds) * self.timeout_scale

    def _deadline(self, timeout: Timeout) -> float:
        __tracebackhide__ = True
        return trio.current_time() + self._seconds(timeout)

    # -- errors -----------------------------------------------------------------------------------------------------

    def _check_open(self, what: str) -> None:
        __tracebackhide__ = True
        if self._closed:
            raise ConsoleClosed(f"{what}: this console of {self._name} is closed; open a new one")

    def _check_running(self, what: str) -> None:
        __tracebackhide__ = True
        self._check_open(what)
        if self._ended:
            self._raise_ended(f"{what} needs it running")

    def _raise_late(self, what: str, seconds: float, hint: str = "") -> NoReturn:
        __tracebackhide__ = True
        raise as_raised(ExpectTimeout)(
            f"{what}, and {self._name} did not send it within {seconds:.6g} s{hint}{self._evidence()}"
        )

    def _raise_ended(self, what: str) -> NoReturn:
        __tracebackhide__ = True
        end = getattr(self._machine, "ended", None)
        how = f"{self._name} {end}" if end is not None else f"{self._name} has ended"
        raise as_raised(GuestEnded)(f"{what}, but {how}{self._evidence()}")

    def _raise_unfinished(self, what: str, begin: float, deadline: float, hint: str = "") -> NoReturn:
        """A wait has ended without what was expected: because the guest has ended, or because it is late."""
        __tracebackhide__ = True
        if self._ended:
            self._raise_ended(what)
        self._raise_late(what, deadline - begin, hint)

    @property
    def counters(self) -> dict[str, int]:
        """What the line has carried and lost; ``missed`` are characters that came too fast for this console.

        Keys besides ``missed``: ``bytes_out`` (from the guest) and ``bytes_in``, ``errors_out``, ``breaks_out``,
        ``breaks_in``, ``overruns`` of the guest's receiver, ``withheld`` by flow control, ``queued_in`` (what the guest
        has yet to take), ``dropped_by_full_transmitter``; and what faults have done, such as ``characters_lost_in``.
        A console without a machine has only ``missed``.
        """
        counters = {"missed": getattr(self._client, "missed", 0) + self._matcher.dropped}
        com1 = getattr(self._machine, "com1", None)
        if com1 is not None:
            com1.advance(com1.clock.now())
            counters |= {name: int(value) for name, value in com1.status()["line"].items()}
            for direction, kinds in com1.fault_counters().items():
                for done in kinds.values():
                    for name, count in done.items():
                        if name not in ("characters", "bits"):  # that have passed
                            counters[f"{name}_{direction}"] = counters.get(f"{name}_{direction}", 0) + count
        return counters

    def _evidence(self) -> str:
        counters = self.counters
        missed = counters.pop("missed")
        gap = f"\n({missed} characters were lost, unread, because too many waited)" if missed else ""
        lines = [f"  {line}" for line in self.last_lines()]
        told = [f"{gap}\nThe last lines it sent:", *lines] if lines else [f"\nIt has sent nothing.{gap}"]
        if self._screen.is_drawn and (screen := self._screen.read().shown()):
            told += ["The screen:", *(f"  {line}" for line in screen)]
        odd = [f"{name} {n}" for name, n in counters.items() if n and name not in ("bytes_in", "bytes_out")]
        if odd:
            told.append(f"The line: {', '.join(odd)}")
        problems = self._monitor.look({**counters, "missed": missed}, trio.current_time())
        wrong = [f"{problem.cause} ({problem.id})" for problem in problems]
        if wrong:
            told.append(f"What went wrong: {'; '.join(wrong[-SHOWN_PROBLEMS:])}")
        excused = [f"{_shown(problem.line)} ({problem.id})" for problem in self._monitor.watch.excused]
        if excused:
            told.append(f"Allowed or asked for: {'; '.join(excused[-SHOWN_PROBLEMS:])}")
        return "\n".join(told)


def _shown(line: str) -> str:
    """A line as a message can show it: control characters as their pictures, and only the end if it is too long.

    (A screen that was drawn by cursor movements is one long line without them.)
    """
    line = line if len(line) <= SHOWN_COLUMNS else f"...{line[-SHOWN_COLUMNS:]}"
    return "".join(chr(0x2400 + ord(c)) if c < " " else c if c.isprintable() else "\ufffd" for c in line.expandtabs())
