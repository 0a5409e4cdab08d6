"""Characters out of a waveform, for pictures: what a UART that looks at the middle of each bit reads from the edges.

It is a plain receiver, to be shown beside a waveform and not to judge one: after a framing error it waits for mark.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from uartsim.line_format import LineFormat
from uartsim.registers import LineError


class Signal(NamedTuple):
    """A pin: its level at first, and when it changed to which, in ticks in the order of time."""

    first: int
    edges: Sequence[tuple[int, int]]

    def level(self, at: int) -> int:
        """The level at ``at``: the one of an edge at that very moment."""
        n = bisect_right(self.edges, at, key=_time)
        return self.edges[n - 1][1] if n else self.first


class Character(NamedTuple):
    """A character as found.

    Attributes:
        start: the falling edge of its start bit, in ticks.
        end: when its frame is over; of a break, when the line goes to mark (None: it never does).
        line_format: how it was read.
        bits: the levels that were sampled: start, data, parity if any, first stop bit.
        character: its data bits.
        errors: :class:`uartsim.record.tap.LineError`.
    """

    start: int
    end: int | None
    line_format: LineFormat
    bits: tuple[int, ...]
    character: int
    errors: int


def _time(edge: tuple[int, int]) -> int:
    return edge[0]


def decode(signal: Signal, formats: Sequence[tuple[int, LineFormat]]) -> list[Character]:
    """The characters on a line.

    Args:
        signal: the line.
        formats: from when on it is read in which format; before the first, in the first.  Those without a length of a
            bit are passed over.

    Returns:
        What was found, in the order of time.
    """
    formats = [(at, line_format) for at, line_format in formats if line_format.bit_ticks]
    found: list[Character] = []
    if not formats:
        return found
    free_at = 0  # nothing starts before
    for n, (at, level) in enumerate(signal.edges):
        if level or at < free_at:
            continue
        line_format = formats[max(0, bisect_right(formats, at, key=lambda entry: entry[0]) - 1)][1]
        bit = line_format.bit_ticks
        if signal.level(at + bit // 2):
            continue  # a glitch: the start bit is gone when it is checked
        count = 2 + line_format.data_bits + (line_format.parity != "N")
        bits = tuple(signal.level(at + (2 * k + 1) * bit // 2) for k in range(count))
        character = sum(level << k for k, level in enumerate(bits[1 : 1 + line_format.data_bits]))
        errors = LineError(0)
        if line_format.parity != "N" and bits[-2] != line_format.parity_bit(character):
            errors |= LineError.PE
        end: int | None = at + line_format.frame_ticks
        free_at = at + line_format.sampled_ticks
        if not bits[-1]:
            errors |= LineError.FE
            rises = next((when for when, level in signal.edges[n + 1 :] if level and when > free_at), None)
            if not any(bits):
                errors |= LineError.BI
                end = rises
            if rises is not None:
                free_at = rises
        found.append(Character(at, end, line_format, bits, character, int(errors)))
    return found
