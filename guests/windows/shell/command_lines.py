"""cmd's command lines, taken apart: variables, quotes, carets, pipes, redirections, ``&``, ``&&`` and ``||``.

Not there: parentheses, ``if``, ``for`` and labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_VARIABLE: Final = re.compile(r"%([^%\s=]{1,64})%")
_OPERATORS: Final = ("&&", "||", "&", "|")
_REDIRECTION: Final = re.compile(r"([0-9]?)(>>|>&|>|<)")
#: The longest line after variables are replaced, in characters.
LONGEST: Final = 8191


class CommandSyntaxError(Exception):
    """What cmd says of a line that it cannot take apart."""


@dataclass
class Redirection:
    """``1>file``: a stream, the operator, and its file, or the other stream for ``>&``."""

    stream: int
    operator: str
    target: str


@dataclass
class SimpleCommand:
    """A command: its text, and where its streams go."""

    text: str = ""
    redirections: list[Redirection] = field(default_factory=list)


@dataclass
class Pipeline:
    """Commands that are joined by ``|``, and the operator that stands before them: empty, ``&``, ``&&`` or ``||``."""

    operator: str
    commands: list[SimpleCommand]


def expand(line: str, value: Callable[[str], str | None]) -> str:
    """Replace ``%NAME%``; what is not set stays as it is, as at cmd's prompt."""

    def replace(match: re.Match[str]) -> str:
        found = value(match[1])
        return match[0] if found is None else found

    return _VARIABLE.sub(replace, line)


def parse(line: str) -> list[Pipeline]:
    """Take a line apart.

    Raises:
        CommandSyntaxError: an operator has nothing beside it, or a redirection no file.
    """
    if len(line) > LONGEST:
        raise CommandSyntaxError("The command line is too long.")
    pipelines = [Pipeline("", [SimpleCommand()])]
    at, quoted, text = 0, False, list[str]()

    def end_command() -> None:
        pipelines[-1].commands[-1].text = "".join(text).strip(" \t\xa0").removeprefix("@").lstrip()
        text.clear()

    while at < len(line):
        character = line[at]
        operator = None if quoted else next((each for each in _OPERATORS if line.startswith(each, at)), None)
        redirection = None if quoted else _REDIRECTION.match(line, at)
        if character == "^" and not quoted:
            text.append(line[at + 1 : at + 2])
            at += 2
        elif operator is not None:
            end_command()
            if operator == "|":
                pipelines[-1].commands.append(SimpleCommand())
            else:
                pipelines.append(Pipeline(operator, [SimpleCommand()]))
            at += len(operator)
        elif redirection is not None and (not redirection[1] or not text or text[-1] in " \t"):
            at = _take_redirection(pipelines[-1].commands[-1], line, redirection)
        else:
            quoted ^= character == '"'
            text.append(character)
            at += 1
    end_command()
    return _checked(pipelines)


def _take_redirection(command: SimpleCommand, line: str, match: re.Match[str]) -> int:
    """Take the target behind a redirection; returns where it ends."""
    at = match.end()
    while line[at : at + 1] in (" ", "\t") and at < len(line):
        at += 1
    start, quoted = at, False
    while at < len(line) and (quoted or line[at] not in " \t&|<>"):
        quoted ^= line[at] == '"'
        at += 1
    target = line[start:at].strip('"')
    if not target:
        raise CommandSyntaxError("The syntax of the command is incorrect.")
    stream = int(match[1]) if match[1] else (0 if match[2] == "<" else 1)
    command.redirections.append(Redirection(stream, match[2], target))
    return at


def _checked(pipelines: list[Pipeline]) -> list[Pipeline]:
    for n, pipeline in enumerate(pipelines):
        empty = [command for command in pipeline.commands if not command.text and not command.redirections]
        last = n == len(pipelines) - 1
        if empty and len(pipeline.commands) == 1 and last and pipeline.operator in ("", "&"):
            pipelines.pop()
        elif empty:
            unexpected = "|" if len(pipeline.commands) > 1 else pipelines[min(n + 1, len(pipelines) - 1)].operator
            raise CommandSyntaxError(f"{unexpected} was unexpected at this time.")
    return pipelines
