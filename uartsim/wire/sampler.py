"""A receiver that sees levels: sixteen clocks to a bit, as a 16550's, in its own format and with a clock of its own.

The sampling model.  The receiver's clock runs free at sixteen times its own baud; clock ``k`` is at
``phase + floor(k * bit_ticks / 16)``, in whole ticks, so that a bit whose length is not a multiple of 16 ticks never drifts.

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
from collections.abc import Iterable
from itertools import chain
from typing import Final

from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.frame import Arrival, assemble
from uartsim.wire.line_level import Edge

#: Clocks to a bit, and the one that looks at the middle of it.
CLOCKS: Final = 16
_MIDDLE: Final = 8

_HUNTING: Final = "hunting"
_IN_FRAME: Final = "in a frame"
_AFTER_BREAK: Final = "after a break"


class Sampler:
    """One receiver.

    Args:
        line_format: its own.
        phase: a time at which its clock ticks, in ticks.
        since: when it begins to look.
        level: the line's level then; at space it waits for mark first, as after a break.

    Raises:
        ValueError: the format is that of unlimited rate, where there are no bits to sample; or the level is not 0 or 1.
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
        count = line_format.sampled_bits
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
        return self._time(clock + _MIDDLE + CLOCKS * (self.format.sampled_bits - 1))


def _check(line_format: LineFormat) -> None:
    if not line_format.bit_ticks:
        raise ValueError("a receiver at unlimited rate has no bits to sample: give it a format with a speed")


def _check_levels(levels: list[int]) -> None:
    if wrong := [level for level in levels if level not in (0, 1)]:
        raise ValueError(f"{wrong[0]!r} is not a level: use 0 for space or 1 for mark")
