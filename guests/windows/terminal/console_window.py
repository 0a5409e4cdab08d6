"""A console window: a screen, the keys that were pressed for it, and the line editor of SAC and cmd.

SAC understands no VT100 keys: of an arrow key, ``ESC [ A``, everything but the ESC is taken as typed.
"""

from __future__ import annotations

import codecs
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

from .text_terminal import Interrupted, Key
from .vt_utf8_screen import Screen

#: How many keys may wait for a program; more have to wait on the line.
TYPE_AHEAD: Final = 4096
#: The longest line that can be typed, in characters (cmd's own limit).
LONGEST_LINE: Final = 8191
_CTRL_C: Final = "\x03"


class KeyDecoder:
    """Takes the characters out of the bytes of a line; what is not UTF-8 becomes U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        """The characters that are complete with these bytes."""
        return self._decoder.decode(data)


class ConsoleWindow:
    """A window that programs write to and read from.

    Args:
        show: changes the screen by a function, and sends what that returns if the window is the one that is shown.
    """

    def __init__(self, show: Callable[[Callable[[], str]], Awaitable[None]]) -> None:
        self.screen = Screen()
        #: The line that is being typed.
        self.typed: list[str] = []
        #: When the last key was pressed, in trio's seconds.
        self.last_key_s = trio.current_time()
        self._show = show
        self._after_return = False
        self._keys: deque[Key] = deque()
        self._changed = trio.Event()
        self._interrupts: list[trio.CancelScope | None] = []

    # ---------------------------------------------------------------------------------------------------------- keys
    async def press(self, character: str) -> bool:
        """A key was pressed.

        Returns:
            Whether it was taken.  If too many wait already, it is not, and the call returns once one of them is read.
        """
        self.last_key_s = trio.current_time()
        interrupt = self._interrupts[-1] if self._interrupts else None
        if character == _CTRL_C and interrupt is not None:
            self.forget_keys()
            interrupt.cancel()
            return True
        if len(self._keys) >= TYPE_AHEAD:
            await self._changed.wait()
            return False
        self._keys.append(Key(character, self.last_key_s))
        self._announce()
        return True

    async def read_key(self) -> Key:
        """Wait for the next key."""
        while not self._keys:
            await self._changed.wait()
        key = self._keys.popleft()
        self._announce()
        return key

    def forget_keys(self) -> None:
        """Forget what was typed and not read; whoever waits to press a key goes on."""
        self._keys.clear()
        self._announce()

    def give_keys_to(self, other: ConsoleWindow) -> None:
        """Hand on what was typed and not read, to the window that is shown from now on."""
        other._keys.extend(self._keys)
        other._announce()
        self.forget_keys()

    @contextmanager
    def interruptible(self) -> Iterator[trio.CancelScope]:
        """A block that Ctrl-C cancels."""
        with trio.CancelScope() as scope:
            self._interrupts.append(scope)
            try:
                yield scope
            finally:
                self._interrupts.pop()

    @contextmanager
    def uninterruptible(self) -> Iterator[None]:
        """A block inside of one that Ctrl-C cancels, in which it is a key again."""
        self._interrupts.append(None)
        try:
            yield
        finally:
            self._interrupts.pop()

    async def idle_for(self, seconds: float) -> None:
        """Wait until no key has been pressed for so long."""
        while True:
            until = self.last_key_s + (seconds or math.inf)
            if trio.current_time() >= until:
                return
            await trio.sleep_until(until)

    # -------------------------------------------------------------------------------------------------------- output
    async def write(self, text: str) -> None:
        """Put a text on the screen; ``\\n`` ends a line."""
        await self._show(lambda: self.screen.draw(text))

    async def clear(self) -> None:
        """Empty the screen."""
        await self._show(self.screen.erase)

    # --------------------------------------------------------------------------------------------------------- lines
    async def read_line(self, mask: str | None = None, key_filter: Callable[[Key], str] | None = None) -> str:
        """Read a line with its echo.

        Args:
            mask: what is echoed instead of each character; it may be empty.
            key_filter: makes of each key what is taken as typed.

        Raises:
            Interrupted: Ctrl-C was pressed.
        """
        self.typed = []
        while True:
            key = await self.read_key()
            character = key.character
            after_return, self._after_return = self._after_return, character == "\r"
            if character == "\n" and after_return:
                continue  # CR LF is one Enter
            if character in "\r\n":
                line, self.typed = "".join(self.typed), []
                await self.write("\n")
                return line
            if character == _CTRL_C:
                self.typed = []
                await self.write("^C\n")
                raise Interrupted
            if character in "\b\x7f":
                if self.typed:
                    self.typed.pop()
                    await self.write("" if mask == "" else "\b \b")
            elif character >= " ":
                for taken in key_filter(key) if key_filter else character:
                    if len(self.typed) < LONGEST_LINE:
                        self.typed.append(taken)
                        await self.write(taken if mask is None else mask)

    def _announce(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
