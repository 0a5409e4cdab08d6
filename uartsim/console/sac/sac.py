"""SAC on a console: its commands, its channels, and commands in a Command Prompt.

Where the keys go is read from the line that the cursor is in, before anything is typed.  A key that leaves a channel is
Esc-Tab, then 0; SAC's own commands lead into one.
"""

from __future__ import annotations

import re
from typing import Final

import trio

from uartsim.console.arguments import is_integer
from uartsim.console.console_errors import ExpectTimeout, LoginFailed, SacFailed
from uartsim.console.expectations import Timeout
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.sac import sac_text
from uartsim.console.sac.sac_text import Channel, Place
from uartsim.console.session import Session
from uartsim.console.shell.run import Runner
from uartsim.errors import UsageError
from uartsim.printable import quoted

#: How much of the output is looked at, in characters.
_TAIL: Final = 8192
#: How long a health report must have been the last word, in seconds: Windows may be starting again, with SAC.
_REPORT_S: Final = 20.0
#: How long what was sent may take to come back, in seconds, before the line is taken to be unchanged.
_ECHO_S: Final = 1.0
#: The keys that leave a channel, and how often they are tried.
_LEAVE: Final = "\x1b\t0"
_ATTEMPTS: Final = 3
#: How long keys may take to have an effect, in seconds.
_EFFECT_S: Final = 5.0
_REFUSED: Final = re.compile(
    r"(?im)^.*\b(?:incorrect|denied|failed|failure|not valid|invalid|disabled|locked out|expired)\b.*$"
)

_OTHER_CHANNEL: Final = frozenset({Place.HEADER, Place.USER, Place.DOMAIN, Place.PASSWORD, Place.COMMAND})


