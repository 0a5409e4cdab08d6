"""A null modem cable: two ends, each with a queue towards the other, and the modem lines crossed.

The machine's chip puts its own frames on the line (:meth:`Cable.carry_run`).  The far end belongs to the client that is
attached: it has no chip, only a transmitter (:class:`uartsim.wire.far_sender.FarSender`) and ears.

What the chip sends is told twice.  :meth:`Cable.arrived` says what the guest sent, for records and watchers: a tap at
the chip's pin.  An :class:`Ear` hears what comes out at the far end, in its own format and over whatever is wrong with
the line; while there is none, nothing is gone over bit by bit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT
from uartsim.registers import ModemOutput
from uartsim.wire.channel import Channel, add_counters
from uartsim.wire.far_sender import FarSender as FarSender
from uartsim.wire.frame import Arrival, Frame, receive_under_breaks
from uartsim.wire.sampler import Sampler


class Arrivals(NamedTuple):
    """What the far end has received: a run of good characters, or one with errors, or a break (no data).

    ``at`` is when the last of it was complete, in ticks; ``errors`` are bits of LSR.
    """

    at: int
    data: bytes
    errors: int


class Ear:
    """A receiver at the far end; made by :meth:`Cable.listen`.

    Attributes:
        line_format: its format; None: whatever the guest's is.
        deliver: called with each character that is complete.
        on_end: called when, after :meth:`Cable.release`, it is gone.
    """

    __slots__ = ("deliver", "ending", "line_format", "on_end", "sampler")

    def __init__(self, sampler: Sampler, line_format: LineFormat | None, deliver: Callable[[Arrival], object]) -> None:
        self.sampler = sampler
        self.line_format = line_format
        self.deliver = deliver
        self.on_end: Callable[[], object] | None = None
        self.ending = False


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

    __slots__ = (
        "_ears",
        "_errors",
        "_out_counters",
        "breaks",
        "far",
        "far_format",
        "far_outputs",
        "first_at",
        "line_format",
        "out",
        "runs",
    )

    def __init__(self, line_format: LineFormat) -> None:
        self.line_format = line_format
        self.far = FarSender(line_format)
        #: The format that the far end has set; None: it follows the guest's.
        self.far_format: LineFormat | None = None
        self.far_outputs = ModemOutput.DTR | ModemOutput.RTS
        #: The line from the chip bit by bit, while there are ears or faults; it is sampled in the guest's format.
        self.out: Channel | None = None
        self._out_counters: dict[str, dict[str, int]] = {}
        self._ears: list[Ear] = []
        self._errors = 0  # of a receiver with the guest's format, that :meth:`hear` has not returned yet
        #: What is on the line from the chip: frames, and stretches of forced space.
        self.runs: deque[_Run] = deque()
        #: When the oldest of the frames will have arrived, in ticks; NEVER when there is none.
        self.first_at = NEVER
        self.breaks: list[_Break] = []

    # -- formats -------------------------------------------------------------------------------------------

    def set_format(self, line_format: LineFormat, now: int) -> None:
        """The guest has programmed another format; a far end without one of its own follows from its next frame on."""
        self.line_format = line_format
        self._set_far(now)
        if line_format.bit_ticks:
            if self.out is not None:
                self._hear_until(now)
                self.out.set_format(line_format, now)
            for ear in self._ears:
                if ear.line_format is None:
                    ear.sampler.set_format(line_format)

    def set_far_format(self, line_format: LineFormat | None, now: int) -> None:
        """The far end sends in ``line_format`` from its next frame on; None: in the guest's, and follows it."""
        self.far_format = line_format
        self._set_far(now)

    def _set_far(self, now: int) -> None:
        guest, far = self.line_format, self.far_format
        own = guest if far is None or not far.bit_ticks or not guest.bit_ticks or far == guest else far
        self.far.set_formats(own, guest, now)

    # -- what the far end hears ----------------------------------------------------------------------------

    def listen(self, line_format: LineFormat | None, deliver: Callable[[Arrival], object], now: int) -> Ear:
        """Listen at the far end from ``now`` on: what is on the line now is heard.

        Args:
            line_format: of the receiver; None: the guest's, whatever it is.
            deliver: called with each character that is complete, in the order of time, by :meth:`hear`.
            now: ticks.

        Raises:
            ValueError: the line's rate is unlimited, so that there is nothing to sample.
        """
        out = self.use_channel(now)
        ear = Ear(Sampler(line_format or self.line_format, 0, out.horizon, out.level), line_format, deliver)
        self._ears.append(ear)
        return ear

    def retune(self, ear: Ear, line_format: LineFormat | None, now: int) -> None:
        """An ear has another format from ``now`` on."""
        self._hear_until(now)
        ear.line_format = line_format
        ear.sampler.set_format(line_format or self.line_format)

    def release(self, ear: Ear, now: int) -> None:
        """An ear is not needed any more: it goes as soon as the line is quiet, so that no character is cut in two.

        Until then it hears in the guest's format.
        """
        ear.ending = True
        self.retune(ear, None, now)

    def use_channel(self, now: int) -> Channel:
        """The line from the chip bit by bit, from ``now`` on."""
        if self.out is None:
            since = min(self.runs[0].start if self.runs else now, now)
            self.out = Channel(self.line_format, since=since, keep_edges=True)
            for run in self.runs:
                self.out.put_run(run.start, run.data, run.line_format)
            for space in self.breaks:
                if space.until > since:
                    self.out.hold(0, max(since, space.begin), space.until)
        return self.out

    def hear(self, now: int) -> int:
        """Let the ears hear what is complete by ``now``; returns how many characters had errors at the far end."""
        out = self.out
        if out is None:
            return 0
        self._hear_until(now)
        errors, self._errors = self._errors, 0
        quiet = not self.runs and not out.busy
        for ear in [ear for ear in self._ears if ear.ending and quiet and ear.sampler.idle]:
            self._ears.remove(ear)
            if ear.on_end is not None:
                ear.on_end()
        if not self._ears and not out.faults and quiet:
            self._out_counters = add_counters(self._out_counters, out.fault_counters)
            self.out = None
        return errors

    def _hear_until(self, now: int) -> None:
        """Bring all ears up to ``now``."""
        out = self.out
        if out is None:
            return
        self._errors += sum(bool(arrival.errors) for arrival in out.arrived(now))
        edges = out.take_edges()
        heard = []
        for ear in self._ears:
            ear.sampler.feed(edges)
            heard.append((ear, ear.sampler.advance(out.horizon)))
        for ear, arrivals in heard:
            for arrival in arrivals:
                ear.deliver(arrival)

    def hearing_due(self) -> int:
        """When an ear can have its next character; NEVER when nothing is to be heard."""
        out = self.out
        return NEVER if out is None else min((ear.sampler.due(out.ahead()) for ear in self._ears), default=NEVER)

    def fault_counters(self) -> dict[str, dict[str, dict[str, int]]]:
        """What faults have done, by direction (``"in"`` to the guest) and kind."""
        found = {}
        for direction, channel, past in (
            ("in", self.far.channel, self.far.fault_counters),
            ("out", self.out, self._out_counters),
        ):
            counters = past if channel is None else add_counters(past, channel.fault_counters)
            if counters:
                found[direction] = counters
        return found

    def reset_fault_counters(self) -> None:
        """Count from 0 on what faults do."""
        self.far.fault_counters = {}
        self._out_counters = {}
        for channel in (self.far.channel, self.out):
            if channel is not None:
                channel.reset_fault_counters()

    # -- what the chip sends -------------------------------------------------------------------------------

    def carry_breaks(self, break_changes: list[tuple[int, bool]]) -> None:
        """The chip forced the line to space (True) or let it go (False), each with its time."""
        for at, on in break_changes:
            if on:
                self.breaks.append(_Break(at, self.line_format.frame_ticks))
                if self.out is not None:
                    self.out.hold(0, at)
            elif self.breaks:
                self.breaks[-1].until = at
                if self.out is not None:
                    self.out.release(at)

    def carry_run(self, start: int, data: bytes | bytearray, line_format: LineFormat) -> None:
        """The chip put a run of frames on the line, without a gap between them."""
        if self.out is not None:
            self.out.put_run(start, data, line_format)
        if self.runs:
            last = self.runs[-1]
            if last.line_format is line_format and last.end == start:
                last.data += data
                return
        else:
            self.first_at = start + line_format.sampled_ticks
        self.runs.append(_Run(start, bytearray(data), line_format))

    def arrived(self, now: int) -> list[Arrivals]:
        """What the far end has received by ``now`` since the last call, in the order of time."""
        arrivals: list[Arrivals] = []
        while self.runs:
            run = self.runs[0]
            count = run.arrived(now)
            if not count:
                break
            if self.breaks:
                arrivals += self._under_breaks(run, count)
            else:
                frame = run.line_format.frame_ticks
                at = run.start + (count - 1) * frame + run.line_format.sampled_ticks
                arrivals.append(Arrivals(at, bytes(run.data[:count]), 0))
            if count < len(run.data):
                run.drop(count)
                break
            self.runs.popleft()
        self.first_at = self.runs[0].start + self.runs[0].line_format.sampled_ticks if self.runs else NEVER
        if self.breaks:
            arrivals += self._ended_breaks(now)
            arrivals.sort(key=lambda arrival: arrival.at)
        return arrivals

    def _under_breaks(self, run: _Run, count: int) -> list[Arrivals]:
        """The first ``count`` characters of a run, of which breaks may cover some bits."""
        arrivals = []
        stretches = [(space.begin, space.until) for space in self.breaks]
        for number in range(count):
            frame = Frame(run.start + number * run.line_format.frame_ticks, run.data[number], run.line_format)
            arrival = receive_under_breaks(frame, stretches)
            if arrival is None:
                continue
            if arrival.errors & BREAK_INTERRUPT:
                # A space that began within a frame whose own bits were all 0: the receiver's break began with the frame.
                for space in self.breaks:
                    space.told |= frame.start <= space.begin <= arrival.at
            arrivals.append(Arrivals(arrival.at, bytes((arrival.character,)), arrival.errors))
        return arrivals

    def _ended_breaks(self, now: int) -> list[Arrivals]:
        """The breaks that have ended by ``now`` and have not been reported."""
        arrivals = []
        for space in self.breaks:
            # A space too short for a frame is not reported: Linux's autoconfig makes one of a microsecond.
            if not space.told and space.until <= now and space.until - space.begin >= space.frame_ticks:
                arrivals.append(Arrivals(space.begin + self.line_format.sampled_ticks, b"", BREAK_INTERRUPT))
            space.told |= space.until <= now
        oldest = self.runs[0].start if self.runs else now
        self.breaks = [space for space in self.breaks if not space.told or space.until > oldest]
        return arrivals

    def on_line(self) -> list[tuple[int, bytes, LineFormat]]:
        """The frames that have not arrived: when the first of each run began, the characters, their format."""
        return [(run.start, bytes(run.data), run.line_format) for run in self.runs]

    def forget(self, now: int) -> None:
        """Forget everything that is on the line, and what the far end has queued; what is heard begins anew at ``now``."""
        self.far.forget(now)
        self.runs.clear()
        self.first_at = NEVER
        self.breaks = []
        if self.out is not None:
            self._out_counters, self.out, self._errors = {}, None, 0
            if self._ears:
                out = self.use_channel(now)
                for ear in self._ears:
                    ear.sampler = Sampler(ear.line_format or self.line_format, 0, out.horizon, out.level)

    def last_arrival(self) -> int:
        """When the last frame that is on the line will have arrived; NEVER when none is."""
        if not self.runs:
            return NEVER
        last = self.runs[-1]
        return last.end - last.line_format.frame_ticks + last.line_format.sampled_ticks
