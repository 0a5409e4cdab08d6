"""SAC's prompt: it reads commands, and says what has happened meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from ..terminal.text_terminal import Interrupted
from .sac_channels import Channel

PROMPT: Final = "SAC>"
STARTED: Final = (
    "\nComputer is booting, SAC started and initialized.\n"
    "\n"
    'Use the "ch -?" command for information about using channels.\n'
    'Use the "?" command for general help.\n'
    "\n\n"
)

Command = Callable[[list[str]], Awaitable[None]]


class SacPrompt:
    """The program behind channel 0.

    Args:
        channel: the channel.
        commands: what each command does with its arguments, by its name in lower case.
        prompt: the text of the prompt.
    """

    def __init__(self, channel: Channel, commands: Mapping[str, Command], prompt: str = PROMPT) -> None:
        self._window = channel.window
        self._commands = commands
        self._prompt = prompt
        self._events: list[str] = []
        self._waiting = False

    async def run(self) -> None:
        """Read and do commands; never returns."""
        while True:
            await self._window.write(self._prompt)
            self._window.typed = []
            self._waiting = True
            await self._tell_events()
            try:
                line = await self._window.read_line()
            except Interrupted:
                continue
            finally:
                self._waiting = False
            words = line.split()
            if words:
                await self._do(words)

    async def tell(self, event: str) -> None:
        """Say what has happened, at once if nobody's command is under way, and otherwise after it."""
        self._events.append(event)
        if self._waiting:
            await self._tell_events()

    async def _tell_events(self) -> None:
        while self._events:
            text = self._events.pop(0)
            await self._window.write(f"\n{text}\n{self._prompt}{''.join(self._window.typed)}")

    async def _do(self, words: list[str]) -> None:
        command = self._commands.get(words[0].lower())
        if command is None:
            await self._window.write('Unrecognized command.  Use "?" to list the commands.\n')
            return
        await command(words[1:])
