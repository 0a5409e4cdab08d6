"""A serial port: the chip and the cable, joined to a clock and kept running.

Everything is lazy.  Time is brought up to the present when a register is touched, when the far end sends, and when
the ticker calls because something would be visible outside: an interrupt, or characters that have arrived.  Between
two such moments things happen at their own exact times, in order, however late the process is woken: an interrupt
whose handler is in this process (:mod:`uartsim.machine.driver`) is handled at the time at which it was raised.

Characters are handed out in quanta: as soon as the line falls idle, or sixteen frames after the first that waits (in
virtual time a tenth of a second, if that is longer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from uartsim.chip.state import UartState
from uartsim.chip.streaming import stream_in, stream_out
from uartsim.chip.uart import Uart
from uartsim.line_format import NEVER, LineFormat
from uartsim.machine.losses import ChipLosses
from uartsim.machine.ticker import Clock, Ticker
from uartsim.register_bits import BREAK_INTERRUPT, LOOP
from uartsim.registers import Offset
from uartsim.wire.cable import Cable
from uartsim.wire.frame import Arrival

# As plain numbers: the chip takes these on its short way.
_RBR, _THR, _IIR, _LSR, _MCR = (int(o) for o in (Offset.RBR, Offset.THR, Offset.IIR, Offset.LSR, Offset.MCR))

#: Characters handed out at a time while the line is busy.
QUANTUM: Final = 16
#: How many more quanta may be gathered until other busy lines are served as well.
GATHERED_QUANTA: Final = 15


class Port:
    """The guest's side of a serial port, and its time; :class:`uartsim.machine.com1.Com1` has the far end's.

    Args:
        ticker: what wakes it; its clock is the port's.
        strict_line: the far end sends whether or not the receiver has room, and overruns it as hardware does;
            and the chip has its transmitter's delay circuit.  Otherwise the far end waits for room.
        variant: the chip, see :data:`uartsim.registers.VARIANTS`.
        unlimited: frames take no time.
        flow_control: the far end honours RTS, so that it sends only while the guest wants it to (RTS/CTS).
    """

    def __init__(
        self,
        ticker: Ticker,
        *,
        strict_line: bool = False,
        variant: str = "16550A",
        unlimited: bool = False,
        flow_control: bool = False,
    ) -> None:
        self.flow_control = flow_control
        #: A fault of the line keeps RTS from the far end.
        self.rts_lost = False
        self.ticker = ticker
        self.clock: Clock = ticker.clock
        self.strict_line = strict_line
        self.uart = Uart(variant, thre_delay=strict_line, unlimited=unlimited)
        self.uart.advance(self.clock.now())
        self.cable = Cable(self.uart.line_format)
        #: Register accesses by offset since power-on, as the guest made them.
        self.reads = [0] * 8
        self.writes = [0] * 8
        #: Characters that have gone over the line to the far end; and those that a receiver with the guest's format would
        #: have errors in, where anybody listens closely.
        self.characters_out = 0
        self.errors_out = 0
        self.breaks_out = 0
        self.breaks_in = 0
        #: Characters that the chip received with a parity or framing error.
        self.errors_in = 0
        #: Called with the interrupt line's level and the time whenever it changes; set by whoever is the guest.
        self.on_interrupt: Callable[[bool, int], None] | None = None
        #: Gets the interrupt line's changes in its place, to hand them on when it likes.
        self.interrupt_gate: Callable[[bool, int], None] | None = None
        #: Called with a time in ticks: an interrupt handler that refills the transmitter may do so in slices until then,
        #: with :meth:`stream_out`; returns whether it did.
        self.on_stream_out: Callable[[int], bool] | None = None
        #: How many characters that handler still has to send, as things are.
        self.stream_out_waiting: Callable[[], int] | None = None
        #: Called with characters that :meth:`stream_in` has carried past the interrupt handler; and how many it takes.
        self.on_stream_in: Callable[[bytes], None] | None = None
        self.stream_in_room: Callable[[], int] | None = None
        #: Somebody is to see every change of a pin at its own time, not only the interrupts.
        self.watched = False
        #: Whether slices are used at all; without, everything is done by single accesses, to the same effect.
        self.slices = True
        #: Called with characters that have arrived at the far end and the time of the last, in ticks.
        self.on_output: Callable[[bytes, int], None] | None = None
        #: Called when the guest has put something on the line, before anybody hears it.
        self.on_carry: Callable[[int], None] | None = None
        #: Called before time passes, by whoever has something to do at an earlier time; and when everything has settled.
        self.before_advance: Callable[[], None] | None = None
        self.on_settled: Callable[[], None] | None = None
        #: Called when a break of the guest's has arrived at the far end, with the time.
        self.on_break: Callable[[int], None] | None = None
        #: At unlimited rate, whether the far end cannot take more now; set by the far end, which then calls
        #: :attr:`on_far_ready`.  On a paced line the far end is never asked: the line does not wait.
        self.far_busy: Callable[[], bool] | None = None
        self.on_far_ready: Callable[[], None] | None = None
        #: What the chip has lost, and called when that has become more.
        self.losses = ChipLosses(self.uart)
        self.on_loss: Callable[[], None] | None = None
        #: Called with an error that one of these callbacks raised while the timer served the line.
        self.on_failure: Callable[[Exception], None] | None = None
        #: Called when the guest has programmed another format.
        self.on_format: Callable[[LineFormat], None] | None = None
        #: Called when the far end's queue has become shorter.
        self.on_far_room: Callable[[], None] | None = None
        #: While the line is busy, what has arrived at the far end is handed out after 16 frames, or so many ticks.
        self.quantum_ticks = ticker.quantum_ticks
        self._irq = False
        self._advancing = False
        #: Nothing happens by itself before this time: as the last advance found it, 0 when somebody has touched the port.
        self._quiet_until = 0
        #: When the far end's next frame arrives or starts, as the last advance found it; 0 when it has done something since.
        self._far_due = 0
        self._wakeup = ticker.wakeup(self._tick)

    # -- the guest's side: registers -----------------------------------------------------------------------

    def read(self, offset: int) -> int:
        """The guest reads a register now; ValueError for an offset outside 0 to 7."""
        value = self.read_at(offset, self._present())
        self.settle()
        return value

    def write(self, offset: int, value: int) -> None:
        """The guest writes a register now; ValueError for an offset or value that does not exist."""
        self.write_at(offset, value, self._present())
        self.settle()

    def _present(self) -> int:
        """The present time, with all done that comes before an access of the guest's."""
        uart, now = self.uart, self.clock.now()
        if now < self._quiet_until and self.before_advance is None and not self._advancing:
            return max(now, uart.now)  # the chip itself catches up as it is touched
        self.advance(now)
        return uart.now

    def read_at(self, offset: int, at: int) -> int:
        """A register read at ``at`` ticks, from an interrupt handler; call :meth:`settle` when all is done."""
        self._quiet_until = 0
        self.reads[offset] += 1
        if offset or not self.cable.far.pending:  # only reading RBR can make room, and only for what waits for it
            return self.uart.read(offset, at)
        was_closed = not self.has_room()
        value = self.uart.read(offset, at)
        self._resume(was_closed, at)
        return value

    def write_at(self, offset: int, value: int, at: int) -> None:
        """A register write at ``at`` ticks, from an interrupt handler; call :meth:`settle` when all is done."""
        uart = self.uart
        self._quiet_until = 0
        was_closed = self.cable.far.pending > 0 and not self.has_room()
        before = uart.line_format
        uart.write(offset, value, at)
        self.writes[offset] += 1
        if uart.line_format is not before and uart.line_format != before:
            self._set_format()
        if offset == _MCR:
            self._look_for_losses()
        if was_closed:
            self._resume(was_closed, at)

    def _touched(self) -> None:
        """Something has been done to the port: when the next thing happens by itself is to be worked out anew."""
        self._quiet_until = self._far_due = 0

    def _set_format(self) -> None:
        """The chip has another format: the far end follows."""
        self._touched()
        self._carry()  # what began before
        self.cable.set_format(self.uart.line_format, self.uart.now)
        if self.on_format is not None:
            self.on_format(self.uart.line_format)

    def reset(self) -> None:
        """Master reset of the chip, now.  What is on the line stays on the line."""
        now = self.clock.now()
        self.advance(now)
        was_closed = not self.has_room()
        self._reset_chip()
        self._set_format()
        self._look_for_losses()
        self._resume(was_closed, self.uart.now)
        self.settle()

    def _reset_chip(self) -> None:
        """At the chip's present."""
        self.uart.reset(self.uart.now)

    def restore(self, uart: UartState, line: Iterable[tuple[int, bytes, LineFormat]]) -> None:
        """The chip becomes what a snapshot holds, at its present time; frames that were on the line are on it again.

        Args:
            uart: the chip, with its times moved to the present, see :func:`uartsim.guest.snapshot.moved`.
            line: the frames: when the first began, the characters, their format.
        """
        self.uart.become(uart)
        self.losses.begin()
        self._set_format()
        for start, characters, line_format in line:
            self.cable.carry_run(start, characters, line_format)

    # -- time ----------------------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Whether the far end may start a frame: RTS may say no, and unless the line is strict it overruns nobody."""
        uart = self.uart
        if self.flow_control and (self.rts_lost or not uart.modem.rts):
            return False
        receiver = uart.receiver
        return self.strict_line or (len(receiver.data) < receiver.depth and not uart.modem.control & LOOP)

    def _resume(self, was_closed: bool, at: int) -> None:
        """After something that may have made room for the far end."""
        self._touched()
        if was_closed and self.has_room():
            self.cable.far.resume(at)

    def advance(self, now: int) -> None:
        """Bring everything up to ``now``: line, chip and interrupt handler, in the order of time."""
        if self._advancing:
            return
        if self.before_advance is not None:
            self.before_advance()
        if now < self._quiet_until:
            uart = self.uart
            if now > uart.now:
                self._pass_time(now) if self.watched else uart.advance(now)
            return
        self._advancing = True
        try:
            self._advance(now)
        finally:
            self._advancing = False

    def _advance(self, now: int) -> None:
        uart, far = self.uart, self.cable.far
        now = max(now, uart.now)
        if uart.irq is not self._irq or self.watched:
            self._signal(uart.now)
        before = far.pending
        while True:
            room = not far.pending or self.has_room()
            due = far_due = far.due(room)
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
            arrival = far.step(due, room)
            if arrival is not None:
                self._receive(arrival, due)
            else:
                self._pass_time(due)
            if uart.irq is not self._irq or self.watched:
                self._signal(due)
        self._quiet_until, self._far_due = due, far_due
        if self.watched:
            self._pass_time(now)
        elif now > uart.now:
            uart.advance(now)
        if uart.irq is not self._irq or self.watched:
            self._quiet_until = 0
            self._signal(now)
        if far.pending < before and self.on_far_room is not None:
            self.on_far_room()

    def _pass_time(self, until: int) -> None:
        """Let the chip come to ``until``."""
        self.uart.advance(until)

    def _receive(self, arrival: Arrival, at: int) -> None:
        """The chip's receiver has a character."""
        receiver = self.uart.receiver
        received = receiver.received
        self.uart.receive(arrival.character, arrival.errors, at)
        if arrival.errors & BREAK_INTERRUPT:
            self.breaks_in += receiver.received - received  # none in loopback, where SIN is cut off
        elif arrival.errors:
            self.errors_in += receiver.received - received

    def write_thr_at(self, characters: bytes, at: int) -> None:
        """THR is written once for each of ``characters`` at ``at`` ticks, from an interrupt handler."""
        self._quiet_until = 0
        if len(characters) == 1:
            self.uart.write(_THR, characters[0], at)
        else:
            self.uart.write_run(characters, at)
        self.writes[_THR] += len(characters)

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
        self.reads[_IIR] += reads * done.refills
        self.writes[_THR] += done.taken
        self._carry()
        self.cable.carry_run(done.start, done.frames, done.line_format)
        return done.refills

    def _stream_out_until(self, until: int) -> bool:
        """Let the interrupt handler refill the transmitter in slices, if it can."""
        if not self.slices or self.on_stream_out is None or until < self.uart.now:
            return False
        return self.on_stream_out(until)

    def _stream_in(self, until: int) -> bool:
        """Carry characters from the far end past the interrupt handler in a slice, if nothing is in the way."""
        if self.stream_in_room is None or self.on_stream_in is None or not self.slices or self.strict_line:
            return False
        far = self.cable.far
        if not (count := far.run_length(until)):
            return False
        count = min(count, self.stream_in_room())
        if count < 1:
            return False
        if not stream_in(self.uart, far.peek(count), far.free_at_after(count)):
            return False
        data = far.take(count)
        self.reads[_IIR] += 2 * count
        self.reads[_LSR] += 2 * count
        self.reads[_RBR] += count
        self.on_stream_in(data)
        return True

    def _signal(self, now: int) -> None:
        """Tell the interrupt handler when the line has changed; again for as long as it keeps changing it."""
        while self.uart.irq != self._irq:
            self._irq = self.uart.irq
            if self.on_interrupt is not None:
                (self.interrupt_gate or self.on_interrupt)(self._irq, now)

    def settle(self) -> None:
        """After registers were touched: tell of interrupts, hand out what has arrived, and plan the next call."""
        uart = self.uart
        if uart.irq is not self._irq or self.watched:
            within, self._advancing = self._advancing, True
            try:
                self._signal(uart.now)
            finally:
                self._advancing = within
        if uart.unlimited or self.watched:
            self._pass_time(uart.now)  # what was written has left by now
        self._collect()
        self._plan()
        if self.on_settled is not None:
            self.on_settled()

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
        runs = uart.transmitter.sent
        if runs:
            uart.transmitter.sent = []
            for run in runs:
                cable.carry_run(run.start, run.characters, run.line_format)
        if uart.break_changes:
            cable.carry_breaks(uart.take_break_changes())
        if runs and self.on_carry is not None:
            self.on_carry(uart.now)

    def _collect(self) -> None:
        """Hand out what has arrived at the far end."""
        uart, cable = self.uart, self.cable
        if uart.transmitter.sent or uart.break_changes:
            self._carry()
        has_arrived = cable.first_at <= uart.now or cable.breaks
        for at, data, errors in cable.arrived(uart.now) if has_arrived else ():
            if errors & BREAK_INTERRUPT:
                self.breaks_out += 1
                if self.on_break is not None:
                    self.on_break(at)
                continue
            self.characters_out += len(data)
            if self.on_output is not None:
                self.on_output(data, at)
        if cable.out is not None:
            self.errors_out += cable.hear(uart.now)

    def _look_for_losses(self) -> None:
        if self.losses.look() and self.on_loss is not None:
            self.on_loss()

    def _plan(self) -> None:
        """Ask to be called when something will be visible outside."""
        self._look_for_losses()
        uart, cable = self.uart, self.cable
        at = gather_from = NEVER
        if self.on_stream_out is not None:
            # This handler is in our process and serves each interrupt at its own time, whenever we come to it.  While
            # something is on the line we come soon enough to refill the transmitter; a character that waits is told of.
            at = uart.receiver.timeout_at
        elif self.on_interrupt is not None:
            at = uart.next_interrupt(uart.now)
        if cable.far.pending or self._far_due < NEVER:
            if self.has_room():
                at = min(at, cable.far.nth_arrival(QUANTUM))
            else:
                at = min(at, cable.far.due(room=False))
        transmitter = uart.transmitter
        first = cable.first_at
        if first < NEVER or transmitter.shifting or transmitter.fifo:
            frame = uart.line_format.frame_ticks
            # What the chip still sends arrives after all that is on the line.
            busy = transmitter.shifting or transmitter.fifo
            drained = transmitter.drained_at() if busy else cable.last_arrival()
            if self.stream_out_waiting is not None and drained < NEVER:
                drained += self.stream_out_waiting() * frame
            quantum = max(QUANTUM * frame, self.quantum_ticks)
            gather_from = (first if first < NEVER else uart.now) + quantum
            at = min(at, drained, gather_from + GATHERED_QUANTA * quantum)
            at = max(at, uart.now + 1) if frame else at
        if cable.out is not None:
            at = min(at, max(cable.hearing_due(), uart.now + 1))
        self._wakeup.set(at, gather_from)
