"""Plays sequences to a judged UART and says what it got wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from uartsim import registers
from uartsim.chip.timing import FrameTimes, frame_times
from uartsim.conform.judged import Can, JudgedUart, a_part
from uartsim.conform.steps import (
    DLL,
    DLM,
    FCR,
    IER,
    IIR,
    LCR,
    LSR,
    MCR,
    MSR,
    RBR,
    SCR,
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
    speed,
)
from uartsim.line_format import TICKS_PER_NS

#: CTS, DSR and DCD active, RI not.
_CONNECTED = 0xB0
#: How often a sequence is begun again because a clock that is not exact took too long.
_ATTEMPTS = 25
#: How many reads of RBR empty any receiver.
_DRAIN = 128


class OversleptError(Exception):
    """A clock that is not exact let more time pass than the sequence can bear."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation, and what came of it.

    Attributes:
        sequence: the name of the sequence.
        check: what it is about.
        expected: as text, hexadecimal for registers.
        got: likewise.
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
class Played:
    """What a sequence gave.

    Attributes:
        sequence: the sequence.
        findings: its expectations that were looked at, in order.
        left_out: why it was not played, or not whole; empty if it was.
    """

    sequence: Sequence
    findings: list[Finding] = field(default_factory=list)
    left_out: str = ""

    @property
    def wrong(self) -> list[Finding]:
        """What the UART got wrong, apart from what the datasheet leaves open."""
        return [finding for finding in self.findings if not finding.passed and not finding.check.silent]

    @property
    def other_choices(self) -> list[Finding]:
        """Where it differs from us and the datasheet is silent."""
        return [finding for finding in self.findings if not finding.passed and finding.check.silent]


class Judge:
    """Plays sequences to one UART.

    Args:
        uart: the judged one.
    """

    def __init__(self, uart: JudgedUart) -> None:
        self.uart = uart
        self._lcr = 0
        self._divisor = 1

    def play(self, sequence: Sequence) -> Played:
        """Play one sequence from the prepared start.

        Raises:
            JudgedError: the UART cannot go on.
        """
        played = Played(sequence)
        if self.uart.part not in sequence.parts:
            played.left_out = f"not for {a_part(self.uart.part)}"
            return played
        missing = sequence.needs & ~self.uart.can
        if missing:
            names = sorted(can.name.lower() for can in Can if can in missing and can.name is not None)
            played.left_out = f"it cannot do: {', '.join(names)}"
            return played
        for _ in range(_ATTEMPTS):
            played.findings.clear()
            self.prepare()
            try:
                for step in sequence.steps:
                    self._do(step, played)
            except OversleptError:
                continue
            return played
        played.findings.clear()
        played.left_out = "its clock is not exact enough"
        return played

    def play_all(self, sequences: Iterable[Sequence], tick: Callable[[Played], None] | None = None) -> list[Played]:
        """Play all of them; ``tick`` is told of each."""
        results = []
        for sequence in sequences:
            results.append(self.play(sequence))
            if tick is not None:
                tick(results[-1])
        return results

    def prepare(self) -> None:
        """Where every sequence starts: see :mod:`uartsim.conform.steps`."""
        uart = self.uart
        if Can.RESET in uart.can:
            uart.reset()
        else:
            self._settle(20)  # what is being sent takes as long as the speed that was says
        for write in (Write(IER, 0), Write(MCR, 0), Write(FCR, 0), *speed(1), Write(IER, 0), Write(SCR, 0)):
            self._write(write.offset, write.value)
        if Can.MODEM in uart.can:
            uart.set_modem_inputs(_CONNECTED)
        self._settle(20)
        for _ in range(_DRAIN):
            if not uart.read(LSR) & 1:
                break
            uart.read(RBR)
        uart.read(IIR)
        uart.read(MSR)
        if Can.SENT in uart.can:
            uart.take_sent()

    # -- steps -------------------------------------------------------------------------------------------------

    def _do(self, step: Step, played: Played) -> None:
        uart = self.uart
        match step:
            case Write(offset, value):
                self._write(offset, value)
            case Read(offset, expect, check, mask, parts):
                got = uart.read(offset)
                if check is not None:
                    wanted = parts.get(uart.part, expect) & mask
                    self._note(played, check, f"{wanted:02X}", f"{got & mask:02X}")
            case Poll(offset, mask, value, bits, check, every):
                reached = self._poll(offset, mask, value, bits, every)
                wanted_bits = f"{value:02X} in the bits {mask:02X} within {bits} bit times"
                self._note(played, check, wanted_bits, wanted_bits if reached else "not by then")
            case Wait(bits, slack):
                self._wait(bits, slack)
            case Settle(frames):
                self._settle(frames)
            case Irq(level, check):
                if Can.IRQ in uart.can:
                    self._note(played, check, *("active" if on else "inactive" for on in (level, uart.irq)))
            case Sent(data, check):
                if Can.SENT in uart.can:
                    got_data = uart.take_sent()
                    if check is not None:
                        self._note(played, check, *(each.hex(" ").upper() or "nothing" for each in (data, got_data)))
            case Receive(data, errors):
                for character in data:
                    self._pace()
                    uart.receive(character, errors)
            case Break():
                self._pace()
                uart.receive_break()
            case Modem(inputs):
                uart.set_modem_inputs(inputs)
            case Reset():
                uart.reset()
                self._lcr = 0
            case _:
                raise TypeError(f"{step!r} is no step")

    def _note(self, played: Played, check: Check, expected: str, got: str) -> None:
        played.findings.append(Finding(played.sequence.name, check, expected, got, expected == got))

    def _write(self, offset: int, value: int) -> None:
        self.uart.write(offset, value)
        if offset == LCR:
            self._lcr = value
        elif self._lcr & registers.LCR.DLAB and offset == DLL:
            self._divisor = self._divisor & 0xFF00 | value
        elif self._lcr & registers.LCR.DLAB and offset == DLM:
            self._divisor = self._divisor & 0x00FF | value << 8

    # -- time --------------------------------------------------------------------------------------------------

    @property
    def times(self) -> FrameTimes:
        """The format that is programmed."""
        return frame_times(self._lcr & 0x3F, self._divisor, False)

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

    def _pace(self) -> None:
        """A character takes a frame on the line; where the clock is not exact, nobody could tell."""
        if Can.EXACT in self.uart.can:
            self.uart.advance(-(-self.times.frame // TICKS_PER_NS))

    def _poll(self, offset: int, mask: int, value: int, bits: int, every: float) -> bool:
        waited = 0.0
        while self.uart.read(offset) & mask != value:
            if waited > bits:
                return False
            if Can.TIME in self.uart.can:
                self.uart.advance(self._ns(every))
            waited += every
        return True
