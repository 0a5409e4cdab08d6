"""What register accesses of the chip cost, next to a call of a plain Python method in the same rounds.

    python -m benchmarks.registers [--rounds 7]

Goals: LSR on an idle chip at most 120 ns (best round), any access at most 1.5 us (median), a burst of 16 characters
written, sent, and received at most 6 us.
"""

from __future__ import annotations

import argparse
import timeit

from benchmarks.rig import median, table
from uartsim.chip import Uart
from uartsim.chip.registers import FCR, IER, LCR, MCR
from uartsim.line_format import LineFormat

FRAME = LineFormat().frame_ticks
BURST = bytes(range(16))


class Plain:
    """The least that a call with an argument costs in Python."""

    def method(self, offset: int, now: int) -> int:
        """Give the argument back."""
        return offset


class Subject:
    """A chip as a driver leaves it, and the clock that the measured accesses push on."""

    def __init__(self) -> None:
        self.uart = uart = Uart()
        self.now = 0
        for offset, value in ((3, LCR.DLAB), (0, 1), (1, 0), (3, 3), (2, FCR.FIFO_ENABLE), (4, MCR.OUT2 | 3)):
            uart.write(offset, int(value), 0)
        uart.write(1, int(IER.ERBFI | IER.ETBEI | IER.ELSI | IER.EDSSI), 0)

    def end_frame(self) -> None:
        """The last frame ends; this belongs to the next one's cost and is measured for comparison."""
        self.now += 20 * FRAME
        self.uart.advance(self.now)
        self.uart.take_sent_runs()

    def write_thr(self) -> None:
        """One character is written to an idle transmitter."""
        self.end_frame()
        self.uart.write(0, 0x55, self.now)

    def receive_and_read(self) -> None:
        """One character arrives and is read."""
        self.uart.receive(0x55, 0, self.now)
        self.uart.read(0, self.now)

    def write_burst(self) -> None:
        """Sixteen characters are written and leave the chip."""
        self.uart.write_run(BURST, self.now)
        self.now += 20 * FRAME
        self.uart.advance(self.now)
        self.uart.take_sent_runs()

    def receive_burst(self) -> None:
        """Sixteen characters arrive; the FIFO is emptied by its reset, which is measured too."""
        self.uart.receive_run(BURST, self.now, FRAME)
        self.now += 16 * FRAME
        self.uart.write(2, 0x03, self.now)

    def both_bursts(self) -> None:
        """Sixteen written and sent, and sixteen received."""
        self.write_burst()
        self.receive_burst()

    def single_burst(self) -> None:
        """Sixteen written one by one and sent, sixteen received and read one by one."""
        uart = self.uart
        for character in BURST:
            uart.write(0, character, self.now)
        self.now += 20 * FRAME
        uart.advance(self.now)
        uart.take_sent_runs()
        for character in BURST:
            self.now += FRAME
            uart.receive(character, 0, self.now)
        for _ in BURST:
            uart.read(0, self.now)


#: What is measured: a statement, and its goal in nanoseconds.  ``idle`` stands still, ``busy`` has a moving clock.
STATEMENTS: dict[str, tuple[str, float | None]] = {
    "Python method call": ("plain.method(5, 0)", None),
    "read LSR, idle": ("idle.read(5, 0)", 120),
    "read IIR": ("idle.read(2, 0)", 1500),
    "read MSR": ("idle.read(6, 0)", 1500),
    "read SCR": ("idle.read(7, 0)", 1500),
    "write SCR": ("idle.write(7, 1, 0)", 1500),
    "write IER": ("idle.write(1, 0x0F, 0)", 1500),
    "write FCR": ("idle.write(2, 0x01, 0)", 1500),
    "write MCR": ("idle.write(4, 0x0B, 0)", 1500),
    "write LCR, other format, twice": ("idle.write(3, 7, 0); idle.write(3, 3, 0)", 3000),
    "write THR, idle, and send it": ("busy.write_thr()", 3000),
    "write THR, full": ("full.write(0, 0x55, 0)", 1500),
    "receive and read RBR": ("busy.receive_and_read()", 3000),
    "16 written and sent": ("busy.write_burst()", None),
    "16 received": ("busy.receive_burst()", None),
    "16 written, sent and received": ("busy.both_bursts()", 6000),
    "the same, one by one, and read": ("busy.single_burst()", None),
}


def measure(rounds: int) -> dict[str, list[float]]:
    """Nanoseconds a statement, for every round."""
    full = Subject()
    full.uart.write_run(bytes(17), 0)
    names = {"plain": Plain(), "idle": Subject().uart, "busy": Subject(), "full": full.uart}
    timers = {name: timeit.Timer(statement, globals=names) for name, (statement, _) in STATEMENTS.items()}
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, timer in timers.items():
            number = 2_000 if "16" in name or "one by one" in name else 20_000
            times[name].append(timer.timeit(number) / number * 1e9)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    times = measure(parser.parse_args().rounds)
    call = median(times["Python method call"])
    rows = []
    for name, (_, goal) in STATEMENTS.items():
        middle = median(times[name])
        best = min(times[name])
        rows.append([name, f"{middle:.0f}", f"{best:.0f}", f"{middle / call:.1f}", f"{goal:.0f}" if goal else ""])
    table("Register accesses", ["what", "median ns", "best ns", "method calls", "goal ns"], rows)


if __name__ == "__main__":
    main()
