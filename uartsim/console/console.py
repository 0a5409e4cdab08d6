"""The console: expect, type, log in, and the buttons of the machine.  Async, on trio's clock.

The words are pexpect's where pexpect has them.  Two things differ: matching is on cleaned text (see
``text/cleaned_text.py``), and the answer does not depend on how the guest's output was cut into pieces (see
``text/matcher.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import trio

from uartsim.console.console_errors import LoginFailed
from uartsim.console.console_line import Line
from uartsim.console.core import SETTLE_S as SETTLE_S
from uartsim.console.expectations import Expectation, Match, Timeout, Wanted
from uartsim.console.grub.grub import Grub
from uartsim.console.login_dialogue import Does, LoginDialogue, Step
from uartsim.console.protocols import MachineButtons
from uartsim.console.shell.transfer import TransferVerbs
from uartsim.console.spawn import SpawnVerbs
from uartsim.console.stimuli import Stimuli
from uartsim.console.text.matcher import Found, Search
from uartsim.console.text.patterns import exact, expression
from uartsim.errors import UsageError

#: How much of the output the log-in dialogue looks back at, in characters.
_TAIL: Final = 4096


class Console(TransferVerbs, SpawnVerbs):
    """One client of a line, in the hands of a test.  Made by ``open_console``.

    Args:
        client: the line.
        machine: its buttons, or None where there are none.
        timeout: how long ``expect`` waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied with it, for slow machines.
    """

    # -- expecting --------------------------------------------------------------------------------------------------

    async def expect(
        self,
        pattern: Expectation | Sequence[Expectation],
        timeout: Timeout = "default",  # noqa: ASYNC109 - pexpect's word, and part of the error
    ) -> Match:
        """Wait until the guest sends what matches, and read up to its end.

        The echo of a line that was typed never matches: neither end of a match lies in one.

        Args:
            pattern: a regular expression, as text or compiled, or a list of them.  ``ExpectTimeout`` and
                ``GuestEnded`` (or pexpect's ``TIMEOUT`` and ``EOF``) in a list make these outcomes, not errors.
            timeout: seconds; None waits for ever.

        Raises:
            ExpectTimeout: it did not come in time; nothing was consumed.
            GuestEnded: the guest ended before.
            ProblemFound: something went wrong after which nothing good can come, such as a kernel panic.
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
            echoed = False
            await trio.lowlevel.checkpoint()

            def look(now: float) -> tuple[Found | None, float]:
                nonlocal search, echoed
                settled = self._spoke_at + SETTLE_S
                if self._matcher.held:  # the last line is a kernel line that is still coming, perhaps
                    settled = max(settled, self._last_output + SETTLE_S)
                paused = self._ended or now >= min(deadline, settled)
                while (found := search.find(paused=paused)) is not None:
                    echo_end = self._echoes.end_of(found)
                    if echo_end is None and not paused and self._echoes.may_be(found):
                        return None, settled
                    if echo_end is None and paused:
                        echo_end = self._echoes.unfinished(found)
                    if echo_end is None:
                        break
                    echoed = True
                    search = self._matcher.search(wanted.patterns, echo_end)
                return found, settled if search.wants_pause and now < settled else math.inf

            found = await self._watch(look, deadline)
            elapsed = trio.current_time() - begin
            if found is None:
                place = wanted.ended if self._ended else wanted.timeout
                return self._outcome(place, elapsed) or self._raise_unfinished(
                    f"{wanted} was expected", begin, deadline, _hint(search, self._matcher.unread, echoed)
                )
            self.before, self.after = self._matcher.consume(found)
            self.match = Match(wanted.indexes[found.index], found.match, self.before, self.after, elapsed)
            return self.match

    def _outcome(self, index: int | None, elapsed: float) -> Match | None:
        """The match that stands for an outcome in the list of what was expected."""
        self.before, self.after, self.match = self._matcher.unread, "", None
        if index is not None:
            self.match = Match(index, None, self.before, "", elapsed)
        return self.match

    async def send_break(self, duration_s: float = 0.25) -> None:
        """Hold the line at space for ``duration_s`` seconds, behind what was sent before; returns when it is over.

        Raises:
            UsageError: a duration of 0 or less.
            as :meth:`send`.
        """
        __tracebackhide__ = True
        if not isinstance(duration_s, (int, float)) or not 0 < duration_s < math.inf:
            raise UsageError(f"a break of {duration_s!r} s is impossible: it takes a time above 0, such as 0.25")
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
        if not isinstance(key, str) or len(key) != 1 or not key.isascii() or not key.isalnum():
            raise UsageError(f"{key!r} is no SysRq key: give one letter or digit, such as 'h' for help")
        if key in "bo":
            self._monitor.watch.expect_boot()
        if key == "c":
            self._monitor.watch.ask_for(
                "linux.panic", "linux.oops", "linux.die", "linux.bug", "linux.reboot", "guest.off"
            )
        await self.send_break()
        await self.send(key)

    async def login(
        self,
        user: str = "root",
        password: str = "toor",
        timeout: Timeout = "default",  # noqa: ASYNC109 - as above
        *,
        new_password: str | None = None,
    ) -> None:
        """Log in, whatever stands on the line: a boot still running, a getty to come, a prompt, or a shell already.

        Returns with a shell's prompt read; its text is in ``before``.  Passwords are masked in the record.

        Args:
            user, password: who logs in.
            timeout: seconds; None waits for ever.
            new_password: what to answer where the guest demands another password; None: that is an error.

        Raises:
            LoginFailed: the guest refused, or wants a new password.
            ExpectTimeout: it did not come to a shell in time.
            GuestEnded: the guest ended before.
            as :meth:`expect`.
        """
        __tracebackhide__ = True
        if not isinstance(user, str) or not isinstance(password, str) or not user.isprintable() or not user:
            raise UsageError(f"login(): give a user's name and a password as text, not {user!r} and its password")
        with self._one_wait(f"login({user!r})"):
            dialogue = LoginDialogue(user, password, new_password)
            begin = acted = trio.current_time()
            deadline = begin + self._seconds(timeout)
            mark = self._matcher.position
            await trio.lowlevel.checkpoint()

            def look(now: float) -> tuple[Step | None, float]:
                quiet_from = max(self._last_output, acted)
                settled = quiet_from + SETTLE_S
                if now < settled and not self._ended:
                    return None, settled
                since = self._since(max(mark, self._end - _TAIL))
                step = dialogue.see(self._since(self._end - _TAIL), since, now - quiet_from)
                if step.does is not Does.WAIT:
                    return step, now
                again = quiet_from + step.until_quiet_s
                return None, again if again > now else now + SETTLE_S

            while True:
                step = await self._watch(look, deadline, copes_with={"systemd.emergency"})
                if step is None or (self._ended and step.does is Does.SEND):
                    self._raise_unfinished(f"{dialogue.waits_for} was expected, to log in as {user!r}", begin, deadline)
                if step.does is Does.REFUSE:
                    raise LoginFailed(f"login as {user!r} failed: {step.text}{self._evidence()}")
                if step.does is Does.FINISH:
                    self.before, self.after = self._matcher.consume_all(), ""
                    return
                mark = self._end
                if step.secret:
                    await self._send_masked(step.text, enter=True)
                else:
                    await self._send(step.text + "\r")
                acted = trio.current_time()

    async def wait_for_quiet(self, seconds: float = 1.0, timeout: Timeout = "default") -> None:  # noqa: ASYNC109
        """Wait until the guest has sent nothing for a while, counted from what was last sent in either direction.

        Args:
            seconds: for how long.
            timeout: how long to wait for that, in seconds; None for ever.

        Raises:
            ExpectTimeout: it did not fall silent in time.
            UsageError: a time of 0 or less.
            GuestEnded, ConsoleBusy, ConsoleClosed: as :meth:`expect`.
        """
        __tracebackhide__ = True
        if not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
            raise UsageError(f"wait_for_quiet({seconds!r}): give a time above 0, in seconds")
        with self._one_wait(f"wait_for_quiet({seconds:g})"):
            begin = trio.current_time()
            deadline = self._deadline(timeout)
            await trio.lowlevel.checkpoint()
            if not await self._quiet(seconds, deadline, begin=self._last_sent, kernel=True):
                self._raise_unfinished(f"a silence of {seconds:g} s was expected", begin, deadline)

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
        """Press the machine's reset button.  What was sent before is read past, and the screen is empty: no verb takes
        anything of it for the new boot's.

        Raises:
            UsageError: there is no machine behind this console.
            as :meth:`send`.
        """
        __tracebackhide__ = True
        buttons = self._buttons("reset()")
        self._forget_boot()
        self._monitor.watch.expect_boot()
        await buttons.reset()

    @property
    def grub(self) -> Grub:
        """GRUB's menu, wherever it is on this line."""
        return Grub(self)

    @property
    def stimuli(self) -> Stimuli:
        """What this console's machine can be made to suffer."""
        return Stimuli(self)

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
            self._live_log.finish()
            self._client.detach()

    def _buttons(self, what: str) -> MachineButtons:
        __tracebackhide__ = True
        self._check_running(what)
        if self._machine is None:
            raise UsageError(f"{what}: there is no machine behind this console, only its line")
        return self._machine


def _hint(search: Search, unread: str, echoed: bool) -> str:
    """Help for who meant a fixed text and wrote an expression, or waits for what was typed."""
    if echoed:
        return " (what was typed came back, and an echo never matches: type() waits for it)"
    for pattern in search.patterns:
        if pattern.literal is None and pattern.source in unread:
            return f" ({pattern.source!r} is there as it is written: use expect_exact() for a fixed text)"
    return ""
