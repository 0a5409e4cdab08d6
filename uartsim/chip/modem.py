"""Modem control and status: four inputs with their delta bits, four outputs, and the loopback between them.

In loopback (MCR.4) the inputs are cut off and driven by MCR: RTS is CTS, DTR is DSR, OUT1 is RI, OUT2 is DCD
(PC16550D section 8.7).  Entering and leaving it is a change of the inputs like any other and sets deltas.
"""

from __future__ import annotations

from typing import Final

from uartsim.chip.registers import MCR, MSR

_LOOP: Final = int(MCR.LOOP)
_INPUTS: Final = int(MSR.CTS | MSR.DSR | MSR.RI | MSR.DCD)
_RI: Final = int(MSR.RI)
_TERI: Final = int(MSR.TERI)

#: MSR's high nibble that MCR's low nibble makes in loopback.
LOOPED_INPUTS: Final = tuple((m & 0x0C) << 4 | (m & 0x02) << 3 | (m & 0x01) << 5 for m in range(16))


class Modem:
    """The modem lines of one chip.  ``pins`` and ``status`` are laid out as MSR."""

    __slots__ = ("control", "deltas", "pins", "shown")

    def __init__(self, pins: int) -> None:
        #: The inputs as the cable drives them: CTS, DSR, RI, DCD at their places in MSR.
        self.pins = pins & _INPUTS
        self.reset()

    def reset(self) -> None:
        """Master reset: outputs inactive, no deltas."""
        self.control = 0
        self.deltas = 0
        self.shown = self.pins

    @property
    def looped(self) -> bool:
        """MCR.4 is set."""
        return bool(self.control & _LOOP)

    @property
    def outputs(self) -> MCR:
        """The outputs as the pins show them: DTR, RTS, OUT1, OUT2; all inactive in loopback."""
        return MCR(0) if self.control & _LOOP else MCR(self.control & 0x0F)

    @property
    def status(self) -> int:
        """MSR."""
        return self.shown | self.deltas

    def write_control(self, value: int) -> None:
        """MCR was written."""
        self.control = value
        self._refresh()

    def set_pins(self, pins: int) -> None:
        """The cable drives the inputs: MSR bits CTS, DSR, RI, DCD."""
        self.pins = pins & _INPUTS
        self._refresh()

    def _refresh(self) -> None:
        new = LOOPED_INPUTS[self.control & 0x0F] if self.control & _LOOP else self.pins
        changed = new ^ self.shown
        if changed:
            # RI counts only when it ends (TERI); the other three whenever they change.
            self.deltas |= (changed & ~_RI) >> 4
            if self.shown & _RI & ~new:
                self.deltas |= _TERI
            self.shown = new
