"""Waits until a command can be typed, and finds out which shell will read it.

``run.py`` has the rules; ``foreground.py`` knows what an unfinished line means.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import trio

from uartsim.console.console_errors import RunFailed
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.login_dialogue import MAINTENANCE
from uartsim.console.session import Session
from uartsim.console.shell.foreground import Foreground, foreground, other_program
from uartsim.console.shell.other_command_lines import command_line
from uartsim.console.shell.shell_line import ShellQuestion, UnixShell
from uartsim.console.text.patterns import Pattern, expression
from uartsim.console.text.search import Found, Search
from uartsim.console.typing import KILL_LINE, Typing

#: How long the guest must be silent behind a prompt, without an answer, before the shell is asked again, in seconds.
_ASK_AGAIN_S: Final = 0.5
#: How many times a shell is asked which it is.
_QUESTIONS: Final = 3
#: How long a prompt may take behind an answer, in seconds.
_PROMPT_S: Final = 1.0
#: How long what was sent may take to have an effect, before the line is taken to be unchanged, in seconds.
_EFFECT_S: Final = 0.5
#: How long a line must be unchanged that only looks like a prompt, and one with text behind the prompt, in seconds.
_DOUBTFUL_S: Final = 0.2
_HALF_TYPED_S: Final = 0.5
#: How many times the kill key is sent: it may be lost like any other.
_KILLS: Final = 3
#: Problems that do not end the wait, because the command may be meant for that very prompt.
_COPES_WITH: Final = frozenset({"grub.prompt"})
#: How many prompts are remembered.
_KEPT: Final = 16


@dataclass(slots=True)
class _Left:
    """A command that was running when its wait ended: a search for its end, and the state of the console then."""

    command: str
    end: Search
    sent_at: float
    read_to: int


@dataclass(frozen=True, slots=True)
class KnownPrompts:
    """What is known of a guest's prompts and shell, for another console of the same guest.

    Attributes:
        prompts: the prompts that were seen behind an end mark, the latest last.
        shell: the shell that answered last, if only ``run`` has typed since.
    """

    prompts: tuple[str, ...] = ()
    shell: UnixShell | None = None

    def content(self) -> dict[str, Any]:
        """It as plain values."""
        shell = None if self.shell is None else [self.shell.is_zsh, self.shell.is_restricted]
        return {"prompts": list(self.prompts), "shell": shell}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> KnownPrompts:
        """What these plain values say; ValueError, KeyError or TypeError if they are damaged."""
        shell = content["shell"]
        return cls(tuple(map(str, content["prompts"])), None if shell is None else UnixShell(*map(bool, shell)))


class PromptWait:
    """The prompts of one console.

    Args:
        session: the console's session.
        typing: how it types.

    Attributes:
        ran_at: when ``run`` last sent something, in seconds of the clock; anything sent later was not sent by ``run``.
    """

    def __init__(self, session: Session, typing: Typing) -> None:
        self._session = session
        self._received = session.received
        self._typing = typing
        self._known: dict[str, None] = {}  # prompts that were seen behind an end mark, the latest last
        self._shell: UnixShell | None = None
        self._left: _Left | None = None
        self._line_seen = ("", -math.inf)
        self.ran_at = -math.inf

    @property
    def known(self) -> KnownPrompts:
        """What is known at present."""
        return KnownPrompts(tuple(self._known), self._shell if self._session.last_sent <= self.ran_at else None)

    def know(self, known: KnownPrompts) -> None:
        """Know this, and nothing else: the guest is another, or as it was at another time."""
        self._known = dict.fromkeys(known.prompts)
        self._shell = known.shell
        self._left = None
        self._line_seen = ("", -math.inf)
        self.ran_at = -math.inf if known.shell is None else trio.current_time()

    def shown_line(self) -> str:
        """The text before the cursor in its line: on the screen, if one is drawn, or else in the text."""
        if self._received.screen.is_drawn:
            screen = self._received.screen.read()
            shown = screen.lines[screen.cursor[0]][: screen.cursor[1]]
            if shown.strip():
                return shown
        return self._received.matcher.plain_line.rpartition("\r")[2]

    def stands_since(self, now: float) -> float:
        """Since when the unfinished line has been unchanged; kernel lines do not count."""
        line = self._received.matcher.plain_line
        if self._line_seen[0] != line or now < self._line_seen[1]:
            self._line_seen = (line, min(now, self._received.last_output))
        return self._line_seen[1]

    def is_back(self, prompt: str) -> bool:
        """Whether the unfinished line is this prompt, and no other text."""
        line = self._received.matcher.plain_line
        return bool(prompt) and prompt in (line, line.rpartition("\r")[2], self.shown_line())

    async def wait(self, command: str, shell: str, deadline: float, any_prompt: bool) -> str:
        """Wait until a command can be typed; returns the prompt at which it can.

        Raises:
            RunFailed: something other than a prompt is there.
            ExpectTimeout: no prompt came.
            GuestEnded: the guest ended before.
        """
        __tracebackhide__ = True
        session = self._session
        begin = trio.current_time()
        there = await session.watch(lambda now: self._look(now, shell, any_prompt), deadline, _COPES_WITH)
        if there is None:
            session.raise_unfinished(self._no_prompt(command), begin, deadline)
        if there.obstacle:
            raise RunFailed(f"{command!r} was not typed: {session.name} is {there.obstacle}{session.evidence()}")
        prompt = there.prompt or ""
        if there.typed:
            await self._take_back(command, prompt, deadline)
        return prompt

    async def _take_back(self, command: str, prompt: str, deadline: float) -> None:
        """Delete the text behind the prompt, so that nothing of it becomes part of the command.

        Raises:
            RunFailed: it cannot be deleted.
        """
        __tracebackhide__ = True
        for _ in range(_KILLS):
            await self._session.send(KILL_LINE)
            if await self._is_clean(prompt, min(deadline, trio.current_time() + _PROMPT_S)):
                return
        raise RunFailed(
            f"{command!r} was not typed: there is text behind the prompt, {self.shown_line()!r}, and Ctrl-U does "
            f'not delete it; send("\\x03") may{self._session.evidence()}'
        )

    async def _is_clean(self, prompt: str, deadline: float) -> bool:
        """Wait until there is nothing behind the prompt any more; False if that does not happen."""

        def look(now: float) -> tuple[bool | None, float]:
            row = self._received.edited.row_before_cursor()  # the text alone does not show what was erased
            return row.rstrip() == prompt.rstrip() or None, math.inf

        return bool(await self._session.watch(look, deadline))

    async def at_prompt(self, prompt: str, deadline: float, entered: int = -1) -> None:
        """Wait until the same prompt is back, or else until the guest is silent behind a new one.

        Args:
            prompt: what it was.
            deadline: when to stop waiting.
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

    def _look(self, now: float, shell: str, any_prompt: bool) -> tuple[Foreground | None, float]:
        """The program that reads input, if that is decided, and the time at which to look again."""
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
                    if there.obstacle and now >= self.stands_since(now) + _EFFECT_S
                    else (None, now + _EFFECT_S)
                )
            self._left = None
        since = self.stands_since(now)
        if (
            since <= self._session.last_sent != self._received.opened_at
        ):  # what was sent may not have had its effect yet
            since = self._session.last_sent + _EFFECT_S - SETTLE_S
        if now < since + SETTLE_S:
            return None, since + SETTLE_S
        line = self.shown_line()
        kind = command_line("auto" if shell == "sh" else shell, line)
        if kind is not None and not any_prompt and kind.prompt.match(line):
            obstacle = f"at the prompt of {kind.name}, and a Unix shell is needed" if shell == "sh" else ""
            return Foreground(line, obstacle=obstacle), now
        there = self.there()
        stood_s = SETTLE_S
        if there.typed:
            stood_s = _HALF_TYPED_S
        elif there.prompt is not None and not there.sure:
            stood_s = _DOUBTFUL_S
        elif there.prompt is None and not there.obstacle:
            if not any_prompt or not line.strip():
                return None, math.inf
            there, stood_s = Foreground(self._received.matcher.plain_line), 2 * _HALF_TYPED_S
        if now < since + stood_s:
            return None, since + stood_s
        return there, now

    def _no_prompt(self, command: str) -> str:
        """What an error says was expected, when no prompt has come."""
        if self._left is not None:
            return (
                f"{command!r} was not typed, because {self._left.command!r} has not ended: its end was expected "
                '(send("\\x03") interrupts it)'
            )
        line = self.shown_line().rstrip()
        stands = (
            f"{line!r} is there; if that is a prompt, say so with shell='sh'" if line.strip() else "the line is empty"
        )
        return f"{command!r} was not typed: a prompt was expected ({stands})"

    async def ask_shell(self, prompt: str, command: str, deadline: float) -> UnixShell:
        """Ask which shell it is; the answer holds as long as only ``run`` types.

        Raises:
            RunFailed: it is not a shell that ``run`` can use.
            ExpectTimeout: it did not answer.
            GuestEnded: the guest ended before.
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
            self._received.own_lines.typing(question.line, None)
            await self._typing.enter(question.line, KILL_LINE, deadline)
            entered = self._received.end

            def look(now: float, search: Search = search, entered: int = entered) -> tuple[Found | bool | None, float]:
                if (found := search.find()) is not None:
                    return found, now
                quiet_at = self.stands_since(now) + _ASK_AGAIN_S
                if now >= quiet_at and other_program(self._received.since(entered)):
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
            if other_program(said):
                break
        name = other_program(said)
        raise RunFailed(
            f"{command!r} was not typed: {f'this is {name}' if name else f'{prompt!r} is not the prompt of a Unix shell'}, and "
            f"run() needs a POSIX shell (start one there, such as sh, or use sendline() and expect()){self._session.evidence()}"
        )

    # -- what run reports ---------------------------------------------------------------------------------------------

    def there(self) -> Foreground:
        """The program that reads input now."""
        screen = str(self._received.screen.read()) if self._received.screen.is_drawn else ""
        row, line = self._received.edited.row_before_cursor(), self.shown_line()
        there = Foreground()
        # the text does not show what an editor has erased, and the row not what it has wrapped
        there = foreground(line if line.endswith(row) else row, self._known, screen)
        for text in (line, self._received.matcher.plain_line):
            if there.prompt is not None or there.obstacle:
                break
            there = foreground(text, self._known, screen)
        return there

    def shell_end(self, entered: int) -> str:
        """Why the shell that got a command at ``entered`` cannot answer any more; empty if nothing shows that."""
        panics = (problem.start for problem in self._received.monitor.watch.excused if problem.id.endswith(".panic"))
        if max(panics, default=-1) >= entered:
            return "the kernel has panicked, as was asked; for such a command use sendline() and expect()"
        if MAINTENANCE.search(self.shown_line()):
            return "emergency mode has started again, and asks for root's password; log in again, with login()"
        return ""

    def restart(self) -> None:
        """Something was typed: the line counts as unchanged from now on."""
        self._line_seen = (self._received.matcher.plain_line, trio.current_time())

    def seen(self, prompt: str) -> None:
        """Remember a prompt that was seen behind the end of a command."""
        if not prompt.strip():
            return
        self._known.pop(prompt, None)
        self._known[prompt] = None
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]

    def leave(self, command: str, end: Pattern) -> None:
        """Remember a command that is left running."""
        self._left = _Left(
            command, self._received.matcher.search([end]), self._session.last_sent, self._received.matcher.position
        )
