"""What a command is given when the shell runs it, and the ways in which it can end the shell or a loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..kernel.credentials import Credentials
from ..kernel.kernel import Kernel
from ..kernel.vfs import FileSystem
from .lexer import encoded
from .shell_state import ShellState
from .streams import Sink, Source, Streams


class ExitShell(Exception):
    """``exit`` was run; the attribute ``status`` is the shell's exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LoopControl(Exception):
    """``break`` or ``continue`` was run; the attribute ``kind`` says which."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class ShellError(Exception):
    """A command cannot be run; the shell prints its own name and the message."""


class Runner(Protocol):
    """The shell that runs a command, for commands that run others: see `execution.Execution`."""

    @property
    def state(self) -> ShellState:
        """The shell's state."""

    @property
    def commands(self) -> Mapping[str, CommandFunction]:
        """Every builtin and program, by name."""

    def child(self) -> Runner:
        """A subshell."""

    async def run_text(self, text: str, streams: Streams | None = None) -> int:
        """Parse and run ``text``; returns its status."""

    async def run_words(self, words: list[str], streams: Streams | None = None) -> int:
        """Run one command with its arguments; returns its status."""

    async def run_script(self, text: str, name: str, arguments: list[str], streams: Streams) -> int:
        """Run ``text`` in a subshell with parameters of its own; returns its status."""


@dataclass
class Context:
    """What a command runs with.

    Attributes:
        runner: the shell that runs it.
        name: the command's own name, for messages.
        arguments: its arguments, without the name.
        streams: its open files.
    """

    runner: Runner
    name: str
    arguments: list[str]
    streams: Streams

    @property
    def shell(self) -> ShellState:
        """The state of the shell that runs it."""
        return self.runner.state

    @property
    def kernel(self) -> Kernel:
        """The kernel."""
        return self.runner.state.kernel

    @property
    def files(self) -> FileSystem:
        """The files, as the user of the shell may use them."""
        return self.runner.state.files

    @property
    def user(self) -> Credentials:
        """The user of the shell."""
        return self.runner.state.user

    @property
    def stdin(self) -> Source:
        """The standard input."""
        return self.streams.stdin

    @property
    def stdout(self) -> Sink:
        """The standard output."""
        return self.streams.stdout

    @property
    def stderr(self) -> Sink:
        """The standard error output."""
        return self.streams.stderr

    def path(self, name: str) -> str:
        """The absolute path of a file, for a name that may be relative to the working directory."""
        return self.shell.path(name)

    async def print(self, text: str, end: str = "\n") -> None:
        """Write text and ``end`` to the standard output."""
        await self.stdout.write(encoded(text + end))

    async def complain(self, text: str, status: int = 1) -> int:
        """Write ``name: text`` to the standard error output; returns ``status``."""
        await self.stderr.write(encoded(f"{self.name}: {text}\n"))
        return status

    async def complain_as_shell(self, text: str, status: int = 1) -> int:
        """Write ``SHELL: name: text`` to the standard error output, as builtins do; returns ``status``."""
        await self.stderr.write(encoded(f"{self.shell.name}: {self.name}: {text}\n"))
        return status


CommandFunction = Callable[[Context], Awaitable[int]]
