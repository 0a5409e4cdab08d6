"""Running a command and reading its output and status: in a Unix shell, and at the other command lines there are.

Theory of operation
-------------------
**Nothing is typed where no shell is.**  A prompt is waited for, and what else stands on the line is named
(``foreground.py``).  Text that somebody left behind a prompt is taken back.  A shell that is not known yet is asked which
one it is, by a line that changes nothing anywhere.  It is known as long as only ``run`` has typed, and asked again when
somebody else has.

**A command is typed once, and the end is what its own line prints.**  The line (``shell_line.py``) prints a mark before
and behind the output.  Until the second has come, nothing is typed: what looks like the prompt may be output, and what
waits behind it may be a program.  So a shell that stalls costs time and nothing else, whenever it stalls.

**What was not seen is not reported.**  Where the end does not come, the wait ends with the time-out, which says what
stands on the line: an interrupted shell, or one that was replaced (``exec``) or left (``exit``), prints no end, and
nobody can tell its prompt from one that a program prints.  There are two exceptions, in which the command is known to be
over, and the shell is asked for its status (at most :data:`_QUESTIONS` times): the end's mark came, damaged by the line,
with the prompt behind it; or the command was interrupted through this console, and the prompt is back.  The answer
carries the command's ID, so that it is never another command's.

**A command that was left running stays in the way** until its end has come, or somebody has sent or read something on
this console since: then they know better.

Silence is that of the guest's own text.  A kernel that logs all the time does not keep a prompt from being one.
"""

from __future__ import annotations

import math
import re
import secrets
from functools import cached_property
from typing import Final, NamedTuple

import trio

from uartsim.console.console_errors import OutputTooLong, TypingFailed
from uartsim.console.core import SETTLE_S
from uartsim.console.expectations import Timeout
from uartsim.console.shell.prompt_wait import PromptWait
from uartsim.console.shell.prompts import CommandLine, command_line, without_echo
from uartsim.console.shell.shell_line import Result, ShellLine, UnixShell
from uartsim.console.text.matcher import MAX_UNREAD, Found
from uartsim.console.text.patterns import expression
from uartsim.console.typing import KILL_LINE, TypingVerbs
from uartsim.errors import UsageError

#: The longest output that is kept, in characters.
LONGEST_OUTPUT: Final = MAX_UNREAD - 4096
#: How long the guest is silent behind a prompt before the shell is asked for an end that did not come, in seconds.
_ASK_AGAIN_S: Final = 0.5
#: How often the shell is asked for an end that came damaged.
_QUESTIONS: Final = 2
#: How long a prompt may take after the end of a command, in seconds.
_PROMPT_S: Final = 1.0
#: How often a command is typed that does not arrive whole.
_ATTEMPTS: Final = 3
_INTERRUPTS: Final = (b"\x03", b"\x1c")


class _Span(NamedTuple):
    """Where a command's output is, and how it ended.

    Attributes:
        start: where it begins; None: the mark there did not come whole.
        end: where it ends.
        status: the exit status.
        was_asked_for: the mark behind it did not come whole.
    """

    start: int | None
    end: int
    status: int
    was_asked_for: bool


