"""Running a command and reading its output and status: in a Unix shell, and at the other command lines there are."""

from __future__ import annotations

import math
import re
import secrets
from typing import Final

import trio

from uartsim.console.core import SETTLE_S
from uartsim.console.errors import TypingFailed
from uartsim.console.expectations import Timeout
from uartsim.console.matcher import Found
from uartsim.console.patterns import expression
from uartsim.console.prompts import CommandLine, command_line, without_echo
from uartsim.console.shell_line import Result, ShellLine
from uartsim.console.typing import KILL_LINE, TypingVerbs
from uartsim.errors import UsageError

#: How long the guest is silent behind a prompt before the shell is asked for an end that did not come, in seconds.
_ASK_AGAIN_S: Final = 0.5
#: How long a prompt may take after the end of a command, in seconds.
_PROMPT_S: Final = 1.0


class RunVerbs(TypingVerbs):
    """``run``, and ``resize``."""

    async def run(
        self,
        command: str,
        timeout: Timeout = "default",  # noqa: ASYNC109 - pexpect's word, and part of the error
        *,
        shell: str = "auto",
    ) -> Result:
        """Run a command at the prompt that the guest shows, and wait for its end; what was unread is read past.

        In a Unix shell the command may be anything that ``eval`` takes, of several lines and any length; its standard
        input is the terminal.  At a time-out it is left running: ``send("\\x03")`` interrupts it.

        Args:
            command: what to run.
            timeout: seconds; None for ever.
            shell: the kind of command line: ``"sh"`` a Unix shell, ``"grub"``, ``"u-boot"``, ``"sac"``, ``"uefi"``;
                ``"auto"`` goes by the prompt.

        Returns:
            Its output without echo and prompt, its status (None where the command line has none), and how long it took.

        Raises:
            ExpectTimeout: it did not end in time.
            TypingFailed: it could not be typed.
            UsageError: a command that cannot be typed, or no such shell.
            GuestEnded, ConsoleBusy, ConsoleClosed: as :meth:`expect`.
        """
        __tracebackhide__ = True
        if not isinstance(command, str):
            raise UsageError(f"run({command!r}): give the command as text")
        self._check_running("run()")
        with self._one_wait(f"run({command!r})"):
            deadline = self._deadline(timeout)
            await trio.lowlevel.checkpoint()
            self._typed_for = f"the command {command!r}"
            try:
                return await self._run(command, deadline, shell)
            finally:
                self._typed_for = None

    async def resize(self, rows: int, columns: int, timeout: Timeout = "default") -> None:  # noqa: ASYNC109
        """Tell the guest's shell how large the terminal is (``stty``), and have :attr:`screen` be so.

        Raises:
            UsageError: an impossible size, or the guest has no ``stty``.
            as :meth:`run`.
        """
        __tracebackhide__ = True
        self._check_running("resize()")
        with self._one_wait(f"resize({rows}, {columns})"):
            self._screen.resize(rows, columns)
            result = await self._run(f"stty rows {rows} cols {columns}", self._deadline(timeout), "sh")
            if result.status:
                raise UsageError(f"resize(): {self._name} does not take the size: {result.output.strip()}")

    # -- for the other verbs ------------------------------------------------------------------------------------

    async def _run(self, command: str, deadline: float, shell: str = "sh") -> Result:
        __tracebackhide__ = True
        if self._end != self._prompt_at:
            await self._quiet(SETTLE_S, deadline, begin=self._last_output)  # a prompt may be on its way
        prompt = self._matcher.plain_line
        kind = command_line(shell, self._shown_line())
        self._matcher.consume_all()
        if kind is not None:
            return await self._run_plainly(kind, command, deadline)
        return await self._run_in_shell(ShellLine(command, secrets.token_hex(3)), command, prompt, deadline)

    async def _enter(self, line: str, kill: str, deadline: float) -> bool:
        """Type a line, see it come back, and press Enter; False if there is no echo, so that nobody knows."""
        __tracebackhide__ = True
        echoed = await self._type(line, kill, deadline)
        await self._send("\r")
        return echoed

    def _shown_line(self) -> str:
        """What stands before the cursor in its line: of the screen, where one is drawn, else of the text."""
        if self._screen.is_drawn:
            screen = self._screen.read()
            shown = screen.lines[screen.cursor[0]][: screen.cursor[1]]
            if shown.strip():
                return shown
        return self._matcher.plain_line.rpartition("\r")[2]

    # -- a Unix shell ---------------------------------------------------------------------------------------------

    async def _run_in_shell(self, line: ShellLine, command: str, prompt: str, deadline: float) -> Result:
        __tracebackhide__ = True
        for preparation in line.lines[:-1]:
            await self._enter(preparation, KILL_LINE, deadline)
            await self._at_prompt(prompt, deadline)
        typed_at = self._end
        echoed = await self._enter(line.lines[-1], KILL_LINE, deadline)
        begin = trio.current_time()
        span = await self._output_span(line, prompt, deadline)
        if span is None:
            self._raise_unfinished(f"the end of {command!r} was expected", begin, deadline)
        start, end, status = span
        elapsed = trio.current_time() - begin
        if start is None and not echoed:
            raise TypingFailed(f"{command!r} was typed, and {self._name} has not heard it{self._evidence()}")
        if start is None:
            # the mark before the output was damaged: the output begins behind the line that was typed
            text = self._own(typed_at, end).partition("\n")[2]
        else:
            text = self._own(start, end)
        await self._at_prompt(prompt, trio.current_time() + _PROMPT_S)
        self.before, self.after = line.output(text), ""
        self._matcher.consume_all()
        return Result(self.before, status, elapsed)

    async def _output_span(self, line: ShellLine, prompt: str, deadline: float) -> tuple[int | None, int, int] | None:
        """Where the output begins (None if that mark did not come whole) and ends, and the exit status."""
        marks = [expression(line.end), expression(line.begin)]
        search = self._matcher.search(marks)
        start: int | None = None
        gave_up_at: int | None = None
        asked_at = trio.current_time()

        def look(now: float) -> tuple[Found | bool | None, float]:
            found = search.find()
            if found is not None:
                return found, now
            ask_at = max(self._last_output, asked_at) + _ASK_AGAIN_S
            if now < ask_at:
                return None, ask_at
            # The newline before the prompt may have been lost on the line, and the carriage return not.
            line = self._matcher.plain_line
            return (True if prompt and prompt in (line, line.rpartition("\r")[2]) else None), math.inf

        while True:
            found = await self._watch(look, deadline)
            if isinstance(found, Found):
                if found.index == 0:
                    return start, found.start if gave_up_at is None else gave_up_at, int(found.match[1])
                start = found.end
                self._matcher.consume(found)
                search = self._matcher.search(marks[:1])
            elif found:
                # the shell has given the line up, or the end's mark was damaged
                gave_up_at = self._end - len(prompt) if gave_up_at is None else gave_up_at
                await self._send(line.again + "\r")
                asked_at = trio.current_time()
            else:
                return None

    async def _at_prompt(self, prompt: str, deadline: float) -> None:
        """Wait until the prompt is back: as it was before, or else any silence."""

        def look(now: float) -> tuple[bool | None, float]:
            line = self._matcher.plain_line
            if prompt and prompt in (line, line.rpartition("\r")[2]):
                self._prompt_at = self._end
                return True, now
            quiet_at = self._last_output + (SETTLE_S if line else 2 * SETTLE_S)
            return (True if now >= quiet_at else None), quiet_at

        await self._watch(look, deadline)

    # -- other command lines ----------------------------------------------------------------------------------------

    async def _run_plainly(self, kind: CommandLine, command: str, deadline: float) -> Result:
        """Where there are no quotes, marks or variables: the output is what comes until the prompt is back."""
        __tracebackhide__ = True
        if not command.isprintable():
            raise UsageError(f"{command!r} cannot be typed at {kind.name}: give one line of printable characters")
        begin = trio.current_time()
        output = await self._until_prompt(kind, command, deadline)
        elapsed = trio.current_time() - begin
        status = None
        if kind.ask is not None:
            number = secrets.token_hex(3)
            answer = await self._until_prompt(kind, kind.ask.format(id=number), deadline)
            if found := re.search(kind.answer.format(id=number), answer):
                status = int(found[1], 0)
            if not status and kind.failure is not None and kind.failure.search(output):
                status = 1
        self.before, self.after = output, ""
        return Result(output, status, elapsed)

    async def _until_prompt(self, kind: CommandLine, command: str, deadline: float) -> str:
        """Enter a line; what came until the prompt was back, without the echo."""
        __tracebackhide__ = True
        begin = trio.current_time()
        mark = self._end
        await self._type(command, kind.kill, deadline)
        typed_to = self._end
        await self._send("\r")

        def look(now: float) -> tuple[bool | None, float]:
            settled = self._last_output + SETTLE_S
            if self._end == typed_to or now < settled:
                return None, settled if self._end > typed_to else math.inf
            return (True if kind.prompt.match(self._shown_line()) else None), math.inf

        if not await self._watch(look, deadline):
            self._raise_unfinished(f"the prompt of {kind.name} behind {command!r} was expected", begin, deadline)
        text = without_echo(self._own(mark, self._end), command)
        self._matcher.consume_all()
        return text.rpartition("\n")[0] + "\n" if "\n" in text else ""
