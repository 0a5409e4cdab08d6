"""An operating system's 8250 driver, for guests that speak bytes.

It programs the chip as Linux's 8250 driver does (FIFOs on, a 16750's at 64; 8N1 at 115200 unless told otherwise;
DTR, RTS and OUT2 up), and has a 4096 byte transmit buffer (UART_XMIT_SIZE).  Its interrupts are served by
:mod:`uartsim.machine.interrupt_handler`; what it does with the modem lines is in :mod:`uartsim.machine.modem_control`.

Two things differ from Linux on purpose.  The receiver's trigger level is 1, not 8, so that a single key does not
wait for the character timeout; and while nothing is read the driver leaves characters in the chip's FIFO,
where the far end waits for room, instead of dropping them with an "input overrun".
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.errors import UartsimError, UsageError
from uartsim.line_format import BIT_AT_DIVISOR_1, LineFormat
from uartsim.machine.com1 import Com1
from uartsim.machine.fairness import Turn
from uartsim.machine.interrupt_handler import RECEIVE_BUFFER as RECEIVE_BUFFER
from uartsim.machine.interrupt_handler import InterruptHandler
from uartsim.machine.received import Flag as Flag
from uartsim.machine.received import Received as Received
from uartsim.machine.sides import NO_GUEST
from uartsim.registers import FCR, IER, LCR, Offset

#: Bytes of the transmit buffer (Linux: UART_XMIT_SIZE).
TRANSMIT_BUFFER: Final = 4096
#: The same at unlimited rate, where one slice of it goes out at a time.
UNLIMITED_BUFFER: Final = 65536
#: At unlimited rate, how long the guest waits for a far end that is busy before it looks again, in seconds.
FAR_PATIENCE_S: Final = 0.1


class SerialDriver:
    """The guest's end of the line.

    Args:
        com1: the port.

    Attributes:
        line_format: the format that the driver has programmed.
        modem: the modem lines: whether there is carrier, and RTS/CTS flow control.
    """

    def __init__(self, com1: Com1) -> None:
        self.com1 = com1
        self.line_format = com1.uart.line_format
        self.lcr = 0
        self._handler = handler = InterruptHandler(com1, TRANSMIT_BUFFER)
        self.modem = handler.modem
        self._opened = False
        self._reading = False
        self._turn = Turn()

    @property
    def transmit_buffer(self) -> int:
        """How many characters are taken, on a paced line, before a writer waits."""
        return self._handler.transmit_buffer

    @transmit_buffer.setter
    def transmit_buffer(self, size: int) -> None:
        self._handler.transmit_buffer = size

    # -- open and close ------------------------------------------------------------------------------------

    def open(self, line_format: LineFormat | None = None) -> None:
        """Program the chip and start to serve its interrupts; DTR and RTS up, flow control off.

        Args:
            line_format: speed and characters; 115200 8N1 if not given.

        Raises:
            UsageError: a speed that no divisor gives.
        """
        com1, handler = self.com1, self._handler
        divisor_of(line_format or LineFormat())  # before anything is touched
        com1.guest = handler
        self._opened = True
        handler.begin()
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
        handler.ier = int(IER.ERBFI | IER.ELSI | IER.EDSSI)
        com1.write(Offset.IER, handler.ier)

    def close(self) -> None:
        """Mask the interrupts and drop DTR and RTS; what was not sent is gone."""
        if not self._opened:
            return
        self._opened = False
        self._handler.ier = 0
        self.com1.write(Offset.IER, 0)
        self.modem.close()
        self.com1.guest = NO_GUEST
        self.discard_output()

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
        #: What was last written to LCR.
        self.lcr = int(lcr)
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
        self._handler.obey_cts(self.com1.uart.now)
        self.com1.settle()

    # -- to the line ---------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> None:
        """Put ``data`` into the transmit buffer; returns when all of it is there.

        Raises:
            UartsimError: the port is not open, or is closed meanwhile.
        """
        await self._turn.take(len(data))
        com1, handler, view = self.com1, self._handler, memoryview(data)
        buffer = UNLIMITED_BUFFER if com1.uart.unlimited else handler.transmit_buffer
        while view:
            if not self._opened:
                raise UartsimError("the serial port is not open: call open() before you write")
            if com1.uart.unlimited and com1.far_end.is_busy():
                with trio.move_on_after(FAR_PATIENCE_S):
                    await handler.room_made.park()
                continue
            room = buffer - len(handler.transmit)
            if room > 0:
                handler.transmit += view[:room]
                view = view[room:]
                handler.send()
            else:
                await handler.room_made.park()

    def write_nowait(self, data: bytes) -> None:
        """Put ``data`` into the transmit buffer however full it is: for a kernel's messages, which do not wait."""
        self._handler.transmit += data
        if self._opened:
            self._handler.send()

    async def drain(self) -> None:
        """Wait until everything has left, the last stop bit included (tcdrain); while CTS stops it, for CTS too."""
        await trio.lowlevel.checkpoint()
        while self._opened and self._handler.transmit:
            await self._handler.room_made.park()
        await self.com1.drain()

    async def send_break(self, seconds: float) -> None:
        """Hold the line at space for ``seconds``, once all that was written before has left (tcsendbreak)."""
        await self.drain()
        if not self._opened:
            return
        self.com1.write(Offset.LCR, self.lcr | LCR.BREAK)
        try:
            await trio.sleep(seconds)
        finally:
            self.com1.write(Offset.LCR, self.lcr)

    def discard_output(self) -> int:
        """Forget what has not reached the chip (TCOFLUSH); returns how many bytes that were."""
        count = len(self._handler.transmit)
        self._handler.transmit.clear()
        self._handler.room_made.unpark_all()
        return count

    # -- from the line -------------------------------------------------------------------------------------

    async def receive(self) -> Received:
        """Wait for what comes next.

        Raises:
            trio.BusyResourceError: another task is waiting already.
        """
        if self._reading:
            raise trio.BusyResourceError("another task is already receiving from this driver")
        await self._turn.take()
        handler = self._handler
        self._reading = True
        try:
            while not handler.received:
                handler.arrived = trio.Event()
                await handler.arrived.wait()
        finally:
            self._reading = False
        return handler.take()

    def receive_nowait(self) -> Received | None:
        """What comes next, or None."""
        return self._handler.take() if self._handler.received else None

    def flush_input(self) -> None:
        """Forget what has been received and not been read (TCIFLUSH)."""
        self._handler.forget_received()


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
