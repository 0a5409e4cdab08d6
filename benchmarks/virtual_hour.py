"""How long an hour of a busy 9600 baud line takes in virtual time.

    python -m benchmarks.virtual_hour [--rounds 7] [--minutes 60]

The line never rests: 960 characters a second, 3,456,000 in the hour.  Three ways, each of which has them all counted:

- in process: the chip and a driver that refills its FIFO in slices (:mod:`uartsim.chip.streaming`), as the machine's
  own driver does whenever nothing else happens on the line; a minute at a time;
- interrupt by interrupt: the same with every single interrupt served: IIR is read and the FIFO filled;
- with trio's events: chip, cable, ticker and driver under ``trio.testing.MockClock``; a task writes, and the far end
  is handed the characters in quanta, as in every simulation in virtual time.

Goals: in process at most 0.5 s, with trio's events at most 1.2 s.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import trio
import trio.testing

from benchmarks.rig import median, table
from uartsim.chip import Uart
from uartsim.chip.streaming import stream_out
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, SerialDriver
from uartsim.machine.sides import QuietFarEnd
from uartsim.machine.ticker import shared_ticker
from uartsim.registers import FCR, IER, LCR, MCR

LINE = LineFormat.from_baud(9600)
DEPTH = 16
PIECE = bytes(range(32, 96)) * 15  # a second's worth


def programmed() -> Uart:
    """A chip at 9600 8N1 with FIFOs, whose transmitter interrupts."""
    uart = Uart()
    for offset, value in ((3, LCR.DLAB), (0, 12), (1, 0), (3, 3), (2, FCR.FIFO_ENABLE), (4, MCR.OUT2), (1, IER.ETBEI)):
        uart.write(offset, int(value), 0)
    uart.read(2, 0)
    return uart


def interrupt_by_interrupt(minutes: float) -> int:
    """Interrupt by interrupt; returns the characters that went out."""
    uart = programmed()
    end = int(minutes * 60 * TICKS_PER_SECOND)
    burst, sent, now = PIECE[:DEPTH], 0, 0
    read, write_run, next_interrupt, advance = uart.read, uart.write_run, uart.next_interrupt, uart.advance
    while now < end:
        if uart.irq or not now:
            read(2, now)
            write_run(burst, now)
            for run in uart.take_sent_runs():
                sent += len(run.characters)
        now = next_interrupt(now)
        advance(now)
    return sent


def in_process(minutes: float) -> int:
    """A minute at a time; returns the characters that went out."""
    uart = programmed()
    uart.write_run(PIECE[:DEPTH], 0)
    uart.take_sent_runs()
    sent = 0
    for minute in range(1, int(minutes) + 1):
        until = minute * 60 * TICKS_PER_SECOND
        data = bytearray(PIECE * 61)
        while (streamed := stream_out(uart, data, until)) is not None:
            sent += len(streamed.frames)
            del data[: streamed.taken]
    return sent


def with_events(minutes: float) -> int:
    """Everything from a task that writes to the far end; returns the characters that arrived there."""
    seconds = int(minutes * 60)
    total = seconds * len(PIECE)
    arrived = 0

    async def main() -> None:
        nonlocal arrived
        async with shared_ticker() as ticker:
            com1 = Com1(ticker)
            driver = SerialDriver(com1)
            driver.open(LINE)
            done = trio.Event()

            class Counter(QuietFarEnd):
                def output(self, data: bytes, at: int) -> None:
                    nonlocal arrived
                    arrived += len(data)
                    if arrived >= total:
                        done.set()

            com1.far_end = Counter()
            for _ in range(seconds):
                await driver.write(PIECE)
            await done.wait()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return arrived


def check_count(characters: int, minutes: float) -> None:
    """SystemExit unless as many characters went out as a busy line carries in so many minutes."""
    expected = int(minutes * 60) * len(PIECE)
    if abs(characters - expected) > 2 * DEPTH:
        raise SystemExit(f"{characters} characters went out, not {expected}; the figures mean nothing")


#: What is measured, and its goal in seconds.
WAYS: dict[str, tuple[Callable[[float], int], float | None]] = {
    "in process": (in_process, 0.5),
    "interrupt by interrupt": (interrupt_by_interrupt, None),
    "with trio's events": (with_events, 1.2),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    rows = []
    for name, (way, goal) in WAYS.items():
        took = []
        for _ in range(options.rounds):
            begin = time.perf_counter()
            characters = way(options.minutes)
            took.append(time.perf_counter() - begin)
            check_count(characters, options.minutes)
        shown = "" if goal is None else f"{goal * options.minutes / 60:.3f}"
        rows.append([name, f"{median(took):.4f}", f"{min(took):.4f}", shown])
    table(f"{options.minutes:g} minutes of a busy 9600 baud line", ["how", "median s", "best s", "goal s"], rows)


if __name__ == "__main__":
    main()
