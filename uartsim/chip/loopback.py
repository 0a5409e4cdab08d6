"""The loop: in loopback (MCR.4) the transmitter's frames come in at the receiver, at line speed.

A character is complete when its first stop bit is sampled.  LCR.6 puts the loop to space: what is on its way is lost,
and when the space has lasted until a stop bit would be sampled, the receiver has one break; the next needs mark first
(PC16550D section 8.7).
"""

from __future__ import annotations

from collections import deque

from uartsim.chip.receiver import Receiver
from uartsim.chip.timing import FrameTimes
from uartsim.chip.transmitter import SentRun
from uartsim.line_format import NEVER


class Loop:
    """What is on its way around the loop.  Times are ticks."""

    __slots__ = ("_arrivals", "_break_at", "_space", "_space_since", "_space_until")

    def __init__(self) -> None:
        self._arrivals: deque[tuple[int, int]] = deque()  # when a character is complete, and the character
        self.cut()

    def cut(self) -> None:
        """Loopback begins or ends: whatever was on its way is gone."""
        self._arrivals.clear()
        self._break_at = NEVER  # when a break will be complete
        self._space = False
        self._space_since = 0
        self._space_until = -1

    @property
    def busy(self) -> bool:
        """Something is on its way."""
        return bool(self._arrivals) or self._break_at != NEVER

    @property
    def due(self) -> int:
        """When the next character or break is complete; NEVER if none is on its way."""
        if self._arrivals and self._arrivals[0][0] < self._break_at:
            return self._arrivals[0][0]
        return self._break_at

    def carry(self, run: SentRun, times: FrameTimes) -> None:
        """Frames have started."""
        first = run.start + times.sampled
        for number, character in enumerate(run.characters):
            self._arrivals.append((first + number * times.frame, character))

    def begin_break(self, now: int, times: FrameTimes) -> None:
        """LCR.6 is set."""
        self._arrivals.clear()  # their remaining bits are space now
        if self._space_until != now:  # else it was let go for no time: there was no mark
            self._space_since = now
        self._space = True
        complete_at = self._space_since + times.sampled
        self._break_at = complete_at if complete_at > now else NEVER

    def end_break(self, now: int) -> None:
        """LCR.6 is clear: the loop is at mark."""
        if self._space:
            self._space = False
            self._space_until = now
        self._break_at = NEVER

    def deliver(self, now: int, receiver: Receiver, times: FrameTimes) -> None:
        """Give the receiver what is complete at ``now``."""
        if self._arrivals and self._arrivals[0][0] <= now:
            receiver.receive(self._arrivals.popleft()[1], 0, now)
        if self._break_at <= now:
            self._break_at = NEVER
            receiver.receive(0, times.break_errors, now)
