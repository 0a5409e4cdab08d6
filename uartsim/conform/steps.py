"""The steps of a sequence: what a driver does to a port, and what the datasheet has it answer.

A :class:`Sequence` is data.  Reads, the interrupt line and what was sent may carry an expectation: what it is about, in
words, and the section of the PC16550D datasheet (June 1995) that says so.  A *silent* expectation is a choice of ours
where the datasheet leaves it open; a UART that answers otherwise is not wrong.

Every sequence starts from the same place (:class:`uartsim.conform.player.Player` prepares it): reset if that can be done,
115200 8N1, FIFOs off, no interrupts, MCR 0, nothing received, CTS, DSR and DCD active where they can be driven.

Lengths of time are in bits of the format that the sequence has programmed, so that one sequence fits every speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from uartsim.conform.dut import Can

# Offsets by the names of their registers; some share one.
RBR: Final = 0
THR: Final = 0
DLL: Final = 0
IER: Final = 1
DLM: Final = 1
IIR: Final = 2
FCR: Final = 2
LCR: Final = 3
MCR: Final = 4
LSR: Final = 5
MSR: Final = 6
SCR: Final = 7

#: Parts by what they have.
ALL_PARTS: Final = ("8250", "16450", "16550", "16550A", "16750")
FIFO_PARTS: Final = ("16550A", "16750")
#: IIR when nothing is pending and FCR0 has been written 1, by part.
IIR_FIFO_ON: Final = {"8250": 0x01, "16450": 0x01, "16550": 0x81}


@dataclass(frozen=True, slots=True)
class Check:
    """What an expectation is about.

    Attributes:
        what: in words; unique in its sequence.
        section: of the datasheet.
        silent: the datasheet leaves it open, and this is our choice.
    """

    what: str
    section: str
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to the port."""

    @property
    def needs(self) -> Can:
        """What a UART must be able to do for this step to have any sense."""
        return Can(0)


@dataclass(frozen=True, slots=True)
class Write(Step):
    """Write ``value`` to ``offset``."""

    offset: int
    value: int


@dataclass(frozen=True, slots=True)
class Read(Step):
    """Read ``offset``; with a check, the bits of ``mask`` are to be those of ``expect``.

    Attributes:
        expect: for the 16550A, and every part that ``parts`` does not name.
        parts: for other parts.
    """

    offset: int
    expect: int = 0
    check: Check | None = None
    mask: int = 0xFF
    parts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Poll(Step):
    """Read ``offset`` every ``every`` bit times until the bits of ``mask`` are ``value``; at most ``bits`` bit times."""

    offset: int
    mask: int
    value: int
    bits: int
    check: Check
    every: float = 0.25


@dataclass(frozen=True, slots=True)
class Wait(Step):
    """Let ``bits`` bit times pass; a clock that is not exact may take up to ``slack`` more."""

    bits: float
    slack: float = 2.0

    @property
    def needs(self) -> Can:
        """A clock."""
        return Can.TIME


@dataclass(frozen=True, slots=True)
class Settle(Step):
    """Let all leave that is to be sent, and come around the loop; a UART without a clock is always settled."""

    frames: int = 20


@dataclass(frozen=True, slots=True)
class Irq(Step):
    """The interrupt line is to be at ``level``; not asked of a UART that has none."""

    level: bool
    check: Check


@dataclass(frozen=True, slots=True)
class Sent(Step):
    """The characters that left since the last time; not asked of a UART that does not tell."""

    data: bytes
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Receive(Step):
    """Characters come in from the line, one after the other, each with ``errors`` (LSR bits PE, FE)."""

    data: bytes
    errors: int = 0

    @property
    def needs(self) -> Can:
        """A line, and errors on it."""
        return Can.RECEIVE | Can.ERRORS if self.errors else Can.RECEIVE


@dataclass(frozen=True, slots=True)
class Break(Step):
    """The line is at space for longer than a frame, then at mark again."""

    @property
    def needs(self) -> Can:
        """A line that can be at space."""
        return Can.BREAK


@dataclass(frozen=True, slots=True)
class Modem(Step):
    """The cable drives CTS, DSR, RI and DCD, at their places in MSR."""

    inputs: int

    @property
    def needs(self) -> Can:
        """Modem inputs."""
        return Can.MODEM


@dataclass(frozen=True, slots=True)
class Reset(Step):
    """Master reset."""

    @property
    def needs(self) -> Can:
        """A reset."""
        return Can.RESET


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps with a name.

    Attributes:
        name: unique; words with dashes.
        title: what it is, in words.
        steps: from the prepared start.
        parts: to which parts it applies.
        topic: under which heading a report shows it.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    parts: tuple[str, ...] = ALL_PARTS
    topic: str = "datasheet"

    @property
    def needs(self) -> Can:
        """What a UART must be able to do to be judged by it."""
        needs = Can(0)
        for step in self.steps:
            needs |= step.needs
        return needs

    def checks(self) -> Iterator[Check]:
        """Its expectations, in order."""
        for step in self.steps:
            if isinstance(step, (Read, Poll, Irq, Sent)) and step.check is not None:
                yield step.check


def read(
    offset: int,
    expect: int,
    what: str,
    section: str,
    *,
    mask: int = 0xFF,
    parts: Mapping[str, int] | None = None,
    silent: bool = False,
) -> Read:
    """A read with an expectation."""
    return Read(offset, expect, Check(what, section, silent), mask, parts or {})


def irq(level: bool, what: str, section: str) -> Irq:
    """An expectation of the interrupt line."""
    return Irq(level, Check(what, section))


def sent(data: bytes, what: str, section: str, *, silent: bool = False) -> Sent:
    """An expectation of what was sent."""
    return Sent(data, Check(what, section, silent))


def write_all(offset: int, data: bytes) -> tuple[Write, ...]:
    """A write for each byte."""
    return tuple(Write(offset, value) for value in data)


def speed(divisor: int, lcr: int = 0x03) -> tuple[Write, ...]:
    """Program divisor and format."""
    return (Write(LCR, lcr | 0x80), Write(DLL, divisor & 0xFF), Write(DLM, divisor >> 8), Write(LCR, lcr))


#: Divisor for sequences that look at time: 300 baud, at which the clock of a QEMU that runs is exact enough.
SLOW: Final = 384
