"""The eight addresses: what reading and writing each register does.

Registers that share an address are told apart by direction and by LCR.DLAB, which exchanges the handlers of offsets
0 and 1 (PC16550D section 8, table II).
"""

from __future__ import annotations

from uartsim.chip.engine import CONNECTED, Engine, Out2Gate, TimeoutRule
from uartsim.chip.state import UartState
from uartsim.chip.timing import frame_times
from uartsim.register_bits import (
    BREAK,
    DLAB,
    FIFO_64,
    FIFO_ENABLE,
    FORMAT,
    LOOP,
    NO_INTERRUPT,
    RCVR_RESET,
    XMIT_RESET,
)
from uartsim.registers import Variant


class RegisterFile(Engine):
    """The registers of a chip.  :class:`uartsim.chip.uart.Uart` says what the arguments are."""

    __slots__ = ()

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
        super().__init__(
            variant,
            thre_delay=thre_delay,
            out2_gate=out2_gate,
            timeout_rule=timeout_rule,
            modem_inputs=modem_inputs,
            unlimited=unlimited,
        )
        # What offsets 0 and 1 are depends on LCR.DLAB: see _select_bank.
        self._readers = {
            2: self._read_iir,
            3: self._read_lcr,
            4: self._read_mcr,
            5: self._read_lsr,
            6: self._read_msr,
            7: self._read_scr,
        }
        self._writers = {
            2: self._write_fcr,
            3: self._write_lcr,
            4: self._write_mcr,
            5: self._ignore,  # factory test
            6: self._ignore,
            7: self._write_scr,
        }
        self._reset()

    def _reset(self) -> None:
        self.ier = 0
        self.fcr = 0
        self.lcr = 0
        self.iir = NO_INTERRUPT
        self.irq = False
        self.thr_empty_latch = False
        self._release_break()
        self._set_fifo_mode()
        self.receiver.reset()
        self.transmitter.reset()
        self.transmitter.loop = None
        self._loop.cut()
        self.transmitter.held = False
        self.modem.reset()
        self._gate()
        self._select_bank()
        self._set_trigger()
        self._reformat()
        self._plan()

    # -- the registers ------------------------------------------------------------------------------------

    def _read_dll(self) -> int:
        return self.divisor & 0xFF

    def _read_dlm(self) -> int:
        return self.divisor >> 8

    def _read_lcr(self) -> int:
        return self.lcr

    def _read_mcr(self) -> int:
        return self.modem.control

    def _read_scr(self) -> int:
        return self.scratch if self.variant.has_scratch else 0xFF

    def _ignore(self, value: int) -> None:
        pass

    def _write_dll(self, value: int) -> None:
        self.divisor = self.divisor & 0xFF00 | value
        self._reformat()

    def _write_dlm(self, value: int) -> None:
        self.divisor = self.divisor & 0x00FF | value << 8
        self._reformat()

    def _write_fcr(self, value: int) -> None:
        variant = self.variant
        if not variant.has_fcr:
            return
        before = self.fcr
        if value & FIFO_ENABLE:
            # FCR.5 can be changed only while the divisor latch is open.
            long_fifo = (value if self.lcr & DLAB else before) & FIFO_64
            self.fcr = (value & ~FIFO_64 | long_fifo) & variant.fcr_bits
        else:
            # Bit 0 must be 1 or the other bits are not programmed: only the FIFOs go off, and their length with them.
            self.fcr &= ~(FIFO_ENABLE | FIFO_64)
        if (self.fcr ^ before) & (FIFO_ENABLE | FIFO_64):
            self.receiver.clear()
            self._clear_transmitter()
            self._set_fifo_mode()
        elif value & FIFO_ENABLE:
            if value & RCVR_RESET:
                self.receiver.clear()
            if value & XMIT_RESET:
                self._clear_transmitter()
        if self.fcr != before:
            self._set_trigger()
        if self.auto_flow:
            self._flow_control(self.now)
        self._plan()
        self._identify()

    def _clear_transmitter(self) -> None:
        self.transmitter.clear()
        self.transmitter.thre_rose = False
        self.thr_empty_latch = True

    def _set_fifo_mode(self) -> None:
        on, depth = self.variant.fifo_mode(self.fcr)
        self.receiver.set_fifo_mode(on, depth)
        self.transmitter.set_fifo_mode(on, depth)

    def _set_trigger(self) -> None:
        self.receiver.trigger = self.variant.trigger(self.fcr)

    def _write_lcr(self, value: int) -> None:
        changed = value ^ self.lcr
        self.lcr = value
        if changed & DLAB:
            self._select_bank()
        if changed & FORMAT:
            self._reformat()
        if changed & BREAK:
            self._route_break()
            self._plan()

    def _select_bank(self) -> None:
        if self.lcr & DLAB:
            self._readers[0], self._readers[1] = self._read_dll, self._read_dlm
            self._writers[0], self._writers[1] = self._write_dll, self._write_dlm
        else:
            self._readers[0], self._readers[1] = self._read_rbr, self._read_ier
            self._writers[0], self._writers[1] = self._write_thr, self._write_ier

    def _reformat(self) -> None:
        """LCR or the divisor changed: the frames that start from now on have the new format."""
        times = frame_times(self.lcr & FORMAT, self.divisor, self.unlimited)
        self.line_format = times.line_format
        self.receiver.set_format(times)
        self.transmitter.set_format(times)

    def _write_mcr(self, value: int) -> None:
        value &= self.variant.mcr_bits
        if value == self.modem.control:
            return
        was_looped = self.modem.control & LOOP
        self.modem.write_control(value, self._drops_rts(value))
        self._gate()
        self.transmitter.loop = self._loop if value & LOOP else None
        if was_looped != value & LOOP:
            self._loop.cut()
            if self.lcr & BREAK:
                self._route_break()
        if self.auto_flow or self.transmitter.held:
            self._flow_control(self.now)
        self._plan()
        self._identify()

    def _route_break(self) -> None:
        """LCR.6 or loopback changed: space goes to SOUT, or around the loop to our own receiver."""
        on, looped = bool(self.lcr & BREAK), bool(self.modem.control & LOOP)
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
            self.scratch = value

    def _restore(self, state: UartState) -> None:
        """Be as ``state`` says; the chip has just been made, with its options."""
        self.now = state.now
        self.divisor, self.scratch = state.divisor, state.scratch
        self.ier, self.fcr, self.lcr = state.ier, state.fcr, state.lcr
        self._select_bank()
        self._reformat()
        self._set_fifo_mode()
        self._set_trigger()
        self.receiver.restore(state.receiver)
        self.transmitter.restore(state.transmitter, state.now)
        self.modem.restore(state.modem)
        on, looped = bool(state.lcr & BREAK), self.modem.looped
        self._loop.restore(state.loop, space=on and looped)
        self._break_sent = on and not looped
        self.break_changes = list(state.break_changes)
        self.transmitter.loop = self._loop if looped else None
        self.transmitter.held = state.modem.holds_transmitter
        self.thr_empty_latch = state.thr_empty_latch
        self._gate()
        self._plan()
        self._identify()
