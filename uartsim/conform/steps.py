"""The steps of a sequence: what a driver does to a port, and what the datasheet says that the port answers.

A :class:`Sequence` is data, written in the notation of :mod:`uartsim.conform.notation`.  A step that reads something can
carry a :class:`Check`: what is expected, in words, and the section of the PC16550D datasheet (June 1995) that says so.  A
*silent* check is a choice of ours where the datasheet leaves the answer open; a UART that answers otherwise is not wrong.

Every sequence starts from the same state, which :meth:`uartsim.conform.player.Player.prepare` brings about: after a reset
if the device can do one, at 115200 baud 8N1, FIFOs off, no interrupts enabled, MCR 0, the receiver empty, and CTS, DSR and
DCD active where they can be driven.

Lengths of time are in bit times of the format that the sequence has programmed, so that a sequence fits every speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from uartsim.conform.dut import Can
from uartsim.registers import VARIANTS

ALL_PARTS: Final = tuple(VARIANTS)


@dataclass(frozen=True, slots=True)
class Check:
    """What an expectation is about.

    Attributes:
        what: in words; unique in its sequence.
        section: of the datasheet.
        silent: the datasheet leaves the answer open, and the expectation is our choice.
    """

    what: str
    section: str
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to the port."""

    @property
    def needs(self) -> Can:
        """What a device must be able to do for this step to make sense."""
        return Can(0)


@dataclass(frozen=True, slots=True)
class Write(Step):
    """Write ``value`` to ``offset``."""

    offset: int
    value: int


@dataclass(frozen=True, slots=True)
class Read(Step):
    """Read ``offset``; with a check, the bits of ``mask`` have to be those of ``expect``.

    Attributes:
        offset: of the register.
        expect: the answer of the 16550A, and of every part that ``parts`` does not name.
        check: what the expectation is about; without one any answer will do.
        mask: the bits that are compared.
        parts: the answers of other parts.
    """

    offset: int
    expect: int = 0
    check: Check | None = None
    mask: int = 0xFF
    parts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Poll(Step):
    """Read ``offset`` every ``every`` bit times until the bits of ``mask`` are ``value``, for at most ``bits`` bit times."""

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
    """Give what is to be sent ``frames`` frames to leave, or to come around the loop.

    A device without a clock sends in no time: it has always settled.
    """

    frames: int = 20


@dataclass(frozen=True, slots=True)
class Irq(Step):
    """The interrupt line has to be at ``level``; skipped where the device has no interrupt line."""

    level: bool
    check: Check


@dataclass(frozen=True, slots=True)
class Sent(Step):
    """The characters that have left since the last such step; skipped where the device does not tell."""

    data: bytes
    check: Check


@dataclass(frozen=True, slots=True)
class Receive(Step):
    """Characters come in from the line, one after the other, each with ``errors`` (LSR bits PE and FE)."""

    data: bytes
    errors: int = 0

    @property
    def needs(self) -> Can:
        """A line, and errors on it if there are any."""
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
    """The cable drives CTS, DSR, RI and DCD: the bits of MSR with these names."""

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
        title: what the sequence shows, in words.
        steps: what is done, from the prepared state.
        parts: the parts to which it applies.
        topic: the heading under which a report shows it.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    parts: tuple[str, ...] = ALL_PARTS
    topic: str = "datasheet"

    @property
    def needs(self) -> Can:
        """What a device must be able to do to be given the sequence."""
        needs = Can(0)
        for step in self.steps:
            needs |= step.needs
        return needs

    def checks(self) -> Iterator[Check]:
        """Its expectations, in order."""
        for step in self.steps:
            if isinstance(step, (Read, Poll, Irq, Sent)) and step.check is not None:
                yield step.check
