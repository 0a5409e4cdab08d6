"""Leases: the registers that the port bridge may answer by itself, with their values and until when they hold.

A register is leased if reading it changes nothing, and only a request or a foreseen event can change it.  The foreseen
events are: the transmitter's FIFO runs empty (THRE), the last frame ends (TEMT), the receiver's character timeout, and the
next character from the line.  If the time of one of the first two is certain, the lease has a further step from then on;
at any other event the lease ends, and the next read becomes a request.

RBR, an IIR that shows THR empty, an LSR that shows an error, and an MSR that shows a delta are never leased, because
reading changes them.
"""

from __future__ import annotations

from typing import Final

from uartsim.chip.transmitter import Transmitter
from uartsim.chip.uart import Uart
from uartsim.guest.bridge_page import NEVER_NS, Future, Lease, Step
from uartsim.line_format import NEVER, TICKS_PER_NS
from uartsim.register_bits import DLAB, ERBFI, ETBEI, TEMT, THR_EMPTY, THRE
from uartsim.registers import Offset

_RBR: Final = 1 << Offset.RBR
_IIR: Final = 1 << Offset.IIR
_LSR: Final = 1 << Offset.LSR
_MSR: Final = 1 << Offset.MSR
#: IER, LCR, MCR and SCR (with DLAB: DLM, LCR, MCR, SCR), which read as they were written.
_PLAIN: Final = 1 << Offset.IER | 1 << Offset.LCR | 1 << Offset.MCR | 1 << Offset.SCR
_THR: Final = 1 << Offset.THR
_IER: Final = 1 << Offset.IER
_BOTH_EMPTY: Final = THRE | TEMT

#: The transmitter's future is unknown.
NO_FUTURE: Final = Future(0, 0, 0, 0, 0, 0)
#: Every access becomes a request.
NO_LEASE: Final = Lease((), 0, 0, NO_FUTURE)


def _ns(ticks: int) -> int:
    """``ticks`` in nanoseconds, rounded up, so that a guest does not see an event before the chip does."""
    return NEVER_NS if ticks >= NEVER else -(-ticks // TICKS_PER_NS)


def lease_of(uart: Uart, next_arrival: int) -> Lease:
    """The lease for the chip's registers from now on.

    Args:
        uart: the chip; it is first advanced to its own present time.
        next_arrival: a time in ticks before which no character from the line is complete; NEVER if none is on its way.
    """
    uart.advance(uart.now)
    receiver, transmitter, modem = uart.receiver, uart.transmitter, uart.modem
    divisor_latch = uart.lcr & DLAB
    status = uart.line_status
    identification = uart.iir
    values = [
        uart.divisor & 0xFF,
        uart.divisor >> 8 if divisor_latch else uart.ier,
        identification | _fifo_bits(uart),
        uart.lcr,
        modem.control,
        status,
        modem.status,
        uart.scratch if uart.variant.has_scratch else 0xFF,
    ]
    mask = _PLAIN | (_RBR if divisor_latch else 0)
    if identification != THR_EMPTY:
        mask |= _IIR
    if not receiver.latched:
        mask |= _LSR
    if not modem.deltas:
        mask |= _MSR

    # The plain registers keep their values at every event, but all registers share one list of steps.
    end = next_arrival
    if uart.ier & ERBFI:
        end = min(end, receiver.timeout_at)
    steps: list[Step] = []
    future = NO_FUTURE
    if modem.looped:
        end = min(end, uart.next_event(uart.now))
    elif transmitter.held:
        end = min(end, transmitter.due)
    else:
        empty_at, drained_at = foreseen(transmitter)
        if not divisor_latch and mask & _LSR and not (uart.unlimited or transmitter.delay_circuit):
            times = transmitter.times
            future = Future(transmitter.depth, _ns(next_arrival), empty_at, drained_at, times.frame, times.bit)
        if uart.now < empty_at < end:
            steps.append(Step(_ns(empty_at), mask, values))
            values = _with_status(values, THRE)
            if uart.ier & ETBEI:
                mask &= ~_IIR
        if empty_at < end and uart.now < drained_at < end:
            steps.append(Step(_ns(drained_at), mask, values))
            values = _with_status(values, THRE | TEMT)
    steps.append(Step(_ns(end), mask, values))
    steps.append(Step(NEVER_NS, mask & (_PLAIN | _RBR | _MSR), values))
    return Lease(steps, *_posting(uart, mask), future)


def _posting(uart: Uart, mask: int) -> tuple[int, int]:
    """The offsets whose writes need not wait, and the registers that a write to THR does not change, as bit masks.

    On a paced line, the bridge decides from the transmitter's future whether a write to THR must wait.
    """
    if uart.lcr & DLAB or uart.modem.looped:
        return 0, 0
    keep = mask & (_PLAIN | _MSR)
    if not uart.ier & ETBEI:
        keep |= mask & _IIR
    if not uart.unlimited or uart.transmitter.held:
        return _IER, keep
    if uart.line_status & _BOTH_EMPTY == _BOTH_EMPTY:
        keep |= mask & _LSR
    return _THR | _IER, keep


def _fifo_bits(uart: Uart) -> int:
    """The bits of IIR above the interrupt identification."""
    if not uart.fcr & 1:
        return 0
    return uart.variant.iir_fifo_bits | uart.fcr & 0x20


def foreseen(transmitter: Transmitter) -> tuple[int, int]:
    """The times in ticks at which THRE and TEMT are set again if nothing more is written; past times if they are set."""
    drained_at = transmitter.drained_at()
    if transmitter.thre:
        return 0, drained_at
    if transmitter.thre_at < NEVER:
        return transmitter.thre_at, drained_at
    taken_at = drained_at - transmitter.times.frame  # when the shift register takes the last character
    if transmitter.fifo_mode:
        return taken_at + (transmitter.times.all_but_last_stop if transmitter.late else 0), drained_at
    follows = transmitter.shifting or len(transmitter.fifo) > 1
    return taken_at + (transmitter.times.bit // 2 if follows else 0), drained_at


def _with_status(values: list[int], status: int) -> list[int]:
    """The same values with further bits of LSR set."""
    return [*values[: Offset.LSR], values[Offset.LSR] | status, *values[Offset.LSR + 1 :]]
