"""Long output of SAC, a screen at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..terminal.console_window import ConsoleWindow
from ..terminal.vt_utf8_screen import LINES

_MORE: Final = "-- Press Enter for more, q to stop --"


class Pager:
    """Writes lines, and waits after each screen while paging is on.

    Args:
        window: where they are written.
    """

    def __init__(self, window: ConsoleWindow) -> None:
        self._window = window
        #: Whether it waits.
        self.on = True

    async def write(self, lines: Iterable[str]) -> None:
        """Write lines."""
        left = list(lines)
        while left:
            page = left[: LINES - 1] if self.on else left
            left = left[len(page) :]
            await self._window.write("".join(f"{line}\n" for line in page))
            if left and not await self._goes_on():
                return

    async def _goes_on(self) -> bool:
        await self._window.write(_MORE)
        while True:
            key = (await self._window.read_key()).character
            if key in "\r\n qQ\x03":
                await self._window.write("\b \b" * len(_MORE))
                return key in "\r\n "
