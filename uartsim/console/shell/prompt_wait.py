"""Waiting until a command can be typed, and learning which shell will read it.

See ``run.py`` for the rules, ``foreground.py`` for what a line tells.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import trio

from uartsim.console.console_errors import RunFailed
from uartsim.console.core import SETTLE_S
from uartsim.console.shell.foreground import Foreground, foreground, stranger
from uartsim.console.shell.prompts import command_line
from uartsim.console.shell.shell_line import ShellQuestion, UnixShell
from uartsim.console.text.matcher import Found, Search
from uartsim.console.text.patterns import Pattern, expression
from uartsim.console.typing import KILL_LINE

if TYPE_CHECKING:
    from uartsim.console.shell.run import RunVerbs

#: How long the guest is silent behind a prompt without an answer before the shell is asked again, in seconds.
_ASK_AGAIN_S: Final = 0.5
#: How often a shell is asked which it is.
_QUESTIONS: Final = 3
#: How long a prompt may take behind an answer, in seconds.
_PROMPT_S: Final = 1.0
#: How long what was sent may take to show an effect, before the line is taken for what it was before, in seconds.
_EFFECT_S: Final = 0.5
#: How long a line that only looks like a prompt has to stand, and one with a text behind the prompt; in seconds.
_DOUBTFUL_S: Final = 0.2
_HALF_TYPED_S: Final = 0.5
#: How often a text is taken back: the key may be lost like any other.
_KILLS: Final = 3
#: Problems that are none for a command that is meant for that very prompt.
_COPES_WITH: Final = frozenset({"grub.prompt"})
#: How many prompts are remembered.
_KEPT: Final = 16


@dataclass(slots=True)
class _Left:
    """A command that was running when its wait ended: its end, and where things stood then."""

    command: str
    end: Search
    sent_at: float
    read_to: int


class PromptWait:
    """The prompts of one console.

    Args:
        console: the console.
    """

    def __init__(self, console: RunVerbs) -> None:
        self._console = console
        self._known: dict[str, None] = {}  # prompts that were seen behind an end; the last is the latest
        self._shell: UnixShell | None = None
        self._left: _Left | None = None
        self._line_seen = ("", -math.inf)
        #: When ``run`` last sent something: what was sent later came from somebody else.
        self.ran_at = -math.inf

    def shown_line(self) -> str:
        """What stands before the cursor in its line: of the screen, where one is drawn, else of the text."""
        console = self._console
        if console._screen.is_drawn:
            screen = console._screen.read()
            shown = screen.lines[screen.cursor[0]][: screen.cursor[1]]
            if shown.strip():
                return shown
        return console._matcher.plain_line.rpartition("\r")[2]

    def stands_since(self, now: float) -> float:
        """Since when the unfinished line has been what it is; lines of the kernel do not count."""
        console = self._console
        line = console._matcher.plain_line
        if self._line_seen[0] != line or now < self._line_seen[1]:
            self._line_seen = (line, min(now, console._last_output))
        return self._line_seen[1]

    def is_back(self, prompt: str) -> bool:
        """Whether the unfinished line is this prompt, and no other text."""
        console = self._console
        line = console._matcher.plain_line
        return bool(prompt) and prompt in (line, line.rpartition("\r")[2], self.shown_line())

    async def wait(self, command: str, shell: str, deadline: float, insists: bool) -> str:
        """Wait until a command can be typed; returns the prompt at which it can.

        Raises:
            RunFailed: something else is there.
        """
        console = self._console
        __tracebackhide__ = True
        begin = trio.current_time()
        while True:
            there = await console._watch(lambda now: self._look(now, shell, insists), deadline, _COPES_WITH)
            if there is None:
                console._raise_unfinished(self._no_prompt(command), begin, deadline)
            if there.otherwise:
                raise RunFailed(f"{command!r} was not typed: {console._name} is {there.otherwise}{console._evidence()}")
            prompt = there.prompt or ""
            if not there.typed:
                return prompt
            # somebody has left a line half typed; nothing of it is the command's
            for _ in range(_KILLS):
                await console._send(KILL_LINE)
                if await self._is_clean(prompt, min(deadline, trio.current_time() + _PROMPT_S)):
                    break
            else:
                raise RunFailed(
                    f"{command!r} was not typed: a text stands behind the prompt, {self.shown_line()!r}, and Ctrl-U does "
                    f'not take it back; send("\\x03") may{console._evidence()}'
                )
            return prompt

    async def _is_clean(self, prompt: str, deadline: float) -> bool:
        """Whether nothing stands behind the prompt any more."""

        def look(now: float) -> tuple[bool | None, float]:
            row = self._console._edited.row_before_cursor()  # the text alone does not tell what was erased
            return row.rstrip() == prompt.rstrip() or None, math.inf

        return bool(await self._console._watch(look, deadline))

    def _look(self, now: float, shell: str, insists: bool) -> tuple[Foreground | None, float]:
        """What has the line, if that is decided; and when to look again."""
        console = self._console
        if console._end == console._prompt_at and self._left is None and console._last_sent <= self.ran_at:
            return Foreground(console._matcher.plain_line), now
        if (left := self._left) is not None:
            if left.end.find() is None and (console._last_sent, console._matcher.position) == (
                left.sent_at,
                left.read_to,
            ):
                there = self.there()
                return (
                    (there, now)
                    if there.otherwise and now >= self.stands_since(now) + _EFFECT_S
                    else (None, now + _EFFECT_S)
                )
            self._left = None
        since = self.stands_since(now)
        if since <= console._last_sent != console._opened_at:  # it may take a moment until that shows
            since = console._last_sent + _EFFECT_S - SETTLE_S
        if now < since + SETTLE_S:
            return None, since + SETTLE_S
        line = self.shown_line()
        kind = command_line("auto" if shell == "sh" else shell, line)
        if kind is not None and not insists and kind.prompt.match(line):
            otherwise = f"at the prompt of {kind.name}, and a Unix shell is needed" if shell == "sh" else ""
            return Foreground(line, otherwise=otherwise), now
        there = self.there()
        stood_s = SETTLE_S
        if there.typed:
            stood_s = _HALF_TYPED_S
        elif there.prompt is not None and not there.sure:
            stood_s = _DOUBTFUL_S
        elif there.prompt is None and not there.otherwise:
            if not insists or not line.strip():
                return None, math.inf
            there, stood_s = Foreground(console._matcher.plain_line), 2 * _HALF_TYPED_S
        if now < since + stood_s:
            return None, since + stood_s
        return there, now

    def _no_prompt(self, command: str) -> str:
        """What was expected, when no prompt has come."""
        if self._left is not None:
            return (
                f"{command!r} was not typed, because {self._left.command!r} has not ended: its end was expected "
                '(send("\\x03") interrupts it)'
            )
        line = self.shown_line().rstrip()
        stands = (
            f"{line!r} stands there; if that is a prompt, say so with shell='sh'"
            if line.strip()
            else "none stands there"
        )
        return f"{command!r} was not typed: a prompt was expected ({stands})"

    async def ask_shell(self, prompt: str, command: str, deadline: float) -> UnixShell:
        """Which shell it is; the answer holds as long as nobody else types.

        Raises:
            RunFailed: it is none that can be served.
        """
        console = self._console
        __tracebackhide__ = True
        if self._shell is not None and console._last_sent <= self.ran_at:
            return self._shell
        begin = trio.current_time()
        said = ""
        for _ in range(_QUESTIONS):
            question = ShellQuestion(secrets.token_hex(3))
            search = console._matcher.search([expression(question.answer)])
            mark = console._end
            await console._enter(question.line, KILL_LINE, deadline)
            entered = console._end

            def look(now: float, search: Search = search, entered: int = entered) -> tuple[Found | bool | None, float]:
                if (found := search.find()) is not None:
                    return found, now
                quiet_at = self.stands_since(now) + _ASK_AGAIN_S
                if now >= quiet_at and stranger(console._since(entered)):
                    return True, now
                if "\n" not in console._since(entered) or not console._matcher.plain_line.strip():
                    return None, max(quiet_at, now + _ASK_AGAIN_S)
                return (True if now >= quiet_at else None), quiet_at

            found = await console._watch(look, deadline)
            if isinstance(found, Found):
                self._shell = question.shell(found.match)
                await console._at_prompt(prompt, trio.current_time() + _PROMPT_S)
                console._matcher.consume_all()
                return self._shell
            if found is None:
                console._raise_unfinished(f"the shell's answer to {question.line!r} was expected", begin, deadline)
            said = console._since(mark)
            console._matcher.consume_all()
            if stranger(said):
                break
        name = stranger(said)
        raise RunFailed(
            f"{command!r} was not typed: {f'this is {name}' if name else f'{prompt!r} is not the prompt of a Unix shell'}, and "
            f"run() needs a POSIX shell (start one there, such as sh, or use sendline() and expect()){console._evidence()}"
        )

    # -- what run tells ---------------------------------------------------------------------------------------------

    def there(self) -> Foreground:
        """What has the line, by what stands there now."""
        console = self._console
        screen = str(console._screen.read()) if console._screen.is_drawn else ""
        row, line = console._edited.row_before_cursor(), self.shown_line()
        there = Foreground()
        # the text does not tell what an editor has erased, nor the row what it has wrapped
        there = foreground(line if line.endswith(row) else row, self._known, screen)
        for text in (line, console._matcher.plain_line):
            if there.prompt is not None or there.otherwise:
                break
            there = foreground(text, self._known, screen)
        return there

    def restart(self) -> None:
        """Something was typed: the line stands from now on."""
        self._line_seen = (self._console._matcher.plain_line, trio.current_time())

    def seen(self, prompt: str) -> None:
        """A prompt stands behind the end of a command."""
        if not prompt.strip():
            return
        self._known.pop(prompt, None)
        self._known[prompt] = None
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]

    def leave(self, command: str, end: Pattern) -> None:
        """A command is left running."""
        console = self._console
        self._left = _Left(command, console._matcher.search([end]), console._last_sent, console._matcher.position)
