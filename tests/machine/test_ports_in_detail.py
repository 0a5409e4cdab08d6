"""Ports in detail: what a snapshot puts back, what is counted when, what is told of a pin, and whose turn it is."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import trio

from tests.machine.rig import FarEnd, Listener, open_port, real_time, run_virtual, virtual_time
from uartsim.chip import Uart
from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, SerialDriver
from uartsim.machine import ticker as ticker_module
from uartsim.machine.fairness import Turn
from uartsim.machine.port_options import make_port
from uartsim.machine.ticker import GAP_PER_LINE, Wakeup, shared_ticker
from uartsim.record import events
from uartsim.registers import ModemOutput, Offset
from uartsim.trace.reader import read_trace
from uartsim.wire.faults import parse_fault

FRAME = LineFormat().frame_ticks


class StoppedClock:
    """A clock that is moved by hand."""

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def now(self) -> int:
        """The present time in ticks."""
        return self.ticks


class Looks(trio.abc.Instrument):
    """Counts the rounds of trio's scheduler, each of which begins with a look at I/O."""

    count = 0

    def after_io_wait(self, timeout: float) -> None:
        """A round begins."""
        self.count += 1


# -- a snapshot ------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_port_that_is_restored_has_the_chip_and_the_frames_on_the_line() -> None:
    async with open_port() as (com1, _):
        formats: list[LineFormat] = []
        Listener(com1, format_changed=formats.append)
        now = com1.uart.now
        saved = dataclasses.replace(com1.uart.state(), divisor=12)
        saved = dataclasses.replace(saved, receiver=dataclasses.replace(saved.receiver, received=7, overruns=5))
        com1.restore(saved, [(now, b"ab", LineFormat()), (now + 2 * FRAME, b"c", LineFormat())])
        assert com1.uart.state() == saved
        assert formats == [LineFormat(12 * LineFormat().bit_ticks)]
        assert com1.lost()["overruns"] == 0, "what was lost before the snapshot was told then"
        far = FarEnd(com1)
        com1.settle()
        assert await far.wait_for(3) == b"abc"
        assert far.deliveries[0][1] >= now + FRAME - LineFormat().bit_ticks


# -- counters --------------------------------------------------------------------------------------------------


@virtual_time
async def test_faults_are_counted_from_the_very_moment_at_which_counting_begins_again() -> None:
    """What has been on the line before then is of the time before, though nobody had looked at it yet."""
    async with open_port() as (com1, driver):
        FarEnd(com1)
        com1.add_fault(parse_fault("lost:rate=1"))
        com1.far_send(bytes(50))
        await driver.write(bytes(50))
        await trio.sleep(20.5 * FRAME / TICKS_PER_SECOND)
        com1.reset_fault_counters()
        await trio.sleep(1)
        counted = com1.fault_counters()
        assert counted["in"]["lost"]["characters_lost"] in (29, 30)
        assert counted["out"]["lost"]["characters_lost"] in (29, 30)


# -- what is told ----------------------------------------------------------------------------------------------


def traced_port(ticker: ticker_module.Ticker, trace: Path) -> tuple[Com1, StoppedClock]:
    """A port whose THR has been written with one character, with the interrupt of an empty THR enabled."""
    com1 = make_port(ticker, "x", {"trace": str(trace)})
    com1.clock = clock = StoppedClock(com1.uart.now)
    for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 1), (4, 0x0B), (0, 0x61)):
        com1.write(offset, value)
    clock.ticks += 9 * FRAME
    com1.read(Offset.LSR)
    com1.write(Offset.IER, 2)
    com1.read(Offset.IIR)
    for character in b"bcd":
        com1.write(Offset.THR, character)
    return com1, clock


