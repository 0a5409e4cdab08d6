"""What register accesses of the chip cost, next to a call of a plain Python method in the same rounds.

    python -m benchmarks.registers [--rounds 7]

Goals: LSR on an idle chip at most 120 ns (best round), any access at most 1.5 us (median), a burst of 16 characters
written and sent, received and read at most 6 us.

An access that changes the chip is measured on many chips restored from one state, each accessed once; the others are
repeated on one chip.
"""

from __future__ import annotations

import argparse
import time
import timeit
from collections.abc import Callable

from benchmarks.rig import median, table
from uartsim.chip import Uart
from uartsim.line_format import LineFormat
from uartsim.registers import FCR, IER, LCR, MCR

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

    def send(self) -> None:
        """One character is written to an idle transmitter and leaves the chip."""
        self.uart.write(0, 0x55, self.now)
        self.now += 20 * FRAME
        self.uart.advance(self.now)
        self.uart.take_sent_runs()

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
        """Sixteen characters arrive and are read."""
        self.uart.receive_run(BURST, self.now, FRAME)
        self.now += 16 * FRAME
        self.uart.read_run(16, self.now)

    def both_bursts(self) -> None:
        """Sixteen written and sent, and sixteen received and read."""
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
    "write THR, full": ("full.write(0, 0x55, 0)", 1500),
    "write THR and send it": ("busy.send()", None),
    "receive and read RBR": ("busy.receive_and_read()", None),
    "16 written and sent": ("busy.write_burst()", None),
    "16 received and read": ("busy.receive_burst()", None),
    "both": ("busy.both_bursts()", 6000),
    "the same, one by one, and read": ("busy.single_burst()", None),
}


def prepared(*writes: tuple[int, int], received: int = 0) -> Uart:
    """A chip on which more registers were written, and which has received characters."""
    subject = Subject()
    uart = subject.uart
    subject.send()
    for offset, value in writes:
        uart.write(offset, value, subject.now)
    for _ in range(received):
        uart.receive(0x55, 0, subject.now)
    return uart


def _reads(offset: int) -> Callable[[Uart], object]:
    return lambda uart: uart.read(offset, uart.now)


def _writes(offset: int, value: int) -> Callable[[Uart], object]:
    return lambda uart: uart.write(offset, value, uart.now)


#: Accesses that change the chip: the chip, and what is done to it once.  The goal of each is 1500 ns.
ONCE: dict[str, tuple[Uart, Callable[[Uart], object]]] = {
    "write THR, idle": (prepared(), _writes(0, 0x55)),
    "write THR, 16450 mode": (prepared((2, 0)), _writes(0, 0x55)),
    "write THR, loopback": (prepared((4, 0x1B)), _writes(0, 0x55)),
    "read RBR, 16 in the FIFO": (prepared(received=16), _reads(0)),
    "read IIR, clears THRE": (prepared((1, 0), (1, 2)), _reads(2)),
    "read LSR, clears OE": (prepared(received=17), _reads(5)),
    "read MSR, clears deltas": (prepared((4, 0x1B)), _reads(6)),
    "write DLL": (prepared((3, 0x83)), _writes(0, 12)),
    "write IER, raises THRE": (prepared((1, 0)), _writes(1, 2)),
    "write FCR, other trigger level": (prepared(), _writes(2, 0x81)),
    "write FCR, FIFOs off": (prepared(received=3), _writes(2, 0)),
    "write LCR, other format": (prepared(), _writes(3, 0x1B)),
    "write LCR, DLAB": (prepared(), _writes(3, 0x83)),
    "write LCR, break": (prepared(), _writes(3, 0x43)),
    "write MCR, into loopback": (prepared(), _writes(4, 0x1B)),
}


def measure_once(chip: Uart, access: Callable[[Uart], object], rounds: int, chips: int = 200) -> list[float]:
    """Nanoseconds an access, for every round; the call that makes it is in it."""
    state = chip.state()
    times = []
    for _ in range(rounds * 10):
        restored = [Uart.restore(state) for _ in range(chips)]
        begin = time.perf_counter_ns()
        for uart in restored:
            access(uart)
        times.append((time.perf_counter_ns() - begin) / chips)
    return [min(times[n * 10 : n * 10 + 10]) for n in range(rounds)]


def measure(rounds: int) -> dict[str, list[float]]:
    """Nanoseconds a statement, for every round."""
    full = Subject()
    full.uart.write_run(bytes(17), 0)
    names = {"plain": Plain(), "idle": Subject().uart, "busy": Subject(), "full": full.uart}
    timers = {name: timeit.Timer(statement, globals=names) for name, (statement, _) in STATEMENTS.items()}
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, timer in timers.items():
            number = 1_000 if "burst" in STATEMENTS[name][0] else 20_000
            times[name].append(timer.timeit(number) / number * 1e9)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    times = measure(rounds)
    call = median(times["Python method call"])
    goals = {name: goal for name, (_, goal) in STATEMENTS.items()}
    for name, (chip, access) in ONCE.items():
        times[name] = measure_once(chip, access, rounds)
        goals[name] = 1500
    rows = []
    for name, goal in goals.items():
        middle = median(times[name])
        best = min(times[name])
        rows.append([name, f"{middle:.0f}", f"{best:.0f}", f"{middle / call:.1f}", f"{goal:.0f}" if goal else ""])
    table("Register accesses", ["what", "median ns", "best ns", "method calls", "goal ns"], rows)


if __name__ == "__main__":
    main()