class RunVerbs(TypingVerbs):
    """``run``, and ``resize``."""

    _interrupted = False

    @cached_property
    def _prompts(self) -> PromptWait:
        return PromptWait(self)

    async def run(
        self,
        command: str,
        timeout: Timeout = "default",  # noqa: ASYNC109 - pexpect's word, and part of the error
        *,
        shell: str = "auto",
        max_output: int = LONGEST_OUTPUT,
    ) -> Result:
        """Wait for a prompt, run a command there, and wait for its end; what was unread is read past.

        In a Unix shell the command may be anything that ``eval`` takes, of several lines and any length; its standard
        input is the terminal.  It is run once.  At a time-out it is left running: ``send("\\x03")`` interrupts it.

        Args:
            command: what to run.
            timeout: seconds; None for ever.
            shell: the kind of command line: ``"sh"`` a Unix shell, ``"grub"``, ``"u-boot"``, ``"sac"``, ``"uefi"``;
                ``"auto"`` goes by the prompt.  ``"sh"`` also takes a line for a prompt that looks like none.
            max_output: how much output is taken, in characters; up to 16 MiB.

        Returns:
            Its output without echo and prompt, its status (None where the command line has none), and how long it took.

        Raises:
            ExpectTimeout: no prompt came in time, or the command did not end.
            RunFailed: something else than a shell has the line, or a shell that cannot be served.
            OutputTooLong: it printed more than ``max_output``.
            TypingFailed: it could not be typed.
            UsageError: a command that cannot be typed, or no such shell.
            GuestEnded, ConsoleBusy, ConsoleClosed: as :meth:`expect`.
        """
        __tracebackhide__ = True
        if not isinstance(command, str):
            raise UsageError(f"run({command!r}): give the command as text")
        if not isinstance(max_output, int) or not 0 <= max_output <= LONGEST_OUTPUT:
            raise UsageError(f"run(): max_output is {max_output!r}: give 0 to {LONGEST_OUTPUT} characters")
        self._check_running("run()")
        with self._one_wait(f"run({command!r})"):
            deadline = self._deadline(timeout)
            await trio.lowlevel.checkpoint()
            self._typed_for = f"the command {command!r}"
            try:
                return await self._run(command, deadline, shell, max_output=max_output, insists=shell == "sh")
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

    async def _run(
        self,
        command: str,
        deadline: float,
        shell: str = "sh",
        *,
        max_output: int = LONGEST_OUTPUT,
        insists: bool = False,
    ) -> Result:
        __tracebackhide__ = True
        command_line(shell, "")  # an unknown name is refused before anything is waited for
        prompt = await self._prompts.wait(command, shell, deadline, insists)
        kind = command_line(shell, self._prompts.shown_line())
        self._matcher.consume_all()
        if kind is not None:
            return await self._run_plainly(kind, command, deadline)
        try:
            unix = await self._prompts.ask_shell(prompt, command, deadline)
            return await self._run_in_shell(command, unix, prompt, deadline, max_output)
        finally:
            self._prompts.ran_at = self._last_sent

    async def _enter(self, line: str, kill: str, deadline: float) -> bool:
        """Type a line, see it come back, and press Enter; False if there is no echo, so that nobody knows."""
        __tracebackhide__ = True
        echoed = await self._type(line, kill, deadline)
        await self._send("\r")
        return echoed

    async def _send(self, data: str | bytes) -> None:
        if any(key in (data.encode() if isinstance(data, str) else bytes(data)) for key in _INTERRUPTS):
            self._interrupted = True
        await super()._send(data)

    # -- a Unix shell ---------------------------------------------------------------------------------------------

    async def _run_in_shell(
        self, command: str, unix: UnixShell, prompt: str, deadline: float, max_output: int
    ) -> Result:
        __tracebackhide__ = True
        for _ in range(_ATTEMPTS):
            line = ShellLine(command, secrets.token_hex(3), unix)
            for preparation in line.lines[:-1]:
                await self._enter(preparation, KILL_LINE, deadline)
                await self._at_prompt(prompt, deadline, entered=self._end)
            typed_at = self._end
            missed = getattr(self._client, "missed", 0)
            self._interrupted = False
            await self._enter(line.lines[-1], KILL_LINE, deadline)
            begin = trio.current_time()
            span = await self._output_span(line, command, prompt, deadline)
            if span is not None:
                break
            await self._at_prompt(prompt, trio.current_time() + _PROMPT_S)
        else:
            raise TypingFailed(f"{command!r} does not arrive whole at {self._name}, and was not run{self._evidence()}")
        start, end, status, was_asked_for = span
        elapsed = trio.current_time() - begin
        if start is None:
            # the mark before the output was damaged: the output begins behind the line that was typed
            text = without_echo(self._own(typed_at, end), line.lines[-1])
            size, lost = len(text), 0
        else:
            size = end - start
            lost = getattr(self._client, "missed", 0) - missed
            text = self._own(start, end) if size <= max_output else ""
        await self._at_prompt(prompt, trio.current_time() + _PROMPT_S)
        self._prompt_at = self._end  # whatever stands there now, a shell shows it that has ended the command
        self._prompts.seen(self._prompts.shown_line())
        self._matcher.consume_all()
        if size > max_output or lost:
            what = f"of which {lost} were lost" if lost else f"more than the {max_output} that are kept (max_output)"
            raise OutputTooLong(
                f"{command!r} printed {size + lost} characters, {what}; its status was {status}. "
                "Send its output to a file, and fetch that with get_file()",
                size + lost,
                status,
            )
        self.before, self.after = line.output(text, damaged=was_asked_for), ""
        return Result(self.before, status, elapsed)

    async def _output_span(self, line: ShellLine, command: str, prompt: str, deadline: float) -> _Span | None:
        """Wait for the end of a command.

        Returns:
            None if the line says that the command has not arrived whole, and was not run.

        Raises:
            ExpectTimeout, GuestEnded: the end did not come.
        """
        __tracebackhide__ = True
        marks = [expression(p) for p in (line.end, line.answer, line.torn, line.begin)]
        search = self._matcher.search(marks)
        begin, entered = trio.current_time(), self._end
        start: int | None = None
        over_at: int | None = None
        asked = 0

        def look(now: float) -> tuple[Found | bool | None, float]:
            found = search.find()
            if found is not None:
                return found, now
            since = self._prompts.stands_since(now)
            if now < since + _ASK_AGAIN_S:
                return None, since + _ASK_AGAIN_S
            is_over = asked < _QUESTIONS and self._is_over(line, prompt, entered if start is None else start)
            return is_over or None, math.inf

        while True:
            found = await self._watch(look, deadline)
            if isinstance(found, Found):
                if found.index == 2:
                    return None
                if found.index == 3:
                    start = found.end
                else:
                    status = int(found.match[1]) if found.index == 0 else line.status(found.match)
                    if status is not None:
                        return _Span(start, found.start if over_at is None else over_at, status, over_at is not None)
                self._matcher.consume(found)
                search = self._matcher.search(marks[:3])
            elif found:
                over_at = self._end - len(prompt) if over_at is None else over_at
                asked += 1
                await self._send(line.question + "\r")
                self._prompts.restart()
            else:
                if not self._ended:
                    self._prompts.leave(command, marks[0])
                self._raise_unfinished(
                    f"the end of {command!r} was expected", begin, deadline, self._hint(prompt, entered)
                )

    def _is_over(self, line: ShellLine, prompt: str, entered: int) -> bool:
        """Whether the command is known to be over, though its end has not come."""
        text = self._matcher.plain_line
        if self._prompts.is_back(prompt):
            return (self._interrupted and "\n" in self._since(max(entered - 2, self._end - 4096))) or line.ends_damaged(
                self._tail(entered)
            )
        return bool(prompt) and text.endswith(prompt) and line.is_damaged_end(text.removesuffix(prompt))

    def _tail(self, start: int) -> str:
        """The last lines that came since ``start``, without the unfinished one."""
        return self._since(max(start, self._end - 400)).rpartition("\n")[0]

    def _hint(self, prompt: str, entered: int) -> str:
        """What stands on the line of a command that has not ended."""
        if "\n" not in self._since(max(entered, self._end - 4096)):
            return " (nothing came since Enter was pressed)"
        if self._prompts.is_back(prompt):
            return (
                " (what stands there looks like the prompt: the command may have been interrupted, or have replaced the "
                "shell or started another, which a console cannot tell from output; nothing was typed to find out)"
            )
        there = self._prompts.there()
        if there.otherwise:
            return f" ({self._name} is {there.otherwise}; the shell may have ended)"
        return ""

    async def _at_prompt(self, prompt: str, deadline: float, entered: int = -1) -> None:
        """Wait until the prompt is back: as it was before, or else any silence behind something new.

        Args:
            prompt: what it was.
            deadline: when to wait no longer.
            entered: the end of the text when Enter was pressed.
        """

        def look(now: float) -> tuple[bool | None, float]:
            line = self._matcher.plain_line
            if self._prompts.is_back(prompt):
                self._prompt_at = self._end
                return True, now
            since = max(self._prompts.stands_since(now), self._last_sent)
            quiet_at = since + (_PROMPT_S if self._end == entered else SETTLE_S if line else 2 * SETTLE_S)
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
            return (True if kind.prompt.match(self._prompts.shown_line()) else None), math.inf

        if not await self._watch(look, deadline):
            self._raise_unfinished(f"the prompt of {kind.name} behind {command!r} was expected", begin, deadline)
        text = without_echo(self._own(mark, self._end), command)
        self._matcher.consume_all()
        return text.rpartition("\n")[0] + "\n" if "\n" in text else ""
