"""Slices: what an interrupt handler in this process does again and again, done at once (:mod:`uartsim.chip.streaming`).

A slice has the same effect as the single accesses, and the accesses are counted.  Nothing is done in slices where each
access is to be seen: with taps, or while interrupts come late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uartsim.chip.streaming import stream_in, stream_out
from uartsim.register_bits import IIR, LSR, RBR, THR

if TYPE_CHECKING:
    from uartsim.machine.port import Port


class Slices:
    """The slices of one port.

    Args:
        port: the port.

    Attributes:
        wanted: whether they are used where they can be.
    """

    __slots__ = ("_port", "wanted")

    def __init__(self, port: Port) -> None:
        self._port = port
        self.wanted = True

    def _usable(self) -> bool:
        port = self._port
        if not self.wanted or port.taps is not None or port.interrupt_interceptors.active:
            return False
        return port.guest.serves_at_once

    def refill(self, until: int) -> bool:
        """Have the interrupt handler refill the transmitter in slices up to ``until`` ticks; whether it did."""
        port = self._port
        return until >= port.uart.now and self._usable() and port.guest.refill(until)

    def out(self, data: bytearray, until: int, reads: int) -> int:
        """Refill the transmitter in a slice, see :func:`uartsim.chip.streaming.stream_out`; for the interrupt handler.

        Args:
            data: what the driver has to send; what is taken is removed.
            until: ticks.
            reads: how often the driver reads IIR for each refill.

        Returns:
            How many refills were made.
        """
        port = self._port
        done = stream_out(port.uart, data, until) if self._usable() else None
        if done is None:
            return 0
        del data[: done.taken]
        port.reads[IIR] += reads * done.refills
        port.writes[THR] += done.taken
        port.carry()
        port.cable.carry_run(done.start, done.frames, done.line_format)
        return done.refills

    def carry_in(self, until: int) -> bool:
        """Carry characters from the far end past the interrupt handler, if nothing is in the way; whether it was done."""
        port = self._port
        if port.strict_line or not self._usable():
            return False
        far = port.cable.far
        if not (count := far.run_length(until)):
            return False
        count = min(count, port.guest.room())
        if count < 1:
            return False
        if not stream_in(port.uart, far.peek(count), far.free_at_after(count)):
            return False
        data = far.take(count)
        port.reads[IIR] += 2 * count
        port.reads[LSR] += 2 * count
        port.reads[RBR] += count
        port.guest.accept(data)
        return True
