"""Virtual time that goes from event to event without a round of trio's scheduler for each.

Under ``trio.testing.MockClock(autojump_threshold=0)`` time jumps to the next deadline as soon as every task is blocked.
Each such jump takes trio a round of its scheduler and a look at I/O, some 70 us; what a busy line does at an event takes
less than half of that.  A task that knows that no other can run may make the same jump itself: :class:`Jumps` knows.
"""

from __future__ import annotations

import math
from typing import Final

import trio

#: The most jumps in a row; then trio has a round, in which it looks at I/O, threads and signals.
_IN_A_ROW: Final = 64


class Jumps(trio.abc.Instrument):
    """Watches the scheduler on behalf of one task, and moves the clock where the clock itself would do so."""

    def __init__(self) -> None:
        self._waiting = 0  # tasks that can run and have not yet
        self._steps = 0  # of all tasks, since the last look at I/O
        self._left = _IN_A_ROW

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """A task can run."""
        self._waiting += 1

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task runs."""
        self._waiting -= 1
        self._steps += 1

    def after_io_wait(self, timeout: float) -> None:
        """Trio has looked at I/O."""
        self._steps = 0
        self._left = _IN_A_ROW

    async def begin(self) -> None:
        """Begin to watch; call :meth:`end` even if this is cancelled."""
        trio.lowlevel.add_instrument(self)
        for _ in range(2):  # by then all that could run at the beginning has run
            await trio.lowlevel.checkpoint()
        self._waiting = 0

    def end(self) -> None:
        """Watch no longer."""
        trio.lowlevel.remove_instrument(self)

    def jump_to(self, at_s: float) -> bool:
        """Move the clock to ``at_s``, in seconds of :func:`trio.current_time`, if trio would do nothing else before.

        That is if the clock jumps at once when all are blocked, the calling task is the only one that has run since it
        did so, no other can run, and nobody's deadline comes before; returns whether the clock was moved.
        """
        clock = trio.lowlevel.current_clock()
        if self._waiting or self._steps != 1 or not self._left or getattr(clock, "autojump_threshold", math.inf) > 0:
            return False
        statistics = trio.lowlevel.current_statistics()
        ahead_s = at_s - clock.current_time()
        if statistics.run_sync_soon_queue_size or not 0 <= ahead_s < statistics.seconds_to_next_deadline:
            return False
        self._left -= 1
        clock.jump(ahead_s)  # type: ignore[attr-defined]
        return True
