"""What is inside the chip: its parts, what happens in them as time passes, and the interrupt that comes of it.

The parts are a receiver, a transmitter, modem lines and the loop between them.  Nothing happens by itself: each
call first lets the chip catch up with the present, in the order of time where the order matters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from uartsim.chip.checks import bits, boolean, one_of, whole_number
from uartsim.chip.loopback import Loop
from uartsim.chip.modem import Modem
from uartsim.chip.receiver import Receiver
from uartsim.chip.transmitter import Transmitter
from uartsim.line_format import NEVER
from uartsim.register_bits import (
    AFE,
    CHARACTER_TIMEOUT,
    CTS,
    DCTS,
    DELTAS,
    DR,
    EDSSI,
    ELSI,
    ERBFI,
    ETBEI,
    FIFO_64,
    FIFO_ENABLE,
    FIFO_ERROR,
    LINE_STATUS,
    LOOP,
    LSR,
    MODEM_INPUTS,
    MODEM_STATUS,
    NO_INTERRUPT,
    OUT2,
    RECEIVED_DATA,
    RTS,
    TEMT,
    THR_EMPTY,
    THRE,
)
from uartsim.registers import MSR, POWER_ON_DIVISOR, VARIANTS, Variant

#: CTS, DSR and DCD active, RI not: what a null modem cable to an open port gives.
CONNECTED: Final = MSR.CTS | MSR.DSR | MSR.DCD

Out2Gate = Literal["bit", "pin", "none"]
TimeoutRule = Literal["frames", "word"]


class Engine:
    """The parts of a chip and their time.  :class:`uartsim.chip.uart.Uart` says what the arguments are."""

    __slots__ = (
        "_break_sent",
        "_loop",
        "_modem_interrupts",
        "_readers",
        "_status",
        "_status_until",
        "_writers",
        "auto_flow",
        "break_changes",
        "divisor",
        "due",
        "fcr",
        "gate_open",
        "ier",
        "iir",
        "irq",
        "lcr",
        "line_format",
        "modem",
        "now",
        "out2_gate",
        "receiver",
        "scratch",
        "thr_empty_latch",
        "transmitter",
        "unlimited",
        "variant",
    )

    #: When something happens next by itself, in ticks.
    due: int
    fcr: int
    ier: int
    iir: int
    lcr: int
    #: LSR as it was last worked out, and the time until which it stays so if the chip is left alone.
    _status: int
    _status_until: int

    def __init__(
        self,
        variant: Variant | str = "16550A",
        *,
        thre_delay: bool = True,
        out2_gate: Out2Gate = "bit",
        timeout_rule: TimeoutRule = "frames",
        modem_inputs: int = CONNECTED,
        unlimited: bool = False,
    ) -> None:
        if isinstance(variant, str):
            if variant not in VARIANTS:
                raise ValueError(f"{variant!r} is not a UART that we know: use one of {', '.join(VARIANTS)}")
            variant = VARIANTS[variant]
        elif not isinstance(variant, Variant):
            raise TypeError(f"variant is {variant!r}: use a name, one of {', '.join(VARIANTS)}, or a Variant")
        one_of("out2_gate", out2_gate, ("bit", "pin", "none"))
        one_of("timeout_rule", timeout_rule, ("frames", "word"))
        boolean("thre_delay", thre_delay)
        boolean("unlimited", unlimited)
        self.variant = variant
        self.out2_gate = out2_gate
        self.unlimited = unlimited
        self.receiver = Receiver(timeout_rule == "word")
        self.transmitter = Transmitter(thre_delay)
        self.modem = Modem(bits("modem_inputs", modem_inputs, MODEM_INPUTS))
        self._loop = Loop()
        self.divisor = POWER_ON_DIVISOR
        self.scratch = 0
        #: The last time that the chip was told, in ticks.
        self.now = 0
        #: Times at which LCR.6 forced the line to space (True) or let it go (False), since last taken.
        self.break_changes: list[tuple[int, bool]] = []
        self._break_sent = False
        #: What reading and writing each address does, by offset; see :mod:`uartsim.chip.register_file`.
        self._readers: dict[int, Callable[[], int]] = {}
        self._writers: dict[int, Callable[[int], None]] = {}

    # -- what the processor does ---------------------------------------------------------------------------

    def read(self, offset: int, now: int) -> int:
        """Read a register at ``now``.

        Args:
            offset: 0 to 7.
            now: ticks, not before the last access.

        Returns:
            The register, 0 to 255.

        Raises:
            ValueError: an offset outside 0 to 7, or time went backwards.
        """
        # LSR is polled more than anything else, and mostly nothing has changed.  "is" passes 5.0 by at no cost.
        if offset is LSR and type(now) is int and self.now <= now < self._status_until:
            self.now = now
            return self._status
        if type(offset) is not int:
            offset = whole_number("offset", offset)
        try:
            reader = self._readers[offset]
        except KeyError:
            raise ValueError(f"offset is {offset}: a 16550 has the offsets 0 to 7") from None
        if type(now) is not int or not self.now <= now < self.due:
            self.advance(now)
        self.now = now
        return reader()

    def write(self, offset: int, value: int, now: int) -> None:
        """Write a register at ``now``.

        Raises:
            ValueError: an offset outside 0 to 7, a value outside 0 to 255, or time went backwards.
        """
        if type(offset) is not int:
            offset = whole_number("offset", offset)
        if type(value) is not int:
            value = whole_number("value", value)
        if not 0 <= value <= 0xFF:
            raise ValueError(f"value is {value}: a register takes 0 to 255")
        try:
            writer = self._writers[offset]
        except KeyError:
            raise ValueError(f"offset is {offset}: a 16550 has the offsets 0 to 7") from None
        if type(now) is not int or not self.now <= now < self.due:
            self.advance(now)
        self.now = now
        writer(value)

    # -- the registers that data and interrupts go through -------------------------------------------------

    def _read_rbr(self) -> int:
        character = self.receiver.pop(self.now)
        if self.auto_flow:
            self._flow_control(self.now)
        self._plan()
        self._identify()
        return character

    def _read_ier(self) -> int:
        return self.ier

    def _read_iir(self) -> int:
        iir = self.iir
        if iir == THR_EMPTY:
            self.thr_empty_latch = False
            self._identify()
        if self.fcr & FIFO_ENABLE:
            iir |= self.variant.iir_fifo_bits | self.fcr & FIFO_64  # IIR has the bit at the same place
        return iir

    @property
    def line_status(self) -> int:
        """LSR as a read would show it now, without the effects of a read."""
        receiver, transmitter = self.receiver, self.transmitter
        value = receiver.latched
        if receiver.data:
            value |= DR
            if receiver.bad and receiver.fifo_mode:
                value |= FIFO_ERROR
        if transmitter.thre:
            value |= THRE
            if not transmitter.shifting and not transmitter.fifo:
                value |= TEMT
        return value

    def _read_lsr(self) -> int:
        value = self.line_status
        if self.receiver.latched:
            self.receiver.latched = 0
            self._identify()
        else:
            self._status = value
            self._status_until = self.due
        return value

    def _read_msr(self) -> int:
        modem = self.modem
        value = modem.shown | modem.deltas
        if modem.deltas:
            modem.deltas = 0
            self._identify()
        return value

    def _write_thr(self, value: int) -> None:
        self.transmitter.write(value, self.now)
        self._thr_written()

    def _thr_written(self) -> None:
        """THR was written, and THRE is back already if the shift register was free."""
        transmitter = self.transmitter
        rose = transmitter.thre_rose
        transmitter.thre_rose = False
        self._plan()
        if rose is not self.thr_empty_latch:
            self.thr_empty_latch = rose
            self._identify()

    def _write_ier(self, value: int) -> None:
        value &= 0x0F
        if value & ~self.ier & ETBEI and self.transmitter.thre:
            self.thr_empty_latch = True
        self.ier = value
        self._identify()

    # -- time ----------------------------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Let time pass until ``now``.

        Args:
            now: ticks, not before the last access and before :data:`uartsim.line_format.NEVER`.

        Raises:
            ValueError: time went backwards, or ``now`` is NEVER or later.
        """
        if type(now) is not int or not self.now <= now < NEVER:
            self.check_time(now)
        self.now = now
        if now >= self.due:
            self._catch_up(now)

    def check_time(self, now: int) -> None:
        """ValueError if ``now`` is before the last access, or NEVER or later; TypeError if it is not a number of ticks."""
        if type(now) is not int:
            raise TypeError(f"now is {now!r}: use ticks, a whole number")
        if now < self.now:
            raise ValueError(f"time went backwards: {now} after {self.now} ticks")
        if now >= NEVER:
            raise ValueError(f"now is {now}: time ends before NEVER, {NEVER} ticks")

    def _catch_up(self, now: int) -> None:
        """Everything that is due up to and including ``now``."""
        transmitter, receiver = self.transmitter, self.receiver
        if transmitter.loop is not None:
            self._catch_up_looped(now)
        else:  # they know nothing of each other
            if transmitter.due <= now:
                transmitter.catch_up(now)
            if receiver.timeout_at <= now:
                receiver.catch_up(now)
            self._plan()
        if transmitter.thre_rose:
            transmitter.thre_rose = False
            self.thr_empty_latch = True
        self._identify()

    def _catch_up_looped(self, now: int) -> None:
        """The same in loopback, in the order of time: what leaves the transmitter comes in at the receiver."""
        transmitter, receiver = self.transmitter, self.receiver
        while (due := self.due) <= now:
            receiver.catch_up(due)
            self._loop.deliver(due, receiver, transmitter.times)
            if self.auto_flow:
                self._flow_control(due)
            if transmitter.due <= due:
                transmitter.catch_up(due)
            self._plan()

    def _plan(self) -> None:
        """Work out when something will happen."""
        due = self.transmitter.due
        timeout_at = self.receiver.timeout_at
        if timeout_at < due:
            due = timeout_at
        if self._loop.due < due:  # never, outside loopback
            due = self._loop.due
        self.due = due
        self._status_until = 0

    def next_interrupt(self, now: int) -> int:
        """The earliest time after ``now`` at which the interrupt line may change by itself; NEVER if it will not.

        Unlike :meth:`next_event` it looks past the frames that merely follow each other on the line.

        Raises:
            ValueError: time went backwards, or ``now`` is NEVER or later.
        """
        if type(now) is not int or now != self.now or now >= self.due:
            self.advance(now)
        due = NEVER
        if self.ier & ERBFI and self.receiver.timeout_at < due:
            due = self.receiver.timeout_at
        if self.modem.control & LOOP:
            return min(due, self.due)
        transmitter = self.transmitter
        if self.ier & ETBEI and not transmitter.thre:
            empty_at = transmitter.empty_at()
            if empty_at < due:
                due = empty_at
        return due

    # -- interrupts ----------------------------------------------------------------------------------------

    def _identify(self) -> None:
        """Work out IIR and the interrupt line."""
        ier, receiver = self.ier, self.receiver
        pending = NO_INTERRUPT
        if ier:
            if receiver.latched and ier & ELSI:
                pending = LINE_STATUS
            elif receiver.timeout and ier & ERBFI:
                pending = CHARACTER_TIMEOUT
            elif len(receiver.data) >= receiver.trigger and ier & ERBFI:
                pending = RECEIVED_DATA
            elif self.thr_empty_latch and ier & ETBEI:
                pending = THR_EMPTY
            elif ier & EDSSI and self.modem.deltas & self._modem_interrupts:
                pending = MODEM_STATUS
        self.iir = pending
        self.irq = pending != NO_INTERRUPT and self.gate_open

    def _gate(self) -> None:
        """MCR was written: whether the interrupt gets out, and which deltas make one."""
        control = self.modem.control
        self.gate_open = self.out2_gate == "none" or (
            bool(control & OUT2) and not (self.out2_gate == "pin" and control & LOOP)
        )
        self.auto_flow = bool(control & AFE)
        self._modem_interrupts = DELTAS & ~DCTS if self.auto_flow else DELTAS

    # -- automatic flow control (16750) --------------------------------------------------------------------

    def _drops_rts(self, control: int) -> bool:
        """Whether the receiver's FIFO drops RTS, with MCR as given."""
        if control & (AFE | RTS) != AFE | RTS:
            return False
        return self.receiver.throttles(self.modem.rts_dropped, highest_trigger=self.fcr >> 6 == 3)

    def _flow_control(self, now: int) -> None:
        """What decides on RTS and on the transmitter's next character may have changed: MCR, CTS, the receiver's FIFO."""
        modem, transmitter = self.modem, self.transmitter
        drop = self._drops_rts(modem.control)
        if drop != modem.rts_dropped:
            modem.drop_rts(drop)
        held = bool(modem.control & AFE) and not modem.shown & CTS
        if held != transmitter.held:
            transmitter.hold(held, now)
            if transmitter.thre_rose:
                transmitter.thre_rose = False
                self.thr_empty_latch = True
            self._plan()