@pytest.mark.parametrize("late", [0, 1, FRAME])
def test_an_interrupt_is_recorded_at_its_own_time_and_before_the_access_that_takes_it_back(
    tmp_path: Path, late: int
) -> None:
    trace = tmp_path / "x.trace"
    rises: list[int] = []

    async def main() -> None:
        async with shared_ticker() as ticker:
            com1, clock = traced_port(ticker, trace)
            rises.append(com1.uart.next_interrupt(com1.uart.now))
            clock.ticks = rises[0] + late
            assert com1.read(Offset.IIR) & 0x0F == 2
            com1.close_taps()

    run_virtual(main)
    found = list(read_trace(str(trace)))
    last = [event for event in found if isinstance(event, events.Interrupt | events.Read)][-3:]
    at = last[0].at
    assert [type(event) for event in last] == [events.Interrupt, events.Read, events.Interrupt]
    assert last == [events.Interrupt(at, True), events.Read(at + late, 2, 0xC2), events.Interrupt(at + late, False)]


def test_an_interrupt_keeps_its_time_in_a_recording_while_characters_come_in(tmp_path: Path) -> None:
    trace = tmp_path / "x.trace"
    rises: list[int] = []

    async def main() -> None:
        async with shared_ticker() as ticker:
            com1, clock = traced_port(ticker, trace)
            rises.append(com1.uart.next_interrupt(com1.uart.now) - com1.uart.now)
            clock.ticks += FRAME
            com1.far_send(b"0123456789")
            clock.ticks += 50 * FRAME
            com1.read(Offset.LSR)
            com1.close_taps()

    run_virtual(main)
    found = list(read_trace(str(trace)))
    written = [event.at for event in found if isinstance(event, events.Write)][-1]
    risen = [event.at for event in found if isinstance(event, events.Interrupt) and event.level][-1]
    assert risen == written + rises[0]


@virtual_time
async def test_a_driver_masks_its_interrupts_before_it_touches_anything_else(tmp_path: Path) -> None:
    """As Linux's serial8250_do_startup: FIFOs cleared, pending causes read away, and only then interrupts."""
    trace = tmp_path / "x.trace"
    async with shared_ticker() as ticker:
        com1 = make_port(ticker, "x", {"trace": str(trace)})
        SerialDriver(com1).open()
        com1.close_taps()
    accesses = [
        ("r" if isinstance(event, events.Read) else "w", event.offset, event.value)
        for event in read_trace(str(trace))
        if isinstance(event, events.Read | events.Write)
    ]
    assert accesses == [
        *(("w", 1, 0x00), ("w", 2, 0x01), ("w", 2, 0x07), ("w", 2, 0x00)),
        *(("r", 5, 0x60), ("r", 0, 0x00), ("r", 2, 0x01), ("r", 6, 0xB0)),
        *(("w", 3, 0x83), ("w", 0, 0x01), ("w", 1, 0x00), ("w", 3, 0x03)),
        *(("w", 2, 0x01), ("w", 4, 0x0B), ("w", 1, 0x0D)),
    ]


def test_a_recording_that_cannot_be_made_leaves_none_of_the_others(tmp_path: Path) -> None:
    trace, wave = tmp_path / "x.trace", tmp_path / "x.vcd"
    wave.write_text("mine")

    async def main() -> None:
        async with shared_ticker() as ticker:
            with pytest.raises(UsageError, match="exists"):
                make_port(ticker, "x", {"trace": str(trace), "vcd": str(wave)})

    run_virtual(main)
    assert os.listdir(tmp_path) == ["x.vcd"]
    assert wave.read_text() == "mine"


# -- flow control ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["16550A", "16750"])
@virtual_time
async def test_a_driver_knows_that_cts_holds_characters_back_in_itself_or_in_the_chip(variant: str) -> None:
    async with open_port(variant=variant) as (com1, driver):
        driver.set_flow_control(True)
        assert driver.modem.automatic is (variant == "16750")
        assert not driver.modem.held
        com1.set_far_outputs(ModemOutput.DTR)
        assert driver.modem.held
        assert driver.modem.stopped is (variant != "16750")
        com1.set_far_outputs(ModemOutput.DTR | ModemOutput.RTS)
        assert not driver.modem.held


# -- turns and wake-ups ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "alone"), [(0, 15), (1024, 7), (3072, 3), (15_360, 0), (100_000, 0)])
def test_others_get_their_turn_after_16_kibibytes_of_which_a_call_counts_as_one(size: int, alone: int) -> None:
    async def main() -> None:
        looks = Looks()
        trio.lowlevel.add_instrument(looks)
        turn = Turn()
        for _ in range(3):
            before = looks.count
            for _ in range(alone):
                await turn.take(size)
            assert looks.count == before
            await turn.take(size)
            assert looks.count == before + 1

    run_virtual(main)


