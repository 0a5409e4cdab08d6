"""Modem control and status: four inputs with their delta bits, four outputs, and the loopback between them.

In loopback (MCR.4) the inputs are cut off and driven by MCR: RTS is CTS, DTR is DSR, OUT1 is RI, OUT2 is DCD
(PC16550D section 8.7).  Entering and leaving it is a change of the inputs like any other and sets deltas.

Automatic flow control (16750) may have dropped RTS although MCR.1 is set; the pin shows that, and so does the loop.
"""

from __future__ import annotations

from typing import Final

from uartsim.chip.part_states import ModemState
from uartsim.register_bits import LOOP, RI, RTS, TERI, driven_outputs, shown_inputs
from uartsim.registers import MCR

#: MCR's low nibble as flags: making one costs more than a register access.
_OUTPUTS: Final = tuple(MCR(n) for n in range(16))


class Modem:
    """The modem lines of one chip.  ``pins`` and ``status`` are laid out as MSR.  The owner begins with a master reset."""

    __slots__ = ("control", "deltas", "pins", "rts_dropped", "shown")

    def __init__(self, pins: int) -> None:
        #: The inputs as the cable drives them: CTS, DSR, RI, DCD at their places in MSR.
        self.pins = pins

    def reset(self) -> None:
        """Master reset: outputs inactive, no deltas."""
        self.control = 0
        #: Automatic flow control holds RTS inactive.
        self.rts_dropped = False
        self.deltas = 0
        self.shown = self.pins

    @property
    def looped(self) -> bool:
        """MCR.4 is set."""
        return bool(self.control & LOOP)

    @property
    def outputs(self) -> MCR:
        """The outputs as the pins show them: DTR, RTS, OUT1, OUT2; all inactive in loopback."""
        return _OUTPUTS[0 if self.control & LOOP else driven_outputs(self.control, self.rts_dropped)]

    @property
    def rts(self) -> bool:
        """RTS as the pin shows it: the same as in :attr:`outputs`, for callers that look often."""
        return not self.rts_dropped and self.control & (RTS | LOOP) == RTS

    @property
    def status(self) -> int:
        """MSR."""
        return self.shown | self.deltas

    def write_control(self, value: int, rts_dropped: bool) -> None:
        """MCR was written, and automatic flow control drops RTS or not with it."""
        self.control = value
        self.rts_dropped = rts_dropped
        self._refresh()

    def drop_rts(self, dropped: bool) -> None:
        """Automatic flow control drops RTS, or raises it again."""
        self.rts_dropped = dropped
        self._refresh()

    def set_pins(self, pins: int) -> None:
        """The cable drives the inputs: MSR bits CTS, DSR, RI, DCD."""
        self.pins = pins
        self._refresh()

    def _refresh(self) -> None:
        new = shown_inputs(self.control, self.pins, self.rts_dropped)
        changed = new ^ self.shown
        if changed:
            # RI counts only when it ends (TERI); the other three whenever they change.
            self.deltas |= (changed & ~RI) >> 4
            if self.shown & RI & ~new:
                self.deltas |= TERI
            self.shown = new

    # -- save and restore ----------------------------------------------------------------------------------

    def state(self) -> ModemState:
        """The state as a value."""
        return ModemState(self.control, self.pins, self.deltas, self.rts_dropped)

    def restore(self, state: ModemState) -> None:
        """Be as ``state`` says."""
        self.control = state.control
        self.pins = state.pins
        self.deltas = state.deltas
        self.rts_dropped = state.rts_dropped
        self.shown = shown_inputs(self.control, self.pins, self.rts_dropped)
