"""The test's end of the line: what it drives, what goes wrong on it, and what it has carried."""

from __future__ import annotations

from typing import Any

from uartsim.machine import Com1
from uartsim.machine.options import read_fault
from uartsim.wire.cable import ModemOutputs
from uartsim.wire.faults import Fault


class Line:
    """The line of a console.

    Args:
        com1: the port at its other end.
    """

    def __init__(self, com1: Com1) -> None:
        self._com1 = com1

    def add_fault(self, fault: str | Fault) -> None:
        """From now on something is wrong with the line.

        Args:
            fault: such as ``"noise:rate=1e-3,seed=7"`` or ``"dcd-drop:seconds=2"``; :data:`uartsim.wire.faults.FAULT_KINDS`
                says what there is.

        Raises:
            UsageError: there is no such fault, or not at this rate; the message says what there is.
        """
        __tracebackhide__ = True
        self._com1.add_fault(read_fault(fault) if isinstance(fault, str) else fault)

    def clear_faults(self, kind: str | None = None) -> int:
        """End the faults of a kind, or all of them; returns how many were at work."""
        return self._com1.clear_faults(kind)

    @property
    def faults(self) -> list[Fault]:
        """The faults at work."""
        return self._com1.faults()

    @property
    def fault_counters(self) -> dict[str, dict[str, dict[str, int]]]:
        """What faults have done, by direction (``"in"`` to the guest, ``"out"``) and kind."""
        return self._com1.cable.fault_counters()

    def set_modem(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR (the guest's DSR and DCD) and RTS (its CTS); None leaves a line as it is."""
        outputs = self._com1.cable.far_outputs
        for wanted, line in ((dtr, ModemOutputs.DTR), (rts, ModemOutputs.RTS)):
            if wanted is not None:
                outputs = outputs | line if wanted else outputs & ~line
        self._com1.set_far_outputs(outputs)

    @property
    def modem(self) -> dict[str, bool]:
        """The modem lines at the guest's chip: dtr and rts go out, cts, dsr, dcd and ri come in."""
        found: dict[str, bool] = self.status["modem"]
        return found

    @property
    def status(self) -> dict[str, Any]:
        """Everything about the port, as ``uartsim status NAME --json`` has it under ``com1``."""
        self._com1.advance(self._com1.clock.now())
        return self._com1.status()
