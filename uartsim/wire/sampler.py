"""A receiver that sees levels: sixteen clocks to a bit, as a 16550's, in its own format and with a clock of its own.

The sampling model.  The receiver's clock runs free at sixteen times its own baud; clock ``k`` is at
``phase + floor(k * bit_ticks / 16)``, in whole ticks, so that a bit that is no multiple of 16 ticks long never drifts.

- A start bit is detected at the first clock at which the line is at space.  Call it clock 0.
- Clock 8 looks again, in the middle of the start bit.  At mark, it was a false start, and is ignored; a new one is
  looked for from clock 9 on.
- Bit ``n`` (1 for the lowest data bit) is what the line is at clock ``8 + 16 n``: the data bits, the parity bit if the
  format has one, and the first stop bit.  With it the character is complete; further stop bits are not looked at.
- The first stop bit at space is a framing error.  The receiver takes that space for the next start bit, which has come
  too early: the clock that found it is clock 0 of the next frame, and clock 8 looks again (PC16550D, LSR bit 3).
- Everything at space, from start to stop, is a break: one character 0.  The next start bit is looked for after the
  line has been at mark for a clock (PC16550D, LSR bit 4).

Between two clocks the receiver is blind: a pulse that no clock meets was not there.  A character is complete less than
one clock (a sixteenth of a bit) later than at a receiver whose clock begins with the start bit, see
:attr:`LineFormat.sampled_ticks <uartsim.line_format.LineFormat>`.

A new format holds at once if no frame is on its way, else from the end of that frame on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import chain
from typing import Any, Final, NamedTuple

from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.frame import Arrival, assemble
from uartsim.wire.waveform import Edge

#: Clocks to a bit, and the one that looks at the middle of it.
CLOCKS: Final = 16
_MIDDLE: Final = 8

_HUNTING: Final = "hunting"
_IN_FRAME: Final = "in a frame"
_AFTER_BREAK: Final = "after a break"


class SpeedLimits(NamedTuple):
    """The sender's speed over the receiver's: from ``slowest`` to ``fastest``, both included, nothing goes wrong."""

    slowest: Fraction
    fastest: Fraction


def speed_limits(line_format: LineFormat) -> SpeedLimits:
    """How much slower or faster than the receiver a sender may be, for every character to be received well.

    Number the bits of the frame from the start bit, 0, to the first stop bit, N.  The receiver looks at bit n between
    ``n + 1/2`` and ``n + 1/2 + 1/16`` of its own bits after the start edge; the sixteenth is its free clock.  A slow
    sender is still at bit n - 1 then if its speed is below ``n / (n + 1/2)`` of the receiver's; a fast one is at bit
    n + 1 already if it is above ``(n + 1) / (n + 9/16)``.  That is seen only if the two bits can differ, so the
    limits are the closest of those.  8N1: 9/9.5 (5.3 % slower) and 10/9.5625 (4.6 % faster).

    Args:
        line_format: of both ends but for the speed.
    """
    # What each bit can be, after the start bit: data either, a fixed parity bit one, a stop bit mark.
    parity = {"N": [], "M": [{1}], "S": [{0}]}.get(line_format.parity, [{0, 1}])
    levels = [{0}, *[{0, 1}] * line_format.data_bits, *parity, {1}]
    last = len(levels) - 1
    slow = [Fraction(2 * n, 2 * n + 1) for n in range(1, last + 1) if len(levels[n - 1] | levels[n]) > 1]
    fast = [Fraction(16 * (n + 1), 16 * n + 9) for n in range(last) if len(levels[n] | levels[n + 1]) > 1]
    # The stop bits are followed by a start bit.
    fast.append(Fraction(16 * last + 8 * line_format.stop_halves, 16 * last + 9))
    return SpeedLimits(max(slow), min(fast))


def bears(sender: LineFormat, receiver: LineFormat) -> bool:
    """Whether a receiver gets every character of a sender well, though their speeds or stop bits may differ.

    Args:
        sender: its format.
        receiver: its format.
    """
    if (sender.data_bits, sender.parity) != (receiver.data_bits, receiver.parity):
        return False
    if not sender.bit_ticks or not receiver.bit_ticks:
        return sender.bit_ticks == receiver.bit_ticks
    limits = speed_limits(sender)
    return limits.slowest <= Fraction(receiver.bit_ticks, sender.bit_ticks) <= limits.fastest


class Sampler:
    """One receiver.

    Args:
        line_format: its own.
        phase: a time at which its clock ticks, in ticks.
        since: when it begins to look.
        level: the line's level then; at space it waits for mark first, as after a break.

    Raises:
        ValueError: the format is that of unlimited rate, where there are no bits to sample; or there is no such level.
    """

    __slots__ = (
        "_bits",
        "_characters",
        "_edges",
        "_level",
        "_next",
        "_position",
        "_state",
        "_until",
        "format",
        "phase",
    )

    def __init__(self, line_format: LineFormat, phase: int = 0, since: int = 0, level: int = 1) -> None:
        _check(line_format)
        _check_levels([level])
        #: The format in which it receives now, and the clock's phase.
        self.format = line_format
        self.phase = phase
        self._next: LineFormat | None = None  # takes over at the end of the frame
        self._until = since
        self._edges: deque[Edge] = deque()
        self._level = level
        self._state = _HUNTING if level else _AFTER_BREAK
        #: The last clock that was looked at; in a frame, the clock of its start bit.
        self._position = self._clock_from(since) - 1
        self._bits: list[int] = []  # of the frame, as sampled
        self._characters: dict[tuple[int, ...], Arrival] = {}  # what samples mean; a cache

    def _clock_from(self, at: int) -> int:
        """The first clock at ``at`` ticks or later."""
        return -((self.phase - at) * CLOCKS // self.format.bit_ticks)

    def _time(self, clock: int) -> int:
        """When a clock is, in ticks."""
        return self.phase + clock * self.format.bit_ticks // CLOCKS

    def feed(self, edges: Iterable[Edge]) -> None:
        """The line's edges, in the order of time, none before the time of the last :meth:`advance`."""
        self._edges.extend(edges)

    def advance(self, until: int) -> list[Arrival]:
        """Look at the line up to and including ``until``; the edges up to there must have been fed.

        Returns:
            The characters that became complete, in the order of time.

        Raises:
            ValueError: ``until`` is before the last one.
        """
        if until < self._until:
            raise ValueError(f"tick {until} is past: the line has been sampled up to {self._until}")
        self._until = until
        arrivals: list[Arrival] = []
        while self._state == _IN_FRAME or self._find(until):
            arrival = self._sample(until)
            if arrival is not None:
                arrivals.append(arrival)
            elif self._state == _IN_FRAME:
                break
        return arrivals

    def _find(self, until: int) -> bool:
        """Look for mark after a break, and for a start bit; returns whether there is one by ``until``."""
        edges, level = self._edges, self._level
        while True:
            # Mark is what ends a break; space is what begins a frame.
            wanted = int(self._state == _AFTER_BREAK)
            clock = self._position + 1
            if level != wanted:
                if not edges:
                    return False
                clock = max(clock, self._clock_from(edges[0].at))
            at = self._time(clock)
            if at > until:
                return False
            while edges and edges[0].at <= at:
                level = edges.popleft().level
            self._level = level
            self._position = clock
            if level == wanted:
                if not wanted:
                    self._state = _IN_FRAME
                    return True
                self._state = _HUNTING

    def _sample(self, until: int) -> Arrival | None:
        """Take the samples of the frame that are due by ``until``; returns the character if it is complete."""
        edges, level, bits, line_format = self._edges, self._level, self._bits, self.format
        count = 2 + line_format.data_bits + (line_format.parity != "N")
        bit, phase = line_format.bit_ticks, self.phase
        clock = self._position + _MIDDLE + CLOCKS * len(bits)
        while True:
            at = phase + clock * bit // CLOCKS
            if at > until:
                self._level = level
                return None
            while edges and edges[0][0] <= at:
                level = edges.popleft()[1]
            if level and not bits:
                self._level = level
                self._end_frame(clock, _HUNTING)  # a false start
                return None
            bits.append(level)
            if len(bits) == count:
                break
            clock += CLOCKS
        self._level = level
        meaning = self._meaning(tuple(bits))
        if meaning.errors & BREAK_INTERRUPT:
            self._end_frame(clock, _AFTER_BREAK)
        else:
            self._end_frame(clock, _IN_FRAME if meaning.errors & FRAMING_ERROR else _HUNTING)
        return Arrival(at, meaning.character, meaning.errors)

    def _meaning(self, bits: tuple[int, ...]) -> Arrival:
        """What the samples of a frame mean, but for the time."""
        meaning = self._characters.get(bits)
        if meaning is None:
            meaning = self._characters[bits] = assemble(bits, self.format, 0)
        return meaning

    def _end_frame(self, clock: int, state: str) -> None:
        self._bits.clear()
        self._state = state
        self._position = clock
        if self._next is not None:
            self._switch(self._next, self._time(clock))

    def _switch(self, line_format: LineFormat, at: int) -> None:
        """Another format from ``at`` on: its clocks up to there have passed."""
        self._next = None
        self.format = line_format
        self._characters = {}
        self._position = self._clock_from(at + 1) - 1

    def set_format(self, line_format: LineFormat) -> None:
        """Receive in another format, from the time of the last :meth:`advance` or the end of the frame on its way.

        Raises:
            ValueError: it is that of unlimited rate.
        """
        _check(line_format)
        if self._state == _IN_FRAME:
            self._next = line_format
        else:
            self._switch(line_format, self._until)

    @property
    def idle(self) -> bool:
        """No frame is on its way, the line is at mark, and nothing that was fed is left."""
        return self._state == _HUNTING and self._level == 1 and not self._edges

    def due(self, ahead: Iterable[Edge] = ()) -> int:
        """When the next character can be complete, in ticks: never later than it is.  NEVER if none is in sight.

        Args:
            ahead: the line's edges after those fed, as far as they are known.
        """
        clock = self._position
        if self._state != _IN_FRAME:
            # Space begins a frame; after a break it takes mark first.
            awaited = [1, 0] if self._state == _AFTER_BREAK else [0]
            if self._level == awaited[0]:
                del awaited[0]
            for edge in chain(self._edges, ahead):
                if not awaited:
                    break
                if edge.level == awaited[0]:
                    del awaited[0]
                    clock = max(clock, self._clock_from(edge.at) - 1)
            if awaited:
                return NEVER
            clock += 1
        stop_bit = 1 + self.format.data_bits + (self.format.parity != "N")
        return self._time(clock + _MIDDLE + CLOCKS * stop_bit)

    def save(self) -> dict[str, Any]:
        """The whole state, as plain values."""
        return {
            "format": _plain(self.format),
            "next_format": None if self._next is None else _plain(self._next),
            "phase": self.phase,
            "until": self._until,
            "edges": [list(edge) for edge in self._edges],
            "level": self._level,
            "state": self._state,
            "position": self._position,
            "bits": list(self._bits),
        }

    @classmethod
    def restore(cls, saved: Mapping[str, Any]) -> Sampler:
        """A receiver in a state that :meth:`save` gave.

        Raises:
            ValueError: it cannot be such a state; the message says why.
        """
        try:
            sampler = cls(LineFormat(*saved["format"]), saved["phase"], saved["until"])
            sampler._next = None if saved["next_format"] is None else LineFormat(*saved["next_format"])
            sampler._edges.extend(Edge(at, level) for at, level in saved["edges"])
            sampler._level, sampler._state = saved["level"], saved["state"]
            sampler._position, sampler._bits = saved["position"], list(saved["bits"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no saved receiver: {error!r}") from None
        if sampler._state not in (_HUNTING, _IN_FRAME, _AFTER_BREAK):
            raise ValueError(f"state is {sampler._state!r}: use one of {_HUNTING!r}, {_IN_FRAME!r}, {_AFTER_BREAK!r}")
        _check_levels([sampler._level, *sampler._bits, *(edge.level for edge in sampler._edges)])
        room = 2 + sampler.format.data_bits + (sampler.format.parity != "N") if sampler._state == _IN_FRAME else 1
        if len(sampler._bits) >= room:
            raise ValueError(f"{len(sampler._bits)} bits are too many for a receiver that is {sampler._state}")
        return sampler

    def __eq__(self, other: object) -> bool:
        return self.save() == other.save() if isinstance(other, Sampler) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a receiver changes


def _check(line_format: LineFormat) -> None:
    if not line_format.bit_ticks:
        raise ValueError("a receiver at unlimited rate has no bits to sample: give it a format with a speed")


def _plain(line_format: LineFormat) -> list[int | str]:
    return [line_format.bit_ticks, line_format.data_bits, line_format.parity, line_format.stop_halves]


def _check_levels(levels: list[int]) -> None:
    if wrong := [level for level in levels if level not in (0, 1)]:
        raise ValueError(f"{wrong[0]!r} is no level: use 0 for space or 1 for mark")
