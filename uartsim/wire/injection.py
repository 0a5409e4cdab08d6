"""Faults at work: what each does to the characters and the line of one direction, and what it has done.

Chance is drawn for each bit or character in the order in which they are sent, or for each pulse in the order of time,
and every fault has a generator of its own.  The same seed and the same characters give the same errors therefore,
however the passing of time was cut into calls, and whatever other faults are there.  Pulses come in time and not with
the characters: for the same effect they need the same times too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from uartsim.line_format import NEVER, TICKS_PER_NS, TICKS_PER_SECOND, LineFormat, seconds_to_ticks
from uartsim.wire.faults import Chance, Fault
from uartsim.wire.line_level import frame_bit_count

#: The levels at which a fault holds the line.
HELD_LEVELS: Final[Mapping[str, int]] = {"stuck-space": 0, "stuck-mark": 1, "cut": 1, "break": 0}


class Injection:
    """One fault of one direction at work.

    Args:
        fault: of a kind that is applied to the line.
        begin: since when, in ticks.

    Attributes:
        counters: the characters sent while it was at work, and what it has done, by name.
    """

    __slots__ = ("begin", "counters", "fault")

    def __init__(self, fault: Fault, begin: int) -> None:
        self.fault = fault
        self.begin = begin
        self.counters = {"characters": 0}

    def copies(self) -> int:
        """How often the next character is sent."""
        self.counters["characters"] += 1
        return 1

    def flips(self, line_format: LineFormat) -> int:
        """The bits of the next frame that are inverted, as for :func:`uartsim.wire.line_level.frame_edges`."""
        return 0


class Noise(Injection):
    """Inverts bits.  The distance to the next inverted bit is drawn, not each bit."""

    __slots__ = ("_chance", "_distance")

    def __init__(self, fault: Fault, begin: int, chance: Chance) -> None:
        super().__init__(fault, begin)
        self.counters |= {"bits": 0, "bits_inverted": 0}
        self._chance = chance
        self._distance = self._draw()

    def _draw(self) -> int:
        """How many good bits there are before the next inverted one."""
        rate = self.fault["rate"]
        if rate in (0, 1):
            return 0 if rate else NEVER
        distance = math.log(1 - self._chance.random()) / math.log1p(-rate)
        return int(min(distance, NEVER))

    def flips(self, line_format: LineFormat) -> int:
        """Which bits of the next frame are inverted."""
        count = frame_bit_count(line_format)
        self.counters["bits"] += count
        flipped, at = 0, self._distance
        while at < count:
            flipped |= 1 << at
            self.counters["bits_inverted"] += 1
            at += 1 + self._draw()
        self._distance = at - count
        return flipped


class Lost(Injection):
    """Takes characters away."""

    __slots__ = ("_chance",)

    def __init__(self, fault: Fault, begin: int, chance: Chance) -> None:
        super().__init__(fault, begin)
        self.counters["characters_lost"] = 0
        self._chance = chance

    def copies(self) -> int:
        """0 or 1."""
        super().copies()
        lost = self._chance.random() < self.fault["rate"]
        self.counters["characters_lost"] += lost
        return 1 - lost


class Duplicated(Injection):
    """Sends characters twice."""

    __slots__ = ("_chance",)

    def __init__(self, fault: Fault, begin: int, chance: Chance) -> None:
        super().__init__(fault, begin)
        self.counters["characters_duplicated"] = 0
        self._chance = chance

    def copies(self) -> int:
        """1 or 2."""
        super().copies()
        again = self._chance.random() < self.fault["rate"]
        self.counters["characters_duplicated"] += again
        return 1 + again


class ParityStorm(Injection):
    """Inverts parity bits."""

    __slots__ = ("_chance",)

    def __init__(self, fault: Fault, begin: int, chance: Chance) -> None:
        super().__init__(fault, begin)
        self.counters |= {"parity_bits_inverted": 0, "characters_without_parity": 0}
        self._chance = chance

    def flips(self, line_format: LineFormat) -> int:
        """The parity bit of the next frame, or nothing."""
        wanted = self._chance.random() < self.fault["rate"]
        if line_format.parity == "N":
            self.counters["characters_without_parity"] += 1
            return 0
        self.counters["parity_bits_inverted"] += wanted
        return wanted << (1 + line_format.data_bits)


class Glitches(Injection):
    """Pulses at random times: the time between the end of one and the next is exponentially distributed."""

    __slots__ = ("_chance", "_pause", "_width", "next")

    def __init__(self, fault: Fault, begin: int, chance: Chance) -> None:
        super().__init__(fault, begin)
        self.counters["pulses"] = 0
        self._chance = chance
        self._width = max(1, round(fault["width"] * TICKS_PER_NS))
        self._pause = TICKS_PER_SECOND / fault["rate"] - self._width
        #: When the next pulse begins and ends, in ticks.
        self.next = self._draw(begin)

    def _draw(self, after: int) -> tuple[int, int]:
        begin = after + 1 + int(-math.log(1 - self._chance.random()) * self._pause)
        return begin, begin + self._width

    def pass_by(self) -> None:
        """The next pulse has begun; now it is the one after it."""
        self.counters["pulses"] += 1
        self.next = self._draw(self.next[1])


class Held(Injection):
    """Holds the line at a level; counts the characters that were sent in vain."""

    __slots__ = ("level", "until")

    def __init__(self, fault: Fault, begin: int) -> None:
        super().__init__(fault, begin)
        self.level = HELD_LEVELS[fault.kind]
        self.until = begin + seconds_to_ticks(fault["seconds"]) if fault["seconds"] else NEVER
        self.counters["characters_held"] = 0

    def sent(self, start: int) -> None:
        """A frame begins at ``start``."""
        self.counters["characters_held"] += self.begin <= start < self.until


class Drift(Injection):
    """A sender's wrong clock."""

    __slots__ = ("_formats",)

    def __init__(self, fault: Fault, begin: int) -> None:
        super().__init__(fault, begin)
        self._formats: dict[LineFormat, LineFormat] = {}

    def scale(self, line_format: LineFormat) -> LineFormat:
        """The format as the sender's clock makes it; its bit is a whole number of ticks."""
        scaled = self._formats.get(line_format)
        if scaled is None:
            bit = max(1, round(line_format.bit_ticks / (1 + self.fault["ppm"] / 1e6)))
            scaled = self._formats[line_format] = replace(line_format, bit_ticks=bit)
        return scaled


