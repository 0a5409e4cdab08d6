"""What can be wrong with a line: the table of faults, and how one is written down.

A fault has a kind, parameters, a direction, and a seed if chance is in it.  It is written as
``noise:rate=0.001,seed=7,direction=in``: :func:`parse_fault` reads that, and ``str`` writes it.  The table
:data:`FAULT_KINDS` is all that a command line, a test and the documentation need to know.

The kinds of the level ``"line"`` are applied by :class:`uartsim.wire.channel.Channel`.  Those of the level ``"port"``
concern modem lines or flow control characters, and are applied by the port.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

LARGEST_SEED: Final = 2**64 - 1
DIRECTIONS: Final = ("in", "out", "both")


class Chance(Protocol):
    """Where chance comes from, such as ``random.Random(seed)``."""

    def random(self) -> float:
        """A number from 0 up to, and without, 1."""

    def randrange(self, stop: int, /) -> int:
        """A whole number from 0 up to, and without, ``stop``."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a fault takes.

    Attributes:
        name: how it is written.
        unit: what it counts; empty for a probability.
        default: None if it must be given.
        low: the smallest value.
        high: the largest value.
        above_low: the smallest value itself is excluded.
        help: one line.
    """

    name: str
    unit: str
    default: float | None
    low: float
    high: float
    help: str
    above_low: bool = False

    def check(self, kind: str, value: float) -> None:
        """ValueError if it cannot have this value."""
        if not math.isfinite(value) or not self.low <= value <= self.high or (self.above_low and value == self.low):
            bounds = f"{'above' if self.above_low else 'from'} {self.low:g} to {self.high:g}"
            raise ValueError(f"{kind}: {self.name} is {value:g}: use a number {bounds}{self.unit and f' {self.unit}'}")


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row of the table.

    Attributes:
        name: how it is written.
        help: what it does, one sentence.
        parameters: what it takes.
        seeded: chance is in it.
        level: ``"line"`` or ``"port"``: where it is applied.
        directions: where it can be.
    """

    name: str
    help: str
    parameters: tuple[Parameter, ...] = ()
    seeded: bool = False
    level: str = "line"
    directions: tuple[str, ...] = DIRECTIONS


def _probability(name: str, of: str) -> Parameter:
    return Parameter(name, "", None, 0, 1, f"probability of {of}")


_SECONDS: Final = Parameter("seconds", "s", 0, 0, 1e6, "how long it lasts; 0: until it is cleared")

