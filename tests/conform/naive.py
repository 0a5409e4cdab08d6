"""The naive model of the chip's tests as a device under test: a second opinion on every sequence."""

from __future__ import annotations

from tests.chip.naive_model import NaiveUart
from uartsim.conform.dut import ALL, DeviceUnderTest
from uartsim.line_format import CRYSTAL_PERIOD, ns_to_ticks
from uartsim.registers import DIVISOR_OF_ZERO, LSR


class NaiveDut(DeviceUnderTest):
    """A :class:`NaiveUart` with a divisor latch: a step of the model is a sixteenth of a bit of any length."""

    def __init__(self, part: str = "16550A") -> None:
        self.name, self.part, self.can = "the naive model", part, ALL
        self.model = NaiveUart(part)
        self.divisor = 12
        self.left_ticks = 0
        self.broken: set[int] = set()
        self.taken = 0

    def read(self, offset: int) -> int:
        if self.model.lcr & 0x80 and offset < 2:
            return self.divisor >> 8 * offset & 0xFF
        return self.model.read(offset)

    def write(self, offset: int, value: int) -> None:
        if self.model.lcr & 0x80 and offset < 2:
            other = 0xFF if offset else 0xFF00
            self.divisor = self.divisor & other | value << 8 * offset
        else:
            self.model.write(offset, value)

    @property
    def irq(self) -> bool:
        return self.model.irq

    def reset(self) -> None:
        self.take_sent()
        self.model.master_reset()

    def receive(self, character: int, errors: int = 0) -> int:
        self.model.receive(character, errors)
        return 0

    def receive_break(self) -> int:
        errors = LSR.BI | LSR.FE
        if self.model.has_parity and self.model.parity_of(0):
            errors |= LSR.PE
        self.model.receive(0, int(errors))
        return 0

    def set_modem_inputs(self, inputs: int) -> None:
        self.model.set_pins(inputs)

    def advance(self, ns: int) -> int:
        step_ticks = (self.divisor or DIVISOR_OF_ZERO) * CRYSTAL_PERIOD
        steps, self.left_ticks = divmod(self.left_ticks + ns_to_ticks(ns), step_ticks)
        while steps and self._busy():
            self.model.step()
            if self.model.levels and self.model.lcr & 0x40:
                self.broken.add(len(self.model.sent) - 1)
            steps -= 1
        self.model.time += steps
        return ns

    def _busy(self) -> bool:
        model = self.model
        if model.levels or model.start_in or model.thre_in or model.samples is not None:
            return True
        return model.quiet_limit is not None or model.wants_mark or bool(model.looped and model.lcr & 0x40)

    def take_sent(self) -> bytes:
        whole = len(self.model.sent) - bool(self.model.levels and not self.model.looped)
        numbers = range(self.taken, whole)
        self.taken = max(self.taken, whole)
        return bytes(self.model.sent[n][1] for n in numbers if n not in self.broken)
