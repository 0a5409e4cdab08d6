"""Plays sequences to a device under test and compares its answers with what the datasheet says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from uartsim.chip.timing import FrameTimes, frame_times
from uartsim.conform.dut import Can, DeviceUnderTest, a_part
from uartsim.conform.steps import (
    Break,
    Check,
    Irq,
    Modem,
    Poll,
    Read,
    Receive,
    Reset,
    Sent,
    Sequence,
    Settle,
    Step,
    Wait,
    Write,
)
from uartsim.line_format import TICKS_PER_NS
from uartsim.register_bits import DLAB, DR, FORMAT
from uartsim.registers import LCR, MSR, Offset

#: The modem inputs from which every sequence starts: CTS, DSR and DCD active, RI not.
_CONNECTED: Final = int(MSR.CTS | MSR.DSR | MSR.DCD)
#: What every sequence starts with: no interrupts, no modem outputs, no FIFOs, 115200 baud 8N1, scratch register 0.
#: IER again, as the first write may have gone to the divisor latch.
_SETUP: Final = (
    *((Offset.IER, 0), (Offset.MCR, 0), (Offset.FCR, 0)),
    *((Offset.LCR, LCR.DLAB | 3), (Offset.DLL, 1), (Offset.DLM, 0), (Offset.LCR, 3)),
    *((Offset.IER, 0), (Offset.SCR, 0)),
)
#: A sequence is repeated up to this often when a clock that is not exact took too long.
_ATTEMPTS: Final = 25
#: This many reads of RBR empty any receiver.
_DRAIN: Final = 128
#: Long enough for what is being sent before a sequence starts, in frames.
_QUIET_FRAMES: Final = 20


class OversleptError(Exception):
    """A clock that is not exact let more time pass than the sequence tolerates."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation, and what came of it.

    Attributes:
        sequence: the name of the sequence.
        check: what the expectation is about.
        expected: the expected answer as text, hexadecimal for registers.
        got: the answer that came, in the same form.
        passed: whether they agree.
    """

    sequence: str
    check: Check
    expected: str
    got: str
    passed: bool

    @property
    def key(self) -> str:
        """``SEQUENCE/what``: its name in rules and tables."""
        return f"{self.sequence}/{self.check.what}"


@dataclass(slots=True)
class SequenceResult:
    """What came of one sequence.

    Attributes:
        sequence: the sequence.
        findings: its expectations that were checked, in order.
        left_out: why it was not played to its end; empty if it was.
    """

    sequence: Sequence
    findings: list[Finding] = field(default_factory=list)
    left_out: str = ""

    @property
    def wrong(self) -> list[Finding]:
        """The checks that failed, apart from those where the datasheet is silent."""
        return [finding for finding in self.findings if not finding.passed and not finding.check.silent]

    @property
    def other_choices(self) -> list[Finding]:
        """The checks that failed where the datasheet is silent."""
        return [finding for finding in self.findings if not finding.passed and finding.check.silent]


def _level_text(active: bool) -> str:
    return "active" if active else "inactive"


def _data_text(data: bytes) -> str:
    return data.hex(" ").upper() or "nothing"


class Player:
    """Plays sequences to one device.

    Args:
        uart: the device under test.
    """

    def __init__(self, uart: DeviceUnderTest) -> None:
        self.uart = uart
        self._lcr = 0
        self._divisor = 1

    def play(self, sequence: Sequence) -> SequenceResult:
        """Play one sequence from the prepared state.

        Raises:
            DutError: the device has ended, is silent, or answers nonsense.
        """
        result = SequenceResult(sequence, left_out=self._reason_to_leave_out(sequence))
        if result.left_out:
            return result
        for _ in range(_ATTEMPTS):
            result.findings.clear()
            self.prepare()
            try:
                for step in sequence.steps:
                    finding = self._look(step)
                    if finding is not None:
                        check, expected, got = finding
                        result.findings.append(Finding(sequence.name, check, expected, got, expected == got))
            except OversleptError:
                continue
            return result
        result.findings.clear()
        result.left_out = "its clock is not exact enough"
        return result

    def _reason_to_leave_out(self, sequence: Sequence) -> str:
        if self.uart.part not in sequence.parts:
            return f"not for {a_part(self.uart.part)}"
        missing = sequence.needs & ~self.uart.can
        if missing:
            names = sorted(can.name.lower() for can in Can if can in missing and can.name is not None)
            return f"it cannot do: {', '.join(names)}"
        return ""

    def play_all(
        self, sequences: Iterable[Sequence], tick: Callable[[SequenceResult], None] | None = None
    ) -> list[SequenceResult]:
        """Play several sequences in order.

        Args:
            sequences: what is played.
            tick: called after each sequence, with its result.

        Raises:
            DutError: the device has ended, is silent, or answers nonsense.
        """
        results = []
        for sequence in sequences:
            results.append(self.play(sequence))
            if tick is not None:
                tick(results[-1])
        return results

    def prepare(self) -> None:
        """Bring about the state from which every sequence starts; :mod:`uartsim.conform.steps` describes it.

        Raises:
            DutError: the device has ended, is silent, or answers nonsense.
        """
        uart = self.uart
        if Can.RESET in uart.can:
            uart.reset()
        else:
            self._settle(_QUIET_FRAMES)  # at the old speed: what is being sent takes as long as that says
        for offset, value in _SETUP:
            self._write(int(offset), int(value))
        if Can.MODEM in uart.can:
            uart.set_modem_inputs(_CONNECTED)
        self._settle(_QUIET_FRAMES)
        for _ in range(_DRAIN):
            if not uart.read(Offset.LSR) & DR:
                break
            uart.read(Offset.RBR)
        uart.read(Offset.IIR)
        uart.read(Offset.MSR)
        if Can.SENT in uart.can:
            uart.take_sent()

    # -- steps -------------------------------------------------------------------------------------------------

    def _look(self, step: Step) -> tuple[Check, str, str] | None:
        """Do a step; returns a check with what was expected and what came, if it has one that can be looked at."""
        uart = self.uart
        match step:
            case Read(offset, expect, check, mask, parts):
                got = uart.read(offset) & mask
                if check is not None:
                    return check, f"{parts.get(uart.part, expect) & mask:02X}", f"{got:02X}"
            case Poll(offset, mask, value, bits, check):
                wanted = f"{value:02X} in the bits {mask:02X} within {bits} bit times"
                return check, wanted, wanted if self._poll(step) else "not by then"
            case Irq(level, check):
                if Can.IRQ in uart.can:
                    return check, _level_text(level), _level_text(uart.irq)
            case Sent(data, check):
                if Can.SENT in uart.can:
                    return check, _data_text(data), _data_text(uart.take_sent())
            case _:
                self._drive(step)
        return None

    def _drive(self, step: Step) -> None:
        """Do a step that has no check."""
        uart = self.uart
        match step:
            case Write(offset, value):
                self._write(offset, value)
            case Wait(bits, slack):
                self._wait(bits, slack)
            case Settle(frames):
                self._settle(frames)
            case Receive(data, errors):
                for character in data:
                    self._pass_frame()
                    uart.receive(character, errors)
            case Break():
                self._pass_frame()
                uart.receive_break()
            case Modem(inputs):
                uart.set_modem_inputs(inputs)
            case Reset():
                uart.reset()
                self._lcr = 0
            case _:
                raise TypeError(f"{step!r} is not a step")

    def _write(self, offset: int, value: int) -> None:
        self.uart.write(offset, value)
        if offset == Offset.LCR:
            self._lcr = value
        elif self._lcr & DLAB and offset == Offset.DLL:
            self._divisor = self._divisor & 0xFF00 | value
        elif self._lcr & DLAB and offset == Offset.DLM:
            self._divisor = self._divisor & 0x00FF | value << 8

    # -- time --------------------------------------------------------------------------------------------------

    @property
    def times(self) -> FrameTimes:
        """The lengths that follow from the format that is programmed."""
        return frame_times(self._lcr & FORMAT, self._divisor, False)

    def _ns(self, bits: float) -> int:
        return -(-int(bits * self.times.bit) // TICKS_PER_NS)

    def _wait(self, bits: float, slack: float) -> None:
        wanted = self._ns(bits)
        passed = self.uart.advance(wanted)
        if Can.EXACT not in self.uart.can and passed > wanted + self._ns(slack):
            raise OversleptError

    def _settle(self, frames: int) -> None:
        if Can.TIME in self.uart.can:
            self.uart.advance(frames * -(-self.times.frame // TICKS_PER_NS))

    def _pass_frame(self) -> None:
        """Let a frame pass before a received character; a clock that is not exact would add more than that."""
        if Can.EXACT in self.uart.can:
            self.uart.advance(-(-self.times.frame // TICKS_PER_NS))

    def _poll(self, poll: Poll) -> bool:
        """Whether the bits showed in time."""
        waited = 0.0
        while self.uart.read(poll.offset) & poll.mask != poll.value:
            if waited > poll.bits:
                return False
            if Can.TIME in self.uart.can:
                self.uart.advance(self._ns(poll.every))
            waited += poll.every
        return True
