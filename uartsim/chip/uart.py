"""The chip: eight addresses, five sources of interrupt, and the line.

A :class:`Uart` is pure: time is an argument (ticks, see :mod:`uartsim.line_format`) and nothing happens between
calls.  Every call first computes what has happened until ``now``; :meth:`Uart.next_event` says when there will be
something to see, so nobody polls.

Choices where the datasheet is silent or parts differ (each may be looked up in ``docs/chip.md``):

- received data and character timeout both true: IIR says 0C;
- IER.1 raises THRE on its rising edge only;
- OUT2 gates the interrupt line by the bit in MCR, also in loopback (``out2_gate``);
- a full transmitter FIFO drops the new character;
- divisor 0 counts 65536;
- RBR read while empty: 0 with FIFO, the last character without;
- LSR bit 7 goes when the last bad character has left the FIFO;
- the timeout is four frames (``timeout_rule="word"``: four words and twelve bits, as the ST16C550 family);
- the transmitter's delay circuit is on (``thre_delay=False`` switches it off).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from uartsim.chip.loopback import Loop
from uartsim.chip.modem import Modem
from uartsim.chip.receiver import Receiver
from uartsim.chip.registers import (
    IER,
    LCR,
    LSR,
    MCR,
    MSR,
    POWER_ON_DIVISOR,
    VARIANTS,
    InterruptId,
    Variant,
)
from uartsim.chip.timing import frame_times
from uartsim.chip.transmitter import SentFrame, SentRun, Transmitter
from uartsim.line_format import NEVER

_DR: Final = int(LSR.DR)
_THRE: Final = int(LSR.THRE)
_TEMT: Final = int(LSR.TEMT)
_FIFO_ERROR: Final = int(LSR.FIFO_ERROR)
_DLAB: Final = int(LCR.DLAB)
_BREAK: Final = int(LCR.BREAK)
_LOOP: Final = int(MCR.LOOP)
_OUT2: Final = int(MCR.OUT2)
_AFE: Final = int(MCR.AFE)
_CTS: Final = int(MSR.CTS)
_DCTS: Final = int(MSR.DCTS)
_DELTAS: Final = int(MSR.DCTS | MSR.DDSR | MSR.TERI | MSR.DDCD)
_FORMAT: Final = 0x3F  # the bits of LCR that make the format
_ERBFI, _ETBEI, _ELSI, _EDSSI = (int(bit) for bit in (IER.ERBFI, IER.ETBEI, IER.ELSI, IER.EDSSI))
_NONE, _LINE_STATUS, _DATA, _TIMEOUT, _THR_EMPTY, _MODEM = (
    int(i)
    for i in (
        InterruptId.NONE,
        InterruptId.LINE_STATUS,
        InterruptId.RECEIVED_DATA,
        InterruptId.CHARACTER_TIMEOUT,
        InterruptId.THR_EMPTY,
        InterruptId.MODEM_STATUS,
    )
)

#: CTS, DSR and DCD active, RI not: what a null modem cable to an open port gives.
CONNECTED: Final = MSR.CTS | MSR.DSR | MSR.DCD

#: LSR has to be worked out.
_UNKNOWN: Final = -1

Out2Gate = Literal["bit", "pin", "none"]
TimeoutRule = Literal["frames", "word"]


class Uart:
    """A 16550A, or one of its relatives.

    Args:
        variant: the part, one of :data:`uartsim.chip.registers.VARIANTS` or its name.
        thre_delay: the transmitter's delay circuit.
        out2_gate: what lets the interrupt out: OUT2's ``"bit"`` in MCR, its ``"pin"`` (inactive in loopback),
            or ``"none"`` (always out).
        timeout_rule: ``"frames"``: the character timeout is 4 frames; ``"word"``: 4 words and 12 bits.
        modem_inputs: CTS, DSR, RI, DCD at power-on, at their places in MSR.
        unlimited: frames take no time whatever the divisor says.

    Raises:
        ValueError: an unknown variant or option.
    """

    __slots__ = (
        "_break_sent",
        "_due",
        "_loop",
        "_modem_interrupts",
        "_readers",
        "_status",
        "_writers",
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
        if out2_gate not in ("bit", "pin", "none"):
            raise ValueError(f"out2_gate is {out2_gate!r}: use 'bit', 'pin' or 'none'")
        if timeout_rule not in ("frames", "word"):
            raise ValueError(f"timeout_rule is {timeout_rule!r}: use 'frames' or 'word'")
        self.variant = variant
        self.out2_gate = out2_gate
        self.unlimited = unlimited
        self.receiver = Receiver(timeout_rule == "word")
        self.transmitter = Transmitter(thre_delay)
        self.modem = Modem(int(modem_inputs))
        self._loop = Loop()
        self.divisor = POWER_ON_DIVISOR
        self.scratch = 0
        #: The last time anyone told us, in ticks.
        self.now = 0
        #: Times at which LCR.6 forced the line to space (True) or let it go (False), since last taken.
        self.break_changes: list[tuple[int, bool]] = []
        self._break_sent = False
        self._readers: dict[int, Callable[[], int]] = {
            0: self._read_rbr,
            1: self._read_ier,
            2: self._read_iir,
            3: self._read_lcr,
            4: self._read_mcr,
            5: self._read_lsr,
            6: self._read_msr,
            7: self._read_scr,
        }
        self._writers: dict[int, Callable[[int], None]] = {
            0: self._write_thr,
            1: self._write_ier,
            2: self._write_fcr,
            3: self._write_lcr,
            4: self._write_mcr,
            5: self._ignore,  # factory test
            6: self._ignore,
            7: self._write_scr,
        }
        self._reset()

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
        if not self.now <= now < self._due:
            self.advance(now)
        self.now = now
        if offset == 5 and (status := self._status) >= 0:
            return status  # polled more than anything else, and mostly nothing has changed
        try:
            return self._readers[offset]()
        except KeyError:
            raise ValueError(f"offset is {offset}: a 16550 has the offsets 0 to 7") from None

    def write(self, offset: int, value: int, now: int) -> None:
        """Write a register at ``now``.

        Raises:
            ValueError: an offset outside 0 to 7, a value outside 0 to 255, or time went backwards.
        """
        if not 0 <= value <= 0xFF:
            raise ValueError(f"value is {value}: a register takes 0 to 255")
        writer = self._writers.get(offset)
        if writer is None:
            raise ValueError(f"offset is {offset}: a 16550 has the offsets 0 to 7")
        if not self.now <= now < self._due:
            self.advance(now)
        self.now = now
        writer(value)

    def write_run(self, characters: bytes, now: int) -> None:
        """Write THR once for each of ``characters``, all at ``now``: the same as :meth:`write` for each, but a slice.

        Raises:
            ValueError: time went backwards, or LCR.DLAB is set and offset 0 is not THR.
        """
        self.advance(now)
        if self.lcr & _DLAB:
            raise ValueError("LCR.DLAB is set: offset 0 is the divisor latch; clear it before you write to THR")
        if not characters:
            return
        transmitter = self.transmitter
        if not transmitter.fifo_mode or self.unlimited:
            for character in characters:
                self.write(0, character, now)
            return
        transmitter.write_run(characters, now)
        self._thr_written(rose=transmitter.thre_rose and len(characters) == 1)

    def reset(self, now: int) -> None:
        """Master reset.  RBR, SCR and the divisor latch keep what they hold."""
        self.advance(now)
        self._reset()

    def _reset(self) -> None:
        self.ier = 0
        self.fcr = 0
        self.lcr = 0
        self.iir = _NONE
        self.irq = False
        self.thr_empty_latch = False
        self._release_break()
        self.receiver.reset()
        self.receiver.set_fifo_mode(False, 1)
        self.transmitter.reset()
        self.transmitter.set_fifo_mode(False, 1)
        self.transmitter.immediate = False
        self.transmitter.looped = False
        self._loop.cut()
        self.transmitter.held = False
        self.modem.reset()
        self._gate()
        self._select_bank()
        self._set_trigger()
        self._reformat()
        self._plan()

    # -- what the line does --------------------------------------------------------------------------------

    def receive(self, character: int, errors: int, now: int) -> None:
        """A character from the line is complete at ``now``.  In loopback SIN is cut off and nothing happens.

        Args:
            character: 0 to 255; the bits beyond the word length are not received.
            errors: LSR bits PE, FE and BI that belong to it.
            now: ticks: when its first stop bit was sampled.

        Raises:
            ValueError: time went backwards.
        """
        self.advance(now)
        if self.modem.control & _LOOP:
            return
        self.receiver.receive(character & self.transmitter.times.mask, errors, now)
        self._plan()
        self._identify()

    def receive_run(self, characters: bytes, now: int, interval: int) -> None:
        """Characters without errors arrive one after the other: the same as :meth:`receive` for each, but a slice.

        Who wants to see the interrupt line rise in their midst gives fewer at a time.

        Args:
            characters: what arrives; the bits beyond the word length are not received.
            now: when the first is complete, in ticks.
            interval: from one to the next, in ticks.

        Raises:
            ValueError: time went backwards.
        """
        if not characters:
            return
        self.advance(now)
        last_at = now + (len(characters) - 1) * interval
        receiver, mask = self.receiver, self.transmitter.times.mask
        if self.modem.control & _LOOP or not receiver.fifo_mode or interval >= receiver.timeout_ticks:
            for n, character in enumerate(characters):
                self.receive(character, 0, now + n * interval)
            return
        receiver.receive_run(characters if mask == 0xFF else bytes(c & mask for c in characters), last_at)
        self._plan()
        self._identify()
        self.advance(last_at)

    def set_modem_inputs(self, inputs: int, now: int) -> None:
        """The cable drives CTS, DSR, RI and DCD (at their places in MSR) from ``now`` on."""
        self.advance(now)
        self.modem.set_pins(inputs)
        self._flow_control()
        self._identify()

    def advance(self, now: int) -> None:
        """Let time pass until ``now``.

        Raises:
            ValueError: time went backwards.
        """
        if now < self.now:
            raise ValueError(f"time went backwards: {now} after {self.now} ticks")
        self.now = now
        if now >= self._due:
            self._catch_up(now)

    def take_sent(self) -> list[SentFrame]:
        """The frames that started on SOUT since the last call."""
        return [frame for run in self.take_sent_runs() for frame in run.frames()]

    def take_sent_runs(self) -> list[SentRun]:
        """The frames that started on SOUT since the last call, those without a gap between them together."""
        sent = self.transmitter.sent
        if sent:
            self.transmitter.sent = []
        return sent

    def take_break_changes(self) -> list[tuple[int, bool]]:
        """When SOUT was forced to space (True) and let go (False) since the last call."""
        changes = self.break_changes
        if changes:
            self.break_changes = []
        return changes

    def finish_stream(self, now: int, *, thre_interrupt: bool) -> None:
        """Used by :mod:`uartsim.chip.streaming`: the transmitter was brought to ``now`` by a slice of refills."""
        self.now = max(self.now, now)
        self.transmitter.thre_rose = False
        self.thr_empty_latch = thre_interrupt
        self.transmitter.replan()
        self._plan()
        self._identify()

    @property
    def line_status(self) -> int:
        """LSR as a read would show it now, without the effects of a read."""
        receiver, transmitter = self.receiver, self.transmitter
        value = receiver.latched
        if receiver.data:
            value |= _DR
            if receiver.bad and receiver.fifo_mode:
                value |= _FIFO_ERROR
        if transmitter.thre:
            value |= _THRE
            if not transmitter.shifting and not transmitter.fifo:
                value |= _TEMT
        return value

    # -- when something will happen ------------------------------------------------------------------------

    def next_event(self, now: int) -> int:
        """The earliest time after ``now`` at which anything outside could see a difference; NEVER if none will.

        Raises:
            ValueError: time went backwards.
        """
        self.advance(now)
        return self._due

    def next_interrupt(self, now: int) -> int:
        """The earliest time after ``now`` at which the interrupt line may change by itself; NEVER if it will not.

        Unlike :meth:`next_event` it looks past the frames that merely follow each other on the line.
        """
        self.advance(now)
        due = self.receiver.timeout_at if self.ier & _ERBFI else NEVER
        if self.modem.control & _LOOP:
            return min(due, self._due)
        transmitter = self.transmitter
        if self.ier & _ETBEI and not transmitter.thre:
            if transmitter.thre_at != NEVER:
                due = min(due, transmitter.thre_at)
            elif waiting := len(transmitter.fifo):
                if not transmitter.shifting:
                    empty_at = transmitter.start_at
                else:
                    empty_at = transmitter.frame_end + (waiting - 1) * self.line_format.frame_ticks
                due = min(due, empty_at)
        return due

    @property
    def looping(self) -> bool:
        """Something is on its way through the loopback to our own receiver."""
        return self._loop.busy

    # -- time ----------------------------------------------------------------------------------------------

    def _catch_up(self, now: int) -> None:
        """Everything that is due up to and including ``now``."""
        transmitter, receiver = self.transmitter, self.receiver
        if transmitter.looped:
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
            if transmitter.due <= due:
                transmitter.catch_up(due)
                self._take_loop()
            self._plan()

    def _plan(self) -> None:
        """Work out when something will happen."""
        due = self.transmitter.due
        timeout_at = self.receiver.timeout_at
        if timeout_at < due:
            due = timeout_at
        if self.transmitter.looped:
            due = min(due, self._loop.due)
        self._due = due
        self._status = _UNKNOWN

    def _take_loop(self) -> None:
        """Frames that started in loopback are on their way to our own receiver, unless a break covers them."""
        transmitter = self.transmitter
        if transmitter.sent and transmitter.sent[-1].looped:
            run = transmitter.sent.pop()
            if not self.lcr & _BREAK:
                self._loop.carry(run, transmitter.times)

    # -- interrupts ----------------------------------------------------------------------------------------

    def _identify(self) -> None:
        """Work out IIR and the interrupt line."""
        ier, receiver = self.ier, self.receiver
        pending = _NONE
        if ier:
            if receiver.latched and ier & _ELSI:
                pending = _LINE_STATUS
            elif receiver.timeout and ier & _ERBFI:
                pending = _TIMEOUT
            elif len(receiver.data) >= receiver.trigger and ier & _ERBFI:
                pending = _DATA
            elif self.thr_empty_latch and ier & _ETBEI:
                pending = _THR_EMPTY
            elif ier & _EDSSI and self.modem.deltas & self._modem_interrupts:
                pending = _MODEM
        self.iir = pending
        self.irq = pending != _NONE and self.gate_open

    def _gate(self) -> None:
        """MCR was written: whether the interrupt gets out, and which deltas make one."""
        control = self.modem.control
        self.gate_open = self.out2_gate == "none" or (
            bool(control & _OUT2) and not (self.out2_gate == "pin" and control & _LOOP)
        )
        self._modem_interrupts = _DELTAS & ~_DCTS if control & _AFE else _DELTAS

    # -- registers -----------------------------------------------------------------------------------------

    def _read_rbr(self) -> int:
        character = self.receiver.pop(self.now)
        self._plan()
        self._identify()
        return character

    def _read_dll(self) -> int:
        return self.divisor & 0xFF

    def _read_ier(self) -> int:
        return self.ier

    def _read_dlm(self) -> int:
        return self.divisor >> 8

    def _read_iir(self) -> int:
        iir = self.iir
        if iir == _THR_EMPTY:
            self.thr_empty_latch = False
            self._identify()
        if self.fcr & 1:
            iir |= self.variant.iir_fifo_bits
            if self.fcr & 0x20:
                iir |= 0x20
        return iir

    def _read_lcr(self) -> int:
        return self.lcr

    def _read_mcr(self) -> int:
        return self.modem.control

    def _read_lsr(self) -> int:
        value = self.line_status
        if self.receiver.latched:
            self.receiver.latched = 0
            self._identify()
        else:
            self._status = value
        return value

    def _read_msr(self) -> int:
        modem = self.modem
        value = modem.shown | modem.deltas
        if modem.deltas:
            modem.deltas = 0
            self._identify()
        return value

    def _read_scr(self) -> int:
        return self.scratch if self.variant.has_scratch else 0xFF

    def _ignore(self, value: int) -> None:
        pass

    def _write_thr(self, value: int) -> None:
        transmitter = self.transmitter
        transmitter.write(value, self.now)
        self._thr_written(transmitter.thre_rose)

    def _thr_written(self, rose: bool) -> None:
        """THR was written; ``rose``: the last write found the shift register free, and THRE is back already."""
        transmitter = self.transmitter
        self.thr_empty_latch = rose
        transmitter.thre_rose = False
        if transmitter.looped:
            self._take_loop()
        self._plan()
        self._identify()

    def _write_dll(self, value: int) -> None:
        self.divisor = self.divisor & 0xFF00 | value
        self._reformat()

    def _write_dlm(self, value: int) -> None:
        self.divisor = self.divisor & 0x00FF | value << 8
        self._reformat()

    def _write_ier(self, value: int) -> None:
        value = int(value) & 0x0F
        if value & ~self.ier & _ETBEI and self.transmitter.thre:
            self.thr_empty_latch = True
        self.ier = value
        self._identify()

    def _write_fcr(self, value: int) -> None:
        variant = self.variant
        value = int(value)
        if not variant.has_fcr:
            return
        enable = value & 1
        if enable != self.fcr & 1:
            self._clear_fifos(receiver=True, transmitter=True)
        if enable:
            deep = 0x20 if variant.deep_fifo and (value if self.lcr & _DLAB else self.fcr) & 0x20 else 0
            if deep != self.fcr & 0x20:
                self._clear_fifos(receiver=True, transmitter=True)
            if value & 6:
                self._clear_fifos(receiver=bool(value & 2), transmitter=bool(value & 4))
            self.fcr, before = value & 0xC9 | deep, self.fcr
            if not before & 1 or deep != before & 0x20:
                self._set_fifo_mode()
        elif self.fcr & 1:
            # Bit 0 must be 1 or the other bits are not programmed: only the FIFOs go off.
            self.fcr &= ~0x21
            self._set_fifo_mode()
        self._set_trigger()
        self._plan()
        self._identify()

    def _clear_fifos(self, *, receiver: bool, transmitter: bool) -> None:
        if receiver:
            self.receiver.clear()
        if transmitter:
            self.transmitter.clear()
            self.transmitter.thre_rose = False
            self.thr_empty_latch = True

    def _set_fifo_mode(self) -> None:
        variant = self.variant
        on = bool(self.fcr & 1) and variant.fifo_works
        depth = variant.deep_fifo if self.fcr & 0x20 else variant.fifo_depth
        self.receiver.set_fifo_mode(on, depth)
        self.transmitter.set_fifo_mode(on, depth)

    def _set_trigger(self) -> None:
        triggers = self.variant.deep_triggers if self.fcr & 0x20 else self.variant.triggers
        self.receiver.trigger = triggers[self.fcr >> 6] if self.receiver.fifo_mode else 1

    def _write_lcr(self, value: int) -> None:
        value = int(value)
        changed = value ^ self.lcr
        self.lcr = value
        if changed & _DLAB:
            self._select_bank()
        if changed & _FORMAT:
            self._reformat()
        if changed & _BREAK:
            self._route_break()
            self._plan()

    def _select_bank(self) -> None:
        if self.lcr & _DLAB:
            self._readers[0], self._readers[1] = self._read_dll, self._read_dlm
            self._writers[0], self._writers[1] = self._write_dll, self._write_dlm
        else:
            self._readers[0], self._readers[1] = self._read_rbr, self._read_ier
            self._writers[0], self._writers[1] = self._write_thr, self._write_ier

    def _reformat(self) -> None:
        """LCR or the divisor changed: the frames that start from now on have the new format."""
        times = frame_times(self.lcr & _FORMAT, self.divisor, self.unlimited)
        self.line_format = times.line_format
        self.receiver.set_format(times)
        self.transmitter.set_format(times)

    def _write_mcr(self, value: int) -> None:
        value = int(value) & (0x3F if self.variant.auto_flow else 0x1F)
        if value == self.modem.control:
            return
        was_looped = self.modem.control & _LOOP
        self.modem.write_control(value)
        self._gate()
        self.transmitter.looped = bool(value & _LOOP)
        if was_looped != value & _LOOP:
            self._loop.cut()
            self._route_break()
        self._flow_control()
        self._plan()
        self._identify()

    def _flow_control(self) -> None:
        """16750: CTS holds the next character while MCR.AFE is set."""
        held = bool(self.modem.control & _AFE) and not self.modem.shown & _CTS
        transmitter = self.transmitter
        if held != transmitter.held:
            transmitter.hold(held, self.now)
            if transmitter.looped:
                self._take_loop()
            if transmitter.thre_rose:
                transmitter.thre_rose = False
                self.thr_empty_latch = True
            self._plan()

    def _route_break(self) -> None:
        """LCR.6 or loopback changed: space goes to SOUT, or around the loop to our own receiver."""
        on, looped = bool(self.lcr & _BREAK), bool(self.modem.control & _LOOP)
        if looped:
            if on:
                self._loop.begin_break(self.now, self.transmitter.times)
            else:
                self._loop.end_break(self.now)
        to_line = on and not looped
        if to_line != self._break_sent:
            self._break_sent = to_line
            self.break_changes.append((self.now, to_line))

    def _release_break(self) -> None:
        if self._break_sent:
            self._break_sent = False
            self.break_changes.append((self.now, False))

    def _write_scr(self, value: int) -> None:
        if self.variant.has_scratch:
            self.scratch = int(value)
