"""Running a command and reading its output and status, in a Unix shell or at another command line.

Theory of operation
-------------------
**Nothing is typed where there is no shell.**  A prompt is waited for, and an error names anything else that reads input
(``foreground.py``).  Text that was left behind a prompt is deleted.  A shell that is not known yet is asked which one it
is, by a line that changes nothing anywhere.  The answer holds as long as only ``run`` has typed.

**A command is typed once, and only its own line marks its end.**  The line (``shell_line.py``) prints a mark before and
behind the output.  Until the second has come, nothing is typed: what looks like the prompt may be output, and a program
may be waiting for input.  So a shell that stalls costs time and nothing else, whenever it stalls.

**What was not seen is not reported.**  Where the end mark does not come, the wait ends with a time-out that says what is
on the line: a shell that was interrupted, replaced (``exec``) or left (``exit``) prints no mark, and its prompt cannot be
told from one that a program prints.  There are two exceptions, in which the command is known to be over, and the shell is
asked for its status (at most :data:`_QUESTIONS` times): the end mark came, damaged by noise, with the prompt behind it; or
the command was interrupted through this console, and the prompt is back.  The answer has the command's ID, so that it is
never another command's.

**A command that was left running stays in the way** until its end mark has come, or until something else has been sent
or read on this console: then the caller is taken to know better.

Silence means that of the guest's own text: a kernel that logs all the time does not hide a prompt.
"""

from __future__ import annotations

import math
import re
import secrets
from typing import Final, NamedTuple, NoReturn

import trio

from uartsim.console.arguments import is_integer
from uartsim.console.console_errors import OutputTooLong, RunFailed, TypingFailed
from uartsim.console.expectations import Timeout
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.problems.problem_monitor import QUIET_S
from uartsim.console.session import Session
from uartsim.console.shell.other_command_lines import CommandLine, command_line, without_echo
from uartsim.console.shell.prompt_wait import KnownPrompts, PromptWait
from uartsim.console.shell.shell_line import Result, ShellLine, UnixShell
from uartsim.console.text.matcher import MAX_UNREAD
from uartsim.console.text.patterns import Pattern, expression
from uartsim.console.text.search import Found
from uartsim.console.typing import KILL_LINE, Typing
from uartsim.errors import UsageError
from uartsim.printable import quoted

#: The longest output that is kept, in characters.
LONGEST_OUTPUT: Final = MAX_UNREAD - 4096
#: How long the guest must be silent behind a prompt before the shell is asked for a missing end mark, in seconds.
_ASK_AGAIN_S: Final = 0.5
#: How many times the shell is asked when the end mark came damaged.
_QUESTIONS: Final = 2
#: How long a prompt may take after the end of a command, in seconds.
_PROMPT_S: Final = 1.0
#: How many times a command is typed that does not arrive whole.
_ATTEMPTS: Final = 3


class _Span(NamedTuple):
    """Where a command's output is, and how it ended.

    Attributes:
        start: where it begins; None if the begin mark did not come whole.
        end: where it ends.
        status: the exit status.
        was_asked_for: whether the end mark did not come whole, so that the shell was asked.
    """

    start: int | None
    end: int
    status: int
    was_asked_for: bool


