"""What a port must be given back to be as it was at an earlier moment, besides its chip and the frames from it.

That is the far end's side: the faults of the line, DTR and RTS, and what has been counted.  What has come on the line
since then, in either direction, is forgotten, and stimuli end.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from uartsim.machine.com1 import Com1
from uartsim.machine.line_counts import LineCounts
from uartsim.registers import ModemOutput
from uartsim.wire.faults import Fault


@dataclass(frozen=True, slots=True)
class PortMoment:
    """The far end's side of a port at one moment.

    Attributes:
        faults: the faults of the line.
        far_outputs: the modem lines that the far end drives.
        counts: what had gone over the line.
        reads: the guest's register reads by offset.
        writes: the guest's register writes by offset.
        withheld: how often the far end had to wait for room.
    """

    faults: tuple[Fault, ...]
    far_outputs: ModemOutput
    counts: LineCounts
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    withheld: int

    @classmethod
    def of(cls, com1: Com1) -> PortMoment:
        """What a port has now."""
        cable = com1.cable
        reads, writes = tuple(com1.reads), tuple(com1.writes)
        return cls(tuple(com1.faults()), cable.far_outputs, copy(com1.counts), reads, writes, cable.far.withheld)

    def put_into(self, com1: Com1) -> None:
        """Give a port its earlier far end.  The chip's state must be restored after this, which moves its modem lines."""
        com1.output_interceptors.clear()
        com1.interrupt_interceptors.clear()
        com1.clear_faults()
        com1.forget_line()
        com1.set_far_outputs(self.far_outputs)
        for fault in self.faults:
            com1.add_fault(fault)
        com1.reset_fault_counters()
        com1.counts = copy(self.counts)
        com1.cable.far.withheld = self.withheld
        com1.reads[:], com1.writes[:] = self.reads, self.writes
