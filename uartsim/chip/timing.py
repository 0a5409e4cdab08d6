"""What LCR and the divisor latch mean for the line, worked out once for each setting.

Register accesses happen far more often than a format changes, and a driver switches between few formats: the
lengths that receiver and transmitter need are kept with the format, in ticks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from uartsim.line_format import BIT_AT_DIVISOR_1, LineFormat
from uartsim.registers import DIVISOR_OF_ZERO, LCR, LSR

#: LCR bits 5:4, stick and even, with parity enabled.
_PARITIES = ("O", "E", "M", "S")


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """A format and the lengths that follow from it, in ticks.

    Attributes:
        line_format: the format.
        bit: one bit.
        frame: start, data, parity and stop bits.
        sampled: from the start bit's edge to the middle of the first stop bit, where a character is complete.
        all_but_last_stop: a frame less its last stop bit (the half, with 1.5): the transmitter's delay circuit.
        timeout: four frames: the receiver's character timeout.
        word_timeout: four words and twelve bits: the same timeout in the ST16C550 family.
        mask: the bits of a character that travel.
        break_errors: the LSR bits of a received break: BI and FE, and PE where a parity bit of 0 is wrong.
    """

    line_format: LineFormat
    bit: int
    frame: int
    sampled: int
    all_but_last_stop: int
    timeout: int
    word_timeout: int
    mask: int
    break_errors: int


@lru_cache(maxsize=512)
def frame_times(lcr: int, divisor: int, unlimited: bool) -> FrameTimes:
    """The format that LCR and the divisor give, and its times.

    Args:
        lcr: bits 5:0 of LCR; the others do not matter.
        divisor: 0 to 65535; 0 counts :data:`DIVISOR_OF_ZERO`.
        unlimited: frames take no time whatever the divisor says.
    """
    data_bits = (lcr & LCR.WLS) + 5
    parity = _PARITIES[lcr >> 4 & 3] if lcr & LCR.PEN else "N"
    stop_halves = 2 if not lcr & LCR.STB else 3 if data_bits == 5 else 4
    bit = 0 if unlimited else (divisor or DIVISOR_OF_ZERO) * BIT_AT_DIVISOR_1
    line_format = LineFormat(bit, int(data_bits), parity, stop_halves)
    last_stop_halves = 1 if stop_halves == 3 else 2
    return FrameTimes(
        line_format,
        bit,
        line_format.frame_ticks,
        line_format.sampled_ticks,
        (line_format.frame_halves - last_stop_halves) * bit // 2,
        4 * line_format.frame_ticks,
        (4 * line_format.data_bits + 12) * bit,
        line_format.data_mask,
        int(LSR.BI | LSR.FE | (LSR.PE if parity in "OM" else LSR(0))),
    )