class Delay(Injection):
    """A long line."""

    __slots__ = ("ticks",)

    def __init__(self, fault: Fault, begin: int) -> None:
        super().__init__(fault, begin)
        self.ticks = seconds_to_ticks(fault["seconds"])


_SEEDED: Final[Mapping[str, Callable[[Fault, int, Chance], Injection]]] = {
    "noise": Noise,
    "lost": Lost,
    "duplicated": Duplicated,
    "parity": ParityStorm,
    "glitches": Glitches,
}


def inject(fault: Fault, begin: int, chance: Chance | None) -> Injection:
    """Put a fault to work at ``begin`` ticks.

    Args:
        fault: what.
        begin: since when.
        chance: a generator for it alone; only a fault that has a seed needs one.

    Raises:
        ValueError: the fault does not concern the line, or it has no generator.
    """
    if fault.kind in _SEEDED:
        if chance is None:
            raise ValueError(f"{fault.kind} needs a generator, such as random.Random({fault.seed})")
        return _SEEDED[fault.kind](fault, begin, chance)
    if fault.kind in HELD_LEVELS:
        return Held(fault, begin)
    if fault.kind == "drift":
        return Drift(fault, begin)
    if fault.kind == "delay":
        return Delay(fault, begin)
    raise ValueError(
        f"{fault.kind} is a fault of the modem lines or the flow control: the port applies it, not the line"
    )
