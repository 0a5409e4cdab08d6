"""One client of a line, as the verbs of a console share it: what came, how to send, how to wait, and how to fail.

A verb is a small object that is given the session (``typing.py``, ``expect.py``, ``login.py``, ``shell/``, ``grub/``).  It
looks at ``session.received``, and waits with :meth:`Session.watch`: a function is asked again whenever something has
come, or when the moment is reached that it named itself.  No verb reads the line by itself, and no verb sleeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

import trio

from uartsim.console.arguments import LONGEST_S, check_timeout, check_utf8, is_number
from uartsim.console.console_errors import (
    ConsoleBusy,
    ConsoleClosed,
    ExpectTimeout,
    GuestEnded,
    ProblemFound,
    as_raised,
)
from uartsim.console.console_steps import Steps
from uartsim.console.evidence import Evidence, end_in_words, line_counters
from uartsim.console.expectations import Match, Timeout
from uartsim.console.guest_output import SETTLE_S, GuestOutput
from uartsim.console.late_log import LateLog
from uartsim.console.problems.problem_catalogue import Source
from uartsim.console.problems.problem_reports import Problem
from uartsim.console.protocols import LineClient, MachineButtons
from uartsim.console.text.screen import Screen
from uartsim.console.text.search import Found
from uartsim.errors import UsageError
from uartsim.printable import quoted

#: Keys that interrupt a command: Ctrl-C and Ctrl-\\.
_INTERRUPTS: Final = (b"\x03", b"\x1c")

_T = TypeVar("_T")


class Session:
    """A client of a line: what it has received, and how to send and to wait.

    Args:
        client: the line.
        machine: its buttons, or None where there are none.
        timeout: how long a verb waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied by it, for slow machines.
        problems: additions to the catalogue of problems: files, or entries as mappings.
        allow: ids of problems that are to be ignored, such as ``linux.panic`` or ``linux.*``.

    Attributes:
        received: what the guest has sent.
        steps: the verbs that were called.
        evidence_told: what the last error said of the guest.
        before: the cleaned text before the last match; after a failed wait, what was there.
        after: the matched text.
        match: the last match, or None.
        name: what messages call the guest.
        last_sent: when something was last sent to the guest, in seconds of the clock.
        interrupts: how many times Ctrl-C or Ctrl-\\\\ has been sent.
        began: when the wait began that is under way, or was the last.
        ended: whether the guest has ended.
        closed: whether the console was closed.
        background: where tasks of this console run while :meth:`follow` does; else None.

    Raises:
        UsageError: the time-out scale is not a positive number, or the problems cannot be read.
    """

    def __init__(
        self,
        client: LineClient,
        machine: MachineButtons | None,
        *,
        timeout: float | None,
        timeout_scale: float,
        problems: Source | Sequence[Source] | None,
        allow: Iterable[str],
    ) -> None:
        if not is_number(timeout_scale) or not 0 < timeout_scale < math.inf:
            raise UsageError(f"the time-out scale is {quoted(timeout_scale)}: use a factor above 0, such as 3")
        now = trio.current_time()
        self.client = client
        self.machine = machine
        self.timeout = timeout
        self.timeout_scale = timeout_scale
        self.name = machine.name if machine is not None else "the guest"
        self.received = GuestOutput(self.name, problems, allow, now, timeout_scale)
        self.steps = Steps(self.received)
        self._late_log = LateLog(self.received)
        self.evidence_told: Evidence | None = None
        self.before = ""
        self.after = ""
        self.match: Match | None = None
        self.last_sent = self.began = now
        self.interrupts = 0
        self.ended = False
        self.closed = False
        self.background: trio.Nursery | None = None
        self._waiting: str | None = None
        self._limit = math.inf, math.inf  # when a verb is to end, and how long it was given
        self._arrived = trio.Event()

    def rename(self, name: str) -> None:
        """Give the console another name, for messages and the live log; its machine keeps its own."""
        self.name = name
        self.received.rename(name)

    # -- what the guest sends -----------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Take in what the guest sends until it ends."""
        async with trio.open_nursery() as self.background:
            self.background.start_soon(self._late_log.follow)
            while data := await self.client.receive():
                self._late_log.take(data)
                self._wake()
            self.ended = True
            self._late_log.stop()
            self.received.monitor.finish(trio.current_time())
            self._wake()

    def take_all(self) -> None:
        """Take in what has come while :meth:`follow` had no turn; no answer is given without it."""
        while data := self.client.receive_nowait():
            self._late_log.take(data)

    def skip_waiting(self) -> None:
        """Leave out what has come and was not taken in: it is of a time that the guest has taken back."""
        while self.client.receive_nowait():
            pass

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = trio.Event()

    async def more(self) -> None:
        """Wait until something comes, or the guest ends."""
        await self._arrived.wait()

    def read_screen(self) -> Screen:
        """What a terminal on this line shows now."""
        self.take_all()
        return self.received.screen.read()

    def find_problems(self) -> list[Problem]:
        """What went wrong so far, oldest first."""
        self.take_all()
        now = trio.current_time()
        self._note_pause(now)
        return self.received.monitor.look(self.counters, now)

    def forget_boot(self) -> None:
        """The guest is about to start again: take nothing that came before for output of the new boot."""
        self.take_all()
        self.received.forget_boot(trio.current_time())

    def close(self) -> None:
        """Leave the line."""
        if not self.closed:
            self.closed = True
            self.received.close()
            self.client.detach()
            self._wake()  # a wait that is under way ends

    # -- sending --------------------------------------------------------------------------------------------------

    async def send(self, data: str | bytes) -> None:
        """Send characters, and note what their echo will look like.

        Raises:
            UsageError: the text cannot be written as UTF-8.
        """
        if isinstance(data, str):
            check_utf8(data, "the text to send")  # before anything is noted as typed
        raw = data.encode() if isinstance(data, str) else bytes(data)
        self.check_open(self._waiting or "send()")
        self.interrupts += any(key in raw for key in _INTERRUPTS)
        self.last_sent = trio.current_time()
        self.take_all()
        self.received.echoes.typed(data)
        self.received.monitor.watch.typed(data)
        await self.client.send(raw)

    async def send_masked(self, secret: str, enter: bool) -> None:
        """Send a password, masked in the record; then Enter, if that is wanted."""
        self.check_open(self._waiting or "send_secret()")
        if secret:
            self.last_sent = trio.current_time()
            await self.client.send(secret.encode(), secret=True)
        if enter:
            await self.send("\r")

    # -- waiting --------------------------------------------------------------------------------------------------

    @contextmanager
    def one_wait(self, what: str) -> Iterator[None]:
        """A block in which one verb waits.

        Args:
            what: the verb with its arguments, for messages.

        Raises:
            ConsoleBusy: another verb is waiting.
            ConsoleClosed: the console is closed.
        """
        __tracebackhide__ = True
        self.check_open(what)
        if self._waiting is not None:
            raise ConsoleBusy(f"{what}: {self._waiting} is still waiting on this console; one wait at a time")
        self._waiting = what
        self.began = trio.current_time()
        try:
            with self.steps.step(what):
                yield
        finally:
            self._waiting = None

    async def watch(
        self,
        look: Callable[[float], tuple[_T | None, float]],
        deadline: float,
        copes_with: Container[str] = (),
        read_to: int = 0,
    ) -> _T | None:
        """Look again and again at what has come.

        Args:
            look: told the time; returns what it found, or None, and when to look again if nothing comes before.
            deadline: when to give up.
            copes_with: ids of problems that end other waits and not this one.
            read_to: a place in the matched text: a problem before it was expected.

        Returns:
            What was found; None if it was not by the deadline, or the guest has ended.

        Raises:
            ProblemFound: the guest has met a fatal problem, such as a kernel panic.
            ConsoleClosed: the console was closed meanwhile.
        """
        __tracebackhide__ = True
        while True:
            self.check_open(self._waiting or "a wait")
            self.take_all()
            now = trio.current_time()
            found, again = look(now)
            evidence_at = math.inf
            is_last = self.ended or now >= deadline
            if found is None or isinstance(found, Found):
                evidence_at = self._check_problems(now, found, copes_with, read_to, is_last=is_last)
            if evidence_at == math.inf and (found is not None or is_last):
                return found
            until = min(deadline, again if found is None else math.inf, self._unsettled_until(now), evidence_at)
            with trio.move_on_at(until):
                await self.more()

    async def quiet(self, seconds: float, deadline: float, begin: float | None = None, *, kernel: bool = False) -> bool:
        """Wait until the guest has been silent for ``seconds``, at the earliest since ``begin``.

        Args:
            seconds: how long.
            deadline: when to give up.
            begin: since when; None for now.
            kernel: whether the kernel must be silent too.
        """
        since = trio.current_time() if begin is None else begin

        def look(now: float) -> tuple[bool | None, float]:
            heard_at = self.received.last_output if kernel else self.received.spoke_at
            quiet_at = max(heard_at, since) + seconds
            return (True if now >= quiet_at else None), quiet_at

        return bool(await self.watch(look, deadline))

    def seconds(self, timeout: Any) -> float:
        """How long to wait, scaled, from the argument of a verb; more than 31 years is for ever.

        Raises:
            UsageError: it is neither None nor "default" nor a number from 0 on.
        """
        __tracebackhide__ = True
        if (seconds := self.timeout if timeout == "default" else timeout) is None:
            return math.inf
        check_timeout(seconds)
        # beyond the longest time that the clock of a line can count
        return math.inf if seconds > LONGEST_S / self.timeout_scale else float(seconds) * self.timeout_scale

    def deadline(self, timeout: Timeout) -> float:
        """When a wait that begins now is to end; see :meth:`seconds`."""
        __tracebackhide__ = True
        seconds = self.seconds(timeout)
        self._limit = trio.current_time() + seconds, seconds
        return self._limit[0]

    # -- problems -------------------------------------------------------------------------------------------------

    def _note_pause(self, now: float) -> None:
        """Let the monitor look at the unfinished line, if the guest has paused."""
        if self.ended or now >= self.received.last_output + SETTLE_S:
            self.received.monitor.pause(now)

    def _unsettled_until(self, now: float) -> float:
        """When the guest will have paused, if a problem may be seen then; else infinity."""
        settled = self.received.last_output + SETTLE_S
        return settled if self.received.monitor.wants_pause and now < settled else math.inf

    def _check_problems(
        self, now: float, found: Found | None, copes_with: Container[str], read_to: int, *, is_last: bool
    ) -> float:
        """End the wait if a fatal problem was met, and all that the guest says about it is there.

        Args:
            now: the time.
            found: what was found meanwhile; a wait for the problem's own line is not ended by it.
            copes_with: ids of problems that the wait itself deals with.
            read_to: the place before which problems were expected.
            is_last: the wait ends now.

        Returns:
            When to check again, because more is expected of the guest; infinity if nothing is wrong.

        Raises:
            ProblemFound: a fatal problem was met.
        """
        __tracebackhide__ = True
        self._note_pause(now)
        problem = self.received.monitor.fatal(found, copes_with, math.inf if is_last else now, read_to)
        if isinstance(problem, Problem):
            raise ProblemFound(
                f"{problem.cause}; {self._waiting or 'a wait'} ends here, unless allow={[problem.id]!r} is given. "
                f"{problem.advice}{self.evidence(problem)}",
                problem,
            )
        return math.inf if problem is None else problem

    # -- errors -----------------------------------------------------------------------------------------------------

    def check_open(self, what: str) -> None:
        """Check that the console is open.

        Raises:
            ConsoleClosed: it is not.
        """
        __tracebackhide__ = True
        if self.closed:
            failure = getattr(self.machine, "failure", None)
            if failure is not None:
                kind = type(failure).__name__
                raise ConsoleClosed(f"{what}: the machine {self.name} has failed: {kind}: {failure}") from failure
            raise ConsoleClosed(f"{what}: this console of {self.name} is closed; open a new one")

    def check_running(self, what: str) -> None:
        """Check that the console is open and the guest runs.

        Raises:
            ConsoleClosed: the console is closed.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        self.check_open(what)
        if self.ended:
            self.raise_ended(f"{what} needs it running")

    def raise_ended(self, what: str) -> NoReturn:
        """Raise GuestEnded: the guest has ended, although ``what``."""
        __tracebackhide__ = True
        how = end_in_words(getattr(self.machine, "ended", None), self.received)
        raise as_raised(GuestEnded)(f"{what}, but {self.name} {how}{self.evidence()}")

    def raise_unfinished(
        self, what: str, begin: float, deadline: float, hint: str = "", did: str = "did not send it"
    ) -> NoReturn:
        """Raise GuestEnded or ExpectTimeout: a wait has ended without what was expected.

        Args:
            what: what was expected, as a clause.
            begin, deadline: when the wait began, and was to end.
            hint: what may help, in brackets.
            did: what the guest did.
        """
        __tracebackhide__ = True
        if self.ended:
            self.raise_ended(what)
        seconds = self._limit[1] if deadline == self._limit[0] else deadline - begin
        raise as_raised(ExpectTimeout)(f"{what}, and {self.name} {did} within {seconds:.6g} s{hint}{self.evidence()}")

    @property
    def counters(self) -> dict[str, int]:
        """The counters of the line; see ``Console.counters``."""
        return line_counters(self.client, self.machine, self.received.matcher.dropped)

    def evidence(self, named: Problem | None = None) -> str:
        """What an error shows of the guest, as lines below its first, which has named a problem, or none."""
        self.evidence_told = Evidence.of(self.received, self.counters, trio.current_time(), named)
        return self.evidence_told.text
