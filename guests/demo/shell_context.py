"""What passes between the shell and its commands: open files, arguments, and the ways to leave."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trio

from .streams import Sink, Source

if TYPE_CHECKING:
    from .boot import Machine
    from .shell import Shell


class ExitShell(Exception):
    """``exit``: the attribute ``status`` is what the shell returns."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LoopControl(Exception):
    """``break`` and ``continue``."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class ShellError(Exception):
    """A command cannot be run; the message follows the shell's name."""


@dataclass
class Context:
    """What a command runs with.

    Attributes:
        shell: the shell that runs it.
        name: its own name, for messages.
        arguments: its arguments, without the name.
        stdin: where it reads.
        stdout: where it writes.
        stderr: where it complains.
    """

    shell: Shell
    name: str
    arguments: list[str]
    stdin: Source
    stdout: Sink
    stderr: Sink

    @property
    def machine(self) -> Machine:
        """The machine."""
        return self.shell.machine

    def path(self, name: str) -> str:
        """The absolute path of what the user calls ``name``."""
        return posixpath.normpath(posixpath.join(self.shell.directory, name))

    async def print(self, text: str, end: str = "\n") -> None:
        """Write text and a newline to the output."""
        await self.stdout.write((text + end).encode())

    async def complain(self, text: str, status: int = 1) -> int:
        """Write ``name: text`` to the error output; returns ``status``."""
        await self.stderr.write(f"{self.name}: {text}\n".encode())
        return status


CommandFunction = Callable[[Context], Awaitable[int]]


@dataclass(frozen=True)
class Streams:
    """The three open files of a command."""

    stdin: Source
    stdout: Sink
    stderr: Sink


@dataclass
class BackgroundJob:
    """A command started with ``&``: its process number, and the event of its end."""

    pid: int
    done: trio.Event = field(default_factory=trio.Event)
