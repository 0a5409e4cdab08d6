"""What a program is given: its command line, its window, who has started it, and the machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from ..disk.local_users import Token
from ..disk.windows_disk import WindowsDisk
from ..system.running_windows import RunningWindows
from ..terminal.text_terminal import EndOfInput, TextTerminal

#: Takes a text that a program writes.
Sink = Callable[[str], Awaitable[None]]
#: How many lines are written at once, so that a long output does not keep the window for itself.
_PORTION = 20


class AccessDenied(Exception):
    """The program needs an administrator."""


@dataclass
class SessionState:
    """What lasts from one command line of a session to the next.

    Attributes:
        folder: the current folder, in full.
        variables: the environment by names in upper case.
        status: the last program's exit status (ERRORLEVEL).
    """

    folder: str = r"C:\Windows\system32"
    variables: dict[str, str] = field(default_factory=dict)
    status: int = 0


@dataclass
class ProgramContext:
    """One start of a program.

    Attributes:
        windows: the running system.
        token: who has started it.
        session: the session that it runs in.
        name: its name in lower case, without a folder and ``.exe``.
        tail: its command line behind the name, as it was typed.
        terminal: the window.
        out: takes its output.
        error: takes its messages.
        standard_input: the lines of a pipe or a file that it reads; None if it reads from the window.
    """

    windows: RunningWindows
    token: Token
    session: SessionState
    name: str
    tail: str
    terminal: TextTerminal
    out: Sink
    error: Sink
    standard_input: list[str] | None = None

    @property
    def disk(self) -> WindowsDisk:
        """The machine's disk."""
        return self.windows.disk

    @property
    def words(self) -> list[str]:
        """Its arguments, with the quotes taken off."""
        return split_words(self.tail)

    async def write(self, text: str) -> None:
        """Write a text to its output."""
        lines = text.splitlines(keepends=True)
        for start in range(0, len(lines), _PORTION):
            await self.out("".join(lines[start : start + _PORTION]))

    async def write_lines(self, lines: Iterable[str]) -> None:
        """Write lines to its output."""
        await self.write("".join(f"{line}\n" for line in lines))

    async def fail(self, text: str, status: int = 1) -> int:
        """Write a message; returns the exit status."""
        await self.error(text if text.endswith("\n") else f"{text}\n")
        return status

    async def read_line(self) -> str:
        """A line of what it reads.

        Raises:
            EndOfInput: there is none.
        """
        if self.standard_input is None:
            return await self.terminal.read_line()
        if not self.standard_input:
            raise EndOfInput
        return self.standard_input.pop(0)

    def need_administrator(self) -> None:
        """Refuse whoever is none.

        Raises:
            AccessDenied: it was not started by an administrator.
        """
        if not self.token.administrator:
            raise AccessDenied


Program = Callable[[ProgramContext], Awaitable[int]]


def split_words(text: str) -> list[str]:
    """Split a command line at blanks that are not in double quotes, and take the quotes off."""
    words: list[str] = []
    word: list[str] = []
    quoted = inside = False
    for character in text:
        if character == '"':
            quoted, inside = not quoted, True
        elif character in " \t" and not quoted:
            if inside:
                words.append("".join(word))
            word, inside = [], False
        else:
            word.append(character)
            inside = True
    if inside:
        words.append("".join(word))
    return words