@virtual_time
async def test_in_virtual_time_a_busy_line_hands_out_what_has_gathered_in_a_tenth_of_a_second() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        start = com1.uart.now
        await driver.write(bytes(4000))
        await far.wait_for(4000)
        handed_out = [at - start for _, _, at in far.deliveries]
        arrived = LineFormat().sampled_ticks
        assert arrived + TICKS_PER_SECOND // 10 <= handed_out[0] <= FRAME + TICKS_PER_SECOND // 10
        assert handed_out[1] - handed_out[0] == pytest.approx(TICKS_PER_SECOND // 10, abs=2 * FRAME)


def test_trio_looks_at_its_i_o_now_and_then_however_many_wake_ups_follow_each_other_in_virtual_time() -> None:
    async def main() -> None:
        async with shared_ticker() as ticker:
            calls: list[int] = []

            def again(now: int) -> None:
                calls.append(now)
                if len(calls) < 6400:
                    wakeup.set(now + 1000_000)

            wakeup = ticker.wakeup(again)
            await trio.sleep(0.1)
            looks = Looks()
            trio.lowlevel.add_instrument(looks)
            wakeup.set(ticker.clock.now() + 1000_000)
            await trio.sleep(1)
            trio.lowlevel.remove_instrument(looks)
            assert len(calls) == 6400
            # Time may be moved 64 times in a row; and far fewer looks than calls are what that is for.
            assert 6400 // 65 <= looks.count <= 6400 // 10

    run_virtual(main)


@real_time
async def test_the_more_lines_are_busy_the_longer_is_the_time_between_two_rounds() -> None:
    async with shared_ticker() as ticker:
        calls = 0

        def line() -> Wakeup:
            def call(now: int) -> None:
                nonlocal calls
                calls += 1
                wakeup.set(now + 10**13, now)

            wakeup = ticker.wakeup(call)
            return wakeup

        lines = [line() for _ in range(10)]
        began = ticker.clock.now()
        for wakeup in lines:
            wakeup.set(began + 10**13, began)
        await trio.sleep(0.1)
        most = (ticker.clock.now() - began) / (10 * GAP_PER_LINE) + 2
        assert 10 <= calls <= 10 * most
        for wakeup in lines:
            wakeup.set(10**25)


@real_time
async def test_a_short_round_is_not_interrupted() -> None:
    longest = ticker_module.LONGEST_ROUND
    ticker_module.LONGEST_ROUND = 10**6 * TICKS_PER_SECOND  # type: ignore[misc]
    try:
        async with shared_ticker() as ticker, trio.open_nursery() as nursery:
            order: list[str] = []
            began, done = trio.Event(), trio.Event()

            async def other() -> None:
                await began.wait()
                order.append("other task")
                done.set()

            def call(now: int) -> None:
                order.append("line")
                began.set()

            nursery.start_soon(other)
            await trio.testing.wait_all_tasks_blocked()
            now = ticker.clock.now()
            for _ in range(5):
                ticker.wakeup(call).set(now + 10**13, now)
            await done.wait()
            assert order == ["line"] * 5 + ["other task"]
    finally:
        ticker_module.LONGEST_ROUND = longest  # type: ignore[misc]


def test_a_run_leaves_no_descriptor_of_its_timer() -> None:
    async def main() -> None:
        async with open_port() as (_, driver):
            await driver.write(b"x")
            await driver.drain()

    trio.run(main)
    before = len(os.listdir("/proc/self/fd"))
    trio.run(main)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_chip_of_a_port_is_one_like_any_other() -> None:
    async def main() -> None:
        async with shared_ticker() as ticker:
            com1 = Com1(ticker, strict_line=True, variant="16750")
            alone = Uart("16750", thre_delay=True)
            alone.advance(com1.uart.now)
            assert com1.uart.state() == alone.state()

    run_virtual(main)