class Runner:
    """``run`` and ``resize`` of a console, and how other verbs run a command.

    Args:
        session: the console's session.
        typing: how it types.
    """

    def __init__(self, session: Session, typing: Typing) -> None:
        self._session = session
        self._received = session.received
        self._typing = typing
        self._prompts = PromptWait(session, typing)
        self._interrupts = 0  # how many interrupts had been sent when the command was entered

    def known_prompts(self) -> KnownPrompts:
        """What is known of the guest's shell and its prompts."""
        return self._prompts.known

    def know_prompts(self, known: KnownPrompts) -> None:
        """Know this of the guest's shell and its prompts, and nothing else."""
        self._prompts.know(known)

    async def run(self, command: str, timeout: Timeout, shell: str, max_output: int, *, check: bool = False) -> Result:
        """See ``Console.run``."""
        __tracebackhide__ = True
        if not isinstance(command, str):
            raise UsageError(f"run({quoted(command)}): give the command as text")
        if not isinstance(shell, str):
            raise UsageError(f"run(): shell is {quoted(shell)}: give the name of a kind of command line, such as 'sh'")
        if not is_integer(max_output) or not 0 <= max_output <= LONGEST_OUTPUT:
            raise UsageError(f"run(): max_output is {quoted(max_output)}: give 0 to {LONGEST_OUTPUT} characters")
        self._session.check_running("run()")
        with self._session.one_wait(f"run({command!r})"):
            deadline = self._session.deadline(timeout)
            await trio.lowlevel.checkpoint()
            with self._typing.named(f"the command {command!r}"):
                result = await self.run_command(
                    command, deadline, shell, max_output=max_output, any_prompt=shell == "sh"
                )
            if check and result.status:
                raise RunFailed(f"{command!r} ended with status {result.status}{self._session.evidence()}")
            return result

    async def resize(self, rows: int, columns: int, timeout: Timeout) -> None:
        """See ``Console.resize``."""
        __tracebackhide__ = True
        self._session.check_running("resize()")
        with self._session.one_wait(f"resize({quoted(rows)}, {quoted(columns)})"):
            self._received.resize(rows, columns)
            result = await self.run_command(f"stty rows {rows} cols {columns}", self._session.deadline(timeout), "sh")
            if result.status:
                raise UsageError(f"resize(): {self._session.name} did not accept the size: {result.output.strip()}")

    # -- for the other verbs ------------------------------------------------------------------------------------

    async def run_command(
        self,
        command: str,
        deadline: float,
        shell: str = "sh",
        *,
        max_output: int = LONGEST_OUTPUT,
        any_prompt: bool = False,
    ) -> Result:
        """Run a command for a verb that is waiting already.

        Args:
            command: what to run.
            deadline: when to give up, in seconds of the clock.
            shell: the kind of command line, as for ``Console.run``.
            max_output: how many characters of output are taken.
            any_prompt: whether a line that does not look like a prompt is taken for one after a while.

        Raises:
            RunFailed: the program that reads input is not a shell that can run it.
            OutputTooLong: it printed more than ``max_output``.
            TypingFailed: it could not be typed.
            ExpectTimeout: no prompt came, or the command did not end by the deadline.
            GuestEnded: the guest ended meanwhile.
        """
        __tracebackhide__ = True
        command_line(shell, "")  # an unknown name is refused before anything is waited for
        prompt = await self._prompts.wait(command, shell, deadline, any_prompt)
        kind = command_line(shell, self._prompts.shown_line())
        self._received.matcher.consume_all()
        if kind is not None:
            return await self._run_plainly(kind, command, deadline)
        try:
            unix = await self._prompts.ask_shell(prompt, command, deadline)
            return await self._run_in_shell(command, unix, prompt, deadline, max_output)
        finally:
            self._prompts.ran_at = self._session.last_sent

    def shown_line(self) -> str:
        """The text before the cursor in its line."""
        return self._prompts.shown_line()

    # -- a Unix shell ---------------------------------------------------------------------------------------------

    async def _run_in_shell(
        self, command: str, unix: UnixShell, prompt: str, deadline: float, max_output: int
    ) -> Result:
        __tracebackhide__ = True
        for _ in range(_ATTEMPTS):
            line = ShellLine(command, secrets.token_hex(3), unix)
            for preparation in line.lines[:-1]:
                self._received.own_lines.typing(preparation, None)
                await self._typing.enter(preparation, KILL_LINE, deadline)
                await self._prompts.at_prompt(prompt, deadline, entered=self._received.end)
            typed_at = self._received.end
            missed = getattr(self._session.client, "missed", 0)
            self._interrupts = self._session.interrupts
            self._received.own_lines.typing(line.lines[-1], command)
            await self._typing.enter(line.lines[-1], KILL_LINE, deadline)
            begin = trio.current_time()
            span = await self._output_span(line, command, prompt, deadline)
            if span is not None:
                break
            await self._prompts.at_prompt(prompt, trio.current_time() + _PROMPT_S)
        else:
            raise TypingFailed(
                f"{command!r} does not arrive whole at {self._session.name}, and was not run{self._session.evidence()}"
            )
        start, end, status, was_asked_for = span
        elapsed = trio.current_time() - begin
        if start is None:
            # the mark before the output was damaged: the output begins behind the line that was typed
            text = line.without_damaged_begin(
                without_echo(self._received.output_between(typed_at, end), line.lines[-1])
            )
            size, lost = len(text), 0
        else:
            size = end - start
            lost = getattr(self._session.client, "missed", 0) - missed
            text = self._received.output_between(start, end) if size <= max_output else ""
        await self._prompts.at_prompt(prompt, trio.current_time() + _PROMPT_S)
        self._received.prompt_at = (
            self._received.end
        )  # whatever is there now, it is shown by a shell that has ended the command
        self._prompts.seen(self._prompts.shown_line())
        self._received.matcher.consume_all()
        if size > max_output or lost:
            what = (
                f"of which {lost} {'were' if lost > 1 else 'was'} lost"
                if lost
                else f"more than the {max_output} that are kept (max_output)"
            )
            raise OutputTooLong(
                f"{command!r} printed {size + lost} characters, {what}; its status was {status}. "
                "Send its output to a file, and fetch that with get_file()",
                size + lost,
                status,
            )
        self._session.before, self._session.after = line.output(text, damaged=was_asked_for), ""
        return Result(self._session.before, status, elapsed)

    async def _output_span(self, line: ShellLine, command: str, prompt: str, deadline: float) -> _Span | None:
        """Wait for the end of a command.

        Returns:
            The span; None if the line says that the command did not arrive whole and was not run.

        Raises:
            ExpectTimeout: the end mark did not come.
            GuestEnded: the guest ended before.
            RunFailed: the shell has ended: the kernel has panicked, as was asked, or emergency mode has started again.
        """
        __tracebackhide__ = True
        marks = [expression(p) for p in (line.end, line.answer, line.torn, line.begin)]
        search = self._received.matcher.search(marks)
        begin, entered = trio.current_time(), self._received.end
        start: int | None = None
        over_at: int | None = None
        asked = 0

        def look(now: float) -> tuple[Found | bool | None, float]:
            found = search.find()
            if found is not None:
                return found, now
            if self._prompts.shell_end(entered):
                ended_at = self._received.last_output + QUIET_S  # all has come by then
                return (False if now >= ended_at else None), ended_at
            since = self._prompts.stands_since(now)
            if now < since + _ASK_AGAIN_S:
                return None, since + _ASK_AGAIN_S
            is_over = asked < _QUESTIONS and self._is_over(line, prompt, entered if start is None else start)
            return is_over or None, math.inf

        while True:
            found = await self._session.watch(look, deadline)
            if isinstance(found, Found):
                if found.index == 2:
                    return None
                if found.index == 3:
                    start = found.end
                else:
                    status = int(found.match[1]) if found.index == 0 else line.status(found.match)
                    if status is not None:
                        return _Span(start, found.start if over_at is None else over_at, status, over_at is not None)
                self._received.matcher.consume(found)
                search = self._received.matcher.search(marks[:3])
            elif found:
                over_at = self._received.end - len(prompt) if over_at is None else over_at
                asked += 1
                self._received.own_lines.typing(line.question, None)
                await self._session.send(line.question + "\r")
                self._prompts.restart()
            else:
                self._raise_no_end(command, marks[0], entered, self._hint(prompt, entered), begin, deadline)

    def _raise_no_end(self, what: str, end: Pattern, entered: int, hint: str, begin: float, until: float) -> NoReturn:
        __tracebackhide__ = True
        if why := self._prompts.shell_end(entered):
            raise RunFailed(f"{what!r} does not end: {why}{self._session.evidence()}")
        if not self._session.ended:
            self._prompts.leave(what, end)
        self._session.raise_unfinished(f"the end of {what!r} was expected", begin, until, hint)

    def _is_over(self, line: ShellLine, prompt: str, entered: int) -> bool:
        """Whether the command is known to be over although its end mark has not come."""
        text = self._received.matcher.plain_line
        if self._prompts.is_back(prompt):
            return (
                self._session.interrupts > self._interrupts
                and "\n" in self._received.since(max(entered - 2, self._received.end - 4096))
            ) or line.ends_damaged(self._tail(entered))
        return bool(prompt) and text.endswith(prompt) and line.is_damaged_end(text.removesuffix(prompt))

    def _tail(self, start: int) -> str:
        """The last lines that came since ``start``, without the unfinished one."""
        return self._received.since(max(start, self._received.end - 400)).rpartition("\n")[0]

    def _hint(self, prompt: str, entered: int) -> str:
        """What an error says about the line of a command that has not ended."""
        if "\n" not in self._received.since(max(entered, self._received.end - 4096)):
            return " (nothing came since Enter was pressed)"
        if self._prompts.is_back(prompt):
            return (
                " (what stands there looks like the prompt: the command may have been interrupted, or have replaced the "
                "shell or started another, which a console cannot tell from output; nothing was typed to find out)"
            )
        there = self._prompts.there()
        if there.obstacle:
            return f" ({self._session.name} is {there.obstacle}; the shell may have ended)"
        return ' (it may still be running: send("\\x03") interrupts it)'

    # -- other command lines ----------------------------------------------------------------------------------------

    async def _run_plainly(self, kind: CommandLine, command: str, deadline: float) -> Result:
        """Run a command where there are no quotes or variables: the output is what comes until the prompt is back."""
        __tracebackhide__ = True
        if not command.isprintable():
            raise UsageError(f"{command!r} cannot be typed at {kind.name}: give one line of printable characters")
        begin = trio.current_time()
        output = await self._until_prompt(kind, command, deadline)
        elapsed = trio.current_time() - begin
        status = None
        if kind.ask is not None:
            number = secrets.token_hex(3)
            question = kind.ask.format(id=number)
            self._received.own_lines.typing(question, None)
            answer = await self._until_prompt(kind, question, deadline)
            if found := re.search(kind.answer.format(id=number), answer):
                status = int(found[1], 0)
            if not status and kind.failure is not None and kind.failure.search(output):
                status = 1
        output = kind.output(output)
        self._session.before, self._session.after = output, ""
        return Result(output, status, elapsed)

    async def enter(self, line: str, shell: str, deadline: float) -> None:
        """Enter a line at the prompt that is shown, for a verb that is waiting already, and that waits for what it does.

        Raises:
            RunFailed: nothing of it comes back, where it should.
            TypingFailed: it could not be typed.
            ExpectTimeout: it was not typed by the deadline.
        """
        __tracebackhide__ = True
        kind = command_line(shell, "")
        assert kind is not None
        await self._enter(kind, line, deadline)

    async def _enter(self, kind: CommandLine, line: str, deadline: float) -> int:
        """Enter a line; returns where its output begins."""
        __tracebackhide__ = True
        echoed = await self._typing.type_line(line, kind.kill, deadline)
        if kind.deaf and line and not echoed:
            raise RunFailed(f"{line!r} was typed, and nothing came back: {kind.deaf}{self._session.evidence()}")
        entered_at = self._received.end
        await self._session.send("\r")
        return entered_at

    async def _until_prompt(self, kind: CommandLine, command: str, deadline: float) -> str:
        """Enter a line; returns what came until the prompt was back, without the echo."""
        __tracebackhide__ = True
        begin = trio.current_time()
        mark = self._received.end
        entered_at = await self._enter(kind, command, deadline)

        def look(now: float) -> tuple[str | None, float]:
            settled = self._received.last_output + SETTLE_S
            if self._received.end == entered_at or now < settled:
                return None, settled if self._received.end > entered_at else math.inf
            line = self._prompts.shown_line()
            if kind.prompt.match(line):
                return "prompt", now
            return ("more" if kind.more is not None and kind.more.fullmatch(line) else None), math.inf

        while (there := await self._session.watch(look, deadline)) == "more":
            entered_at = self._received.end
            await self._session.send("\r")
        if there is None:
            self._session.raise_unfinished(
                f"the prompt of {kind.name} behind {command!r} was expected", begin, deadline
            )
        text = without_echo(self._received.output_between(mark, self._received.end), command)
        self._received.matcher.consume_all()
        return text.rpartition("\n")[0] + "\n" if "\n" in text else ""
