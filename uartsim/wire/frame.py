"""A character as bits on the line, and what a receiver makes of them.

A frame is a start bit (space, 0), the data bits from the lowest up, a parity bit if the format has one, and the
stop bits (mark, 1).  A receiver looks at the middle of each bit, and at the first stop bit only; when that one is
at space the character has a framing error, and when everything was at space it is a break (PC16550D, 8.3 and 8.6.3).

Line errors are given as the bits of LSR that they set: see :class:`uartsim.registers.LineError`.
"""

from __future__ import annotations

from typing import NamedTuple

from uartsim.line_format import LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR, PARITY_ERROR


class Frame(NamedTuple):
    """A character on the line.

    Attributes:
        start: the falling edge of its start bit, in ticks.
        character: its data bits.
        line_format: how it is framed.
    """

    start: int
    character: int
    line_format: LineFormat


class Arrival(NamedTuple):
    """A character as received: complete at ``at`` (ticks), with the LSR bits of its errors."""

    at: int
    character: int
    errors: int


def line_bits(character: int, line_format: LineFormat) -> tuple[int, ...]:
    """The levels of a frame's bits in the order of time: start, data, parity if any, first stop bit."""
    data = tuple(character >> n & 1 for n in range(line_format.data_bits))
    parity = () if line_format.parity == "N" else (line_format.parity_bit(character),)
    return (0, *data, *parity, 1)


def assemble(bits: tuple[int, ...], line_format: LineFormat, at: int) -> Arrival:
    """What a receiver makes of the sampled levels of a frame.

    Args:
        bits: start, data, parity if any, first stop bit, each 0 or 1.
        line_format: the receiver's format.
        at: when the stop bit was sampled, in ticks.

    Raises:
        ValueError: the number of bits is not that of the format.
    """
    expected = line_format.sampled_bits
    if len(bits) != expected:
        raise ValueError(f"{len(bits)} bits were sampled; a frame of {line_format} has {expected} up to its stop bit")
    character = sum(bit << n for n, bit in enumerate(bits[1 : 1 + line_format.data_bits]))
    errors = 0
    if line_format.parity != "N" and bits[-2] != line_format.parity_bit(character):
        errors |= PARITY_ERROR
    if not bits[-1]:
        errors |= FRAMING_ERROR
        if not any(bits):
            errors |= BREAK_INTERRUPT
    return Arrival(at, character, errors)


def receive_space(start: int, length: int, line_format: LineFormat) -> Arrival | None:
    """What a receiver makes of a line that goes to space at ``start`` for ``length`` ticks and is at mark after.

    Space for longer than it takes to sample the stop bit is a break; shorter, a character with leading zeros;
    less than half a bit, nothing (the start bit is gone when it is checked).
    """
    bit = line_format.bit_ticks
    if bit == 0:
        return Arrival(start, 0, assemble((0,) * len(line_bits(0, line_format)), line_format, start).errors)
    if 2 * length <= bit:
        return None
    count = line_format.sampled_bits
    bits = tuple(int((2 * n + 1) * bit // 2 >= length) for n in range(count))
    return assemble(bits, line_format, start + line_format.sampled_ticks)


def receive_under_breaks(frame: Frame, breaks: list[tuple[int, int]]) -> Arrival | None:
    """What a receiver with the sender's format makes of a frame of which breaks cover some bits.

    Args:
        frame: the frame as the transmitter made it.
        breaks: stretches of forced space, (from, until) in ticks.

    Returns:
        The arrival; None when the start bit fell into a break, because then there was no edge to start from.
    """
    line_format = frame.line_format
    if any(begin <= frame.start < until for begin, until in breaks):
        return None
    half = line_format.bit_ticks // 2
    bits = tuple(
        level and not any(begin <= frame.start + (2 * n + 1) * half < until for begin, until in breaks)
        for n, level in enumerate(line_bits(frame.character, line_format))
    )
    return assemble(tuple(map(int, bits)), line_format, frame.start + line_format.sampled_ticks)
