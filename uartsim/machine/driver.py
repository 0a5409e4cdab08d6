"""An operating system's 8250 driver, for guests that speak bytes.

It programs the chip as Linux's 8250 driver does (FIFOs on, a 16750's at 64; 8N1 at 115200 unless told otherwise;
DTR, RTS and OUT2 up), fills the transmitter's FIFO on each THRE interrupt from a 4096 byte buffer (UART_XMIT_SIZE),
and on each received data, timeout or line status interrupt empties the receiver's FIFO, errors first (LSR before RBR).
What it does with the modem lines is in :mod:`uartsim.machine.modem_control`.

Two things differ from Linux on purpose.  The receiver's trigger level is 1, not 8, so that a single key does not
wait for the character timeout; and a reader who does not read makes the driver leave characters in the chip's FIFO,
where the far end waits for room, instead of dropping them with an "input overrun".
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from uartsim.line_format import BIT_AT_DIVISOR_1, LineFormat, UartsimError, UsageError
from uartsim.machine.com1 import Com1
from uartsim.machine.modem_control import ModemControl
from uartsim.machine.received import Flag as Flag
from uartsim.machine.received import Received as Received
from uartsim.machine.turn import Turn
from uartsim.registers import FCR, IER, LCR, LSR, InterruptId, Offset

#: Bytes of the transmit buffer (Linux: UART_XMIT_SIZE).
TRANSMIT_BUFFER: Final = 4096
#: The same at unlimited rate, where one slice of it goes out at a time.
UNLIMITED_BUFFER: Final = 65536
#: At unlimited rate, how long the guest waits for a far end that is busy before it looks again, in seconds.
FAR_PATIENCE_S: Final = 0.1
#: How often the driver looks again whether CTS lets the chip's own flow control go on, in seconds.
HELD_LOOK_S: Final = 0.02
#: Received characters that wait for a reader before the driver stops taking more from the chip.
RECEIVE_BUFFER: Final = 65536

# As plain numbers: these are looked at with every character.
_DR, _OE, _PE, _BI = (int(bit) for bit in (LSR.DR, LSR.OE, LSR.PE, LSR.BI))
_ATTACHED = int(LSR.PE | LSR.FE | LSR.BI)
_RBR, _IER, _IIR, _LSR, _MSR = (int(o) for o in (Offset.RBR, Offset.IER, Offset.IIR, Offset.LSR, Offset.MSR))
_ERBFI, _ETBEI = int(IER.ERBFI), int(IER.ETBEI)
_NONE, _MODEM_STATUS, _THR_EMPTY = (int(i) for i in (InterruptId.NONE, InterruptId.MODEM_STATUS, InterruptId.THR_EMPTY))


class SerialDriver:
    """The guest's end of the line.

    Args:
        com1: the port.

    Attributes:
        modem: the modem lines: whether there is carrier, and RTS/CTS flow control.
    """

    def __init__(self, com1: Com1) -> None:
        self.com1 = com1
        self.line_format = com1.uart.line_format
        self._ier = 0
        self._lcr = 0
        self._transmit = bytearray()
        self.transmit_buffer = TRANSMIT_BUFFER  # how much is taken, on a paced line, before a writer waits
        self._received: deque[Received] = deque()
        self._received_size = 0
        self._throttled = False
        self._opened = False
        self._overrun = False  # characters were lost behind those that are in the chip now
        self._saved_errors = 0  # of the character on top of the chip's FIFO: reading LSR has cleared them there
        self.modem = ModemControl(com1)
        self._room = trio.lowlevel.ParkingLot()
        self._arrived = trio.Event()
        self._reading = False
        self._turn = Turn()

    # -- open and close ------------------------------------------------------------------------------------

    def open(self, line_format: LineFormat | None = None) -> None:
        """Program the chip and start to serve its interrupts; DTR and RTS up, flow control off.

        Args:
            line_format: speed and characters; 115200 8N1 if not given.

        Raises:
            UsageError: a speed that no divisor gives.
        """
        com1 = self.com1
        divisor_of(line_format or LineFormat())  # before anything is touched
        com1.on_interrupt = self._interrupt
        com1.on_stream_out = self._stream_out
        com1.stream_out_waiting = self._stream_out_waiting
        com1.on_stream_in = self._stream_in
        com1.stream_in_room = self._stream_in_room
        com1.on_far_ready = self._wake_writers
        self._opened = True
        self._saved_errors = 0
        com1.write(Offset.IER, 0)
        com1.write(Offset.FCR, FCR.FIFO_ENABLE)
        com1.write(Offset.FCR, FCR.FIFO_ENABLE | FCR.RCVR_RESET | FCR.XMIT_RESET)
        com1.write(Offset.FCR, 0)
        for offset in (Offset.LSR, Offset.RBR, Offset.IIR):
            com1.read(offset)
        self.modem.begin(com1.read(Offset.MSR))
        self.set_format(line_format or LineFormat())
        if not com1.uart.variant.deep_fifo:  # else set_format has; without DLAB a 16750 might leave its 64-byte mode
            com1.write(Offset.FCR, FCR.FIFO_ENABLE)  # trigger level 1
        self.modem.raise_outputs()
        self._ier = int(IER.ERBFI | IER.ELSI | IER.EDSSI)
        com1.write(Offset.IER, self._ier)

    def close(self) -> None:
        """Mask the interrupts and drop DTR and RTS; what was not sent is gone."""
        if not self._opened:
            return
        self._opened = False
        self._ier = 0
        self.com1.write(Offset.IER, 0)
        self.modem.close()
        self.com1.on_interrupt = None
        self.com1.on_stream_out = None
        self.com1.stream_out_waiting = None
        self.com1.on_stream_in = None
        self.com1.stream_in_room = None
        self.com1.on_far_ready = None
        self._transmit.clear()
        self._wake_writers()

    def set_format(self, line_format: LineFormat) -> None:
        """Program divisor, word length, parity and stop bits.

        Characters that are still in the transmitter leave in the old or the new format as the chip has it; call
        :meth:`drain` before.

        Raises:
            UsageError: a speed that no divisor gives.
        """
        divisor = divisor_of(line_format)
        lcr = line_format.data_bits - 5 | LCR.STB * (line_format.stop_halves > 2)
        if line_format.parity != "N":
            lcr |= LCR.PEN | LCR.EPS * (line_format.parity in "ES") | LCR.STICK * (line_format.parity in "MS")
        com1 = self.com1
        com1.write(Offset.LCR, lcr | LCR.DLAB)
        com1.write(Offset.DLL, divisor & 0xFF)
        com1.write(Offset.DLM, divisor >> 8)
        if com1.uart.variant.deep_fifo:
            com1.write(Offset.FCR, FCR.FIFO_ENABLE | FCR.FIFO_64)  # FCR.5 can be written while DLAB is set only
        com1.write(Offset.LCR, lcr)
        self._lcr = int(lcr)
        self.line_format = com1.uart.line_format

    # -- modem lines ---------------------------------------------------------------------------------------

    def set_flow_control(self, on: bool) -> None:
        """Honour RTS/CTS (CRTSCTS): send while CTS is active, and drop RTS while too much waits for a reader.

        Raises:
            UartsimError: the port is not open.
        """
        if not self._opened:
            raise UartsimError("the serial port is not open: call open() before you set flow control")
        self.modem.set_flow_control(on)
        self._obey_cts(self.com1.uart.now)
        self.com1.settle()

    def _obey_cts(self, at: int) -> None:
        """Stop to refill, or go on, at ``at`` ticks."""
        wanted = self._ier & ~_ETBEI
        if self._transmit and not self.modem.stopped:
            wanted |= _ETBEI
        if wanted != self._ier:
            self._ier = wanted
            self.com1.write_at(_IER, wanted, at)

    # -- to the line ---------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> None:
        """Put ``data`` into the transmit buffer; returns when all of it is there.

        Raises:
            UartsimError: the port is not open, or is closed meanwhile.
        """
        await self._turn.take(len(data))
        com1, view = self.com1, memoryview(data)
        buffer = UNLIMITED_BUFFER if com1.uart.unlimited else self.transmit_buffer
        while view:
            if not self._opened:
                raise UartsimError("the serial port is not open: call open() before you write")
            if com1.uart.unlimited and com1.far_busy is not None and com1.far_busy():
                with trio.move_on_after(FAR_PATIENCE_S):
                    await self._room.park()
                continue
            room = buffer - len(self._transmit)
            if room > 0:
                self._transmit += view[:room]
                view = view[room:]
                self._start_transmitting()
            else:
                await self._room.park()

    def write_nowait(self, data: bytes) -> None:
        """Put ``data`` into the transmit buffer however full it is: for a kernel's messages, which do not wait."""
        self._transmit += data
        self._start_transmitting()

    async def drain(self) -> None:
        """Wait until everything has left, the last stop bit included (tcdrain); while CTS stops it, for CTS too."""
        await trio.lowlevel.checkpoint()
        while self._opened and self._transmit:
            await self._room.park()
        uart = self.com1.uart
        while not uart.transmitter.empty:
            ticks = uart.transmitter.drained_at() - self.com1.clock.now()
            await trio.sleep(HELD_LOOK_S if uart.transmitter.held else max(ticks, 144_000) / 144e9)
            self.com1.advance(self.com1.clock.now())

    def discard_output(self) -> int:
        """Forget what has not reached the chip (TCOFLUSH); returns how many bytes that were."""
        count = len(self._transmit)
        self._transmit.clear()
        self._wake_writers()
        return count

    def _start_transmitting(self) -> None:
        if self._opened and self._transmit and not self._ier & _ETBEI and not self.modem.stopped:
            self._ier |= _ETBEI
            self.com1.write(_IER, self._ier)

    def _wake_writers(self) -> None:
        if self._room:
            self._room.unpark_all()

    # -- from the line -------------------------------------------------------------------------------------

    async def receive(self) -> Received:
        """Wait for what comes next.

        Raises:
            trio.BusyResourceError: another task is waiting already.
        """
        if self._reading:
            raise trio.BusyResourceError("another task is already receiving from this driver")
        await self._turn.take()
        self._reading = True
        try:
            while not self._received:
                self._arrived = trio.Event()
                await self._arrived.wait()
        finally:
            self._reading = False
        return self._take()

    def receive_nowait(self) -> Received | None:
        """What comes next, or None."""
        return self._take() if self._received else None

    def flush_input(self) -> None:
        """Forget what has been received and not been read (TCIFLUSH)."""
        self._received.clear()
        self._received_size = 0
        self._unthrottle()
        self.modem.unthrottle(0)

    def _take(self) -> Received:
        item = self._received.popleft()
        self._received_size -= len(item.data)
        if self._throttled and self._received_size < RECEIVE_BUFFER // 2:
            self._unthrottle()
        if self.modem.rts_dropped:
            self.modem.unthrottle(self._received_size)
        return item

    def _unthrottle(self) -> None:
        if self._throttled:
            self._throttled = False
            self._ier |= _ERBFI
            self.com1.write(_IER, self._ier)

    # -- interrupts ----------------------------------------------------------------------------------------

    def _interrupt(self, level: bool, at: int) -> None:
        """The interrupt line went up: serve until it is down, all at ``at``.

        Linux gives up after 512 rounds (PASS_LIMIT), against hardware that never lets go.  Ours does, and at unlimited
        rate each round is a refill: giving up would leave the line up, and nobody would ever be called again.
        """
        if not level:
            return
        com1 = self.com1
        while True:
            identification = com1.read_at(_IIR, at) & 0x0F
            if identification == _NONE:
                return
            if identification == _MODEM_STATUS:
                self.modem.hear(com1.read_at(_MSR, at))
                self._obey_cts(at)
            elif identification == _THR_EMPTY:
                self._refill(at)
            else:
                self._empty_fifo(at)

    def _empty_fifo(self, at: int) -> None:
        com1 = self.com1
        run = bytearray()
        while True:
            status = com1.read_at(_LSR, at) | self._saved_errors
            self._saved_errors = 0
            if status & _OE:
                self._overrun = True
            if not status & _DR:
                if self._overrun:
                    self._overrun = False
                    self._push(run, Flag.OVERRUN, b"")
                break
            if self._received_size + len(run) >= RECEIVE_BUFFER:
                self._throttled = True
                self._saved_errors = status & _ATTACHED
                self._ier &= ~_ERBFI
                com1.write_at(_IER, self._ier, at)
                break
            character = com1.read_at(_RBR, at)
            if not status & _ATTACHED:
                run.append(character)
            elif status & _BI:
                self._push(run, Flag.BREAK, b"\0")
            else:
                self._push(run, Flag.PARITY if status & _PE else Flag.FRAMING, bytes((character,)))
        if run:
            self._push(run, None, b"")
        self.modem.throttle(self._received_size, at)

    def _push(self, run: bytearray, flag: Flag | None, data: bytes) -> None:
        """Queue the run of good characters so far, then the flagged one."""
        received = self._received
        if run:
            self._received_size += len(run)
            if received and received[-1].flag is Flag.NORMAL:
                received[-1] = Received(received[-1].data + run, Flag.NORMAL)
            else:
                received.append(Received(bytes(run), Flag.NORMAL))
            run.clear()
        if flag is not None:
            self._received_size += len(data)
            received.append(Received(data, flag))
        self._arrived.set()

    def _stream_out_waiting(self) -> int:
        return 0 if self.modem.stopped else len(self._transmit)

    def _stream_out(self, until: int) -> bool:
        """Refill in slices what the interrupts until ``until`` would refill one by one."""
        if not self.com1.stream_out(self._transmit, until, 2):
            return False
        if not self._transmit:
            self._ier &= ~_ETBEI
            self.com1.write_at(_IER, self._ier, self.com1.uart.now)
        if len(self._transmit) <= self.transmit_buffer // 2:
            self._wake_writers()
        return True

    def _stream_in_room(self) -> int:
        room = RECEIVE_BUFFER - self._received_size
        before_rts = self.modem.room(self._received_size)
        return (room if before_rts is None else min(room, before_rts)) - 1

    def _stream_in(self, data: bytes) -> None:
        self._push(bytearray(data), None, b"")

    def _refill(self, at: int) -> None:
        com1, transmit = self.com1, self._transmit
        depth = max(1, com1.uart.transmitter.depth)
        if com1.uart.unlimited:
            # The slice begins with the interrupt that is being served: its IIR has been read.
            refills = com1.stream_out(transmit, at, 1)
            com1.reads[_IIR] -= bool(refills)
        else:
            refills = 0
        if not refills:
            com1.write_thr_at(bytes(transmit[:depth]), at)
            del transmit[:depth]
        if not transmit:
            self._ier &= ~_ETBEI
            com1.write_at(_IER, self._ier, at)
        if len(transmit) <= self.transmit_buffer // 2:
            self._wake_writers()


def divisor_of(line_format: LineFormat) -> int:
    """The divisor that gives a format's speed.

    Raises:
        UsageError: none does within 2.5 %; the message names the nearest speeds.
    """
    if line_format.bit_ticks == 0:
        return 1
    divisor = max(1, round(line_format.bit_ticks / BIT_AT_DIVISOR_1))
    if divisor > 0xFFFF or abs(divisor * BIT_AT_DIVISOR_1 / line_format.bit_ticks - 1) > 0.025:
        below = min(line_format.bit_ticks // BIT_AT_DIVISOR_1, 0xFFFF)
        near = sorted(round(115200 / other, 2) for other in (below, below + 1) if 1 <= other <= 0xFFFF)
        raise UsageError(
            f"a 16550 with a 1.8432 MHz crystal cannot do {line_format.baud:.10g} baud; "
            f"near speeds it can do: {', '.join(f'{baud:g}' for baud in near)}"
        )
    return divisor
