"""A serial port: the chip and the cable, joined to a clock and kept running.

Everything is lazy.  Time is brought up to the present when a register is touched, when the far end sends, and when
the ticker calls because something would be visible outside: an interrupt, or characters that have arrived.  Between
two such moments things happen at their own exact times, in order, however late the process is woken: an interrupt
whose handler is in this process (:mod:`uartsim.machine.driver`) is handled at the time at which it was raised.

Characters are handed out in quanta: as soon as the line falls idle, or sixteen frames after the first that waits (in
virtual time a tenth of a second, if that is longer).  The port has two sides (:mod:`uartsim.machine.sides`): the guest,
which owns the registers, and the far end of the line.  Stimuli stand between them (:mod:`uartsim.machine.interceptors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from uartsim.chip.uart import Uart
from uartsim.line_format import NEVER
from uartsim.machine.interceptors import Interceptors, LateInterrupts, OutputInterceptor, intercepted
from uartsim.machine.line_counts import LineCounts
from uartsim.machine.losses import ChipLosses
from uartsim.machine.sides import NO_FAR_END, NO_GUEST, NO_OWNER, FarSide, GuestSide, PortOwner
from uartsim.machine.slices import Slices
from uartsim.machine.taps import TapMaker, Taps
from uartsim.machine.ticker import Clock, Ticker
from uartsim.register_bits import BREAK_INTERRUPT, ETBEI, LOOP, MCR, THR
from uartsim.wire.cable import Cable
from uartsim.wire.frame import Arrival

# Plain numbers: an access by IntEnum takes five times as long.

#: Characters handed out at a time while the line is busy.
QUANTUM: Final = 16
#: How many more quanta may be gathered until other busy lines are served as well.
GATHERED_QUANTA: Final = 15


class Port:
    """A serial port as the guest sees it, and its time; :class:`uartsim.machine.com1.Com1` adds what the far end does.

    Args:
        ticker: what wakes it; its clock is the port's.
        strict_line: the far end sends whether or not the receiver has room, and overruns it as hardware does;
            and the chip has its transmitter's delay circuit.  Otherwise the far end waits for room.
        variant: the chip, see :data:`uartsim.registers.VARIANTS`.
        unlimited: frames take no time.
        flow_control: the far end honours RTS, so that it sends only while the guest wants it to (RTS/CTS).
        name: the machine's, for the recordings.
        taps: make what records the port, see :mod:`uartsim.machine.taps`.

    Raises:
        UsageError: a recording cannot be made.
    """

    def __init__(
        self,
        ticker: Ticker,
        *,
        strict_line: bool = False,
        variant: str = "16550A",
        unlimited: bool = False,
        flow_control: bool = False,
        name: str = "com1",
        taps: Sequence[TapMaker] = (),
    ) -> None:
        self.flow_control = flow_control
        self.rts_lost = False  # a fault of the line keeps RTS from the far end
        self.ticker = ticker
        self.clock: Clock = ticker.clock
        self.strict_line = strict_line
        self.uart = Uart(variant, thre_delay=strict_line, unlimited=unlimited)
        self.uart.advance(self.clock.now())
        self.cable = Cable(self.uart.line_format)
        #: The software that owns the chip, what is attached to the far end, and the machine.
        self.guest: GuestSide = NO_GUEST
        self.far_end: FarSide = NO_FAR_END
        self.owner: PortOwner = NO_OWNER
        #: What gets the guest's output before the far end does.
        self.output_interceptors: Interceptors[OutputInterceptor] = Interceptors()
        self._late = LateInterrupts(self)
        #: What makes the guest see its interrupts late.
        self.interrupt_interceptors = self._late.interceptors
        #: Register accesses by offset since power-on, as the guest made them.
        self.reads, self.writes = [0] * 8, [0] * 8
        self.counts = LineCounts()
        self.losses = ChipLosses(self.uart)
        self.slices = Slices(self)
        #: While the line is busy, what has arrived at the far end is handed out after 16 frames, or so many ticks.
        self.quantum_ticks = ticker.quantum_ticks
        self._irq = self._advancing = False
        #: Nothing happens by itself before this time: as the last advance found it, 0 after an access.
        self._quiet_until = 0
        #: When the far end's next frame arrives or starts, as the last advance found it; 0 after it has done something.
        self._far_due = 0
        self._wakeup = ticker.wakeup(self._tick)
        self.taps = Taps(self, name, taps) if taps else None

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
        """The present time, after everything that comes before an access of the guest has been done."""
        uart, now = self.uart, self.clock.now()
        if now < self._quiet_until and not self.guest.posts_accesses and not self._advancing:
            return max(now, uart.now)  # the chip itself catches up as it is touched
        self.advance(now)
        return uart.now

    def read_at(self, offset: int, at: int) -> int:
        """A register read at ``at`` ticks, from an interrupt handler; call :meth:`settle` when all is done."""
        self._quiet_until = 0
        self.reads[offset] += 1
        taps = self.taps
        if taps is not None:
            taps.pass_time(at)
        # Only reading RBR can make room, and only for what waits for it.
        was_closed = not offset and self.cable.far.pending > 0 and not self.has_room()
        value = self.uart.read(offset, at)
        if was_closed:
            self._resume(was_closed, at)
        if taps is not None:
            taps.read(at, offset, value)
        return value

    def write_at(self, offset: int, value: int, at: int) -> None:
        """A register write at ``at`` ticks, from an interrupt handler; call :meth:`settle` when all is done."""
        uart, taps = self.uart, self.taps
        self._quiet_until = 0
        if taps is not None:
            taps.pass_time(at)
        was_closed = self.cable.far.pending > 0 and not self.has_room()
        before = uart.line_format
        uart.write(offset, value, at)
        self.writes[offset] += 1
        if uart.line_format is not before and uart.line_format != before:
            self._set_format()
        if offset == MCR:
            self._look_for_losses()
        if was_closed:
            self._resume(was_closed, at)
        if taps is not None:
            taps.written(at, offset, value)

    def _touched(self) -> None:
        """The port was changed: the time at which something happens by itself has to be worked out again."""
        self._quiet_until = self._far_due = 0

    def _set_format(self) -> None:
        """The chip has another format: the far end follows."""
        self._touched()
        self.carry()  # what began before
        self.cable.set_format(self.uart.line_format, self.uart.now)
        self.far_end.format_changed(self.uart.line_format)
        if self.taps is not None:
            self.taps.programmed()

    # -- time ----------------------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Whether the far end may start a frame: RTS may forbid it, and unless the line is strict, so does a full receiver."""
        uart = self.uart
        if self.flow_control and (self.rts_lost or not uart.modem.rts):
            return False
        receiver = uart.receiver
        return self.strict_line or (len(receiver.data) < receiver.depth and not uart.modem.control & LOOP)

    def _resume(self, was_closed: bool, at: int) -> None:
        """Something may have made room: if so, a frame that waited for it starts at ``at``."""
        self._touched()
        if was_closed and self.has_room():
            self.cable.far.resume(at)

    def advance(self, now: int) -> None:
        """Bring everything up to ``now``: line, chip and interrupt handler, in the order of time."""
        if self._advancing:
            return
        if self.guest.posts_accesses:
            self.guest.catch_up()
        if now < self._quiet_until:
            if now > self.uart.now:
                self._pass_time(now)
            return
        uart, far, watched = self.uart, self.cable.far, self.taps is not None
        now = max(now, uart.now)
        before = far.pending
        self._advancing = True
        try:
            self._do_what_is_due(now)
            if watched:
                self._pass_time(now)
            elif now > uart.now:
                uart.advance(now)
            if uart.irq is not self._irq or watched:
                self._quiet_until = 0
                self._signal(now)
            if far.pending < before:
                self.far_end.room_made()
        finally:
            self._advancing = False

    def _do_what_is_due(self, now: int) -> None:
        """Do what happens by itself up to ``now``, in the order of time.  The chip may be left at an earlier time."""
        uart, far, watched = self.uart, self.cable.far, self.taps is not None
        if uart.irq is not self._irq or watched:
            self._signal(uart.now)
        while True:
            room, due = False, NEVER
            if self._far_due < NEVER:  # else nothing happens there before the port is touched
                room = not far.pending or self.has_room()
                self._far_due = due = far.due(room)
            far_due, interrupt_due = due, NEVER
            if self.guest.serves_interrupts:
                interrupt_due = uart.next_interrupt(uart.now)
                if interrupt_due <= now and uart.ier & ETBEI and self.slices.refill(min(now, far_due - 1)):
                    continue
                due = min(due, interrupt_due)
            if due > now:
                break
            if due == far_due and uart.receiver.trigger == 1 and self.slices.carry_in(min(now, interrupt_due - 1)):
                continue
            due = max(due, uart.now)
            arrival = far.step(due, room) if far_due < NEVER or far.channel is not None else None
            if arrival is not None:
                self._receive(arrival, due)
            elif watched:
                self._pass_time(due)
            else:
                uart.advance(due)
            if uart.irq is not self._irq or watched:
                self._signal(due)
        self._quiet_until = due

    def _pass_time(self, until: int) -> None:
        """Let the chip come to ``until``."""
        if self.taps is None:
            self.uart.advance(until)
        else:
            self.taps.pass_time(until)

    def _receive(self, arrival: Arrival, at: int) -> None:
        """The chip's receiver has a character."""
        if self.taps is not None:
            self.taps.received(arrival, at)
        receiver, received = self.uart.receiver, self.uart.receiver.received
        self.uart.receive(arrival.character, arrival.errors, at)
        if arrival.errors & BREAK_INTERRUPT:
            self.counts.breaks_in += receiver.received - received  # none in loopback, where SIN is cut off
        elif arrival.errors:
            self.counts.errors_in += receiver.received - received
        if self.taps is not None:
            self.taps.tell_pins()

    def write_thr_at(self, characters: bytes, at: int) -> None:
        """THR is written once for each of ``characters`` at ``at`` ticks, from an interrupt handler."""
        self._quiet_until = 0
        if self.taps is not None:
            for character in characters:
                self.write_at(THR, character, at)
            return
        if len(characters) == 1:
            self.uart.write(THR, characters[0], at)
        else:
            self.uart.write_run(characters, at)
        self.writes[THR] += len(characters)

    def _signal(self, now: int) -> None:
        """Tell the guest when the interrupt line has changed; the guest may change it again, and is told again."""
        uart = self.uart
        if self.taps is not None:
            self.taps.tell_pins()
        while uart.irq is not self._irq:
            self._irq = level = uart.irq
            guest = self.guest
            if not guest.serves_interrupts:
                continue
            if self.interrupt_interceptors.active:
                self._late.changed(level, now)
            elif level or not guest.serves_at_once:
                guest.interrupt(level, now)

    def settle(self) -> None:
        """Call this after accesses: it tells of interrupts, hands out what has arrived, and plans the next wake-up."""
        uart, watched = self.uart, self.taps is not None
        if uart.irq is not self._irq or watched:
            within, self._advancing = self._advancing, True
            try:
                self._signal(uart.now)
            finally:
                self._advancing = within
        if uart.unlimited or watched:
            self._pass_time(uart.now)  # what was written has left by now
        self._plan()
        if self.guest.follows_changes:
            self.guest.settled()

    def _tick(self, now: int) -> None:
        try:
            self.advance(now)
            self._plan()
        except Exception as error:
            # An error of one line's guest or far end ends that machine, not the timer of all.
            self.owner.failed(error)

    def carry(self) -> None:
        """Put what the chip has sent onto the cable."""
        uart, cable = self.uart, self.cable
        if self.taps is not None:
            self.taps.carried()
        runs = uart.transmitter.sent
        if runs:
            uart.transmitter.sent = []
            for run in runs:
                cable.carry_run(run.start, run.characters, run.line_format)
        if uart.break_changes:
            cable.carry_breaks(uart.take_break_changes())
        if runs and self.far_end.follows_frames:
            self.far_end.carried(uart.now)

    def _collect(self) -> None:
        """Hand out what has arrived at the far end."""
        uart, cable, counts = self.uart, self.cable, self.counts
        if uart.transmitter.sent or uart.break_changes:
            self.carry()
        if cable.first_at <= uart.now or cable.breaks:
            for at, data, errors in cable.arrived(uart.now):
                if errors & BREAK_INTERRUPT:
                    counts.breaks_out += 1
                    self.far_end.line_break(at)
                    continue
                counts.characters_out += len(data)
                if self.output_interceptors.active:
                    data = intercepted(self, data, at)
                self.far_end.output(data, at)
        if cable.out is not None:
            counts.errors_out += cable.hear(uart.now)

    def _look_for_losses(self) -> None:
        if self.losses.look():
            self.owner.lost()

    def _plan(self) -> None:
        """Hand out what has arrived, and ask to be called when more will be visible outside."""
        uart, cable, guest = self.uart, self.cable, self.guest
        transmitter, receiver, far = uart.transmitter, uart.receiver, cable.far
        if (
            transmitter.sent
            or cable.first_at <= uart.now
            or uart.break_changes
            or cable.breaks
            or cable.out is not None
        ):
            self._collect()
        if (receiver.overruns, transmitter.dropped) != self.losses.seen:
            self._look_for_losses()
        at = gather_from = NEVER
        if guest.serves_at_once:
            # This handler serves each interrupt at the time at which it rose, however late the port is woken.  While
            # something is on the line that is soon enough to refill the transmitter; a received character is told of.
            at = receiver.timeout_at
        elif guest.serves_interrupts:
            at = uart.next_interrupt(uart.now)
        if far.pending or self._far_due < NEVER:
            if not far.pending or self.has_room():
                at = min(at, far.nth_arrival(QUANTUM))
            else:
                at = min(at, far.due(room=False))
        busy = transmitter.shifting or transmitter.fifo
        first = cable.first_at
        if first < NEVER or busy:
            frame = uart.line_format.frame_ticks
            # What the chip still sends arrives after all that is on the line.
            drained = transmitter.drained_at() if busy else cable.last_arrival()
            if uart.ier & ETBEI and drained < NEVER:  # the handler will be asked for more
                drained += guest.waiting() * frame
            quantum = max(QUANTUM * frame, self.quantum_ticks)
            gather_from = (first if first < NEVER else uart.now) + quantum
            at = min(at, drained, gather_from + GATHERED_QUANTA * quantum)
            at = max(at, uart.now + 1) if frame else at
        if cable.out is not None:
            at = min(at, max(cable.hearing_due(), uart.now + 1))
        self._wakeup.set(at, gather_from)
        if self.taps is not None:
            self.taps.settled()
