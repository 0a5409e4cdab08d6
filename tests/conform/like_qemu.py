"""Our chip with faults: for every rule a chip that behaves as QEMU does in that one respect."""

from __future__ import annotations

from typing import Any

from uartsim.conform.dut_ours import OurDut
from uartsim.registers import FCR, LCR, LSR, MCR


class Spoilt(OurDut):
    """Remembers LCR as it was written, so that a chip with a fault in it can still show it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lcr = 0

    @property
    def chip(self) -> Any:
        return self.bench.uart

    def read(self, offset: int) -> int:
        return self.lcr if offset == 3 else super().read(offset)

    def write(self, offset: int, value: int) -> None:
        if offset == 3:
            self.lcr = value
        super().write(offset, value)

    def reset(self) -> None:
        super().reset()
        self.lcr = 0

    def writes_thr(self, offset: int) -> bool:
        return offset == 0 and not self.lcr & LCR.DLAB


class OtherResetValues(Spoilt):
    def reset(self) -> None:
        super().reset()
        for offset, value in ((4, 8), (7, 0), (3, 0x80), (0, 12), (1, 0), (3, 0)):
            self.write(offset, value)


class SendsInNoTime(Spoilt):
    def write(self, offset: int, value: int) -> None:
        super().write(offset, value)
        if self.writes_thr(offset):
            self.bench.settle()


class PassesEightBits(SendsInNoTime):
    def write(self, offset: int, value: int) -> None:
        if not self.writes_thr(offset):
            super().write(offset, value)
            return
        lcr = self.lcr
        OurDut.write(self, 3, lcr | 3)
        super().write(offset, value)
        OurDut.write(self, 3, lcr)


class LoopsWithoutDeltas(Spoilt):
    def write(self, offset: int, value: int) -> None:
        looped = offset == 4 and (value | self.chip.modem.control) & MCR.LOOP
        super().write(offset, value)
        if looped:
            self.read(6)


class HearsTheLineInLoopback(Spoilt):
    def receive(self, character: int, errors: int = 0) -> int:
        control = self.chip.modem.control
        self.write(4, control & ~int(MCR.LOOP))
        super().receive(character, errors)
        self.write(4, control)
        return 0


class SendsNoBreak(Spoilt):
    def write(self, offset: int, value: int) -> None:
        super().write(offset, value & ~int(LCR.BREAK) if offset == 3 else value)
        if offset == 3:
            self.lcr = value


class BreakIsNoFramingError(Spoilt):
    def receive_break(self) -> int:
        self.chip.receive(0, int(LSR.BI), self.bench.now_ticks)
        return 0


class ForgetsTheLastCharacter(Spoilt):
    broke = False

    def receive_break(self) -> int:
        self.broke = bool(self.chip.fcr & FCR.FIFO_ENABLE)
        return super().receive_break()

    def read(self, offset: int) -> int:
        empty = offset == 0 and not self.chip.receiver.data and not self.lcr & LCR.DLAB
        return 0 if empty and self.broke else super().read(offset)


class EmptiesWithoutFcr0(Spoilt):
    def write(self, offset: int, value: int) -> None:
        if offset == 2 and value & FCR.RCVR_RESET and not value & FCR.FIFO_ENABLE:
            self.read(0)
        super().write(offset, value)


class KeepsTheSpeedForZero(Spoilt):
    def write(self, offset: int, value: int) -> None:
        if offset in (0, 1) and self.lcr & LCR.DLAB:
            held = self.chip.divisor
            if not (held & 0xFF | value << 8 if offset else held & 0xFF00 | value):
                return
        super().write(offset, value)


class CountsTwoStopBits(Spoilt):
    def write(self, offset: int, value: int) -> None:
        # A frame of 6 bits and one stop bit is as long as one of 5 bits and two.
        short = offset == 3 and value & (LCR.WLS | LCR.STB) == LCR.STB
        super().write(offset, value & ~7 | 1 if short else value)
        if offset == 3:
            self.lcr = value


class LeavesBytesOutside(Spoilt):
    def receive(self, character: int, errors: int = 0) -> int:
        if len(self.chip.receiver.data) < self.chip.receiver.trigger:
            super().receive(character, errors)
        return 0


class IgnoresOut2(Spoilt):
    def __init__(self) -> None:
        super().__init__(out2_gate="none")


#: By the name of the rule; what else such a chip cannot help showing.
SPOILT: dict[str, tuple[type[Spoilt], set[str]]] = {
    "reset values": (OtherResetValues, set()),
    "transmitting takes time": (SendsInNoTime, set()),
    "word length": (PassesEightBits, {"transmitting takes time"}),
    "loopback makes deltas": (LoopsWithoutDeltas, set()),
    "loopback cuts SIN": (HearsTheLineInLoopback, set()),
    "transmit break": (SendsNoBreak, set()),
    "break is an error of its character": (BreakIsNoFramingError, set()),
    "RBR while empty": (ForgetsTheLastCharacter, set()),
    "FCR without FCR0": (EmptiesWithoutFcr0, set()),
    "divisor 0": (KeepsTheSpeedForZero, set()),
    "1.5 stop bits": (CountsTwoStopBits, set()),
    "withheld bytes": (LeavesBytesOutside, set()),
    "OUT2 gates the interrupt": (IgnoresOut2, set()),
}
