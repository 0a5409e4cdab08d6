"""One direction of the line, bit by bit: frames and breaks go in, faults are done to them, a receiver samples them.

This is the exact and slow way.  Where both ends have the same format and nothing is wrong with the line, a frame gives
its character, and :mod:`uartsim.wire.cable` moves slices.

Frames that a fault makes longer or more push back those that follow, until the sender pauses: nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Iterator

from uartsim.line_format import NEVER, LineFormat
from uartsim.wire.faults import Chance, Fault
from uartsim.wire.frame import Arrival
from uartsim.wire.injection import Delay, Drift, Glitches, Held, Injection, inject
from uartsim.wire.line_level import Edge, LineLevels
from uartsim.wire.sampler import Sampler


class Channel:
    """One direction.

    Args:
        line_format: the receiver's.
        since: ticks; nothing can be put on the line before.
        phase: a time at which the receiver's sampling clock ticks, in ticks.
        keep_edges: keep the edges at the receiver's pin for :meth:`take_edges`; without, they are not kept.

    Raises:
        ValueError: the format is that of unlimited rate, where there are no bits.
    """

    __slots__ = (
        "_edges",
        "_faults",
        "_levels",
        "_nominal_end",
        "_ready",
        "_start",
        "_totals",
        "characters",
        "keep_edges",
        "sampler",
    )

    def __init__(self, line_format: LineFormat, *, since: int = 0, phase: int = 0, keep_edges: bool = False) -> None:
        self.sampler = Sampler(line_format, phase, since)
        self.keep_edges = keep_edges
        #: Frames that the sender has put on the line.
        self.characters = 0
        self._levels = LineLevels(since)
        self._faults: dict[str, Injection] = {}
        self._totals: dict[str, dict[str, int]] = {}  # of faults that were cleared
        self._ready: list[Arrival] = []
        self._edges: list[Edge] = []
        # The last frame: when it began on the line, and when it would have ended for the sender.
        self._start = since
        self._nominal_end = since

    # -- the sender's side ---------------------------------------------------------------------------------

    def put_frame(self, start: int, character: int, line_format: LineFormat) -> None:
        """The sender's start bit falls at ``start`` ticks.

        A frame that begins before the end of the last one cuts it off.

        Raises:
            ValueError: ``start`` is before :attr:`horizon`, or the sender's rate is unlimited.
        """
        self.characters += 1
        if not self._faults and self._levels.frames_end <= start:  # as almost always
            self._levels.put_frame(start, character, line_format)
            self._start = start
            self._nominal_end = start + line_format.frame_ticks
            return
        cuts = start < self._nominal_end
        self._nominal_end = start + line_format.frame_ticks
        begin = max(start + self._latency(), self._start if cuts else self._levels.frames_end)
        copies, as_sent = 1, line_format
        for injection in self._faults.values():
            if isinstance(injection, Drift):
                as_sent = injection.scale(as_sent)
            elif isinstance(injection, Held):
                injection.sent(begin)
            copies *= injection.copies()
        for _ in range(copies):
            flipped = 0
            for injection in self._faults.values():
                flipped ^= injection.flips(as_sent)
            self._levels.put_frame(begin, character, as_sent, flipped)
            self._start = begin
            begin = self._levels.frames_end

    def put_run(self, start: int, data: bytes | bytearray, line_format: LineFormat) -> None:
        """Frames without a gap between them.

        Raises:
            ValueError: ``start`` is before :attr:`horizon`, or the sender's rate is unlimited.
        """
        for character in data:
            self.put_frame(start, character, line_format)
            start += line_format.frame_ticks

    def hold(self, level: int, begin: int, until: int = NEVER) -> None:
        """The sender forces the line to ``level`` (0 is a break), from ``begin`` to ``until`` or :meth:`release`.

        Raises:
            ValueError: the level is not 0 or 1, the stretch has no length, or it begins before :attr:`horizon`.
        """
        latency = self._latency()
        self._levels.hold(level, begin + latency, until + latency if until < NEVER else NEVER)

    def release(self, at: int) -> None:
        """The sender lets the line go at ``at`` ticks; ValueError before :attr:`horizon`."""
        self._levels.release(at + self._latency())

    def _latency(self) -> int:
        delay = self._faults.get("delay")
        return delay.ticks if isinstance(delay, Delay) else 0

    # -- the receiver's side -------------------------------------------------------------------------------

    @property
    def line_format(self) -> LineFormat:
        """The receiver's format; a new one holds from the end of the frame on its way."""
        return self.sampler.format

    def set_format(self, line_format: LineFormat, now: int) -> None:
        """The receiver has another format from ``now`` on; ValueError for that of unlimited rate."""
        self._advance(now)
        self.sampler.set_format(line_format)

    def arrived(self, now: int) -> list[Arrival]:
        """The characters that were complete by ``now`` since the last call, in the order of time.

        What is on the line up to ``now`` must have been put on it.
        """
        self._advance(now)
        ready, self._ready = self._ready, []
        return ready

    def _advance(self, now: int) -> None:
        now = max(now, self._levels.horizon)
        glitches = self._faults.get("glitches")
        if isinstance(glitches, Glitches):
            while glitches.next[0] <= now:
                glitches.pass_by()
                self._levels.invert(*glitches.next)
        edges = self._levels.take(now)
        if self.keep_edges:
            self._edges += edges
        self.sampler.feed(edges)
        self._ready += self.sampler.advance(now)

    def due(self) -> int:
        """When the next character can be complete, in ticks: never later than it is.  NEVER if none is in sight."""
        if self._ready:
            return self._ready[0].at
        return self.sampler.due(self._levels.ahead())

    def ahead(self) -> Iterator[Edge]:
        """The edges after :attr:`horizon` as things are, for another receiver that samples them."""
        return self._levels.ahead()

    @property
    def horizon(self) -> int:
        """The line has been sampled up to here: the earliest time at which something can be put on it."""
        return self._levels.horizon

    @property
    def level(self) -> int:
        """The level at the receiver's pin at :attr:`horizon`: 0 is space, 1 is mark."""
        return self._levels.level

    @property
    def busy(self) -> bool:
        """Something is on the line, or at the receiver and not yet taken."""
        return bool(self._ready) or self._levels.planned or not self.sampler.idle

    @property
    def busy_until(self) -> int:
        """When the last frame that was put on the line is over, in ticks."""
        return self._levels.frames_end

    def take_edges(self) -> list[Edge]:
        """The edges at the receiver's pin since the last call, up to :attr:`horizon`, if they are kept."""
        edges, self._edges = self._edges, []
        return edges

    # -- faults --------------------------------------------------------------------------------------------

    def add_fault(self, fault: Fault, chance: Chance | None, now: int) -> None:
        """A fault begins at ``now``; another of its kind ends.  Of several that hold the line the last one wins.

        Args:
            fault: of the level ``"line"``.
            chance: a generator for it alone, such as ``random.Random(fault.seed_of("in"))``; None if it has no seed.
            now: ticks.

        Raises:
            ValueError: the fault does not concern the line, or it has no generator.
        """
        self._advance(now)
        now = max(now, self._levels.horizon)
        begin = max(now, self._levels.frames_end) if fault.kind == "break" else now
        injection = inject(fault, begin, chance)
        self.clear_faults(now, fault.kind)
        self._faults[fault.kind] = injection
        if isinstance(injection, Held):
            self._hold_line(now)
        elif isinstance(injection, Glitches):
            self._levels.invert(*injection.next)

    def clear_faults(self, now: int, kind: str | None = None) -> None:
        """The fault of ``kind``, or every fault, ends at ``now``; nothing if there is none."""
        self._advance(now)
        now = max(now, self._levels.horizon)
        for name in [name for name in self._faults if kind in (None, name)]:
            injection = self._faults.pop(name)
            self._totals[name] = _sum(self._totals.get(name, {}), injection.counters)
            if isinstance(injection, Glitches):
                self._levels.end_pulses(now)
            elif isinstance(injection, Held):
                self._hold_line(now)

    def _hold_line(self, now: int) -> None:
        """Plan at which levels faults hold the line from ``now`` on."""
        held = [injection for injection in self._faults.values() if isinstance(injection, Held)]
        changes = {at for injection in held for at in (injection.begin, injection.until) if now < at < NEVER}
        for at in [now, *sorted(changes)]:
            levels = [injection.level for injection in held if injection.begin <= at < injection.until]
            if levels:
                self._levels.stick(levels[-1], at)
            else:
                self._levels.unstick(at)

    @property
    def faults(self) -> list[Fault]:
        """The faults at work, in the order in which they began."""
        return [injection.fault for injection in self._faults.values()]

    @property
    def fault_counters(self) -> dict[str, dict[str, int]]:
        """What the faults of each kind have done since the line began, those cleared included."""
        counters = {kind: dict(counts) for kind, counts in self._totals.items()}
        for kind, injection in self._faults.items():
            counters[kind] = _sum(counters.get(kind, {}), injection.counters)
        return counters

    def reset_fault_counters(self) -> None:
        """Count from 0 on what the faults do."""
        self._totals.clear()
        for injection in self._faults.values():
            injection.counters = dict.fromkeys(injection.counters, 0)


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def add_counters(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """The sum of two channels' :attr:`Channel.fault_counters`."""
    return {kind: _sum(one.get(kind, {}), other.get(kind, {})) for kind in {**one, **other}}