#: All kinds of faults by name.
FAULT_KINDS: Final[Mapping[str, FaultKind]] = {
    kind.name: kind
    for kind in (
        FaultKind(
            "noise",
            "inverts bits of the characters on the line; a line without characters stays quiet",
            (_probability("rate", "each bit to be inverted, start, parity and stop bits included"),),
            seeded=True,
        ),
        FaultKind(
            "glitches",
            "inverts the line for a moment, at any time, whether or not a character is on it",
            (
                Parameter("rate", "Hz", None, 0, 1e6, "how many there are in a second on average", above_low=True),
                Parameter("width", "ns", 1000, 1, 1e9, "how long each lasts"),
            ),
            seeded=True,
        ),
        FaultKind(
            "lost",
            "takes characters off the line",
            (_probability("rate", "each character to be lost"),),
            seeded=True,
        ),
        FaultKind(
            "duplicated",
            "sends characters a second time",
            (_probability("rate", "each character to be sent twice"),),
            seeded=True,
        ),
        FaultKind(
            "parity",
            "inverts the parity bit of characters; without parity in the sender's format it does nothing, and counts that",
            (_probability("rate", "each parity bit to be inverted"),),
            seeded=True,
        ),
        FaultKind("stuck-space", "holds the line at space, from the middle of a character too", (_SECONDS,)),
        FaultKind("stuck-mark", "holds the line at mark, from the middle of a character too", (_SECONDS,)),
        FaultKind(
            "cut",
            "cuts the cable: an open input of an RS-232 receiver reads as mark, and the modem lines as inactive",
            (_SECONDS,),
        ),
        FaultKind("break", "holds the line at space after the character that is on it: a break", (_SECONDS,)),
        FaultKind(
            "drift",
            "makes the sender's clock wrong, so that its bits are too long or too short",
            (Parameter("ppm", "ppm", None, -500_000, 500_000, "how much too fast it is; below 0: too slow"),),
        ),
        FaultKind(
            "delay",
            "makes the line long: everything arrives later",
            (Parameter("seconds", "s", None, 0, 3600, "how much later", above_low=True),),
        ),
        FaultKind("lost-cts", "holds CTS inactive", (_SECONDS,), level="port"),
        FaultKind("dcd-drop", "holds DCD inactive", (_SECONDS,), level="port"),
        FaultKind("xoff", "sends an XOFF (0x13), and no XON after it", level="port"),
    )
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, ready to be applied.

    Attributes:
        kind: a name in :data:`FAULT_KINDS`.
        parameters: its numbers by name; those left out have their defaults.
        seed: where chance begins; 0 where there is none.
        direction: ``"in"`` to the guest, ``"out"`` from it, or ``"both"``.

    Raises:
        ValueError: something of this is not possible; the message names it and what is.
    """

    kind: str
    parameters: Mapping[str, float] = field(default_factory=dict, hash=False)
    seed: int = 0
    direction: str = "both"

    def __post_init__(self) -> None:
        kind = FAULT_KINDS.get(self.kind)
        if kind is None:
            raise ValueError(f"{self.kind!r} is not a fault: use one of {', '.join(FAULT_KINDS)}")
        known = {parameter.name: parameter for parameter in kind.parameters}
        for name, value in self.parameters.items():
            if name not in known:
                raise ValueError(f"{self.kind} has no {name!r}: {_possible(kind)}")
            known[name].check(self.kind, value)
        if missing := [name for name in known if known[name].default is None and name not in self.parameters]:
            raise ValueError(f"{self.kind} needs {missing[0]}: {_possible(kind)}")
        if self.direction not in kind.directions:
            raise ValueError(f"{self.direction!r} is not a direction of {self.kind}: use {', '.join(kind.directions)}")
        if self.seed and not kind.seeded:
            raise ValueError(f"{self.kind}: seed is {self.seed}: it has no seed")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ValueError(f"{self.kind}: seed is {self.seed}: use a whole number from 0 to {LARGEST_SEED}")
        defaults = {name: parameter.default for name, parameter in known.items() if parameter.default is not None}
        values = {**defaults, **self.parameters}
        object.__setattr__(self, "parameters", {name: values[name] for name in known})
        if self.kind == "glitches" and self["rate"] * self["width"] > 0.5e9:
            raise ValueError(
                f"glitches: {self['rate']:g} a second of {self['width']:g} ns fill more than half of the time: "
                "use a lower rate or a smaller width"
            )

    def __getitem__(self, name: str) -> float:
        return self.parameters[name]

    @property
    def level(self) -> str:
        """Where it is applied: ``"line"`` or ``"port"``."""
        return FAULT_KINDS[self.kind].level

    def applies_to(self, direction: str) -> bool:
        """Whether it is in this direction, ``"in"`` or ``"out"``."""
        return self.direction in (direction, "both")

    def seed_of(self, direction: str) -> int:
        """The seed for one direction, ``"in"`` or ``"out"``: chance is not the same in both."""
        return 2 * self.seed + (direction == "out")

    def __str__(self) -> str:
        """As :func:`parse_fault` reads it, with its seed if it has one."""
        values = [f"{name}={_number(value)}" for name, value in self.parameters.items()]
        if FAULT_KINDS[self.kind].seeded:
            values.append(f"seed={self.seed}")
        values.append(f"direction={self.direction}")
        return f"{self.kind}:{','.join(values)}"


def parse_fault(text: str) -> Fault:
    """A fault from ``KIND`` or ``KIND:name=value,name=value``, such as ``"noise:rate=1e-3,seed=7,direction=in"``.

    Raises:
        ValueError: it cannot be read; the message names what is wrong and what is possible.
    """
    name, colon, rest = text.strip().partition(":")
    kind = FAULT_KINDS.get(name.strip())
    if kind is None:
        raise ValueError(f"{name!r} is not a fault: use one of {', '.join(FAULT_KINDS)}")
    values: dict[str, str] = {}
    for item in rest.split(",") if colon else ():
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key or not value:
            raise ValueError(f"{item!r} in {text!r} is not of the form name=value: {_possible(kind)}")
        if key in values:
            raise ValueError(f"{key} is given twice in {text!r}")
        values[key] = value
    direction = values.pop("direction", "both")
    seed = values.pop("seed", "0")
    if not (seed.isascii() and seed.isdigit() and len(seed) <= 20):
        raise ValueError(f"{kind.name}: seed is {seed!r}: use a whole number from 0 to {LARGEST_SEED}")
    parameters: dict[str, float] = {}
    for key, value in values.items():
        if key not in {parameter.name for parameter in kind.parameters}:
            raise ValueError(f"{kind.name} has no {key!r}: {_possible(kind)}")
        try:
            parameters[key] = float(value)
        except ValueError:
            raise ValueError(f"{kind.name}: {key} is {value!r}, which is not a number") from None
    return Fault(kind.name, parameters, int(seed), direction)


def _possible(kind: FaultKind) -> str:
    """What a fault of a kind takes, for a message."""
    names = [parameter.name for parameter in kind.parameters]
    return f"it takes {', '.join([*names, *(['seed'] if kind.seeded else []), 'direction'])}"


def _number(value: float) -> str:
    """The shortest text that reads as the same number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
