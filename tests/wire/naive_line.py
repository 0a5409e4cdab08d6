"""A second line and a second receiver, written to be obvious and slow: each level is looked up, each clock is a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from uartsim.line_format import NEVER, PARITIES, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.frame import Arrival, assemble, line_bits

#: Formats with short bits, most of them no multiple of sixteen ticks long.
short_formats = st.builds(
    LineFormat,
    st.one_of(st.integers(1, 40), st.integers(16, 200)),
    st.integers(5, 8),
    st.sampled_from(PARITIES),
    st.sampled_from([2, 3, 4]),
)


class SentFrame(NamedTuple):
    """A frame as it was put on the line; bit n of ``flipped`` inverts its bit n."""

    start: int
    character: int
    line_format: LineFormat
    flipped: int = 0


class Stretch(NamedTuple):
    """The line is held at ``level``, or inverted, from ``start`` to ``until``."""

    start: int
    until: int = NEVER
    level: int = 0


class NaiveLine(NamedTuple):
    """What was put on a line, each in the order in which it was put."""

    frames: list[SentFrame]
    holds: list[Stretch]
    pulses: list[Stretch]
    sticks: list[Stretch]

    def level(self, at: int) -> int:
        """The level at the receiver's pin; of each sort, what was put last of all that has begun counts."""
        frame = _last(self.frames, at)
        level = 1
        if isinstance(frame, SentFrame) and at < frame.start + frame.line_format.frame_ticks:
            number = (at - frame.start) // frame.line_format.bit_ticks
            bits = line_bits(frame.character, frame.line_format)
            level = (bits[number] if number < len(bits) else 1) ^ (frame.flipped >> number & 1)
        level = _held(self.holds, at, level)
        pulse = _last(self.pulses, at)
        if isinstance(pulse, Stretch) and at < pulse.until:
            level = 1 - level
        return _held(self.sticks, at, level)


def _last(items: Sequence[SentFrame | Stretch], at: int) -> SentFrame | Stretch | None:
    begun = [item for item in items if item.start <= at]
    return begun[-1] if begun else None


def _held(stretches: list[Stretch], at: int, level: int) -> int:
    held = _last(stretches, at)
    return held.level if isinstance(held, Stretch) and at < held.until else level


def receive_naively(
    level: Callable[[int], int], line_format: LineFormat, phase: int, since: int, until: int
) -> list[Arrival]:
    """What a 16-times oversampling receiver gets, one clock after the other."""
    arrivals = []
    bit = line_format.bit_ticks
    in_frame: int | None = None  # clocks since the start bit was seen
    needs_mark = False
    bits: list[int] = []
    clock = (since - phase) * 16 // bit - 16
    while (at := phase + clock * bit // 16) <= until:
        clock += 1
        if at < since:
            continue
        now = level(at)
        if in_frame is None:
            if needs_mark:
                needs_mark = now == 0
            elif now == 0:
                in_frame, bits = 0, []
            continue
        in_frame += 1
        if in_frame % 16 != 8:
            continue
        bits.append(now)
        if bits[0] == 1:
            in_frame = None
        elif len(bits) == 2 + line_format.data_bits + (line_format.parity != "N"):
            arrival = assemble(tuple(bits), line_format, at)
            arrivals.append(arrival)
            needs_mark = bool(arrival.errors & BREAK_INTERRUPT)
            in_frame, bits = (0 if arrival.errors & FRAMING_ERROR and not needs_mark else None), []
    return arrivals
