"""Ports in detail: what a snapshot puts back, what is counted when, what is told of a pin, and whose turn it is."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import trio

from tests.machine.rig import FarEnd, Listener, open_port, run_virtual, virtual_time
from uartsim.chip import Uart
from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, SerialDriver
from uartsim.machine import ticker as ticker_module
from uartsim.machine.port_options import make_port
from uartsim.machine.sides import QuietGuest
from uartsim.machine.ticker import shared_ticker
from uartsim.record import events
from uartsim.registers import MSR, ModemOutput, Offset
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


@virtual_time
async def test_a_port_that_is_restored_sees_the_modem_lines_of_the_present() -> None:
    async with open_port() as (com1, _):
        saved = com1.uart.state()
        com1.add_fault(parse_fault("lost-cts"))
        com1.restore(saved, [])
        assert MSR.CTS not in MSR(com1.uart.modem.status)
        com1.clear_faults("lost-cts")
        assert MSR.CTS in MSR(com1.uart.modem.status)


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


# -- a guest that serves its interrupts in its own time ---------------------------------------------------------


class Computer(QuietGuest):
    """Is told of the interrupt line; some of its accesses may wait to be made."""

    serves_interrupts = True
    follows_changes = True

    def __init__(self, com1: Com1) -> None:
        self.told: list[tuple[bool, int]] = []
        self.settlings = self.catch_ups = 0
        com1.guest = self

    def interrupt(self, level: bool, at: int) -> None:
        """The interrupt line changed."""
        self.told.append((level, at))

    def settled(self) -> None:
        """The port has done what follows from an access."""
        self.settlings += 1

    def catch_up(self) -> None:
        """Accesses may wait."""
        self.catch_ups += 1


@virtual_time
async def test_a_guest_is_told_of_each_interrupt_at_its_time_and_of_its_end_at_once() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        guest = Computer(com1)
        for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 0x81), (4, 0x0B), (0, 0x61)):
            com1.write(offset, value)
        await trio.sleep(1)
        assert guest.told == []
        now = com1.clock.now()
        com1.write(Offset.IER, 3)
        assert guest.told == [(True, now)]
        assert com1.read(Offset.IIR) & 0x0F == 2
        assert guest.told[1:] == [(False, now)]
        await trio.sleep(1)
        start = com1.clock.now()
        for character in b"abc":
            com1.write(Offset.THR, character)
        await trio.sleep(0.1)
        assert guest.told[2:] == [(True, start), (False, start), (True, start + 2 * FRAME)]
        assert com1.read(Offset.IIR) & 0x0F == 2
        await trio.sleep(0.1)
        start = com1.clock.now()
        com1.far_send(b"0123456")
        await trio.sleep(0.1)
        # Seven characters are below the trigger level of eight: four frames after the last the timeout comes.
        timeout = start + 6 * FRAME + LineFormat().sampled_ticks + 4 * FRAME
        assert guest.told[6:] == [(True, timeout)]
        assert com1.read(Offset.IIR) & 0x0F == 0x0C
        before = com1.clock.now()
        assert bytes(com1.read(Offset.RBR) for _ in range(7)) == b"0123456"
        assert guest.told[7:] == [(False, before)]
        start = com1.clock.now()
        com1.far_send(b"01234567")
        await trio.sleep(0.1)
        assert guest.told[8:] == [(True, start + 7 * FRAME + LineFormat().sampled_ticks)]
        assert com1.read(Offset.IIR) & 0x0F == 0x0C  # by now the timeout has come too


@virtual_time
async def test_a_guest_hears_after_each_access_and_is_asked_before_time_passes_if_it_says_so() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        guest = Computer(com1)
        for count in range(1, 4):
            com1.read(Offset.LSR)
            com1.write(Offset.SCR, count)
            assert guest.settlings == 2 * count
        assert guest.catch_ups == 0
        guest.posts_accesses = True
        com1.read(Offset.LSR)
        assert guest.catch_ups == 1
        com1.advance(com1.clock.now())
        assert guest.catch_ups == 2
        guest.follows_changes = False
        com1.far_send(b"x")
        await trio.sleep(1)
        assert guest.catch_ups > 2
        assert guest.settlings == 7


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


def test_a_chip_of_a_port_is_one_like_any_other() -> None:
    async def main() -> None:
        async with shared_ticker() as ticker:
            com1 = Com1(ticker, strict_line=True, variant="16750")
            alone = Uart("16750", thre_delay=True)
            alone.advance(com1.uart.now)
            assert com1.uart.state() == alone.state()

    run_virtual(main)
