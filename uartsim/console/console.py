"""The console: expect, type, log in, and the buttons of the machine.  Async, on trio's clock.

The words are pexpect's where pexpect has them.  Two things differ: matching is on cleaned text (see ``text.py``), and
the answer does not depend on how the guest's output was cut into pieces (see ``matcher.py``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import trio

from uartsim.console.errors import (
    ConsoleBusy,
    ConsoleClosed,
    ExpectTimeout,
    GuestEnded,
    LoginFailed,
    as_raised,
)
from uartsim.console.expectations import Expectation, Match, Timeout, Wanted
from uartsim.console.line import Line
from uartsim.console.login import Does, LoginDialogue
from uartsim.console.matcher import Matcher, Search
from uartsim.console.patterns import exact, expression
from uartsim.console.protocols import LineClient, MachineButtons
from uartsim.console.text import Transcript
from uartsim.errors import UsageError

#: How long the guest must be silent for an open pattern (such as ``# $``) to be looked for, in seconds.
SETTLE_S: Final = 0.05
#: How many lines of the guest's output an error shows, and how many characters of each.
SHOWN_LINES: Final = 10
SHOWN_COLUMNS: Final = 200
#: How much of the output the log-in dialogue looks back at, in characters.
_TAIL: Final = 4096


class Console:
    """One client of a line, in the hands of a test.  Made by ``open_console``.

    Args:
        client: the line.
        machine: its buttons, or None where there are none.
        timeout: how long ``expect`` waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied with it, for slow machines.
    """

    def __init__(
        self,
        client: LineClient,
        machine: MachineButtons | None = None,
        *,
        timeout: float | None = 30.0,
        timeout_scale: float = 1.0,
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
        self._matcher = Matcher()
        self._arrived = trio.Event()
        self._opened_at = self._last_output = trio.current_time()
        self._ended = False
        self._closed = False
        self._waiting: str | None = None

    # -- what the guest sends -----------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Take in what the guest sends until it ends.  ``open_console`` runs this in the background."""
        while data := await self._client.receive():
            self._take(data)
            self._wake()
        self._ended = True
        self._wake()

    def _take(self, data: bytes) -> None:
        self._last_output = trio.current_time()
        self._matcher.feed(self._transcript.feed(data, self._last_output))

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

    def last_lines(self, count: int = SHOWN_LINES) -> list[str]:
        """The last cleaned lines that are not empty, each with when it came: seconds after the console was opened."""
        return [f"{t - self._opened_at:+9.3f} s  {_shown(line)}" for t, line in self._transcript.last_lines(count)]

    # -- waiting --------------------------------------------------------------------------------------------------

    async def expect(
        self,
        pattern: Expectation | Sequence[Expectation],
        timeout: Timeout = "default",  # noqa: ASYNC109 - pexpect's word, and part of the error
    ) -> Match:
        """Wait until the guest sends what matches, and read up to its end.

        Args:
            pattern: a regular expression, as text or compiled, or a list of them.  ``ExpectTimeout`` and
                ``GuestEnded`` (or pexpect's ``TIMEOUT`` and ``EOF``) in a list make these outcomes, not errors.
            timeout: seconds; None waits for ever.

        Raises:
            ExpectTimeout: it did not come in time; nothing was consumed.
            GuestEnded: the guest ended before.
            UsageError: an impossible pattern.
            ConsoleBusy: another wait is under way.
            ConsoleClosed: the console is closed.
        """
        __tracebackhide__ = True
        return await self._expect(pattern, timeout, expression)

    async def expect_exact(
        self,
        pattern: Expectation | Sequence[Expectation],
        timeout: Timeout = "default",  # noqa: ASYNC109 - as above
    ) -> Match:
        """As :meth:`expect`, for fixed texts."""
        __tracebackhide__ = True
        return await self._expect(pattern, timeout, exact)

    async def _expect(self, pattern: Any, timeout: Timeout, compiled: Any) -> Match:  # noqa: ASYNC109 - as above
        __tracebackhide__ = True
        wanted = Wanted(pattern, compiled)
        with self._one_wait(f"expect({wanted})"):
            begin = trio.current_time()
            deadline = begin + self._seconds(timeout)
            search = self._matcher.search(wanted.patterns)
            await trio.lowlevel.checkpoint()
            while True:
                self._take_all()
                now = trio.current_time()
                settled = self._last_output + SETTLE_S
                late = now >= deadline
                found = search.find(paused=self._ended or late or now >= settled)
                if found is not None:
                    self.before, self.after = self._matcher.consume(found)
                    index = wanted.indexes[found.index]
                    self.match = Match(index, found.match, self.before, self.after, now - begin)
                    return self.match
                if self._ended:
                    return self._outcome(wanted.ended, now - begin) or self._raise_ended(f"{wanted} was expected")
                if late:
                    return self._outcome(wanted.timeout, now - begin) or self._raise_late(
                        f"{wanted} was expected", deadline - begin, _hint(search, self._matcher.unread)
                    )
                pause = settled if search.wants_pause and now < settled else math.inf
                await self._next(min(deadline, pause))

    def _outcome(self, index: int | None, elapsed: float) -> Match | None:
        """The match that stands for an outcome in the list of what was expected."""
        self.before, self.after, self.match = self._matcher.unread, "", None
        if index is not None:
            self.match = Match(index, None, self.before, "", elapsed)
        return self.match

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
        try:
            yield
        finally:
            self._waiting = None

    def _seconds(self, timeout: Any) -> float:
        __tracebackhide__ = True
        seconds = self.timeout if timeout == "default" else timeout
        if seconds is None:
            return math.inf
        if not isinstance(seconds, (int, float)) or math.isnan(seconds):
            raise UsageError(f"the time-out is {seconds!r}: give seconds, or None to wait for ever")
        return max(0.0, seconds) * self.timeout_scale

    # -- typing -----------------------------------------------------------------------------------------------------

    async def send(self, data: str | bytes) -> None:
        """Send characters to the guest, over the line at its speed.

        Raises:
            GuestEnded: the guest has ended.
            ConsoleClosed: the console is closed.
        """
        __tracebackhide__ = True
        self._check_running("send()")
        await self._client.send(data.encode() if isinstance(data, str) else bytes(data))

    async def sendline(self, line: str | bytes = "") -> None:
        """Send characters and then Enter, which is ``\\r``.

        Raises:
            as :meth:`send`.
        """
        __tracebackhide__ = True
        await self.send(line + "\r" if isinstance(line, str) else line + b"\r")

    async def send_break(self, duration_s: float = 0.25) -> None:
        """Hold the line at space for ``duration_s`` seconds, behind what was sent before; returns when it is over.

        Raises:
            UsageError: a duration of 0 or less.
            as :meth:`send`.
        """
        __tracebackhide__ = True
        if not 0 < duration_s < math.inf:
            raise UsageError(f"a break of {duration_s} s is impossible: it takes a time above 0, such as 0.25")
        self._check_running("send_break()")
        await self._client.send_break(duration_s)

    async def sysrq(self, key: str) -> None:
        """Magic SysRq as on a serial console of Linux: a break, then the key.

        Args:
            key: one character, such as ``"h"`` for the kernel's help.

        Raises:
            UsageError: not one ASCII character.
            as :meth:`send`.
        """
        __tracebackhide__ = True
        if len(key) != 1 or not key.isascii() or not key.isalnum():
            raise UsageError(f"{key!r} is no SysRq key: give one letter or digit, such as 'h' for help")
        await self.send_break()
        await self.send(key)

    async def login(
        self,
        user: str = "root",
        password: str = "toor",
        timeout: Timeout = "default",  # noqa: ASYNC109 - as above
    ) -> None:
        """Log in, whatever stands on the line: a boot still running, a getty to come, a prompt, or a shell already.

        Returns with a shell's prompt read; its text is in ``before``.

        Raises:
            LoginFailed: the guest refused, or wants a new password.
            ExpectTimeout: it did not come to a shell in time.
            GuestEnded: the guest ended before.
            as :meth:`expect`.
        """
        __tracebackhide__ = True
        with self._one_wait(f"login({user!r})"):
            dialogue = LoginDialogue(user, password)
            begin = acted = trio.current_time()
            deadline = begin + self._seconds(timeout)
            mark = self._matcher.position
            await trio.lowlevel.checkpoint()
            while True:
                self._take_all()
                now = trio.current_time()
                settled = max(self._last_output, acted) + SETTLE_S
                look_again = settled
                if now >= settled or self._ended:
                    buffer = self._matcher.buffer
                    tail = buffer.slice(max(buffer.start, buffer.end - _TAIL), buffer.end)
                    since = buffer.slice(max(buffer.start, mark, buffer.end - _TAIL), buffer.end)
                    quiet_from = max(self._last_output, acted)
                    step = dialogue.see(tail, since, now - quiet_from)
                    match step.does:
                        case Does.FINISH:
                            self.before, self.after = self._matcher.consume_all(), ""
                            return
                        case Does.REFUSE:
                            raise LoginFailed(f"login as {user!r} failed: {step.text}{self._evidence()}")
                        case Does.SEND if not self._ended:
                            mark = buffer.end
                            await self._client.send(step.text.encode() + b"\r")
                            acted = trio.current_time()
                            continue
                    look_again = quiet_from + step.until_quiet_s
                    if look_again <= now:
                        look_again = now + SETTLE_S
                expected = f"{dialogue.waits_for} was expected, to log in as {user!r}"
                if self._ended:
                    self._raise_ended(expected)
                if now >= deadline:
                    self._raise_late(expected, deadline - begin)
                await self._next(min(deadline, look_again))

    # -- the machine ------------------------------------------------------------------------------------------------

    async def nmi(self) -> None:
        """Press the machine's NMI button.

        Raises:
            UsageError: there is no machine behind this console.
            as :meth:`send`.
        """
        __tracebackhide__ = True
        await self._buttons("nmi()").nmi()

    async def reset(self) -> None:
        """Press the machine's reset button.  What was sent before is read past: an old prompt will not match.

        Raises:
            UsageError: there is no machine behind this console.
            as :meth:`send`.
        """
        __tracebackhide__ = True
        buttons = self._buttons("reset()")
        self._take_all()
        self._matcher.consume_all()
        await buttons.reset()

    @property
    def line(self) -> Line:
        """This end of the line: its faults, its modem lines, its counters.

        Raises:
            UsageError: there is no machine behind this console.
        """
        __tracebackhide__ = True
        com1 = getattr(self._machine, "com1", None)
        if com1 is None:
            raise UsageError("line: there is no machine behind this console, only its line")
        return Line(com1)

    def close(self) -> None:
        """Leave the line.  Further calls raise ``ConsoleClosed``; ``text``, ``raw`` and ``before`` stay readable."""
        if not self._closed:
            self._closed = True
            self._client.detach()

    def _buttons(self, what: str) -> MachineButtons:
        __tracebackhide__ = True
        self._check_running(what)
        if self._machine is None:
            raise UsageError(f"{what}: there is no machine behind this console, only its line")
        return self._machine

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

    def _evidence(self) -> str:
        missed = getattr(self._client, "missed", 0) + self._matcher.dropped
        gap = f"\n({missed} characters were lost, unread, because too many waited)" if missed else ""
        lines = self.last_lines()
        if not lines:
            return f"\nIt has sent nothing.{gap}"
        return "\n".join([f"{gap}\nThe last lines it sent:", *(f"  {line}" for line in lines)])


def _shown(line: str) -> str:
    """A line as a message can show it: control characters as their pictures, and only the end if it is too long.

    (A screen that was drawn by cursor movements is one long line without them.)
    """
    line = line if len(line) <= SHOWN_COLUMNS else f"...{line[-SHOWN_COLUMNS:]}"
    return "".join(chr(0x2400 + ord(c)) if c < " " else c if c.isprintable() else "\ufffd" for c in line.expandtabs())


def _hint(search: Search, unread: str) -> str:
    """Help for who meant a fixed text and wrote an expression."""
    for pattern in search.patterns:
        if pattern.literal is None and pattern.source in unread:
            return f" ({pattern.source!r} is there as it is written: use expect_exact() for a fixed text)"
    return ""
