"""The keys that the boot manager understands: VT100's arrows, and F8 as VT-UTF8 (``ESC 8``) and xterm (``ESC [ 19 ~``) send it.

Unlike SAC, the boot manager does understand the arrow keys.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import Final

import trio

from uartsim.guest.script import Flag, ScriptHost

UP: Final = "up"
DOWN: Final = "down"
ENTER: Final = "enter"
TAB: Final = "tab"
ESCAPE: Final = "escape"
F8: Final = "F8"
_NAMES: Final = {
    "\x1b[A": UP,
    "\x1bOA": UP,
    "\x1b[B": DOWN,
    "\x1bOB": DOWN,
    "\x1b8": F8,
    "\x1b[19~": F8,
    "\r": ENTER,
    "\n": ENTER,
    "\t": TAB,
    "\x1b": ESCAPE,
}
_WHOLE: Final = re.compile(r"\x1b(?:O.|\[[0-9;]{0,16}[^0-9;]|[^\[O])|[^\x1b]", re.DOTALL)
_BEGUN: Final = re.compile(r"\x1b(?:O|\[[0-9;]{0,16})?", re.DOTALL)
#: How long the boot manager waits whether ESC was the key or the beginning of one, in seconds.
ESCAPE_WAIT_S: Final = 0.3


class BootKeys:
    """The keys that come from the line.

    Args:
        host: the guest's host.
    """

    def __init__(self, host: ScriptHost) -> None:
        self._host = host
        self._pending = ""
        self._keys: deque[str] = deque()

    async def next(self) -> str:
        """Wait for a key: one of the names above, or a character."""
        while not self._keys:
            with trio.move_on_after(ESCAPE_WAIT_S if self._pending else math.inf) as scope:
                received = await self._host.tty.receive()
                if received.flag is Flag.NORMAL:
                    self.feed(received.data)
            if scope.cancelled_caught:
                self._give_up()
        return self._keys.popleft()

    def feed(self, data: bytes) -> None:
        """Take keys out of what has come."""
        self._pending += data.decode("latin-1")
        while self._pending:
            found = _WHOLE.match(self._pending)
            if found is None:
                if _BEGUN.fullmatch(self._pending):
                    return
                self._pending = self._pending[1:]
                continue
            self._pending = self._pending[found.end() :]
            self._keys.append(_NAMES.get(found[0], found[0]))

    def _give_up(self) -> None:
        """What began with ESC does not go on: it was the key."""
        if self._pending == "\x1b":
            self._keys.append(ESCAPE)
        self._pending = ""
