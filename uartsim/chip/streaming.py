"""Slices: what a driver's interrupt handler does again and again, done at once.

While a driver has much to send, the same thing happens every sixteen characters: THRE rises when the last of them
enters the shift register, the handler reads IIR (02), fills the FIFO, and reads IIR again (01). While much comes in
and the trigger level is 1, the same thing happens with every character: IIR (04), LSR, RBR, LSR, IIR (01). Nothing
else can come between, so the state after any number of such rounds, and the frames that they make, can be written
down.

Both functions do exactly that, or nothing when something else is due; a property test holds them against the single
accesses.  The handler's reads are counted by the caller.
"""

from __future__ import annotations

from typing import NamedTuple

from uartsim.chip.uart import Uart
from uartsim.line_format import LineFormat
from uartsim.register_bits import ERBFI, ETBEI, NO_INTERRUPT


class Streamed(NamedTuple):
    """What a stream of refills did.

    Attributes:
        refills: how often the FIFO was filled.
        taken: how many characters that took.
        start: when the first frame of ``frames`` began, in ticks.
        frames: the characters that went onto the line, one behind the other.
        line_format: how they are framed.
    """

    refills: int
    taken: int
    start: int
    frames: bytes
    line_format: LineFormat


def stream_out(uart: Uart, data: bytearray, until: int) -> Streamed | None:
    """Refill the transmitter from ``data`` each time THRE interrupts, up to and including ``until`` (ticks).

    Only whole refills of the FIFO's depth are made.  None, and nothing done, when fewer than two are due, or when
    anything but the transmitter could interrupt.

    Raises:
        ValueError: ``until`` is before the last access.
    """
    uart.check_time(until)
    transmitter = uart.transmitter
    depth, times = transmitter.depth, transmitter.times
    possible = len(data) // depth
    if possible < 2 or not transmitter.fifo_mode or transmitter.loop is not None or transmitter.held:
        return None
    if not uart.ier & ETBEI or not uart.gate_open or uart.receiver.data or uart.receiver.latched:
        return None
    if not times.frame:
        return _stream_out_at_once(uart, data[: possible * depth], possible)
    fifo = transmitter.fifo
    if not fifo or not transmitter.shifting or transmitter.late or uart.iir != NO_INTERRUPT:
        return None
    start = transmitter.frame_end
    first = start + (len(fifo) - 1) * times.frame  # THRE rises with the last one's start
    refills = min(possible, (until - first) // (depth * times.frame) + 1)
    if refills < 2:
        return None
    taken = refills * depth
    # All but the last refill have entered the shift register by the time of the last refill.
    frames = bytes(fifo) + bytes(data[: taken - depth])
    last = first + (refills - 1) * depth * times.frame
    fifo[:] = data[taken - depth : taken]
    transmitter.frame_end = last + times.frame
    transmitter.written = depth
    transmitter.immediate = False
    transmitter.thr_writes += taken
    uart.finish_stream(last, thre_interrupt=False)
    return Streamed(refills, taken, start, _masked(frames, times.mask), times.line_format)


def _stream_out_at_once(uart: Uart, data: bytearray, refills: int) -> Streamed | None:
    """The same where frames take no time: each character has left before the next is written."""
    transmitter = uart.transmitter
    uart.advance(uart.now)
    if not transmitter.thre or not transmitter.empty:
        return None
    transmitter.frame_end = uart.now
    transmitter.immediate = False
    transmitter.thr_writes += len(data)
    uart.finish_stream(uart.now, thre_interrupt=True)
    frames = _masked(bytes(data), transmitter.times.mask)
    return Streamed(refills, len(data), uart.now, frames, transmitter.times.line_format)


def stream_in(uart: Uart, data: bytes, last_at: int) -> bool:
    """Receive ``data`` and have a handler read each character as it arrives; the last arrives at ``last_at`` (ticks).

    False, and nothing done, where the handler would do anything else: without FIFO, at a trigger level above 1, in
    loopback, under automatic flow control, or with something waiting already.

    Raises:
        ValueError: ``last_at`` is before the last access.
    """
    uart.check_time(last_at)
    receiver = uart.receiver
    if uart.auto_flow:
        return False
    if not receiver.fifo_mode or receiver.trigger != 1 or receiver.data or receiver.latched or receiver.timeout:
        return False
    if not uart.ier & ERBFI or not uart.gate_open or uart.iir != NO_INTERRUPT or uart.modem.looped:
        return False
    receiver.received += len(data)
    receiver.rbr_reads += len(data)
    uart.advance(last_at)
    return True


def _masked(characters: bytes, mask: int) -> bytes:
    return characters if mask == 0xFF else bytes(character & mask for character in characters)
