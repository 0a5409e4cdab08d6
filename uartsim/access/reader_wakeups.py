"""Waking the readers of the guest's output: a few at once, many together.

Waking a task costs some 10 us, however little there is for it to read.  So where many wait, as watchers of one line do,
they are woken together, with a gap between two times that grows with their number; what comes after a rest is told at
once.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.line_format import NEVER, TICKS_PER_SECOND
from uartsim.machine.ticker import Ticker

#: Up to this many readers, each is woken whenever something comes.
FEW: Final = 4
#: The gap between two wake-ups that each further reader adds, and the longest gap, in ticks.
GAP_PER_WAITER: Final = TICKS_PER_SECOND // 5000
LONGEST_GAP: Final = TICKS_PER_SECOND // 50


class News:
    """Where tasks wait for something that comes again and again.

    Args:
        ticker: wakes those who were not woken at once.

    Attributes:
        waiting: where they wait; :meth:`wait` does so too.
    """

    def __init__(self, ticker: Ticker) -> None:
        self._clock = ticker.clock
        self.waiting = trio.lowlevel.ParkingLot()
        self._wakeup = ticker.wakeup(self._wake)
        self._not_before = 0  # the earliest time at which many are woken again

    async def wait(self) -> None:
        """Wait until there is something new."""
        await self.waiting.park()

    def tell(self) -> None:
        """There is something new: those who wait are woken, now or soon."""
        count = len(self.waiting)
        if count <= FEW:
            if count:
                self.waiting.unpark_all()
        elif self._wakeup.at == NEVER:
            now = self._clock.now()
            if now >= self._not_before:
                self._wake(now)
            else:
                self._wakeup.set(self._not_before)

    def tell_at_once(self) -> None:
        """The same without delay, however many wait."""
        self.waiting.unpark_all()

    def _wake(self, now: int) -> None:
        self._not_before = now + min(len(self.waiting) * GAP_PER_WAITER, LONGEST_GAP)
        self.waiting.unpark_all()
