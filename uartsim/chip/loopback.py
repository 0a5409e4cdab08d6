"""The loop: in loopback (MCR.4) the transmitter's frames come in at the receiver, at line speed.

A character is complete when its first stop bit is sampled.  LCR.6 puts the loop to space: what is on its way is lost,
and when the space has lasted until a stop bit would be sampled, the receiver has one break; the next needs mark first
(PC16550D section 8.7).
"""

from __future__ import annotations

from collections import deque

from uartsim.chip.part_states import LoopState
from uartsim.chip.receiver import Receiver
from uartsim.chip.timing import FrameTimes
from uartsim.line_format import NEVER


class Loop:
    """What is on its way around the loop.  Times are ticks; the owner begins with :meth:`cut`."""

    __slots__ = ("_arrivals", "_break_at", "_space", "_space_since", "_space_until", "due")

    def __init__(self) -> None:
        self._arrivals: deque[tuple[int, int]] = deque()  # when a character is complete, and the character

    def cut(self) -> None:
        """Loopback begins or ends: whatever was on its way is gone."""
        self._arrivals.clear()
        self._break_at = NEVER  # when a break will be complete
        self._space = False
        self._space_since = 0
        self._space_until = -1
        self._plan()

    @property
    def busy(self) -> bool:
        """Something is on its way."""
        return bool(self._arrivals) or self._break_at != NEVER

    def _plan(self) -> None:
        arrivals = self._arrivals
        #: When the next character or break is complete; NEVER if none is on its way.
        self.due = arrivals[0][0] if arrivals and arrivals[0][0] < self._break_at else self._break_at

    def carry(self, start: int, characters: bytearray, times: FrameTimes) -> None:
        """Frames have started: the first at ``start``, and each of the others at the end of the one before it."""
        if self._space:
            return  # it covers them
        at = start + times.sampled
        if at < self.due:
            self.due = at
        for character in characters:
            self._arrivals.append((at, character))
            at += times.frame

    def begin_break(self, now: int, times: FrameTimes) -> None:
        """LCR.6 is set."""
        self._arrivals.clear()  # their remaining bits are space now
        if self._space_until != now:  # else it was let go for no time: there was no mark
            self._space_since = now
        self._space = True
        complete_at = self._space_since + times.sampled
        self._break_at = complete_at if complete_at > now else NEVER
        self._plan()

    def end_break(self, now: int) -> None:
        """LCR.6 is clear: the loop is at mark."""
        if self._space:
            self._space = False
            self._space_until = now
        self._break_at = NEVER
        self._plan()

    def deliver(self, now: int, receiver: Receiver, times: FrameTimes) -> None:
        """Give the receiver what is complete at ``now``."""
        if self._arrivals and self._arrivals[0][0] <= now:
            receiver.receive(self._arrivals.popleft()[1], 0, now)
        if self._break_at <= now:
            self._break_at = NEVER
            receiver.receive(0, times.break_errors, now)
        self._plan()

    # -- save and restore ----------------------------------------------------------------------------------

    def state(self) -> LoopState:
        """The state as a value."""
        return LoopState(
            tuple(self._arrivals),
            None if self._break_at == NEVER else self._break_at,
            self._space_since,
            self._space_until,
        )

    def restore(self, state: LoopState, *, space: bool) -> None:
        """Be as ``state`` says; ``space``: LCR.6 holds the loop at space."""
        self._arrivals = deque(state.arrivals)
        self._break_at = NEVER if state.break_at is None else state.break_at
        self._space = space
        self._space_since = state.space_since
        self._space_until = state.space_until
        self._plan()
