"""How help is laid out: a group's commands by task, one line about each, and an example of every command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

_Command = TypeVar("_Command", bound=click.Command)


def described(line: str, *examples: str) -> Callable[[_Command], _Command]:
    """Give a command its line in the list of commands, and examples at the end of its help.

    Args:
        line: one sentence of at most 60 characters.
        examples: command lines, most useful first; a comment may follow after ``#``.
    """

    def decorate(command: _Command) -> _Command:
        command.short_help = line
        if examples:
            title = "Example:" if len(examples) == 1 else "Examples:"
            command.epilog = "\n".join(["\b", title, *(f"  {example}" for example in examples)])
        return command

    return decorate


def examples_of(command: click.Command) -> list[str]:
    """The examples of a command."""
    return [line.strip() for line in (command.epilog or "").splitlines()[2:]]


class CommandGroup(click.Group):
    """A group that lists its commands by task, in the order in which they were added, and completes only what can follow."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        #: The commands' names by the titles of their tasks; empty if the group is small.
        self.tasks: Mapping[str, Sequence[str]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list for each task."""
        width = max((len(name) for name in self.commands), default=0)
        for title, names in (self.tasks or {"Commands": self.list_commands(ctx)}).items():
            with formatter.section(title):
                # Spaces, so that the second columns of all lists are below each other.
                formatter.write_dl([(name.ljust(width), self.commands[name].short_help or "") for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that are possible; none behind a word that is no command."""
        # Where click keeps a word that it has not resolved: in 8.1, and since then.
        unknown = vars(ctx).get("protected_args") or vars(ctx).get("_protected_args")
        if unknown or ctx.args:
            return []
        found = super().shell_complete(ctx, incomplete)
        for item in found:
            if item.value in self.commands:
                item.help = self.commands[item.value].short_help
        return found
