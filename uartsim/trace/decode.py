"""Decoding a waveform into characters for pictures, as a UART that samples the middle of each bit would.

This receiver is simpler than the one of the simulated line, which decides what the guest receives: after a framing error
it waits for mark.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from uartsim.line_format import LineFormat
from uartsim.registers import LineError


class Signal(NamedTuple):
    """The levels of a pin: the first level, and the edges as (time in ticks, new level) pairs in order of time."""

    first: int
    edges: Sequence[tuple[int, int]]

    def level(self, at: int) -> int:
        """The level at ``at`` ticks; at the time of an edge, the new level."""
        n = bisect_right(self.edges, at, key=_time)
        return self.edges[n - 1][1] if n else self.first


class Character(NamedTuple):
    """A character that was decoded.

    Attributes:
        start: the falling edge of its start bit, in ticks.
        end: the end of its frame, in ticks; for a break, the time at which the line goes to mark (None: it never does).
        line_format: the format in which it was decoded.
        bits: the levels that were sampled: start bit, data bits, parity bit if any, first stop bit.
        character: its data bits.
        errors: its bits of :class:`uartsim.registers.LineError`.
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
    """Decode the characters on a line.

    Args:
        signal: the levels of the line.
        formats: (time in ticks, format) pairs in order of time: the line is decoded in each format from its time on, and
            in the first format before that.  Formats whose bits take no time are ignored.

    Returns:
        The characters, in order of time.
    """
    formats = [(at, line_format) for at, line_format in formats if line_format.bit_ticks]
    found: list[Character] = []
    if not formats:
        return found
    free_at = 0  # no frame starts earlier
    for n, (at, level) in enumerate(signal.edges):
        if level or at < free_at:
            continue
        line_format = formats[max(0, bisect_right(formats, at, key=lambda entry: entry[0]) - 1)][1]
        bit = line_format.bit_ticks
        if signal.level(at + bit // 2):
            continue  # a glitch: the line is at mark again in the middle of the start bit
        count = line_format.sampled_bits
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
