"""Our own chip as a device under test, and as the reference of random programs."""

from __future__ import annotations

from typing import Any

from uartsim.chip import Bench
from uartsim.conform.dut import ALL, DeviceUnderTest


class OurDut(DeviceUnderTest):
    """A chip on a :class:`uartsim.chip.Bench`; it can do everything, and its clock is exact.

    Args:
        part: a name in :data:`uartsim.registers.VARIANTS`.
        options: of the chip, see :class:`uartsim.chip.Uart`.
    """

    def __init__(self, part: str = "16550A", **options: Any) -> None:
        self.name = f"uartsim's {part}"
        self.part = part
        self.can = ALL
        self.bench = Bench(part, **options)

    def read(self, offset: int) -> int:
        """Read a register."""
        return self.bench.read(offset)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        self.bench.write(offset, value)

    @property
    def irq(self) -> bool:
        """The interrupt line, gated by OUT2."""
        return self.bench.irq

    def reset(self) -> None:
        """Master reset."""
        self.bench.reset()

    def take_sent(self) -> bytes:
        """The characters that have left completely since the last call."""
        return self.bench.take_tx()

    def receive(self, character: int, errors: int = 0) -> int:
        """A character has just come in; no time passes."""
        self.bench.uart.receive(character, errors, self.bench.now_ticks)
        return 0

    def receive_break(self) -> int:
        """A break has just ended; no time passes."""
        uart = self.bench.uart
        uart.receive(0, uart.transmitter.times.break_errors, self.bench.now_ticks)
        return 0

    def set_modem_inputs(self, inputs: int) -> None:
        """Drive the modem inputs."""
        self.bench.uart.set_modem_inputs(inputs, self.bench.now_ticks)

    def advance(self, ns: int) -> int:
        """Let exactly ``ns`` nanoseconds pass."""
        self.bench.advance(ns)
        return ns
