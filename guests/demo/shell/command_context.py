"""What passes between the shell and its commands: open files, arguments, and the ways to leave."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trio

from .streams import Closed, Sink, Source

if TYPE_CHECKING:
    from ..linux_system import Machine
    from .interactive import Shell


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
        streams: its open files.
    """

    shell: Shell
    name: str
    arguments: list[str]
    streams: Streams

    @property
    def stdin(self) -> Source:
        """Where it reads."""
        return self.streams.stdin

    @property
    def stdout(self) -> Sink:
        """Where it writes."""
        return self.streams.stdout

    @property
    def stderr(self) -> Sink:
        """Where it complains."""
        return self.streams.stderr

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


class Streams:
    """The open files of a command, by descriptor: 0 input, 1 output, 2 errors, and whatever else was opened.

    Args:
        files: a `Source`, a `Sink`, or something that is both, for each descriptor that is open.
    """

    def __init__(self, files: Mapping[int, Any]) -> None:
        self.files = dict(files)

    def replaced(self, files: Mapping[int, Any]) -> Streams:
        """The same with some descriptors opened on other files; None closes one."""
        return Streams({number: file for number, file in {**self.files, **files}.items() if file is not None})

    @property
    def stdin(self) -> Source:
        """Where a command reads."""
        file = self.files.get(0)
        return file if isinstance(file, Source) else Closed("read")

    @property
    def stdout(self) -> Sink:
        """Where a command writes."""
        return self._sink(1)

    @property
    def stderr(self) -> Sink:
        """Where a command complains."""
        return self._sink(2)

    def _sink(self, number: int) -> Sink:
        file = self.files.get(number)
        return file if isinstance(file, Sink) else Closed("write")


@dataclass
class BackgroundJob:
    """A command started with ``&``: its process number, and the event of its end."""

    pid: int
    done: trio.Event = field(default_factory=trio.Event)
