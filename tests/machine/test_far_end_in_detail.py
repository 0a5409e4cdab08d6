"""The far end of a port in detail: when its characters are there, what faults leave behind, and what status says."""

from __future__ import annotations

import pytest
import trio

from tests.machine.rig import FarEnd, open_port, virtual_time
from tests.machine.test_ports_in_detail import StoppedClock
from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, SerialDriver
from uartsim.machine.driver import divisor_of
from uartsim.machine.ticker import shared_ticker
from uartsim.registers import ModemOutput, Offset
from uartsim.wire.faults import parse_fault

FRAME, SAMPLED = LineFormat().frame_ticks, LineFormat().sampled_ticks
PROGRAM = ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 1))


@pytest.mark.parametrize("looked", [False, True])
@virtual_time
async def test_a_character_is_there_at_the_tick_at_which_its_stop_bit_is_sampled(looked: bool) -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        com1.clock = clock = StoppedClock(com1.uart.now)
        for offset, value in PROGRAM:
            com1.write(offset, value)
        start = clock.ticks
        com1.far_send(b"abc")
        for number in range(3):
            arrives = start + number * FRAME + SAMPLED
            for at, there in ((arrives - 1, False), (arrives, True)):
                clock.ticks = at - FRAME // 3 if looked else at
                com1.advance(clock.ticks)
                clock.ticks = at
                assert bool(com1.read(Offset.LSR) & 1) is there
            assert com1.read(Offset.RBR) == b"abc"[number]


@virtual_time
async def test_a_withheld_character_starts_with_the_very_read_that_makes_room() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        com1.clock = clock = StoppedClock(com1.uart.now)
        for offset, value in PROGRAM:
            com1.write(offset, value)
        com1.far_send(bytes(range(18)))
        clock.ticks += 40 * FRAME
        assert com1.read(Offset.LSR) & 1
        assert com1.far_pending == 2
        clock.ticks += 77
        assert com1.read(Offset.RBR) == 0
        began = clock.ticks
        for at, waiting in ((began + SAMPLED - 1, 15), (began + SAMPLED, 16)):
            clock.ticks = at
            com1.read(Offset.LSR)
            assert len(com1.uart.receiver.data) == waiting
        assert com1.status()["line"]["overruns"] == 0


@virtual_time
async def test_when_faults_have_ended_the_line_is_not_gone_over_bit_by_bit_any_more() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        for kind in ("noise:rate=0", "lost:rate=0"):
            com1.add_fault(parse_fault(kind))
        assert com1.cable.far.channel is not None
        assert com1.clear_faults("lost") == 1
        assert com1.cable.far.channel is not None
        assert [str(fault).partition(":")[0] for fault in com1.faults()] == ["noise"]
        assert com1.clear_faults() == 1
        assert com1.clear_faults() == 0
        await trio.sleep(1)
        assert com1.cable.far.channel is None
        com1.far_send(b"in")
        await driver.write(b"out")
        assert await far.wait_for(3) == b"out"


@virtual_time
async def test_a_fault_that_replaces_one_of_its_kind_lasts_as_long_as_it_says_itself() -> None:
    async with open_port() as (com1, _):
        com1.set_far_outputs(ModemOutput.DTR | ModemOutput.RTS)
        com1.add_fault(parse_fault("dcd-drop:seconds=0.5"))
        await trio.sleep(0.4)
        com1.add_fault(parse_fault("dcd-drop:seconds=0.3"))
        await trio.sleep(0.29)
        com1.advance(com1.clock.now())
        assert not com1.status()["modem"]["dcd"]
        assert com1.fault_counters()["in"]["dcd-drop"] == {"times": 2, "milliseconds_held": 690}
        await trio.sleep(0.02)
        assert com1.status()["modem"]["dcd"]
        assert com1.faults() == []
        assert com1.fault_counters()["in"]["dcd-drop"] == {"times": 2, "milliseconds_held": 700}


