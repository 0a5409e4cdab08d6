"""Waiting until a command can be typed, and learning which shell will read it.

See ``run.py`` for the rules, ``foreground.py`` for what a line tells.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from typing import Final

import trio

from uartsim.console.console_errors import RunFailed
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.session import Session
from uartsim.console.shell.foreground import Foreground, foreground, stranger
from uartsim.console.shell.prompts import command_line
from uartsim.console.shell.shell_line import ShellQuestion, UnixShell
from uartsim.console.text.patterns import Pattern, expression
from uartsim.console.text.search import Found, Search
from uartsim.console.typing import KILL_LINE, Typing

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
        session: the console's session.
        typing: how it types.

    Attributes:
        ran_at: when ``run`` last sent something, in seconds of the clock: what was sent later, others have sent.
    """

    def __init__(self, session: Session, typing: Typing) -> None:
        self._session = session
        self._received = session.received
        self._typing = typing
        self._known: dict[str, None] = {}  # prompts that were seen behind an end; the last is the latest
        self._shell: UnixShell | None = None
        self._left: _Left | None = None
        self._line_seen = ("", -math.inf)
        self.ran_at = -math.inf

    def shown_line(self) -> str:
        """What stands before the cursor in its line: of the screen, where one is drawn, else of the text."""
        if self._received.screen.is_drawn:
            screen = self._received.screen.read()
            shown = screen.lines[screen.cursor[0]][: screen.cursor[1]]
            if shown.strip():
                return shown
        return self._received.matcher.plain_line.rpartition("\r")[2]

    def stands_since(self, now: float) -> float:
        """Since when the unfinished line has been what it is; lines of the kernel do not count."""
        line = self._received.matcher.plain_line
        if self._line_seen[0] != line or now < self._line_seen[1]:
            self._line_seen = (line, min(now, self._received.last_output))
        return self._line_seen[1]

    def is_back(self, prompt: str) -> bool:
        """Whether the unfinished line is this prompt, and no other text."""
        line = self._received.matcher.plain_line
        return bool(prompt) and prompt in (line, line.rpartition("\r")[2], self.shown_line())

    async def wait(self, command: str, shell: str, deadline: float, insists: bool) -> str:
        """Wait until a command can be typed; returns the prompt at which it can.

        Raises:
            RunFailed: something else is there.
        """
        __tracebackhide__ = True
        session = self._session
        begin = trio.current_time()
        there = await session.watch(lambda now: self._look(now, shell, insists), deadline, _COPES_WITH)
        if there is None:
            session.raise_unfinished(self._no_prompt(command), begin, deadline)
        if there.otherwise:
            raise RunFailed(f"{command!r} was not typed: {session.name} is {there.otherwise}{session.evidence()}")
        prompt = there.prompt or ""
        if there.typed:
            await self._take_back(command, prompt, deadline)
        return prompt

    async def _take_back(self, command: str, prompt: str, deadline: float) -> None:
        """Remove the text that stands behind the prompt, so that nothing of it becomes part of the command.

        Raises:
            RunFailed: it cannot be removed.
        """
        __tracebackhide__ = True
        for _ in range(_KILLS):
            await self._session.send(KILL_LINE)
            if await self._is_clean(prompt, min(deadline, trio.current_time() + _PROMPT_S)):
                return
        raise RunFailed(
            f"{command!r} was not typed: a text stands behind the prompt, {self.shown_line()!r}, and Ctrl-U does "
            f'not take it back; send("\\x03") may{self._session.evidence()}'
        )

    async def _is_clean(self, prompt: str, deadline: float) -> bool:
        """Whether nothing stands behind the prompt any more."""

        def look(now: float) -> tuple[bool | None, float]:
            row = self._received.edited.row_before_cursor()  # the text alone does not tell what was erased
            return row.rstrip() == prompt.rstrip() or None, math.inf

        return bool(await self._session.watch(look, deadline))

    async def at_prompt(self, prompt: str, deadline: float, entered: int = -1) -> None:
        """Wait until the prompt is back: as it was before, or else any silence behind something new.

        Args:
            prompt: what it was.
            deadline: when to wait no longer.
            entered: the end of the text when Enter was pressed.
        """

        def look(now: float) -> tuple[bool | None, float]:
            line = self._received.matcher.plain_line
            if self.is_back(prompt):
                self._received.prompt_at = self._received.end
                return True, now
            since = max(self.stands_since(now), self._session.last_sent)
            quiet_at = since + (_PROMPT_S if self._received.end == entered else SETTLE_S if line else 2 * SETTLE_S)
            return (True if now >= quiet_at else None), quiet_at

        await self._session.watch(look, deadline)

    def _look(self, now: float, shell: str, insists: bool) -> tuple[Foreground | None, float]:
        """What has the line, if that is decided; and when to look again."""
        if (
            self._received.end == self._received.prompt_at
            and self._left is None
            and self._session.last_sent <= self.ran_at
        ):
            return Foreground(self._received.matcher.plain_line), now
        if (left := self._left) is not None:
            if left.end.find() is None and (self._session.last_sent, self._received.matcher.position) == (
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
        if since <= self._session.last_sent != self._received.opened_at:  # it may take a moment until that shows
            since = self._session.last_sent + _EFFECT_S - SETTLE_S
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
            there, stood_s = Foreground(self._received.matcher.plain_line), 2 * _HALF_TYPED_S
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
        __tracebackhide__ = True
        if self._shell is not None and self._session.last_sent <= self.ran_at:
            return self._shell
        begin = trio.current_time()
        said = ""
        for _ in range(_QUESTIONS):
            question = ShellQuestion(secrets.token_hex(3))
            search = self._received.matcher.search([expression(question.answer)])
            mark = self._received.end
            await self._typing.enter(question.line, KILL_LINE, deadline)
            entered = self._received.end

            def look(now: float, search: Search = search, entered: int = entered) -> tuple[Found | bool | None, float]:
                if (found := search.find()) is not None:
                    return found, now
                quiet_at = self.stands_since(now) + _ASK_AGAIN_S
                if now >= quiet_at and stranger(self._received.since(entered)):
                    return True, now
                if "\n" not in self._received.since(entered) or not self._received.matcher.plain_line.strip():
                    return None, max(quiet_at, now + _ASK_AGAIN_S)
                return (True if now >= quiet_at else None), quiet_at

            found = await self._session.watch(look, deadline)
            if isinstance(found, Found):
                self._shell = question.shell(found.match)
                await self.at_prompt(prompt, trio.current_time() + _PROMPT_S)
                self._received.matcher.consume_all()
                return self._shell
            if found is None:
                self._session.raise_unfinished(f"the shell's answer to {question.line!r} was expected", begin, deadline)
            said = self._received.since(mark)
            self._received.matcher.consume_all()
            if stranger(said):
                break
        name = stranger(said)
        raise RunFailed(
            f"{command!r} was not typed: {f'this is {name}' if name else f'{prompt!r} is not the prompt of a Unix shell'}, and "
            f"run() needs a POSIX shell (start one there, such as sh, or use sendline() and expect()){self._session.evidence()}"
        )

    # -- what run tells ---------------------------------------------------------------------------------------------

    def there(self) -> Foreground:
        """What has the line, by what stands there now."""
        screen = str(self._received.screen.read()) if self._received.screen.is_drawn else ""
        row, line = self._received.edited.row_before_cursor(), self.shown_line()
        there = Foreground()
        # the text does not tell what an editor has erased, nor the row what it has wrapped
        there = foreground(line if line.endswith(row) else row, self._known, screen)
        for text in (line, self._received.matcher.plain_line):
            if there.prompt is not None or there.otherwise:
                break
            there = foreground(text, self._known, screen)
        return there

    def restart(self) -> None:
        """Something was typed: the line stands from now on."""
        self._line_seen = (self._received.matcher.plain_line, trio.current_time())

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
        self._left = _Left(
            command, self._received.matcher.search([end]), self._session.last_sent, self._received.matcher.position
        )
