"""A chip that is recorded: it is used like a port, and tells taps of everything at its own time."""

from __future__ import annotations

from collections.abc import Sequence

from tests.strategies import Pins, Read, Receive, Reset, Step, Wait, Write, WriteRun
from uartsim.chip import Uart
from uartsim.line_format import BIT_AT_DIVISOR_1, LineFormat
from uartsim.record.tap import RecordHeader, Tap

BIT = BIT_AT_DIVISOR_1
AT_115200 = LineFormat()


class RecordedChip:
    """A chip, its time and those who are told.

    Args:
        header: the chip; time begins at its start.
        taps: who is told.
    """

    def __init__(self, header: RecordHeader, *taps: Tap) -> None:
        self.header = header
        self.taps = list(taps)
        self.uart = Uart(
            header.variant,
            thre_delay=header.thre_delay,
            out2_gate=header.out2_gate,  # type: ignore[arg-type]
            timeout_rule=header.timeout_rule,  # type: ignore[arg-type]
            modem_inputs=header.modem_inputs,
            unlimited=header.unlimited,
        )
        self.now = header.start
        self.uart.advance(self.now)
        self.accesses = 0
        self._irq, self._outputs, self._format = False, 0, self.uart.line_format

    def read(self, offset: int) -> int:
        value = self.uart.read(offset, self.now)
        self.accesses += 1
        for tap in self.taps:
            tap.read(self.now, offset, value)
        self._look()
        return value

    def write(self, offset: int, value: int) -> None:
        self.uart.write(offset, value, self.now)
        self.accesses += 1
        for tap in self.taps:
            tap.write(self.now, offset, value)
        self._look()

    def receive(self, character: int, errors: int = 0) -> None:
        """A character is complete now."""
        self.uart.receive(character, errors, self.now)
        for tap in self.taps:
            tap.received(self.now, character, errors)
        self._look()

    def far_send(self, data: bytes) -> None:
        """The far end sends characters, from now on, and time passes until they have arrived."""
        line_format = self.uart.line_format
        start = self.now
        for tap in self.taps:
            tap.far_sent(start, data, line_format)
        for n, character in enumerate(data):
            self.wait(start + n * line_format.frame_ticks + line_format.sampled_ticks - self.now)
            self.receive(character)
        self.wait(start + len(data) * line_format.frame_ticks - self.now)

    def set_pins(self, pins: int) -> None:
        self.uart.set_modem_inputs(pins, self.now)
        for tap in self.taps:
            tap.modem_inputs(self.now, pins)
        self._look()

    def reset(self) -> None:
        self.uart.reset(self.now)
        for tap in self.taps:
            tap.reset(self.now)
        self._look()

    def wait(self, ticks: int) -> None:
        """Time passes, and what the chip does meanwhile is told when it happens."""
        until = self.now + ticks
        while (due := self.uart.next_event(self.now)) <= until:
            self._look()  # to say what comes next, the chip has done what was due already
            self.now = due
            self.uart.advance(due)
            self._look()
        self._look()
        self.now = until
        self.uart.advance(until)
        self._look()
        for tap in self.taps:
            tap.settled(until)

    def close(self) -> None:
        for tap in self.taps:
            tap.settled(self.now)
            tap.close()

    def _look(self) -> None:
        uart, at = self.uart, self.now
        runs, breaks = uart.take_sent_runs(), uart.take_break_changes()
        for tap in self.taps:
            if uart.line_format != self._format:
                tap.programmed(at, uart.line_format)
            for run in runs:
                tap.sent(run.start, bytes(run.characters), run.line_format)
            for when, on in breaks:
                tap.sent_break(when, on)
            if uart.irq != self._irq:
                tap.interrupt(at, uart.irq)
            if int(uart.modem.outputs) != self._outputs:
                tap.modem_outputs(at, int(uart.modem.outputs))
        self._irq, self._outputs, self._format = uart.irq, int(uart.modem.outputs), uart.line_format


def perform(chip: RecordedChip, program: Sequence[Step]) -> None:
    """Run a program of :mod:`tests.strategies`."""
    for step in program:
        match step:
            case Read(offset):
                chip.read(offset)
            case Write(offset, value):
                chip.write(offset, value)
            case WriteRun(data):
                for character in data:
                    chip.write(0, character)
            case Receive(character, errors):
                chip.receive(character, errors)
            case Pins(inputs):
                chip.set_pins(inputs & 0xF0)
            case Wait(ticks):
                chip.wait(ticks)
            case Reset():
                chip.reset()


def set_up(chip: RecordedChip, divisor: int = 1, lcr: int = 0x03, fcr: int = 0xC1, ier: int = 0x00) -> None:
    """What a driver does first; each access takes a microsecond."""
    for offset, value in ((3, 0x80), (0, divisor & 0xFF), (1, divisor >> 8), (3, lcr), (2, fcr), (4, 0x0B), (1, ier)):
        chip.write(offset, value)
        chip.wait(144_000)


def print_polling(chip: RecordedChip, text: bytes, between: int = 288_000) -> None:
    """Print as an early console does: wait for THRE in a loop, a read every ``between`` ticks, then a character."""
    for character in text:
        while not chip.read(5) & 0x20:
            chip.wait(between)
        chip.write(0, character)
        chip.wait(between)


def print_by_interrupts(chip: RecordedChip, text: bytes) -> None:
    """Print as a driver's interrupt handler does: sixteen characters for each interrupt."""
    chip.write(1, 0x02)
    rest = bytearray(text)
    while rest:
        while not chip.uart.irq:
            chip.wait(chip.uart.next_event(chip.now) - chip.now)
        chip.wait(144 * 2500)
        chip.read(2)
        chip.wait(144 * 700)
        chip.read(5)
        for character in rest[:16]:
            chip.wait(144 * 650)
            chip.write(0, character)
        del rest[:16]
        chip.wait(144 * 700)
        chip.read(2)
    chip.write(1, 0)