@virtual_time
async def test_faults_of_bits_need_a_line_that_takes_time() -> None:
    async with open_port(unlimited=True) as (com1, driver):
        for kind in ("noise:rate=0.1", "lost:rate=0.1", "cut"):
            with pytest.raises(
                UsageError, match=r"is done to bits, and at unlimited rate there are none: run the machine"
            ):
                com1.add_fault(parse_fault(kind))
        assert com1.faults() == []
        com1.add_fault(parse_fault("xoff"))
        com1.add_fault(parse_fault("lost-cts"))
        await trio.sleep(0.1)
        received = driver.receive_nowait()
        assert received is not None
        assert received.data == b"\x13"


@virtual_time
async def test_status_says_what_the_port_is_and_has_done() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker, variant="16750", strict_line=True, flow_control=True)
        com1.clock = clock = StoppedClock(com1.uart.now)
        for offset, value in ((3, 0x9B), (0, 12), (1, 0), (2, 0xE1), (3, 0x1B), (4, 0x0B), (1, 0x05), (7, 0x5A)):
            com1.write(offset, value)
        frame = com1.uart.line_format.frame_ticks
        com1.write(Offset.THR, 0x41)
        com1.far_send(b"ab")
        clock.ticks += 3 * frame
        assert com1.read(Offset.RBR) == 0x61
        com1.settle()
        status = com1.status()
        assert (status["uart"], status["format"], status["baud"], status["divisor"]) == (
            "16750",
            "9600 8E1",
            9600.0,
            12,
        )
        assert status["registers"] == {
            "IER": 0x05,
            "IIR": 0xE1,
            "FCR": 0xE1,
            "LCR": 0x1B,
            "MCR": 0x0B,
            "LSR": 0x61,
            "MSR": com1.uart.modem.status,
            "SCR": 0x5A,
        }
        assert (status["thr_writes"], status["rbr_reads"]) == (1, 1)
        assert status["accesses"]["read"] == {
            "RBR/DLL": 1,
            "IER/DLM": 0,
            "IIR": 0,
            "LCR": 0,
            "MCR": 0,
            "LSR": 0,
            "MSR": 0,
            "SCR": 0,
        }
        assert status["accesses"]["write"] == {
            "THR/DLL": 2,
            "IER/DLM": 2,
            "FCR": 1,
            "LCR": 2,
            "MCR": 1,
            "LSR": 0,
            "MSR": 0,
            "SCR": 1,
        }
        line = status["line"]
        assert (line["bytes_out"], line["bytes_in"], line["queued_in"]) == (1, 2, 0)
        assert {line[name] for name in ("errors_out", "errors_in", "breaks_out", "breaks_in", "overruns")} == {0}
        assert (status["strict_line"], status["flow_control"]) == (True, "rtscts")
        assert (status["far_format"], status["faults"], status["lost"]) == ("9600 8E1", [], "nothing")


@virtual_time
async def test_a_driver_that_is_not_open_yet_has_the_chips_format_and_no_carrier_to_lose() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        com1.set_far_outputs(ModemOutput(0))
        driver = SerialDriver(com1)
        assert driver.line_format == com1.uart.line_format
        assert not driver.modem.carrier
        told: list[bool] = []
        driver.modem.on_carrier = told.append
        driver.open()
        assert told == []
        com1.set_far_outputs(ModemOutput.DTR)
        assert told == [True]


@pytest.mark.parametrize(
    ("baud", "near"), [(1, "1.76"), (80_000, "57600, 115200"), (500_000, "115200"), (1.75, "1.76")]
)
def test_the_nearest_speeds_are_those_that_a_divisor_gives(baud: float, near: str) -> None:
    line_format = LineFormat(round(TICKS_PER_SECOND / baud))
    assert divisor_of(LineFormat(0xFFFF * LineFormat().bit_ticks)) == 0xFFFF
    with pytest.raises(UsageError, match=rf"near speeds it can do: {near}$"):
        divisor_of(line_format)
