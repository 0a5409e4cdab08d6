"""Taps: the interface through which a running port reports what happens to its recorders.

A port reports every register access, every change of a pin and every frame to each of its taps, with the time at which
it happened in ticks (see :mod:`uartsim.line_format`), however late the process was woken.  Calls come in order of
time, with these exceptions:

- :meth:`Tap.sent`, :meth:`Tap.far_sent` and :meth:`Tap.far_space` give the *start* of something that takes time: the start
  may lie before the last reported event, and the end may lie in the future;
- :meth:`Tap.rxd_edges` may likewise reach into the past and the future.

:meth:`Tap.settled` gives the time before which nothing more will be reported.  A tap that needs events in order waits for
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from uartsim.line_format import LineFormat
from uartsim.registers import ModemInput


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """The properties of the port at the start of a recording.

    A recording begins at power-on, when the chip has its reset values.

    Attributes:
        name: the machine's name.
        start: the time of power-on on the port's clock, in ticks.  The times in a file count from there.
        variant: the chip's name, a key of :data:`uartsim.registers.VARIANTS`.
        thre_delay: whether the chip has the delay circuit of the transmitter-empty interrupt.
        out2_gate: what gates the interrupt line: ``"bit"`` (MCR.3), ``"pin"`` (the OUT2 pin) or ``"none"``.
        timeout_rule: how the character timeout counts: ``"frames"`` or ``"word"``.
        unlimited: whether frames take no time.
        strict_line: whether the far end sends even if the receiver has no room.
        modem_inputs: the modem inputs at power-on, as bits of :class:`ModemInput`.
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
    """A recorder of everything that happens on a port.  All times are ticks on the port's clock."""

    def read(self, at: int, offset: int, value: int) -> None:
        """The guest read the register at ``offset`` (0 to 7) and got ``value``."""

    def write(self, at: int, offset: int, value: int) -> None:
        """The guest wrote ``value`` to the register at ``offset`` (0 to 7)."""

    def reset(self, at: int) -> None:
        """Master reset of the chip."""

    def programmed(self, at: int, line_format: LineFormat) -> None:
        """The chip's line format changed; reported right after the write or reset that changed it."""

    def interrupt(self, at: int, level: bool) -> None:
        """The interrupt line rose (True) or fell."""

    def sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """Frames went out on TXD without gaps; ``start`` is the falling edge of the first start bit."""

    def sent_break(self, at: int, on: bool) -> None:
        """LCR.6 was set and forces TXD to space from now on (True), or was cleared (False)."""

    def received(self, at: int, character: int, errors: int) -> None:
        """The chip's receiver got a character; ``errors`` are its bits of :class:`uartsim.registers.LineError`."""

    def far_sent(self, start: int, characters: bytes, line_format: LineFormat) -> None:
        """The far end sent frames on RXD without gaps; ``start`` is the falling edge of the first start bit."""

    def far_space(self, start: int, ticks: int) -> None:
        """The far end holds RXD at space for ``ticks``: a break, unless it is shorter than a frame."""

    def rxd_edges(self, edges: Sequence[tuple[int, int]]) -> None:
        """The levels at the receiver's pin, where a fault of the line changed what the far end sent.

        Args:
            edges: (time, level) pairs in order of time.  From the first to the last of them RXD had these levels,
                whatever :meth:`far_sent` and :meth:`far_space` reported for that time; a pair may repeat the level
                before it.  After the last one those two apply again.
        """

    def modem_inputs(self, at: int, pins: int) -> None:
        """The modem inputs changed; ``pins`` are their new levels as bits of :class:`ModemInput`."""

    def modem_outputs(self, at: int, outputs: int) -> None:
        """The modem outputs changed; ``outputs`` are the new levels of the pins as bits of :class:`ModemOutput`."""

    def settled(self, at: int) -> None:
        """Everything that happened before ``at`` has been reported."""

    def close(self) -> None:
        """The recording ends.  No method is called after this one."""


class QuietTap:
    """A :class:`Tap` that ignores everything: a base class for taps that need only some of the calls."""

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
