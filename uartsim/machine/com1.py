"""COM1: the chip and the cable, joined to a clock and kept running.

Everything is lazy.  Time is brought up to the present when a register is touched, when the far end sends, and when
the ticker calls because something would be visible outside: an interrupt, or characters that have arrived.  Between
two such moments things happen at their own exact times, in order, however late the process is woken: an interrupt
whose handler is in this process (:mod:`uartsim.machine.driver`) is handled at the time at which it was raised.

Characters are handed out in quanta: as soon as the line falls idle, or sixteen frames after the first that waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from uartsim.chip.registers import MSR, Offset
from uartsim.chip.streaming import stream_in, stream_out
from uartsim.chip.uart import Uart
from uartsim.line_format import NEVER, FormatMismatchError, LineFormat
from uartsim.machine.ticker import Clock, Ticker
from uartsim.wire.cable import Cable, ModemOutputs
from uartsim.wire.frame import BREAK

#: Characters handed out at a time while the line is busy.
QUANTUM: Final = 16


class Com1:
    """One running serial port.

    Args:
        ticker: what wakes it; its clock is the port's.
        strict_line: the far end sends whether or not the receiver has room, and overruns it as hardware does;
            and the chip has its transmitter's delay circuit.  Otherwise the far end waits for room.
        variant: the chip, see :data:`uartsim.chip.registers.VARIANTS`.
        unlimited: frames take no time.
    """

    def __init__(
        self, ticker: Ticker, *, strict_line: bool = False, variant: str = "16550A", unlimited: bool = False
    ) -> None:
        self.ticker = ticker
        self.clock: Clock = ticker.clock
        self.strict_line = strict_line
        self.uart = Uart(variant, thre_delay=strict_line, unlimited=unlimited)
        self.uart.advance(self.clock.now())
        self.cable = Cable(self.uart.line_format)
        #: Register accesses by offset since power-on, as the guest made them.
        self.reads = [0] * 8
        self.writes = [0] * 8
        #: Characters that have gone over the line to the far end, and their errors.
        self.characters_out = 0
        self.errors_out = 0
        self.breaks_out = 0
        self.breaks_in = 0
        #: Called with the interrupt line's level and the time whenever it changes; set by whoever is the guest.
        self.on_interrupt: Callable[[bool, int], None] | None = None
        #: Called with a time in ticks: an interrupt handler that refills the transmitter may do so in slices until then,
        #: with :meth:`stream_out`; returns whether it did.
        self.on_stream_out: Callable[[int], bool] | None = None
        #: Called with characters that :meth:`stream_in` has carried past the interrupt handler; and how many it takes.
        self.on_stream_in: Callable[[bytes], None] | None = None
        self.stream_in_room: Callable[[], int] | None = None
        #: Whether slices are used at all; without, everything is done by single accesses, to the same effect.
        self.slices = True
        #: Called with characters that have arrived at the far end and the time of the last, in ticks.
        self.on_output: Callable[[bytes, int], None] | None = None
        #: Called when a break of the guest's has arrived at the far end, with the time.
        self.on_break: Callable[[int], None] | None = None
        #: At unlimited rate, whether the far end cannot take more now; set by the far end, which then calls
        #: :attr:`on_far_ready`.  On a paced line the far end is never asked: the line does not wait.
        self.far_busy: Callable[[], bool] | None = None
        self.on_far_ready: Callable[[], None] | None = None
        #: Called with an error that one of these callbacks raised while the timer served the line.
        self.on_failure: Callable[[Exception], None] | None = None
        #: Called when the guest has programmed another format.
        self.on_format: Callable[[LineFormat], None] | None = None
        #: Called when the far end's queue has become shorter.
        self.on_far_room: Callable[[], None] | None = None
        self._irq = False
        self._advancing = False
        self._wakeup = ticker.wakeup(self._tick)

    # -- the guest's side: registers -----------------------------------------------------------------------

    def read(self, offset: int) -> int:
        """The guest reads a register now; ValueError for an offset outside 0 to 7."""
        self.advance(self.clock.now())
        value = self.read_at(offset, self.uart.now)
        self.settle()
        return value

    def write(self, offset: int, value: int) -> None:
        """The guest writes a register now; ValueError for an offset or value that does not exist."""
        self.advance(self.clock.now())
        self.write_at(offset, value, self.uart.now)
        self.settle()

    def read_at(self, offset: int, at: int) -> int:
        """A register read at ``at`` ticks, from an interrupt handler; call :meth:`settle` when all is done."""
        if offset:  # only reading RBR can make room
            value = self.uart.read(offset, at)
            self.reads[offset] += 1
            return value
        was_closed = not self._has_room()
        value = self.uart.read(offset, at)
        self.reads[offset] += 1
        if was_closed and self._has_room():
            self.cable.far.resume(at)
        return value

    def write_at(self, offset: int, value: int, at: int) -> None:
        """A register write at ``at`` ticks, from an interrupt handler; call :meth:`settle` when all is done."""
        uart = self.uart
        was_closed = not self._has_room()
        before = uart.line_format
        uart.write(offset, value, at)
        self.writes[offset] += 1
        if uart.line_format is not before and uart.line_format != before:
            self._set_format()
        if was_closed and self._has_room():
            self.cable.far.resume(at)

    def _set_format(self) -> None:
        """The chip has another format: the far end follows."""
        self.cable.set_format(self.uart.line_format)
        if self.on_format is not None:
            self.on_format(self.uart.line_format)

    def reset(self) -> None:
        """Master reset of the chip, now.  What is on the line stays on the line."""
        now = self.clock.now()
        self.advance(now)
        was_closed = not self._has_room()
        self.uart.reset(self.uart.now)
        self._set_format()
        if was_closed and self._has_room():
            self.cable.far.resume(self.uart.now)
        self.settle()

    # -- the far end's side --------------------------------------------------------------------------------

    @property
    def far_pending(self) -> int:
        """Characters queued at the far end that are not yet on the line."""
        return self.cable.far.pending

    def far_send(self, data: bytes) -> None:
        """The far end sends; the characters queue until the line has carried them."""
        now = self.clock.now()
        self.advance(now)
        self.cable.far.send(data, now)
        self.advance(now)
        self.settle()

    def far_break(self, ticks: int) -> None:
        """The far end holds the line at space for ``ticks``, after what it has queued; ValueError for 0 or less."""
        now = self.clock.now()
        self.advance(now)
        self.cable.far.send_break(ticks, now)
        self.advance(now)
        self.settle()

    def far_discard(self) -> int:
        """The far end forgets what it has queued; returns how many characters that were."""
        return self.cable.far.discard()

    def set_far_outputs(self, outputs: ModemOutputs) -> None:
        """The far end drives DTR and RTS: the chip sees them as DSR and DCD, and CTS."""
        now = self.clock.now()
        self.advance(now)
        self.cable.far_outputs = outputs
        pins = MSR(0)
        if outputs & ModemOutputs.DTR:
            pins |= MSR.DSR | MSR.DCD
        if outputs & ModemOutputs.RTS:
            pins |= MSR.CTS
        self.uart.set_modem_inputs(int(pins), self.uart.now)
        self.settle()

    def check_far_format(self, line_format: LineFormat) -> str | None:
        """Why the far end cannot use ``line_format`` now, or None if it can."""
        try:
            self.cable.check_format(line_format)
        except FormatMismatchError as error:
            return str(error)
        return None

    # -- time ----------------------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        """Whether the far end may start a frame: it does not overrun the receiver unless the line is strict."""
        if self.strict_line:
            return True
        uart = self.uart
        return not uart.receiver.full and not uart.modem.looped

    def advance(self, now: int) -> None:
        """Bring everything up to ``now``: line, chip and interrupt handler, in the order of time."""
        if self._advancing:
            return
        self._advancing = True
        try:
            self._advance(now)
        finally:
            self._advancing = False

    def _advance(self, now: int) -> None:
        uart, far = self.uart, self.cable.far
        now = max(now, uart.now)
        self._signal(uart.now)
        before = far.pending if self.on_far_room is not None else 0
        while True:
            due = far_due = far.due(self._has_room())
            interrupt_due = NEVER
            if self.on_interrupt is not None:
                interrupt_due = uart.next_interrupt(uart.now)
                if interrupt_due <= now and self._stream_out_until(min(now, far_due - 1)):
                    continue
                due = min(due, interrupt_due)
            if due > now:
                break
            if due == far_due and self._stream_in(min(now, interrupt_due - 1)):
                continue
            due = max(due, uart.now)
            arrival = far.step(due, self._has_room())
            if arrival is not None:
                received = uart.receiver.received
                uart.receive(arrival.character, arrival.errors, due)
                if arrival.errors & BREAK:
                    self.breaks_in += uart.receiver.received - received  # none in loopback, where SIN is cut off
            else:
                uart.advance(due)
            self._signal(due)
        uart.advance(now)
        self._signal(now)
        if self.on_far_room is not None and far.pending < before:
            self.on_far_room()

    def write_thr_at(self, characters: bytes, at: int) -> None:
        """THR is written once for each of ``characters`` at ``at`` ticks, from an interrupt handler."""
        self.uart.write_run(characters, at)
        self.writes[Offset.THR] += len(characters)

    def stream_out(self, data: bytearray, until: int, reads: int) -> int:
        """Refill the transmitter in slices, see :func:`uartsim.chip.streaming.stream_out`.

        Args:
            data: what the driver has to send; what is taken is removed.
            until: ticks.
            reads: how often the driver reads IIR for each refill.

        Returns:
            How many refills were made.
        """
        done = stream_out(self.uart, data, until) if self.slices else None
        if done is None:
            return 0
        del data[: done.taken]
        self.reads[Offset.IIR] += reads * done.refills
        self.writes[Offset.THR] += done.taken
        self._carry()
        self.cable.carry_run(done.start, done.frames, done.line_format)
        return done.refills

    def _stream_out_until(self, until: int) -> bool:
        """Let the interrupt handler refill the transmitter in slices, if it can."""
        return self.slices and self.on_stream_out is not None and self.on_stream_out(until)

    def _stream_in(self, until: int) -> bool:
        """Carry characters from the far end past the interrupt handler in a slice, if nothing is in the way."""
        if self.stream_in_room is None or self.on_stream_in is None or not self.slices or self.strict_line:
            return False
        far = self.cable.far
        count = min(far.run_length(until), self.stream_in_room())
        if count < 1:
            return False
        if not stream_in(self.uart, far.peek(count), far.free_at_after(count)):
            return False
        data = far.take(count)
        self.reads[Offset.IIR] += 2 * count
        self.reads[Offset.LSR] += 2 * count
        self.reads[Offset.RBR] += count
        self.on_stream_in(data)
        return True

    def _signal(self, now: int) -> None:
        """Tell the interrupt handler when the line has changed; again for as long as it keeps changing it."""
        while self.uart.irq != self._irq:
            self._irq = self.uart.irq
            if self.on_interrupt is not None:
                self.on_interrupt(self._irq, now)

    def settle(self) -> None:
        """After registers were touched: tell of interrupts, hand out what has arrived, and plan the next call."""
        within, self._advancing = self._advancing, True
        try:
            self._signal(self.uart.now)
        finally:
            self._advancing = within
        self._collect()
        self._plan()

    def _tick(self, now: int) -> None:
        try:
            self.advance(now)
            self._collect()
            self._plan()
        except Exception as error:
            # An error of one line's guest or far end ends that machine, not the timer of all.
            if self.on_failure is None:
                raise
            self.on_failure(error)

    def _carry(self) -> None:
        """Put what the chip has sent onto the cable."""
        uart, cable = self.uart, self.cable
        for run in uart.take_sent_runs():
            cable.carry_run(run.start, run.characters, run.line_format)
        if breaks := uart.take_break_changes():
            cable.carry_breaks(breaks)

    def _collect(self) -> None:
        """Hand out what has arrived at the far end."""
        self._carry()
        for at, data, errors in self.cable.arrived(self.uart.now):
            if errors & BREAK:
                self.breaks_out += 1
                if self.on_break is not None:
                    self.on_break(at)
                continue
            if errors:
                self.errors_out += 1
            self.characters_out += len(data)
            if self.on_output is not None:
                self.on_output(data, at)

    def _plan(self) -> None:
        """Ask to be called when something will be visible outside."""
        uart, cable = self.uart, self.cable
        at = NEVER
        if self.on_interrupt is not None:
            at = uart.next_interrupt(uart.now)
        if not cable.far.idle:
            if self._has_room():
                at = min(at, cable.far.nth_arrival(QUANTUM))
            else:
                at = min(at, cable.far.due(room=False))
        if (first := cable.first_arrival()) < NEVER or not uart.transmitter.empty:
            frame = uart.line_format.frame_ticks
            drained = max(uart.transmitter.drained_at(), cable.last_arrival() if first < NEVER else 0)
            at = min(at, drained, first + QUANTUM * frame if first < NEVER else NEVER)
            at = max(at, uart.now + 1) if frame else at
        self._wakeup.set(at)

    # -- facts ---------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What the port is and has done, as plain values."""
        uart = self.uart
        receiver, transmitter, modem = uart.receiver, uart.transmitter, uart.modem
        return {
            "uart": uart.variant.name,
            "format": str(uart.line_format),
            "baud": None if uart.unlimited else round(uart.line_format.baud, 3),
            "divisor": uart.divisor,
            "registers": {
                "IER": uart.ier,
                "IIR": uart.iir | (uart.variant.iir_fifo_bits if uart.fcr & 1 else 0),
                "FCR": uart.fcr,
                "LCR": uart.lcr,
                "MCR": modem.control,
                "LSR": uart.line_status,
                "MSR": modem.status,
                "SCR": uart.scratch,
            },
            "thr_writes": transmitter.thr_writes,
            "rbr_reads": receiver.rbr_reads,
            "accesses": {
                "read": {name: self.reads[offset] for name, offset in _READ_NAMES.items()},
                "write": {name: self.writes[offset] for name, offset in _WRITE_NAMES.items()},
            },
            "line": {
                "bytes_out": self.characters_out,
                "bytes_in": receiver.received - self.breaks_in,
                "errors_out": self.errors_out,
                "breaks_out": self.breaks_out,
                "breaks_in": self.breaks_in,
                "overruns": receiver.overruns,
                "withheld": self.cable.far.withheld,
                "dropped_by_full_transmitter": transmitter.dropped,
                "queued_in": self.far_pending,
            },
            "modem": {
                "dtr": bool(modem.outputs & 1),
                "rts": bool(modem.outputs & 2),
                "cts": bool(modem.shown & MSR.CTS),
                "dsr": bool(modem.shown & MSR.DSR),
                "dcd": bool(modem.shown & MSR.DCD),
                "ri": bool(modem.shown & MSR.RI),
            },
            "strict_line": self.strict_line,
        }


_READ_NAMES: Final = {
    "RBR/DLL": Offset.RBR,
    "IER/DLM": Offset.IER,
    "IIR": Offset.IIR,
    "LCR": Offset.LCR,
    "MCR": Offset.MCR,
    "LSR": Offset.LSR,
    "MSR": Offset.MSR,
    "SCR": Offset.SCR,
}
_WRITE_NAMES: Final = {
    "THR/DLL": Offset.THR,
    "IER/DLM": Offset.IER,
    "FCR": Offset.FCR,
    "LCR": Offset.LCR,
    "MCR": Offset.MCR,
    "LSR": Offset.LSR,
    "MSR": Offset.MSR,
    "SCR": Offset.SCR,
}
