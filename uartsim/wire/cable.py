"""A null modem cable: two ends, each with a queue towards the other, and the modem lines crossed.

The machine's chip puts its own frames on the line (:meth:`Cable.carry`).  The far end is whoever attached: it has
no chip, only a transmitter with an exact schedule (:class:`FarSender`) and an ear (:meth:`Cable.arrived`).

The schedule is exact: a frame starts when the one before it has ended, in whole ticks, or when it was queued if the
line was idle by then.  Nothing is ever added up from rounded periods, so a late wake-up of the process costs nothing.

Both ends have one format, the guest's; a far end that asks for another is refused (:class:`FormatMismatchError`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import IntFlag

from uartsim.line_format import NEVER, FormatMismatchError, LineFormat
from uartsim.wire.frame import BREAK, Arrival, Framed, receive_space, receive_under_breaks


class ModemOutputs(IntFlag):
    """What an end drives.  At the other end of a null modem DTR is DSR and DCD, RTS is CTS."""

    DTR = 1
    RTS = 2


class FarSender:
    """The far end's transmitter: bytes and breaks, one after the other, on an exact schedule.

    Args:
        line_format: the format of its frames.
    """

    __slots__ = ("_break_end", "_flight", "_queue", "characters", "free_at", "line_format", "withheld")

    def __init__(self, line_format: LineFormat) -> None:
        self.line_format = line_format
        #: Runs of characters, or the length of a break in ticks.
        self._queue: deque[bytearray | int] = deque()
        self._flight: Arrival | None = None
        self._break_end = NEVER
        #: When the line will have carried what is on it.
        self.free_at = 0
        #: Frames put on the line, and how often one had to wait for room in the receiver.
        self.characters = 0
        self.withheld = 0

    @property
    def pending(self) -> int:
        """Characters that are not yet on the line (a break counts as one)."""
        return sum(len(item) if isinstance(item, bytearray) else 1 for item in self._queue)

    @property
    def idle(self) -> bool:
        """Nothing is queued and nothing is on the line."""
        return not self._queue and self._flight is None and self._break_end == NEVER

    def send(self, data: bytes, now: int) -> None:
        """Queue characters at ``now``."""
        if not data:
            return
        if self.idle:
            self.free_at = max(self.free_at, now)
        if self._queue and isinstance(self._queue[-1], bytearray):
            self._queue[-1] += data
        else:
            self._queue.append(bytearray(data))

    def send_break(self, ticks: int, now: int) -> None:
        """Queue a break of ``ticks`` at ``now``; ValueError if it is not longer than 0."""
        if ticks <= 0:
            raise ValueError(f"a break of {ticks} ticks is no break: give a duration above 0")
        if self.idle:
            self.free_at = max(self.free_at, now)
        self._queue.append(ticks)

    def discard(self) -> int:
        """Forget what is queued (not what is on the line); returns how many characters that were."""
        count = self.pending
        self._queue.clear()
        return count

    def due(self, room: bool) -> int:
        """When the next thing happens on this side of the line: a frame arrives, or one can start.

        Args:
            room: whether the receiver has room, or the sender does not care.
        """
        if self._flight is not None:
            return self._flight.at
        if self._break_end != NEVER and not self._queue:
            return self._break_end
        if self._queue and (room or isinstance(self._queue[0], int)):
            return self.free_at
        return NEVER

    def step(self, now: int, room: bool) -> Arrival | None:
        """Do what is due at ``now``; returns the character that is complete, if any."""
        if self._flight is not None:
            if self._flight.at > now:
                return None
            arrival, self._flight = self._flight, None
            return arrival
        if self.free_at > now:
            return None
        self._break_end = NEVER
        if not self._queue:
            return None
        item = self._queue[0]
        start = self.free_at
        if isinstance(item, int):
            self._queue.popleft()
            self._flight = receive_space(start, item, self.line_format)
            # Mark for at least a bit, so that the next start bit has an edge.
            self.free_at = start + item + self.line_format.bit_ticks
            self._break_end = self.free_at
        elif room:
            character = item[0]
            del item[0]
            if not item:
                self._queue.popleft()
            line_format = self.line_format
            self._flight = Arrival(start + line_format.sampled_ticks, character & line_format.data_mask, 0)
            self.free_at = start + line_format.frame_ticks
            self.characters += 1
        return None

    def resume(self, now: int) -> None:
        """The receiver has room again at ``now``: a frame that waited for it starts now."""
        if self._flight is None and self._queue and self.free_at < now:
            self.free_at = now
            self.withheld += 1

    def nth_arrival(self, count: int) -> int:
        """A time not later than the arrival of the ``count``-th character from now, or of the first break.

        NEVER when nothing is on its way.
        """
        at = self._flight.at if self._flight is not None else NEVER
        if self._flight is not None:
            if self._flight.errors & BREAK:
                return at
            count -= 1
        if count <= 0 or not self._queue:
            return at if self._flight is not None else self._break_end
        line_format = self.line_format
        first = self._queue[0]
        frames = 1 if isinstance(first, int) else min(count, len(first))
        return self.free_at + (frames - 1) * line_format.frame_ticks + line_format.sampled_ticks


class Cable:
    """What connects the chip with the far end.

    Args:
        line_format: the format that both ends have to begin with.
    """

    __slots__ = ("_breaks", "_breaks_told", "_frames", "far", "far_outputs", "line_format")

    def __init__(self, line_format: LineFormat) -> None:
        self.line_format = line_format
        self.far = FarSender(line_format)
        self.far_outputs = ModemOutputs.DTR | ModemOutputs.RTS
        self._frames: deque[Framed] = deque()
        self._breaks: list[tuple[int, int]] = []  # stretches of space: from, until
        self._breaks_told = -1  # those that ended up to here have been reported

    def check_format(self, far_format: LineFormat) -> None:
        """See that the far end may listen in ``far_format``.

        Raises:
            FormatMismatchError: it is not the guest's.
        """
        if far_format != self.line_format:
            raise FormatMismatchError(
                f"your end of the line is at {far_format}, the guest's at {self.line_format}: "
                f"set yours to {self.line_format}"
            )

    def set_format(self, line_format: LineFormat) -> None:
        """The guest has programmed another format; the far end follows it from its next frame on."""
        self.line_format = line_format
        self.far.line_format = line_format

    def carry(self, frames: Iterable[Framed], break_changes: list[tuple[int, bool]]) -> None:
        """The chip put frames on the line and forced it to space (True) or let it go (False)."""
        self._frames.extend(frames)
        for at, on in break_changes:
            if on:
                self._breaks.append((at, NEVER))
            elif self._breaks:
                self._breaks[-1] = (self._breaks[-1][0], at)

    def arrived(self, now: int) -> list[Arrival]:
        """What the far end has received by ``now`` since the last call, in the order of time."""
        frames = self._frames
        arrivals: list[Arrival] = []
        if not self._breaks:
            while frames and frames[0].start + frames[0].line_format.sampled_ticks <= now:
                frame = frames.popleft()
                arrivals.append(Arrival(frame.start + frame.line_format.sampled_ticks, frame.character, 0))
            return arrivals
        while frames and frames[0].start + frames[0].line_format.sampled_ticks <= now:
            arrival = receive_under_breaks(frames.popleft(), self._breaks)
            if arrival is not None:
                arrivals.append(arrival)
        oldest = frames[0].start if frames else now
        for begin, until in self._breaks:
            # A space too short for a frame is not reported: Linux's autoconfig makes one of a microsecond.
            long_enough = min(until, now) - begin >= self.line_format.frame_ticks
            if self._breaks_told < until <= now and long_enough:
                arrivals.append(Arrival(begin + self.line_format.sampled_ticks, 0, BREAK))
        self._breaks_told = now
        self._breaks = [b for b in self._breaks if b[1] > min(now, oldest)]
        arrivals.sort(key=lambda arrival: arrival.at)
        return arrivals

    def last_arrival(self) -> int:
        """When the last frame that is on the line will have arrived; NEVER when none is."""
        if not self._frames:
            return NEVER
        last = self._frames[-1]
        return last.start + last.line_format.sampled_ticks

    def first_arrival(self) -> int:
        """When the oldest frame that is on the line will have arrived; NEVER when none is."""
        if not self._frames:
            return NEVER
        first = self._frames[0]
        return first.start + first.line_format.sampled_ticks
