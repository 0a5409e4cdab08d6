"""SAC's channels: which there are, which one is shown, and where a key goes.

Channel 0 is SAC itself; up to nine more may be open.  Esc-Tab shows the header page of the next channel, and any key then
shows the channel; ``0`` after Esc-Tab goes back to SAC.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Protocol

import trio

from ..terminal.console_window import ConsoleWindow
from ..terminal.vt_utf8_screen import Screen

#: How many channels there can be, SAC's own included.
MOST_CHANNELS: Final = 10
SAC_APPLICATION: Final = "63d02270-8aa4-11d5-bccf-00b0d014a2d0"
COMMAND_APPLICATION: Final = "63d02271-8aa4-11d5-bccf-00b0d014a2d0"
_ESC: Final = "\x1b"


class ChannelError(Exception):
    """A channel cannot be made, shown or closed."""


class Output(Protocol):
    """Where what is shown is sent."""

    async def write(self, data: bytes) -> None:
        """Send bytes."""


class Channel:
    """A channel.

    Args:
        name: such as "Cmd0001".
        description: what it is for.
        application: the GUID of the kind of program behind it.
        show: passes on the changes of its window.
        close: ends the program behind it; None for SAC itself, which cannot be closed.

    Attributes:
        window: the window that is shown, and takes the keys.
    """

    def __init__(
        self,
        name: str,
        description: str,
        application: str,
        show: Callable[[Channel, Callable[[], str]], Awaitable[None]],
        close: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.application = application
        self.guid = application if close is None else str(uuid.uuid4())
        self.close = close
        self._show = show
        self.window = self.new_window()

    def new_window(self) -> ConsoleWindow:
        """Another window of this channel, which is shown once it is its :attr:`window`."""
        made = ConsoleWindow(lambda draw: self._show_from(made, draw))
        return made

    async def _show_from(self, window: ConsoleWindow, draw: Callable[[], str]) -> None:
        if window is self.window:
            await self._show(self, draw)
        else:
            draw()

    def header(self) -> str:
        """Its header page."""
        return (
            f"Name:                  {self.name}\n"
            f"Description:           {self.description}\n"
            "Type:                  VT-UTF8\n"
            f"Channel GUID:          {self.guid}\n"
            f"Application Type GUID: {self.application}\n"
            "\n"
            "Press <esc><tab> for next channel.\n"
            "Press <esc><tab>0 to return to the SAC channel.\n"
            "Use any other key to view this channel.\n"
        )


class ChannelSwitch:
    """All channels, and the line that one of them is shown on.

    Args:
        output: the line.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._turn = trio.Lock()
        self._escaped = False
        #: On a header page: whether Esc-Tab has brought it.
        self._header: bool | None = None
        self.sac = Channel("SAC", "Special Administration Console", SAC_APPLICATION, self._show)
        self._channels: dict[int, Channel] = {0: self.sac}
        self._current = 0

    # ------------------------------------------------------------------------------------------------------- channels
    def __iter__(self) -> Iterator[tuple[int, Channel]]:
        return iter(sorted(self._channels.items()))

    def open(self, prefix: str, description: str, application: str, close: Callable[[], None]) -> Channel:
        """Make a channel; its name is the prefix and a number.

        Raises:
            ChannelError: there are ten already.
        """
        free = [number for number in range(MOST_CHANNELS) if number not in self._channels]
        if not free:
            raise ChannelError("The maximum number of channels is open: close one before you create another.")
        names = {channel.name for channel in self._channels.values()}
        name = next(name for n in range(1, MOST_CHANNELS + 1) if (name := f"{prefix}{n:04}") not in names)
        channel = self._channels[free[0]] = Channel(name, description, application, self._show, close)
        return channel

    def number_of(self, word: str, by_name: bool) -> int:
        """The number of a channel that a command names.

        Raises:
            ChannelError: there is none.
        """
        for number, channel in self._channels.items():
            if (channel.name.lower() == word.lower()) if by_name else (str(number) == word):
                return number
        raise ChannelError("The channel could not be found.")

    def close(self, number: int) -> None:
        """End the program behind a channel, which then goes.

        Raises:
            ChannelError: it is SAC's own.
        """
        close = self._channels[number].close
        if close is None:
            raise ChannelError("The SAC channel cannot be closed.")
        close()

    async def forget(self, channel: Channel) -> None:
        """Remove a channel whose program has ended; if it was shown, SAC is."""
        number = next(number for number, each in self._channels.items() if each is channel)
        del self._channels[number]
        channel.window.forget_keys()
        if number == self._current:
            self._current, self._header = 0, None  # before anything else can happen: a key may come meanwhile
            await self._view(0)

    # ----------------------------------------------------------------------------------------------------- the display
    async def select(self, number: int, by_tab: bool = False) -> None:
        """Show the header page of a channel."""
        async with self._turn:
            channel = self._channels.get(number)
            if channel is None:
                return  # it was closed meanwhile
            self._current, self._header = number, by_tab
            page = Screen()
            await self._send(page.erase() + page.draw(channel.header()))

    async def refresh(self, channel: Channel) -> None:
        """Draw a channel again if it is shown, because its window is another one."""
        if self._header is None and self._channels.get(self._current) is channel:
            await self._view(self._current)

    async def _view(self, number: int) -> None:
        async with self._turn:
            channel = self._channels.get(number)
            if channel is None:
                return  # it was closed meanwhile
            self._current, self._header = number, None
            await self._send(channel.window.screen.whole())

    async def _show(self, channel: Channel, draw: Callable[[], str]) -> None:
        async with self._turn:
            text = draw()
            if self._header is None and self._channels.get(self._current) is channel:
                await self._send(text)

    async def _send(self, text: str) -> None:
        await self._output.write(text.encode("utf-8", "replace"))

    # ------------------------------------------------------------------------------------------------------------ keys
    async def press(self, character: str) -> None:
        """A key was pressed."""
        escaped, self._escaped = self._escaped, character == _ESC
        if self._escaped:
            return
        if escaped and character == "\t":
            numbers = sorted(self._channels)
            after = [number for number in numbers if number > self._current]
            await self.select(after[0] if after else 0, by_tab=True)
        elif self._header is not None:
            await self._view(0 if self._header and character == "0" else self._current)
        else:
            while not await self._channels[self._current].window.press(character):
                pass  # it had to wait, and another window may be shown by now
