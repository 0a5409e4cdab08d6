"""What an operating system's driver does with the modem lines: RTS/CTS flow control, and carrier.

As Linux's 8250 driver and its line discipline do it (CRTSCTS and CLOCAL in termios(3)):

- CTS inactive stops the refilling of the transmitter; what is in the FIFO by then still leaves, as on any chip without
  automatic flow control.  CTS active lets it go on.
- When received characters pile up unread, the driver drops RTS; it raises it again once they have been read.
- A chip that can do it (16750, MCR.AFE) holds its own transmitter while CTS is inactive, from the next character on,
  and drops RTS by the level of its FIFO; a change of CTS does not interrupt then.

DCD is only noted and told: what a lost carrier means is a matter of the tty above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from uartsim.machine.com1 import Com1
from uartsim.registers import MCR, MSR, Offset

#: Received characters that wait for a reader when RTS drops (Linux: N_TTY's 4096 less 128), and when it rises again.
RTS_HIGH_WATER: Final = 3968
RTS_LOW_WATER: Final = 128

_CTS, _DCD = int(MSR.CTS), int(MSR.DCD)
_INPUTS = int(MSR.CTS | MSR.DSR | MSR.RI | MSR.DCD)


class ModemControl:
    """The modem lines of an open port, as its driver uses them.

    Attributes:
        flow_control: RTS/CTS is honoured.
        automatic: the chip does its part of it by itself.
        stopped: CTS has stopped the driver's transmitter.
        rts_dropped: the driver has dropped RTS because what was received is not read.
        carrier: DCD as the driver saw it last.
        inputs: CTS, DSR, RI and DCD as the driver saw them last, at their places in MSR.
        dtr: DTR is to be active while the port is open.
        rts: RTS is to be active while the port is open and there is room.
        on_carrier: called when that has changed, from the interrupt handler: it may not touch the port.
    """

    def __init__(self, com1: Com1) -> None:
        self._com1 = com1
        self.flow_control = self.automatic = False
        self.stopped = self.rts_dropped = False
        self.carrier = False
        self.inputs = 0
        self.dtr = self.rts = True
        self.on_carrier: Callable[[bool], object] | None = None
        self._inputs_changed = trio.lowlevel.ParkingLot()

    def begin(self, status: int) -> None:
        """The port is being opened, and MSR reads ``status``: without flow control, DTR and RTS wanted."""
        self.flow_control = self.automatic = False
        self.dtr = self.rts = True
        self.stopped = self.rts_dropped = False
        self.hear(status)

    def raise_outputs(self) -> None:
        """DTR, RTS and OUT2 up, as far as they are wanted."""
        self._com1.write(Offset.MCR, self._outputs)

    def close(self) -> None:
        """All outputs down."""
        self.stopped = self.rts_dropped = False
        self._com1.write(Offset.MCR, 0)

    @property
    def _outputs(self) -> MCR:
        outputs = MCR.OUT2 | (MCR.DTR if self.dtr else MCR(0))
        if self.rts and not self.rts_dropped:
            outputs |= MCR.RTS
        return outputs | MCR.AFE if self.automatic else outputs

    def set_outputs(self, dtr: bool, rts: bool) -> None:
        """Drive DTR and RTS from now on, for a driver that passes another line's modem lines on; the port is open."""
        self.dtr, self.rts = dtr, rts
        self.raise_outputs()

    @property
    def held(self) -> bool:
        """CTS keeps characters back, in the driver or in the chip."""
        return self.stopped or self._com1.uart.transmitter.held

    def set_flow_control(self, on: bool) -> None:
        """Honour RTS/CTS from now on, or not."""
        uart = self._com1.uart
        self.flow_control = on
        self.automatic = on and uart.variant.auto_flow and uart.receiver.fifo_mode
        self.rts_dropped = self.rts_dropped and on
        self._com1.write(Offset.MCR, self._outputs)
        self.hear(self._com1.read(Offset.MSR))

    def hear(self, status: int) -> None:
        """MSR was read: what CTS and DCD say."""
        self.stopped = self.flow_control and not self.automatic and not status & _CTS
        if (inputs := status & _INPUTS) != self.inputs:
            self.inputs = inputs
            self._inputs_changed.unpark_all()
        carrier = bool(status & _DCD)
        if carrier != self.carrier:
            self.carrier = carrier
            if self.on_carrier is not None:
                self.on_carrier(carrier)

    async def wait_carrier(self, up: bool = True) -> None:
        """Wait until the driver has seen carrier, or the loss of it."""
        await trio.lowlevel.checkpoint()
        while self.carrier != up:
            await self._inputs_changed.park()

    async def wait_inputs(self, other_than: int) -> int:
        """Wait until the inputs differ from ``other_than``, and return them."""
        await trio.lowlevel.checkpoint()
        while self.inputs == other_than:
            await self._inputs_changed.park()
        return self.inputs

    def room(self, waiting: int) -> int | None:
        """How many characters may come before RTS has to drop, with ``waiting`` there; None: it does not matter."""
        return RTS_HIGH_WATER - waiting if self.flow_control and not self.rts_dropped else None

    def throttle(self, waiting: int, at: int) -> None:
        """Drop RTS at ``at`` ticks, in the interrupt handler, if ``waiting`` characters are too many."""
        if self.flow_control and not self.rts_dropped and waiting >= RTS_HIGH_WATER:
            self.rts_dropped = True
            self._com1.write_at(Offset.MCR, self._outputs, at)

    def unthrottle(self, waiting: int) -> None:
        """Raise RTS again if only ``waiting`` characters are left to be read."""
        if self.rts_dropped and waiting < RTS_LOW_WATER:
            self.rts_dropped = False
            self._com1.write(Offset.MCR, self._outputs)
