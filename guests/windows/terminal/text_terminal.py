"""What a program sees of the window that it runs in, and one that nobody sits at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

import trio


class EndOfInput(Exception):
    """There is nobody who could type."""


class Interrupted(Exception):
    """Ctrl-C was pressed at a prompt."""


class Key(NamedTuple):
    """A character that was typed, and when, in trio's seconds."""

    character: str
    time_s: float


class TextTerminal(Protocol):
    """A window with somebody at it, or without."""

    async def write(self, text: str) -> None:
        """Write a text; ``\\n`` ends a line."""

    async def clear(self) -> None:
        """Empty the window."""

    async def read_key(self) -> Key:
        """Wait for a key.

        Raises:
            EndOfInput: nobody can press one.
        """

    async def read_line(self, mask: str | None = None, key_filter: Callable[[Key], str] | None = None) -> str:
        """Read a line with its echo.

        Raises:
            EndOfInput: nobody can type one.
            Interrupted: Ctrl-C was pressed.
        """

    def interruptible(self) -> AbstractContextManager[trio.CancelScope]:
        """A block that Ctrl-C cancels."""

    def uninterruptible(self) -> AbstractContextManager[None]:
        """A block inside of one that Ctrl-C cancels, in which it is a key again."""


class RecordedTerminal:
    """A window that nobody sits at: it keeps what was written."""

    def __init__(self) -> None:
        self.text = ""

    async def write(self, text: str) -> None:
        """Keep a text."""
        await trio.lowlevel.checkpoint()
        self.text += text

    async def clear(self) -> None:
        """Nobody looks: nothing is done."""
        await trio.lowlevel.checkpoint()

    async def read_key(self) -> Key:
        """Nobody can press one."""
        await trio.lowlevel.checkpoint()
        raise EndOfInput

    async def read_line(self, mask: str | None = None, key_filter: Callable[[Key], str] | None = None) -> str:
        """Nobody can type one."""
        await trio.lowlevel.checkpoint()
        raise EndOfInput

    @contextmanager
    def interruptible(self) -> Iterator[trio.CancelScope]:
        """A block that nobody cancels."""
        with trio.CancelScope() as scope:
            yield scope

    @contextmanager
    def uninterruptible(self) -> Iterator[None]:
        """A block."""
        yield
