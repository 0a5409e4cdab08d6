"""The interrupt handler of an 8250 driver, with the buffers on both sides of it.

As Linux's ``serial8250_interrupt`` does it: on THRE the transmitter's FIFO is filled from the transmit buffer; on received
data, a character timeout or line status the receiver's FIFO is emptied, errors first (LSR before RBR).
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from uartsim.machine.com1 import Com1
from uartsim.machine.modem_control import ModemControl
from uartsim.machine.received import Flag, Received
from uartsim.machine.sides import QuietGuest
from uartsim.register_bits import (
    BREAK_INTERRUPT,
    CHARACTER_ERRORS,
    DR,
    ERBFI,
    ETBEI,
    IER,
    IIR,
    LSR,
    MODEM_STATUS,
    MSR,
    NO_INTERRUPT,
    OVERRUN,
    PARITY_ERROR,
    RBR,
    THR_EMPTY,
)

#: Received characters that wait for a reader before the driver stops taking more from the chip.
RECEIVE_BUFFER: Final = 65536


class InterruptHandler(QuietGuest):
    """Serves the interrupts of one port, each at the time at which it was raised.

    Args:
        com1: the port.
        transmit_buffer: how many characters wait, on a paced line, before a writer has to.

    Attributes:
        ier: what was last written to IER.
        transmit: characters that have not reached the chip.
        modem: the modem lines.
        room_made: parks writers until half of the transmit buffer is free.
        arrived: set when something has been received.
    """

    serves_interrupts = True
    serves_at_once = True

    def __init__(self, com1: Com1, transmit_buffer: int) -> None:
        self._com1 = com1
        self.ier = 0
        self.transmit = bytearray()
        self.transmit_buffer = transmit_buffer
        self.modem = ModemControl(com1)
        self.room_made = trio.lowlevel.ParkingLot()
        self.arrived = trio.Event()
        self.received: deque[Received] = deque()
        self.received_size = 0
        self._throttled = False
        self._overrun = False  # characters were lost behind those that are in the chip now
        self._saved_errors = 0  # of the character on top of the chip's FIFO: reading LSR has cleared them there

    # -- what the driver asks of it ------------------------------------------------------------------------

    def begin(self) -> None:
        """The port is being opened: what LSR has shown before counts no more."""
        self._saved_errors = 0

    def send(self) -> None:
        """There may be something to transmit: have THRE interrupt."""
        if self.transmit and not self.ier & ETBEI and not self.modem.stopped:
            self.ier |= ETBEI
            self._com1.write(IER, self.ier)

    def obey_cts(self, at: int) -> None:
        """CTS may have changed: stop or go on to refill, at ``at`` ticks."""
        wanted = self.ier & ~ETBEI
        if self.transmit and not self.modem.stopped:
            wanted |= ETBEI
        if wanted != self.ier:
            self.ier = wanted
            self._com1.write_at(IER, wanted, at)

    def take(self) -> Received:
        """The oldest of what has been received; IndexError if there is nothing."""
        item = self.received.popleft()
        self.received_size -= len(item.data)
        if self._throttled and self.received_size < RECEIVE_BUFFER // 2:
            self._unthrottle()
        if self.modem.rts_dropped:
            self.modem.unthrottle(self.received_size)
        return item

    def forget_received(self) -> None:
        """Forget what has been received."""
        self.received.clear()
        self.received_size = 0
        self._unthrottle()
        self.modem.unthrottle(0)

    def _unthrottle(self) -> None:
        if self._throttled:
            self._throttled = False
            self.ier |= ERBFI
            self._com1.write(IER, self.ier)

    # -- interrupts, see uartsim.machine.sides.GuestSide ---------------------------------------------------

    def interrupt(self, level: bool, at: int) -> None:
        """The interrupt line went up: serve until it is down, all at ``at``.

        Linux gives up after 512 rounds (PASS_LIMIT), against hardware that never lets go.  Ours does, and at unlimited
        rate each round is a refill: giving up would leave the line up, and it would never rise again.
        """
        com1 = self._com1
        while True:
            identification = com1.read_at(IIR, at) & 0x0F
            if identification == NO_INTERRUPT:
                return
            if identification == MODEM_STATUS:
                self.modem.hear(com1.read_at(MSR, at))
                self.obey_cts(at)
            elif identification == THR_EMPTY:
                self._refill(at)
            else:
                self._empty_fifo(at)

    def _empty_fifo(self, at: int) -> None:
        com1 = self._com1
        run = bytearray()
        while True:
            status = com1.read_at(LSR, at) | self._saved_errors
            self._saved_errors = 0
            if status & OVERRUN:
                self._overrun = True
            if not status & DR:
                if self._overrun:
                    self._overrun = False
                    self._push(run, Flag.OVERRUN, b"")
                break
            if self.received_size + len(run) >= RECEIVE_BUFFER:
                self._throttled = True
                self._saved_errors = status & CHARACTER_ERRORS
                self.ier &= ~ERBFI
                com1.write_at(IER, self.ier, at)
                break
            character = com1.read_at(RBR, at)
            if not status & CHARACTER_ERRORS:
                run.append(character)
            elif status & BREAK_INTERRUPT:
                self._push(run, Flag.BREAK, b"\0")
            else:
                self._push(run, Flag.PARITY if status & PARITY_ERROR else Flag.FRAMING, bytes((character,)))
        if run:
            self._push(run, None, b"")
        if self.modem.flow_control:
            self.modem.throttle(self.received_size, at)

    def _push(self, run: bytes | bytearray, flag: Flag | None, data: bytes) -> None:
        """Queue the run of good characters so far, which is empty then if it can be, and the flagged one behind it."""
        received = self.received
        if run:
            self.received_size += len(run)
            if received and received[-1].flag is Flag.NORMAL:
                received[-1] = Received(received[-1].data + run, Flag.NORMAL)
            else:
                received.append(Received(bytes(run), Flag.NORMAL))
            if isinstance(run, bytearray):
                run.clear()
        if flag is not None:
            self.received_size += len(data)
            received.append(Received(data, flag))
        self.arrived.set()

    def _refill(self, at: int) -> None:
        com1, transmit = self._com1, self.transmit
        refills = 0
        if com1.uart.unlimited:
            # The slice begins with the interrupt that is being served: its IIR has been read.
            refills = com1.slices.out(transmit, at, 1)
            com1.reads[IIR] -= bool(refills)
        if not refills:
            depth = max(1, com1.uart.transmitter.depth)
            com1.write_thr_at(bytes(transmit[:depth]), at)
            del transmit[:depth]
        if not transmit:
            self.ier &= ~ETBEI
            com1.write_at(IER, self.ier, at)
        if len(transmit) <= self.transmit_buffer // 2:
            self.room_made.unpark_all()

    # -- the same in slices --------------------------------------------------------------------------------

    def refill(self, until: int) -> bool:
        """Refill in slices what the interrupts until ``until`` would refill one by one."""
        if not self._com1.slices.out(self.transmit, until, 2):
            return False
        if not self.transmit:
            self.ier &= ~ETBEI
            self._com1.write_at(IER, self.ier, self._com1.uart.now)
        if len(self.transmit) <= self.transmit_buffer // 2:
            self.room_made.unpark_all()
        return True

    def waiting(self) -> int:
        """Characters of the transmit buffer, unless CTS has stopped them."""
        return 0 if self.modem.stopped else len(self.transmit)

    def room(self) -> int:
        """Room in the receive buffer, or before RTS has to drop; the last place is left to a single access."""
        room = RECEIVE_BUFFER - self.received_size
        if self.modem.flow_control and (before_rts := self.modem.room(self.received_size)) is not None:
            room = min(room, before_rts)
        return room - 1

    def accept(self, data: bytes) -> None:
        """Queue characters that have no errors."""
        self._push(data, None, b"")

    def far_ready(self) -> None:
        """The far end takes characters again: writers look again."""
        self.room_made.unpark_all()
