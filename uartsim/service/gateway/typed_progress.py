"""How far what was typed has gone: with ``frames=binary`` the client is told how many bytes the line has taken.

What the gateway has received may wait for a long time: up to 4096 characters queue at the far end of the line, and a guest
that does not read stops it.  Bytes that wait there do not count yet.  So a page that has no more than a few KB on their way
can stop a paste in its middle, and shows the progress that the guest makes.

Keys are reported within 100 ms, so that their echo goes first and costs no more; the end of anything longer is reported as
soon as the line has taken it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from uartsim.line_format import TICKS_PER_SECOND
from uartsim.service.gateway.machine_line import MachineLine

#: The time between two reports, in seconds; the end of a paste comes at once.
EVERY_S: Final = 0.1
#: What is longer is not a key, in bytes.
_LONGEST_KEY: Final = 32
#: How much is given to the line between two looks, in bytes.
_SLICE: Final = 1024
#: The first wait for a line whose frames take no time, in seconds; it doubles.
_SHORTEST_S: Final = 0.001


class TypedProgress:
    """Reports how much of what a client has typed the line has taken.

    Args:
        line: where it is typed.
        report: tells the client how many bytes that are, since the WebSocket was opened.
    """

    def __init__(self, line: MachineLine, report: Callable[[int], Awaitable[None]]) -> None:
        self._line = line
        self._report = report
        self._given = 0
        self._reported = 0
        self._is_paste = False  # the end of more than a key is on its way
        self._news = trio.lowlevel.ParkingLot()

    async def send(self, data: bytes) -> None:
        """Type something; returns when the line has room for more."""
        for at in range(0, len(data), _SLICE):
            part = data[at : at + _SLICE]
            await self._line.send(part)
            was_idle = self._reported == self._given
            self._given += len(part)
            self._is_paste = len(data) > _LONGEST_KEY and at + len(part) == len(data)
            if was_idle or self._is_paste:
                self._news.unpark_all()

    async def run(self) -> None:
        """Report; runs until it is cancelled."""
        due, wait_s = trio.current_time(), _SHORTEST_S
        while True:
            if self._reported == self._given:
                await self._news.park()
                due, wait_s = max(due, trio.current_time() + EVERY_S), _SHORTEST_S
            waiting = min(self._line.advance_to_now(), self._given - self._reported)
            taken = self._given - waiting
            if taken > self._reported and (trio.current_time() >= due or (self._is_paste and not waiting)):
                self._is_paste = self._is_paste and waiting > 0
                self._reported, due, wait_s = taken, trio.current_time() + EVERY_S, _SHORTEST_S
                await self._report(taken)
                continue
            wait_s = min(EVERY_S, 2 * wait_s)
            with trio.move_on_after(self._pause(waiting, wait_s, due - trio.current_time())):
                await self._news.park()

    def _pause(self, waiting: int, longest_s: float, left_s: float) -> float:
        """How long until there may be something to report, in seconds."""
        if not self._is_paste:
            return left_s if left_s > 0 else EVERY_S
        frames_s = waiting * self._line.frame_ticks / TICKS_PER_SECOND
        return min(EVERY_S, frames_s) if frames_s else longest_s
