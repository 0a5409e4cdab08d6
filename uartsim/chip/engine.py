"""What is inside the chip: its parts, what happens in them as time passes, and the interrupt that comes of it.

The parts are a receiver, a transmitter, modem lines and the loop between them.  Nothing happens by itself: whoever
touches the chip first lets it catch up with the present, in the order of time where the order matters.
"""

from __future__ import annotations

from typing import Final, Literal

from uartsim.chip.checks import bits
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
    EDSSI,
    ELSI,
    ERBFI,
    ETBEI,
    LINE_STATUS,
    LOOP,
    MODEM_INPUTS,
    MODEM_STATUS,
    NO_INTERRUPT,
    OUT2,
    RECEIVED_DATA,
    RTS,
    THR_EMPTY,
)
from uartsim.registers import (
    MSR,
    POWER_ON_DIVISOR,
    VARIANTS,
    Variant,
)

#: CTS, DSR and DCD active, RI not: what a null modem cable to an open port gives.
CONNECTED: Final = MSR.CTS | MSR.DSR | MSR.DCD

Out2Gate = Literal["bit", "pin", "none"]
TimeoutRule = Literal["frames", "word"]


class Engine:
    """The parts of a chip and their time.  :class:`uartsim.chip.uart.Uart` says what the arguments are."""

    __slots__ = (
        "_break_sent",
        "_due",
        "_loop",
        "_modem_interrupts",
        "_status",
        "_status_until",
        "auto_flow",
        "break_changes",
        "divisor",
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
                raise ValueError(f"{variant!r} is no UART we know: use one of {', '.join(VARIANTS)}")
            variant = VARIANTS[variant]
        elif not isinstance(variant, Variant):
            raise TypeError(f"variant is {variant!r}: use a name, one of {', '.join(VARIANTS)}, or a Variant")
        if out2_gate not in ("bit", "pin", "none"):
            raise ValueError(f"out2_gate is {out2_gate!r}: use 'bit', 'pin' or 'none'")
        if timeout_rule not in ("frames", "word"):
            raise ValueError(f"timeout_rule is {timeout_rule!r}: use 'frames' or 'word'")
        for name, option in (("thre_delay", thre_delay), ("unlimited", unlimited)):
            if not isinstance(option, bool):
                raise TypeError(f"{name} is {option!r}: use True or False")
        self.variant = variant
        self.out2_gate = out2_gate
        self.unlimited = unlimited
        self.receiver = Receiver(timeout_rule == "word")
        self.transmitter = Transmitter(thre_delay)
        self.modem = Modem(bits("modem_inputs", modem_inputs, MODEM_INPUTS))
        self._loop = Loop()
        self.divisor = POWER_ON_DIVISOR
        self.scratch = 0
        self.ier = self.fcr = self.lcr = 0
        #: The last time anyone told us, in ticks.
        self.now = 0
        #: Times at which LCR.6 forced the line to space (True) or let it go (False), since last taken.
        self.break_changes: list[tuple[int, bool]] = []
        self._break_sent = False
        #: LSR as it was last worked out, and the time until which it stays so if nobody touches the chip.
        self._status = 0
        self._status_until = 0

    @property
    def looping(self) -> bool:
        """Something is on its way through the loopback to our own receiver."""
        return self._loop.busy

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
        if now >= self._due:
            self._catch_up(now)

    def check_time(self, now: int) -> None:
        """ValueError if ``now`` is before the last access, or NEVER or later; TypeError if it is no number of ticks."""
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
        while (due := self._due) <= now:
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
        self._due = due
        self._status_until = 0

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
