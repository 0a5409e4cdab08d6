"""A null modem cable: two ends, each with a queue towards the other, and the modem lines crossed.

The machine's chip puts its own frames on the line (:meth:`Cable.carry_run`).  The far end is whoever attached: it has
no chip, only a transmitter with an exact schedule (:class:`FarSender`) and an ear (:meth:`Cable.arrived`).

The schedule is exact: a frame starts when the one before it has ended, in whole ticks, or when it was queued if the
line was idle by then.  Nothing is ever added up from rounded periods, so a late wake-up of the process costs nothing.

Both ends have one format, the guest's; a far end that asks for another is refused (:class:`FormatMismatchError`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import IntFlag
from typing import NamedTuple

from uartsim.line_format import NEVER, FormatMismatchError, LineFormat
from uartsim.wire.frame import BREAK, Arrival, Frame, Framed, receive_space, receive_under_breaks


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
        if self._queue and room:
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
        if not room:
            return None
        if isinstance(item, int):
            self._queue.popleft()
            self._flight = receive_space(start, item, self.line_format)
            # Mark for at least a bit, so that the next start bit has an edge.
            self.free_at = start + item + self.line_format.bit_ticks
            self._break_end = self.free_at
        else:
            character = item[0]
            del item[0]
            if not item:
                self._queue.popleft()
            line_format = self.line_format
            self._flight = Arrival(start + line_format.sampled_ticks, character & line_format.data_mask, 0)
            self.free_at = start + line_format.frame_ticks
            self.characters += 1
        return None

    def run_length(self, until: int) -> int:
        """How many queued characters follow each other from the next frame on and arrive by ``until`` (ticks)."""
        if self._flight is not None or self._break_end != NEVER or not self._queue or isinstance(self._queue[0], int):
            return 0
        line_format = self.line_format
        since = until - self.free_at - line_format.sampled_ticks
        if since < 0:
            return 0
        waiting = len(self._queue[0])
        return min(waiting, since // line_format.frame_ticks + 1) if line_format.frame_ticks else waiting

    def peek(self, count: int) -> bytes:
        """The next ``count`` characters of the run as they will be received."""
        run = self._queue[0]
        assert isinstance(run, bytearray)
        mask = self.line_format.data_mask
        return bytes(run[:count]) if mask == 0xFF else bytes(character & mask for character in run[:count])

    def free_at_after(self, count: int) -> int:
        """When the last of the next ``count`` characters of the run is complete at the receiver."""
        line_format = self.line_format
        return self.free_at + (count - 1) * line_format.frame_ticks + line_format.sampled_ticks

    def take(self, count: int) -> bytes:
        """Send the next ``count`` characters of the run; returns them as they are received."""
        data = self.peek(count)
        run = self._queue[0]
        assert isinstance(run, bytearray)
        del run[:count]
        if not run:
            self._queue.popleft()
        self.free_at += count * self.line_format.frame_ticks
        self.characters += count
        return data

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


class Arrivals(NamedTuple):
    """What the far end has received: a run of good characters, or one with errors, or a break (no data).

    ``at`` is when the last of it was complete, in ticks; ``errors`` are bits of LSR.
    """

    at: int
    data: bytes
    errors: int


class _Run:
    """Frames on the line without a gap between them."""

    __slots__ = ("data", "line_format", "start")

    def __init__(self, start: int, data: bytearray, line_format: LineFormat) -> None:
        self.start = start
        self.data = data
        self.line_format = line_format

    @property
    def end(self) -> int:
        """When the line is free again."""
        return self.start + len(self.data) * self.line_format.frame_ticks

    def arrived(self, now: int) -> int:
        """How many of its characters are complete by ``now``."""
        line_format = self.line_format
        since = now - self.start - line_format.sampled_ticks
        if since < 0:
            return 0
        frame = line_format.frame_ticks
        return min(len(self.data), since // frame + 1) if frame else len(self.data)

    def drop(self, count: int) -> None:
        """Forget the first characters."""
        self.start += count * self.line_format.frame_ticks
        del self.data[:count]


class _Break:
    """A stretch of forced space on the line."""

    __slots__ = ("begin", "frame_ticks", "told", "until")

    def __init__(self, begin: int, frame_ticks: int) -> None:
        self.begin = begin
        self.until = NEVER
        self.frame_ticks = frame_ticks  # a frame, in the format of the time
        self.told = False


class Cable:
    """What connects the chip with the far end.

    Args:
        line_format: the format that both ends have to begin with.
    """

    __slots__ = ("_breaks", "_runs", "far", "far_outputs", "line_format")

    def __init__(self, line_format: LineFormat) -> None:
        self.line_format = line_format
        self.far = FarSender(line_format)
        self.far_outputs = ModemOutputs.DTR | ModemOutputs.RTS
        self._runs: deque[_Run] = deque()
        self._breaks: list[_Break] = []

    def check_format(self, far_format: LineFormat) -> None:
        """See that the far end may listen in ``far_format``.

        Raises:
            FormatMismatchError: it is not the guest's.
        """
        if far_format is not self.line_format and far_format != self.line_format:
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
        for frame in frames:
            self.carry_run(frame.start, bytes((frame.character,)), frame.line_format)
        self.carry_breaks(break_changes)

    def carry_breaks(self, break_changes: list[tuple[int, bool]]) -> None:
        """The chip forced the line to space (True) or let it go (False), each with its time."""
        for at, on in break_changes:
            if on:
                self._breaks.append(_Break(at, self.line_format.frame_ticks))
            elif self._breaks:
                self._breaks[-1].until = at

    def carry_run(self, start: int, data: bytes | bytearray, line_format: LineFormat) -> None:
        """The chip put a run of frames on the line, without a gap between them."""
        if self._runs:
            last = self._runs[-1]
            if last.line_format is line_format and last.end == start:
                last.data += data
                return
        self._runs.append(_Run(start, bytearray(data), line_format))

    def arrived(self, now: int) -> list[Arrivals]:
        """What the far end has received by ``now`` since the last call, in the order of time."""
        arrivals: list[Arrivals] = []
        while self._runs:
            run = self._runs[0]
            count = run.arrived(now)
            if not count:
                break
            if self._breaks:
                arrivals += self._under_breaks(run, count)
            else:
                frame = run.line_format.frame_ticks
                at = run.start + (count - 1) * frame + run.line_format.sampled_ticks
                arrivals.append(Arrivals(at, bytes(run.data[:count]), 0))
            run.drop(count)
            if run.data:
                break
            self._runs.popleft()
        if self._breaks:
            arrivals += self._ended_breaks(now)
            arrivals.sort(key=lambda arrival: arrival.at)
        return arrivals

    def _under_breaks(self, run: _Run, count: int) -> list[Arrivals]:
        """The first ``count`` characters of a run, of which breaks may cover some bits."""
        arrivals = []
        stretches = [(space.begin, space.until) for space in self._breaks]
        for number in range(count):
            frame = Frame(run.start + number * run.line_format.frame_ticks, run.data[number], run.line_format)
            arrival = receive_under_breaks(frame, stretches)
            if arrival is None:
                continue
            if arrival.errors & BREAK:
                # A space that began within a frame whose own bits were all 0: the receiver's break began with the frame.
                for space in self._breaks:
                    space.told |= frame.start <= space.begin <= arrival.at
            arrivals.append(Arrivals(arrival.at, bytes((arrival.character,)), arrival.errors))
        return arrivals

    def _ended_breaks(self, now: int) -> list[Arrivals]:
        """The breaks that have ended by ``now`` and have not been reported."""
        arrivals = []
        for space in self._breaks:
            # A space too short for a frame is not reported: Linux's autoconfig makes one of a microsecond.
            if not space.told and space.until <= now and space.until - space.begin >= space.frame_ticks:
                arrivals.append(Arrivals(space.begin + self.line_format.sampled_ticks, b"", BREAK))
            space.told |= space.until <= now
        oldest = self._runs[0].start if self._runs else now
        self._breaks = [space for space in self._breaks if not space.told or space.until > oldest]
        return arrivals

    def first_arrival(self) -> int:
        """When the oldest frame that is on the line will have arrived; NEVER when none is."""
        if not self._runs:
            return NEVER
        first = self._runs[0]
        return first.start + first.line_format.sampled_ticks

    def last_arrival(self) -> int:
        """When the last frame that is on the line will have arrived; NEVER when none is."""
        if not self._runs:
            return NEVER
        last = self._runs[-1]
        return last.end - last.line_format.frame_ticks + last.line_format.sampled_ticks
