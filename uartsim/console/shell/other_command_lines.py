"""The command lines other than Unix shells: their prompts, and how to ask them how a command ended.

:data:`COMMAND_LINES` is all that ``run`` knows of them; to support another one, add a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from uartsim.errors import UsageError


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One kind of command line.

    Attributes:
        name: its name, as in ``run(shell=...)``.
        prompt: what matches the unfinished line, from its start, when a command can be typed.
        kill: the keys that delete what was typed.
        ask: a command that prints how the last one ended, in which ``{id}`` is different each time; None if there is none.
        failure: what a failed command prints, if the command line does not keep that (GRUB forgets errors that it has
            printed): the status is 1 then.
        answer: what ``ask`` prints, as a regular expression; group 1 is the number, decimal or ``0x`` and hexadecimal.
        is_padded: whether lines are filled with blanks up to the last column.
        more: what stands in the unfinished line when a page is full, and Enter shows the next one; None if pages never end.
        deaf: what is likely where nothing that is typed comes back; empty where a command line may work without an echo.
    """

    name: str
    prompt: re.Pattern[str]
    kill: str = "\x15"
    ask: str | None = None
    failure: re.Pattern[str] | None = None
    answer: str = r"uartsim-{id}-(0x[0-9A-Fa-f]+|\d+)"
    is_padded: bool = False
    more: re.Pattern[str] | None = None
    deaf: str = ""

    def output(self, text: str) -> str:
        """A command's output, without what the command line itself put into it."""
        if self.more is not None:  # the question was written over with blanks, behind which the next page begins
            text = self.more.sub(_rest_of_blanks, text)
        if self.is_padded:
            text = "".join(f"{line.rstrip(' ')}\n" for line in text.splitlines())
        return text


def _rest_of_blanks(found: re.Match[str]) -> str:
    question = found[0].rstrip(" ")
    return found[0][2 * len(question) :]


_ECHO_STATUS: Final = "echo uartsim-{id}-$?"

#: What deletes a line where no single key does: Windows' consoles.
_BACKSPACES: Final = "\b" * 80

COMMAND_LINES: Final[dict[str, CommandLine]] = {
    line.name: line
    for line in (
        CommandLine(
            "grub",
            re.compile(r"grub(?: rescue)?> ?\Z"),
            ask=_ECHO_STATUS,
            failure=re.compile(r"(?m)^error: "),
        ),
        CommandLine("u-boot", re.compile(r"(?:=>|[\w.-]* ?U-Boot>) ?\Z"), ask=_ECHO_STATUS),
        CommandLine(
            "sac",
            re.compile(r"!?SAC> ?\Z"),
            kill=_BACKSPACES,
            is_padded=True,
            more=re.compile(r"(?<!-)-{1,8} ?Press <?Enter>? for more[^\n-]*-{1,8} *"),
            deaf="SAC takes no keys, as where kernel debugging is on: bcdedit /debug {current} off, and a reboot",
        ),
        CommandLine(
            "cmd",
            re.compile(r"(?:PS )?[A-Za-z]:\\[^>\n]*> ?\Z"),
            kill=_BACKSPACES,
            ask="echo uartsim-{id}-%errorlevel%",
            is_padded=True,
        ),
        CommandLine(
            "uefi",
            re.compile(r"(?:Shell|[A-Za-z]+\d*:\\[^>\n]*)> ?\Z"),
            kill="\x1b",
            ask="echo uartsim-{id}-%lasterror%",
        ),
    )
}


def command_line(name: str, line: str) -> CommandLine | None:
    """The kind of command line to use.

    Args:
        name: a name in :data:`COMMAND_LINES`; ``"sh"`` for a Unix shell; ``"auto"`` to go by the prompt.
        line: the unfinished line.

    Returns:
        The kind; None for a Unix shell.

    Raises:
        UsageError: the name is unknown.
    """
    if name == "auto":
        return next((kind for kind in COMMAND_LINES.values() if kind.prompt.match(line)), None)
    if name == "sh":
        return None
    if name not in COMMAND_LINES:
        raise UsageError(f"shell is {name!r}: use 'auto', 'sh', {', '.join(map(repr, COMMAND_LINES))}")
    return COMMAND_LINES[name]


def without_echo(text: str, typed: str) -> str:
    """``text`` without the echo of ``typed`` at its start, even if that was wrapped or redrawn, and without its line end."""
    at = 0
    for character in typed:
        if character.isspace():
            continue
        found = text.find(character, at)
        if found < 0 or text[at:found].strip():
            break
        at = found + 1
    else:
        return text[at:].lstrip(" \r").removeprefix("\n")
    first, _, rest = text.partition("\n")
    return rest if typed.strip() in first else text