class Sac:
    """Windows' SAC on a console: ``console.sac``.

    Besides the errors that are listed with each, all calls raise ``GuestEnded``, ``ProblemFound``, ``ConsoleBusy`` and
    ``ConsoleClosed``, as those of the console do; ``ExpectTimeout`` where what they wait for does not come in time; and
    ``SacFailed`` where SAC cannot come: it is not enabled, or Windows has stopped and shows ``!SAC>``.

    Args:
        session: the console's session.
        runner: runs a command at a prompt.
    """

    def __init__(self, session: Session, runner: Runner) -> None:
        self._session = session
        self._received = session.received
        self._runner = runner

    async def wait_for_prompt(self, timeout: Timeout = "default") -> None:
        """Wait until SAC can be given a command; a channel that is shown is left first, and goes on."""
        __tracebackhide__ = True
        with self._session.one_wait("sac.wait_for_prompt()"):
            await self._to_sac(self._session.deadline(timeout))

    async def back(self, timeout: Timeout = "default") -> None:
        """Go back to SAC's prompt from the channel that is shown, which goes on; the same as :meth:`wait_for_prompt`."""
        __tracebackhide__ = True
        with self._session.one_wait("sac.back()"):
            await self._to_sac(self._session.deadline(timeout))

    async def command(self, command: str, timeout: Timeout = "default") -> str:
        """Run a command of SAC, such as ``"id"``; pages are turned.

        ``restart``, ``shutdown`` and ``crashdump`` do not come back to the prompt: send these with ``sendline``.

        Returns:
            Its output, without the blanks at the ends of lines and without events that SAC tells afterwards.

        Raises:
            RunFailed: nothing that is typed comes back, such as with kernel debugging on.
            UsageError: it is not one line of printable text.
        """
        __tracebackhide__ = True
        what = f"sac.command({quoted(command)})"
        if not isinstance(command, str) or not command.strip():
            raise UsageError(f"{what}: give a command of SAC as text")
        with self._session.one_wait(what):
            return await self._command(command, self._session.deadline(timeout))

    async def channels(self, timeout: Timeout = "default") -> list[Channel]:
        """The channels that there are, with their numbers, names and status letters; SAC's own is the first.

        Raises:
            RunFailed: nothing that is typed comes back.
        """
        __tracebackhide__ = True
        with self._session.one_wait("sac.channels()"):
            return sac_text.read_channels(await self._command("ch", self._session.deadline(timeout)))

    async def open_cmd(self, user: str, password: str, domain: str = "", timeout: Timeout = "default") -> None:
        """Create a Command Prompt channel, switch to it, and log in; its prompt is shown then.

        Args:
            user: the user's name.
            password: the password; it is masked in the record.
            domain: the domain; empty for the machine's own accounts.
            timeout: seconds; None waits for ever.

        Raises:
            LoginFailed: Windows refuses the log-in.
            SacFailed: no channel can be created.
            RunFailed: nothing that is typed comes back.
            UsageError: the name, the domain or the password is not printable text.
        """
        __tracebackhide__ = True
        if not all(isinstance(each, str) and each.isprintable() for each in (user, password, domain)) or not user:
            raise UsageError("sac.open_cmd(): give the user's name, the password and the domain as printable text")
        with self._session.one_wait(f"sac.open_cmd({user!r})"):
            deadline = self._session.deadline(timeout)
            await self._switch(await self._new_channel(deadline), deadline)
            await self._log_in(user, password, domain, deadline)

    async def switch(self, channel: int | str, timeout: Timeout = "default") -> None:
        """Show another channel.

        Args:
            channel: its number or name; 0 and ``"SAC"`` are SAC itself.
            timeout: seconds; None waits for ever.

        Raises:
            SacFailed: there is no such channel.
            RunFailed: nothing that is typed comes back.
            UsageError: neither a number nor a name.
        """
        __tracebackhide__ = True
        _check_channel("sac.switch", channel)
        with self._session.one_wait(f"sac.switch({channel!r})"):
            await self._switch(channel, self._session.deadline(timeout))

    async def close(self, channel: int | str, timeout: Timeout = "default") -> None:
        """Close a channel, and end what runs in it; SAC's prompt is shown then.

        Args:
            channel: its number or name.
            timeout: seconds; None waits for ever.

        Raises:
            SacFailed: there is no such channel, or it is SAC itself.
            RunFailed: nothing that is typed comes back.
            UsageError: neither a number nor a name.
        """
        __tracebackhide__ = True
        _check_channel("sac.close", channel)
        with self._session.one_wait(f"sac.close({channel!r})"):
            deadline = self._session.deadline(timeout)
            said = await self._command(f"ch -{_option('c', channel)} {channel}", deadline)
            if "success" not in said.lower():
                raise SacFailed(f"channel {channel!r} was not closed: {said or 'SAC says nothing'}{self._evidence()}")

    async def run(self, command: str, timeout: Timeout = "default") -> str:
        """Run a command in the Command Prompt that is shown (see :meth:`open_cmd` and :meth:`switch`).

        ``console.run(command, shell="cmd")`` does the same, and also returns the exit status.

        Returns:
            Its output, without the blanks at the ends of lines.  A line of more than 80 characters comes as several.

        Raises:
            SacFailed: no Command Prompt is shown, or its session has ended meanwhile, such as by its time-out.
            TypingFailed: the command could not be typed.
            UsageError: it is not one line of printable text.
        """
        __tracebackhide__ = True
        if not isinstance(command, str) or not command.strip():
            raise UsageError(f"sac.run({quoted(command)}): give a command as text")
        with self._session.one_wait(f"sac.run({command!r})"):
            deadline = self._session.deadline(timeout)
            place = await self._place(deadline)
            if place is not Place.COMMAND:
                raise self._no_command_prompt(command, place)
            try:
                done = await self._runner.run_command(command, deadline, "cmd")
            except ExpectTimeout:
                if (place := self._shown()) is Place.COMMAND or place is Place.OTHER:
                    raise
                raise self._no_command_prompt(command, place) from None
            return sac_text.unpadded(done.output)

    # -- where the keys go ----------------------------------------------------------------------------------------

    def _tail(self) -> str:
        return self._received.since(self._received.end - _TAIL)

    def _shown(self) -> Place:
        return sac_text.place_of(self._runner.shown_line(), self._tail())

    def _evidence(self) -> str:
        return self._session.evidence()

    async def _place(
        self, deadline: float, *, by: float | None = None, other_than: Place | None = None
    ) -> Place | None:
        """Wait until it is known what reads the keys.

        Args:
            deadline: when to give up, with an error.
            by: when to give up earlier, without one.
            other_than: what does not count, because it is still shown.

        Returns:
            The place; None if it was not known in time.

        Raises:
            SacFailed: SAC is not enabled.
            ExpectTimeout: it was not known by the deadline.
        """
        __tracebackhide__ = True
        session, begin = self._session, trio.current_time()
        mark = self._received.end

        def look(now: float) -> tuple[Place | str | None, float]:
            settled = self._received.last_output + SETTLE_S
            if session.last_sent > self._received.last_output:
                settled = session.last_sent + _ECHO_S
            if now < settled and not session.ended:
                return None, settled
            place = self._shown()
            if place not in (Place.OTHER, other_than):
                return place, now
            if sac_text.HEALTH_REPORT.search(self._received.since(mark)):
                return "report", now
            last_line = self._tail().rstrip().rpartition("\n")[2]
            waited = max(begin, self._received.last_output) + _REPORT_S
            if sac_text.HEALTH_REPORT.search(last_line):
                return ("report" if now >= waited else None), waited
            return None, now + 10 * SETTLE_S

        found = await session.watch(look, deadline if by is None else min(by, deadline))
        if found == "report":
            raise SacFailed(f"{sac_text.SAC_IS_OFF}{self._evidence()}")
        if found is None and (by is None or by >= deadline or session.ended):
            session.raise_unfinished("a prompt of SAC or of one of its channels was expected", begin, deadline)
        return found if isinstance(found, Place) else None

    async def _to_sac(self, deadline: float) -> None:
        """Wait for SAC's prompt, and leave the channel that is shown, if another one is.

        Raises:
            SacFailed: SAC is not enabled, Windows has stopped, or the keys have no effect.
            ExpectTimeout: the prompt did not come in time.
        """
        __tracebackhide__ = True
        place = await self._place(deadline)
        for _ in range(_ATTEMPTS):
            if place is Place.SAC:
                return
            if place is Place.STOPPED:
                raise SacFailed(
                    f"Windows has stopped, and shows !SAC>: sendline('restart') restarts it, and 'd' shows its "
                    f"log{self._evidence()}"
                )
            await self._session.send(_LEAVE)
            place = await self._place(deadline, by=trio.current_time() + _EFFECT_S, other_than=place)
        if place is not Place.SAC:
            raise SacFailed(f"Esc-Tab and 0 do not lead back to SAC{self._evidence()}")

    # -- commands and channels --------------------------------------------------------------------------------------

    async def _command(self, command: str, deadline: float) -> str:
        __tracebackhide__ = True
        await self._to_sac(deadline)
        done = await self._runner.run_command(command, deadline, "sac")
        return sac_text.unpadded(sac_text.before_prompt(done.output))

    async def _new_channel(self, deadline: float) -> str:
        """Create a Command Prompt channel; returns its name."""
        __tracebackhide__ = True
        session, begin = self._session, trio.current_time()
        for _ in range(_ATTEMPTS):
            await self._to_sac(deadline)
            mark = self._received.end  # behind the page that SAC draws again, with its old events
            said = await self._command("cmd", deadline)

            def created(_now: float, mark: int = mark) -> tuple[re.Match[str] | None, float]:
                since = self._received.since(mark)
                found = sac_text.CHANNEL_CREATED.search(since)
                return found or sac_text.CMD_AVAILABLE.search(since), trio.current_time() + 10 * SETTLE_S

            wait_s = _EFFECT_S if "success" not in said.lower() else 10 * _EFFECT_S
            found = await session.watch(created, min(deadline, trio.current_time() + wait_s))
            if found is not None and found.re is sac_text.CHANNEL_CREATED:
                return str(found[1])
            if found is None and session.ended:
                session.raise_unfinished("a new channel was expected", begin, deadline)
            if found is None:
                raise SacFailed(
                    f"no Command Prompt channel was created: {said or 'SAC says nothing'}{self._evidence()}"
                )
        raise SacFailed(f"no Command Prompt channel was created{self._evidence()}")

    async def _switch(self, channel: int | str, deadline: float) -> None:
        __tracebackhide__ = True
        await self._to_sac(deadline)
        if channel in (0, "0") or str(channel).upper() == "SAC":
            return
        mark = self._received.end
        await self._runner.enter(f"ch -{_option('s', channel)} {channel}", "sac", deadline)
        place = await self._place(deadline)
        if place is not Place.HEADER:
            said = sac_text.unpadded(self._received.since(mark)).removesuffix("SAC>").strip()
            raise SacFailed(f"there is no channel {channel!r}: {said.rpartition(chr(10))[2]}{self._evidence()}")
        await self._session.send("\r")
        await self._place(deadline, by=trio.current_time() + _EFFECT_S, other_than=Place.HEADER)

    async def _log_in(self, user: str, password: str, domain: str, deadline: float) -> None:
        __tracebackhide__ = True
        session = self._session
        mark = self._received.end
        answers = {Place.USER: user, Place.DOMAIN: domain}
        place = await self._place(deadline)
        while place in (Place.USER, Place.DOMAIN, Place.PASSWORD):
            if place is Place.USER and (refusal := _REFUSED.search(self._received.since(mark))):
                raise LoginFailed(f"login as {user!r} failed: Windows says: {refusal[0].strip()}{self._evidence()}")
            if place is Place.PASSWORD:
                await session.send_masked(password, enter=True)
            else:
                await session.send(answers[place] + "\r")
            place = await self._place(deadline, other_than=place)
        if place is not Place.COMMAND:
            raise self._no_command_prompt("log in", place)

    def _no_command_prompt(self, command: str, place: Place | None) -> SacFailed:
        """What to say where a command is for a Command Prompt, and something else is shown."""
        closed = sac_text.closed_channel(self._tail())
        what = f"{command!r} needs a Command Prompt, and {place.value if place else 'nothing'} is shown"
        if place is Place.SAC and closed is not None:
            return SacFailed(f"{what}: the channel {closed[0]} was closed. {closed[1]}".rstrip() + self._evidence())
        if place is Place.SAC:
            what += ": open_cmd() creates one, and switch() shows one that is there"
        elif place in _OTHER_CHANNEL:
            what += ": its session has ended or is locked, and wants a log-in"
        return SacFailed(what + self._evidence())


def _check_channel(verb: str, channel: object) -> None:
    if not (is_integer(channel) or (isinstance(channel, str) and channel.isprintable() and channel.strip())):
        raise UsageError(f"{verb}({quoted(channel)}): give a channel's number or name")


def _option(letter: str, channel: int | str) -> str:
    return f"{letter}{'n' if isinstance(channel, str) else 'i'}"
