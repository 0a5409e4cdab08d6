"""The format of a character on the line, and the units of time.

Time is an ``int`` number of *ticks* everywhere below the clocks.  A tick is 1/144 ns, the coarsest unit
in which a nanosecond (144 ticks) and a period of the 1.8432 MHz crystal of a PC's UART (78125 ticks) are
both whole numbers.  Sums and multiples of frame times are therefore exact, however long the line runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "BIT_AT_DIVISOR_1",
    "CRYSTAL_PERIOD",
    "NEVER",
    "PARITIES",
    "TICKS_PER_NS",
    "TICKS_PER_SECOND",
    "LineFormat",
    "ns_to_ticks",
    "seconds_to_ticks",
    "ticks_to_seconds",
]

#: Ticks in one nanosecond.
TICKS_PER_NS: Final = 144
#: Ticks in one second.
TICKS_PER_SECOND: Final = 144_000_000_000
#: Ticks in one period of the 1.8432 MHz crystal.
CRYSTAL_PERIOD: Final = 78_125
#: Ticks in one bit at divisor 1: sixteen periods of the crystal (115200 baud).
BIT_AT_DIVISOR_1: Final = 16 * CRYSTAL_PERIOD
#: Later than any event: "never".  It is more than 10**9 years, because a monotonic clock may have run for years: 2**62
#: ticks, the largest power of two in a machine word, are only 371 days.
NEVER: Final = 1 << 92

PARITIES: Final = ("N", "O", "E", "M", "S")


_SHORT_FORMAT = re.compile(r"([5-8])([NOEMS])(1|1\.5|2)")


@dataclass(frozen=True, slots=True)
class LineFormat:
    """Speed, word length, parity and stop bits of an asynchronous line.

    Attributes:
        bit_ticks: the length of one bit, in ticks; 0 means that a frame takes no time (unlimited rate).
        data_bits: the number of data bits, 5 to 8.
        parity: ``"N"`` none, ``"O"`` odd, ``"E"`` even, ``"M"`` mark (1), ``"S"`` space (0).
        stop_halves: the length of the stop bits in half bits: 2, 3 (1.5 bits) or 4.

    Raises:
        ValueError: a value is out of its range; the message names it.
    """

    bit_ticks: int = BIT_AT_DIVISOR_1
    data_bits: int = 8
    parity: str = "N"
    stop_halves: int = 2
    #: The length of a frame, in ticks, exact.
    frame_ticks: int = field(init=False, repr=False, compare=False)
    #: The time from the falling edge of the start bit to the middle of the first stop bit, in ticks.  A receiver has the
    #: character at that moment: it samples only the first stop bit (PC16550D, section 8.3).
    sampled_ticks: int = field(init=False, repr=False, compare=False)
    #: The bits that a receiver looks at: start, data, parity if there is one, and the first stop bit.
    sampled_bits: int = field(init=False, repr=False, compare=False)
    #: The bits of a byte that a frame carries.
    data_mask: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("bit_ticks", "data_bits", "stop_halves"):
            if type(value := getattr(self, name)) is not int:
                raise ValueError(f"{name} is {value!r}: it must be a whole number")
        if self.bit_ticks < 0:
            raise ValueError(f"bit_ticks is {self.bit_ticks}: the length of a bit cannot be negative")
        if self.data_bits not in (5, 6, 7, 8):
            raise ValueError(f"data_bits is {self.data_bits}: a 16550 supports 5, 6, 7 and 8")
        if self.parity not in PARITIES:
            raise ValueError(f"parity is {self.parity!r}: use one of {', '.join(PARITIES)}")
        if self.stop_halves not in (2, 3, 4):
            raise ValueError(f"stop_halves is {self.stop_halves}: use 2 (1 stop bit), 3 (1.5) or 4 (2)")
        object.__setattr__(self, "sampled_bits", 2 + self.data_bits + (self.parity != "N"))
        object.__setattr__(self, "frame_ticks", self.frame_halves * self.bit_ticks // 2)
        object.__setattr__(self, "sampled_ticks", (2 * self.sampled_bits - 1) * self.bit_ticks // 2)
        object.__setattr__(self, "data_mask", (1 << self.data_bits) - 1)

    @classmethod
    def from_baud(cls, baud: float, characters: str = "8N1") -> LineFormat:
        """The format of a line at ``baud`` bits a second.

        Args:
            baud: bits a second, above 0 and at most 4,000,000.
            characters: word length, parity and stop bits, such as ``"8N1"``, ``"7E1"`` or ``"5N1.5"``.

        Raises:
            ValueError: the speed or the character format is invalid; the message gives valid ones.
        """
        if not 0 < baud <= 4_000_000:
            raise ValueError(f"{baud} baud is not a valid speed: use one above 0 and up to 4000000, such as 115200")
        match = _SHORT_FORMAT.fullmatch(characters.upper())
        if match is None:
            raise ValueError(f"{characters!r} is not a character format: use one such as 8N1, 7E1 or 5N1.5")
        stop_halves = {"1": 2, "1.5": 3, "2": 4}[match[3]]
        return cls(round(TICKS_PER_SECOND / baud), int(match[1]), match[2], stop_halves)

    @property
    def baud(self) -> float:
        """Bits a second; infinite at unlimited rate."""
        return TICKS_PER_SECOND / self.bit_ticks if self.bit_ticks else float("inf")

    @property
    def frame_halves(self) -> int:
        """The length of a frame (start, data, parity, stop) in half bits."""
        return 2 + 2 * self.data_bits + (self.parity != "N") * 2 + self.stop_halves

    def parity_bit(self, character: int) -> int:
        """The parity bit, 0 or 1, that a frame of ``character`` carries.

        Raises:
            ValueError: the format has no parity.
        """
        if self.parity == "N":
            raise ValueError(f"{self} has no parity bit")
        if self.parity in "MS":
            return int(self.parity == "M")
        ones = (character & self.data_mask).bit_count()
        return ones & 1 if self.parity == "E" else ~ones & 1

    def __str__(self) -> str:
        stop = {2: "1", 3: "1.5", 4: "2"}[self.stop_halves]
        speed = (
            f"{round(self.baud, 2):g}"
            if self.bit_ticks and self.baud < 1e5
            else (str(round(self.baud)) if self.bit_ticks else "unlimited")
        )
        return f"{speed} {self.data_bits}{self.parity}{stop}"


def ns_to_ticks(ns: int) -> int:
    """Convert whole nanoseconds to ticks, exactly."""
    return ns * TICKS_PER_NS


def seconds_to_ticks(seconds: float) -> int:
    """Convert seconds to ticks, rounded to the nearest tick."""
    return round(seconds * TICKS_PER_SECOND)


def ticks_to_seconds(ticks: int) -> float:
    """Convert ticks to seconds, as exactly as a float allows."""
    return ticks / TICKS_PER_SECOND
