"""Our own chip, behind the face that a judge needs."""

from __future__ import annotations

from typing import Any

from uartsim.chip import Bench
from uartsim.conform.judged import ALL, JudgedUart


class OurUart(JudgedUart):
    """A :class:`uartsim.chip.Bench`: exact in everything.

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
        """What has left whole."""
        return self.bench.take_tx()

    def receive(self, character: int, errors: int = 0) -> int:
        """A character is complete now; no time passes."""
        self.bench.uart.receive(character, errors, self.bench.now_ticks)
        return 0

    def receive_break(self) -> int:
        """A break is complete now; no time passes."""
        uart = self.bench.uart
        uart.receive(0, uart.transmitter.times.break_errors, self.bench.now_ticks)
        return 0

    def set_modem_inputs(self, inputs: int) -> None:
        """The cable drives the inputs."""
        self.bench.uart.set_modem_inputs(inputs, self.bench.now_ticks)

    def advance(self, ns: int) -> int:
        """Time passes, exactly."""
        self.bench.advance(ns)
        return ns
