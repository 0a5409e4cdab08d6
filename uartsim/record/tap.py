"""What a running port tells those who record it.

A port with taps tells each of them of every register access, every change of a pin and every frame, at the time at
which it happened in ticks (see :mod:`uartsim.line_format`), however late the process was woken.  Calls come in the
order of time, with these exceptions:

- :meth:`Tap.sent`, :meth:`Tap.far_sent` and :meth:`Tap.far_space` give the *start* of something that goes on: it may lie
  before what was told last, and what follows from it reaches into the future;
- :meth:`Tap.rxd_edges` is about the past and the future likewise.

:meth:`Tap.settled` says up to where nothing can come any more.  Whoever needs order waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from uartsim.line_format import LineFormat
from uartsim.registers import ModemInput


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """What a recording has to say about the port before anything happens.

    A recording begins when the port's power comes on: the chip has all its reset values.

    Attributes:
        name: the machine's name.
        start: the time of power-on on the port's clock, in ticks.  The times in a file count from there.
        variant: the chip's name, as in :data:`uartsim.registers.VARIANTS`.
        thre_delay: whether it has the transmitter's delay circuit.
        out2_gate: what lets its interrupt out: ``"bit"``, ``"pin"`` or ``"none"``.
        timeout_rule: its character timeout: ``"frames"`` or ``"word"``.
        unlimited: whether frames take no time.
        strict_line: whether the far end sends without regard to the receiver's room.
        modem_inputs: the modem lines that come in at power-on, as :class:`ModemInput`.
    """

    name: str = "com1"
    start: int = 0
    variant: str = "16550A"
    thre_delay: bool = True
    out2_gate: str = "bit"
    timeout_rule: str = "frames"
    unlimited: bool = False
    strict_line: bool = False
    modem_inputs: int = int(ModemInput.CTS | ModemInput.DSR | ModemInput.DCD)


class Tap(Protocol):
    """Somebody who is told everything.  All times are ticks on the port's clock."""

    def read(self, at: int, offset: int, value: int) -> None:
        """The guest read the register at ``offset`` (0 to 7) and got ``value``."""

    def write(self, at: int, offset: int, value: int) -> None:
        """The guest wrote ``value`` to the register at ``offset`` (0 to 7)."""

    def reset(self, at: int) -> None:
        """Master reset of the chip."""

    def programmed(self, at: int, line_format: LineFormat) -> None:
        """The chip's format is another now, after a write or a reset; told right after that."""

    def interrupt(self, at: int, level: bool) -> None:
        """The interrupt line rose (True) or fell."""

    def sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Frames went out on TXD without a gap; ``start`` is the falling edge of the first start bit."""

    def sent_break(self, at: int, on: bool) -> None:
        """LCR.6 forces TXD to space from now on (True), or lets it go."""

    def received(self, at: int, character: int, errors: int) -> None:
        """The chip's receiver was given a character, with the :class:`LineError` bits of it."""

    def far_sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """The far end sent frames on RXD without a gap; ``start`` is the falling edge of the first start bit."""

    def far_space(self, start: int, ticks: int) -> None:
        """The far end holds RXD at space for ``ticks``: a break, unless it is shorter than a frame."""

    def rxd_edges(self, edges: Sequence[tuple[int, int]]) -> None:
        """What really came at the receiver's pin, where a fault of the line has changed what the far end sent.

        Args:
            edges: (time, level) in the order of time.  From the first to the last of them RXD had these levels,
                whatever :meth:`far_sent` and :meth:`far_space` say of that time; an entry may repeat the level
                before it.  From the last on it is theirs again.
        """

    def modem_inputs(self, at: int, pins: int) -> None:
        """The modem lines that come in are these now, as :class:`ModemInput`."""

    def modem_outputs(self, at: int, outputs: int) -> None:
        """The modem lines that go out are these now, as the pins show them: :class:`ModemOutput`."""

    def settled(self, at: int) -> None:
        """Everything that happened before ``at`` has been told."""

    def close(self) -> None:
        """The recording ends.  Nothing is told any more."""


class QuietTap:
    """A :class:`Tap` that listens to nothing; those who want some of it inherit the rest from here."""

    def read(self, at: int, offset: int, value: int) -> None:
        """Ignored."""

    def write(self, at: int, offset: int, value: int) -> None:
        """Ignored."""

    def reset(self, at: int) -> None:
        """Ignored."""

    def programmed(self, at: int, line_format: LineFormat) -> None:
        """Ignored."""

    def interrupt(self, at: int, level: bool) -> None:
        """Ignored."""

    def sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Ignored."""

    def sent_break(self, at: int, on: bool) -> None:
        """Ignored."""

    def received(self, at: int, character: int, errors: int) -> None:
        """Ignored."""

    def far_sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Ignored."""

    def far_space(self, start: int, ticks: int) -> None:
        """Ignored."""

    def rxd_edges(self, edges: Sequence[tuple[int, int]]) -> None:
        """Ignored."""

    def modem_inputs(self, at: int, pins: int) -> None:
        """Ignored."""

    def modem_outputs(self, at: int, outputs: int) -> None:
        """Ignored."""

    def settled(self, at: int) -> None:
        """Ignored."""

    def close(self) -> None:
        """Ignored."""
