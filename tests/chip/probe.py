"""A chip on the workbench, for tests: time is counted in sixteenths of a bit at divisor 1, the chip's own clock."""

from __future__ import annotations

import copy
from typing import Any, Final

from uartsim.chip import Uart
from uartsim.line_format import CRYSTAL_PERIOD
from uartsim.registers import LCR, Offset

#: Sixteenths in a bit, and in a frame of 8N1.
BIT: Final = 16
FRAME: Final = 160


class Chip:
    """A :class:`Uart` that has been programmed, and its clock.

    Args:
        fcr: written as it is (FCR0 is bit 0), after the FIFOs have been off.
        ier: interrupt enable.
        mcr: modem control; OUT2 lets the interrupt out.
        lcr: line control; 3 is 8N1.
        settled: whether the first empty indication after the change of FCR0, which is immediate, has been used up.
        options: for the chip.
    """

    def __init__(
        self, *, fcr: int = 0x01, ier: int = 0, mcr: int = 0x0B, lcr: int = 0x03, settled: bool = True, **options: Any
    ) -> None:
        self.uart = Uart(**options)
        self.now = 0
        self.write(Offset.LCR, LCR.DLAB)
        self.write(Offset.DLL, 1)
        self.write(Offset.DLM, 0)
        self.write(Offset.LCR, lcr)
        self.write(Offset.FCR, fcr)
        if settled:
            self.write(Offset.THR, 0)
            self.wait(100 * BIT)
        self.write(Offset.MCR, mcr)
        self.read(Offset.MSR)
        self.uart.take_sent()
        self.write(Offset.IER, ier)
        if not ier & 2:
            self.uart.thr_empty_latch = False

    def read(self, offset: int) -> int:
        return self.uart.read(offset, self.now * CRYSTAL_PERIOD)

    def write(self, offset: int, value: int) -> None:
        self.uart.write(offset, value, self.now * CRYSTAL_PERIOD)

    def receive(self, *characters: int, errors: int = 0) -> None:
        """Characters are complete, all at this moment."""
        for character in characters:
            self.uart.receive(character, errors, self.now * CRYSTAL_PERIOD)

    def send(self, data: bytes) -> None:
        for character in data:
            self.write(Offset.THR, character)

    def read_all(self) -> bytes:
        """RBR as long as LSR shows data."""
        data = bytearray()
        while self.lsr & 1:
            data.append(self.read(Offset.RBR))
        return bytes(data)

    def set_pins(self, pins: int) -> None:
        self.uart.set_modem_inputs(pins, self.now * CRYSTAL_PERIOD)

    def wait(self, sixteenths: int) -> None:
        self.now += sixteenths
        self.uart.advance(self.now * CRYSTAL_PERIOD)

    def wait_until(self, sixteenths: int) -> None:
        self.wait(sixteenths - self.now)

    @property
    def lsr(self) -> int:
        """LSR, as a read would show it."""
        return self.uart.line_status

    @property
    def iir(self) -> int:
        """IIR bits 3:0, as a read would show them."""
        return self.uart.iir

    @property
    def irq(self) -> bool:
        return self.uart.irq


def copied(uart: Uart) -> Uart:
    """A chip in the same state, which may be read without disturbing the first."""
    return copy.deepcopy(uart)


def chip_state(uart: Uart) -> tuple[object, ...]:
    """Everything in a chip that matters later, part by part, and when something will happen next."""
    return (*uart.state().to_json_value().values(), uart.next_event(uart.now))
