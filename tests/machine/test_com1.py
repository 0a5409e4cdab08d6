"""The running port: exact times, back-pressure, flow towards a slow guest, and its one timer."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.machine.rig import FarEnd, Listener, open_port, receive_data, virtual_time
from uartsim.line_format import TICKS_PER_SECOND, LineFormat, seconds_to_ticks
from uartsim.machine import Com1, Flag, Received
from uartsim.machine.port import QUANTUM
from uartsim.machine.ticker import shared_ticker
from uartsim.registers import LCR, MCR, ModemOutput, Offset

PATTERN = bytes(range(256)) * 16
FORMATS = [
    LineFormat(),
    LineFormat.from_baud(9600, "8N1"),
    LineFormat.from_baud(300, "7E1"),
    LineFormat.from_baud(57600, "5O1.5"),
    LineFormat.from_baud(19200, "8S2"),
]


@pytest.mark.parametrize("line_format", FORMATS, ids=str)
@virtual_time
async def test_the_kth_character_arrives_after_exactly_k_frames(line_format: LineFormat) -> None:
    async with open_port(line_format) as (com1, driver):
        far = FarEnd(com1)
        start = com1.clock.now()
        await driver.write(PATTERN)
        await far.wait_for(len(PATTERN))
        count = 0
        for data, arrived, handed_out in far.deliveries:
            count += len(data)
            stop_sampled = (count - 1) * line_format.frame_ticks + line_format.sampled_ticks
            assert arrived == start + stop_sampled
            assert handed_out >= arrived
        assert bytes(far.data) == bytes(c & line_format.data_mask for c in PATTERN)


@virtual_time
async def test_an_hour_of_a_full_line_is_exact_to_the_tick() -> None:
    """Nothing is added up from rounded periods: 432,000 frames at 1200 baud."""
    line_format = LineFormat.from_baud(1200)
    async with open_port(line_format) as (com1, driver):
        far = FarEnd(com1)
        start = com1.clock.now()
        size = 3600 * 120
        for _ in range(size // 4000):
            await driver.write(bytes(4000))
        await driver.drain()
        await far.wait_for(size)
        assert far.deliveries[-1][1] == start + (size - 1) * line_format.frame_ticks + line_format.sampled_ticks
        assert com1.clock.now() - start == pytest.approx(3600 * TICKS_PER_SECOND, rel=1e-9)


@virtual_time
async def test_a_busy_line_hands_out_quanta_of_sixteen_and_an_idle_one_at_once() -> None:
    async with open_port() as (com1, driver):
        com1.quantum_ticks = 0  # as in real time
        far = FarEnd(com1)
        await driver.write(bytes(1000))
        await far.wait_for(1000)
        sizes = {len(data) for data, _, _ in far.deliveries[:-1]}
        assert QUANTUM - 1 <= min(sizes) <= max(sizes) <= QUANTUM + 1
        await driver.drain()
        far.deliveries.clear()
        start = com1.clock.now()
        await driver.write(b"k")
        await far.wait_for(1001)
        assert far.deliveries[0][2] - start <= com1.uart.line_format.frame_ticks


@virtual_time
async def test_characters_towards_the_guest_arrive_after_exactly_k_frames() -> None:
    async with open_port() as (com1, driver):
        frame, sampled = driver.line_format.frame_ticks, driver.line_format.sampled_ticks
        start = com1.clock.now()
        com1.far_send(b"x" * 1000)
        await trio.sleep(0.05)
        com1.advance(com1.clock.now())
        arrived = com1.uart.receiver.received
        assert arrived == (com1.clock.now() - start - sampled) // frame + 1
        assert await receive_data(driver, 1000) == b"x" * 1000
        assert com1.clock.now() - start >= 999 * frame + sampled


@virtual_time
async def test_a_single_key_reaches_the_guest_when_its_stop_bit_is_sampled() -> None:
    async with open_port() as (com1, driver):
        await trio.sleep(1)
        start = com1.clock.now()
        com1.far_send(b"k")
        assert await driver.receive() == (b"k", Flag.NORMAL)
        assert com1.clock.now() - start == driver.line_format.sampled_ticks


@virtual_time
async def test_both_directions_run_at_the_full_rate_at_once() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        start = com1.clock.now()
        com1.far_send(PATTERN)
        await driver.write(PATTERN)
        assert await receive_data(driver, len(PATTERN)) == PATTERN
        assert await far.wait_for(len(PATTERN)) == PATTERN
        last = (len(PATTERN) - 1) * driver.line_format.frame_ticks + driver.line_format.sampled_ticks
        assert com1.clock.now() - start <= last + QUANTUM * driver.line_format.frame_ticks


# -- a guest that does not read ------------------------------------------------------------------------------


@virtual_time
async def test_a_guest_that_does_not_serve_its_receiver_loses_nothing_and_the_far_end_withholds() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        com1.write(Offset.LCR, 3)
        com1.write(Offset.FCR, 1)
        com1.far_send(PATTERN)
        await trio.sleep(10)
        com1.advance(com1.clock.now())
        assert com1.uart.receiver.received == 16
        got = bytearray()
        while len(got) < len(PATTERN):
            await trio.sleep(0.1)
            while com1.read(Offset.LSR) & 1:
                got.append(com1.read(Offset.RBR))
        assert bytes(got) == PATTERN
        line = com1.status()["line"]
        assert line["overruns"] == 0
        assert line["withheld"] == len(PATTERN) // 16 - 1


@virtual_time
async def test_a_withheld_frame_starts_when_there_is_room_again() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        com1.write(Offset.FCR, 1)
        com1.far_send(bytes(20))
        await trio.sleep(1)
        com1.read(Offset.RBR)
        line_format = com1.uart.line_format
        room_at = com1.clock.now()
        com1.advance(room_at + line_format.sampled_ticks - 1)
        assert com1.uart.receiver.received == 16
        com1.advance(room_at + line_format.sampled_ticks)
        assert com1.uart.receiver.received == 17


@virtual_time
async def test_a_strict_line_overruns_a_guest_that_does_not_read_and_counts() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker, strict_line=True)
        com1.write(Offset.FCR, 1)
        com1.far_send(bytes(100))
        await trio.sleep(1)
        line = com1.status()["line"]
        assert line["overruns"] == 84
        assert line["withheld"] == 0
        assert com1.read(Offset.LSR) & 0x02
        assert com1.status()["strict_line"]


@virtual_time
async def test_a_reset_while_the_far_end_withholds_lets_it_go_on_at_the_line_s_pace() -> None:
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        com1.write(Offset.FCR, 1)
        com1.far_send(bytes(40))
        await trio.sleep(1)
        com1.reset()
        com1.write(Offset.FCR, 1)
        received = com1.uart.receiver.received
        start = com1.clock.now()
        frame = com1.uart.line_format.frame_ticks
        com1.advance(start + 4 * frame)
        assert com1.uart.receiver.received - received <= 4
        com1.advance(start + 16 * frame)
        assert com1.uart.receiver.received - received == 16


@virtual_time
async def test_a_guest_in_loopback_makes_the_far_end_wait() -> None:
    async with open_port() as (com1, driver):
        com1.write(Offset.MCR, MCR.LOOP | MCR.OUT2)
        com1.far_send(b"hello")
        await trio.sleep(1)
        assert com1.far_pending == 5
        com1.write(Offset.MCR, MCR.DTR | MCR.RTS | MCR.OUT2)
        assert await receive_data(driver, 5) == b"hello"


# -- breaks --------------------------------------------------------------------------------------------------


@virtual_time
async def test_a_break_from_the_far_end_keeps_its_place_between_characters() -> None:
    async with open_port() as (com1, driver):
        com1.far_send(b"before")
        com1.far_break(seconds_to_ticks(0.25))
        com1.far_send(b"after")
        await trio.sleep(1)
        got: list[Received] = []
        while (received := driver.receive_nowait()) is not None:
            got.append(received)
        assert got == [(b"before", Flag.NORMAL), (b"\0", Flag.BREAK), (b"after", Flag.NORMAL)]
        assert com1.status()["line"]["breaks_in"] == 1
        assert com1.status()["line"]["bytes_in"] == 11


@virtual_time
async def test_the_guest_s_break_is_told_at_the_far_end_in_its_place() -> None:
    async with open_port() as (com1, driver):
        told: list[Any] = []
        Listener(com1, lambda data, at: told.append(data), lambda at: told.append("break"))
        await driver.write(b"abc")
        await driver.drain()
        com1.write(Offset.LCR, com1.uart.lcr | LCR.BREAK)
        await trio.sleep(0.25)
        com1.write(Offset.LCR, com1.uart.lcr & ~int(LCR.BREAK))
        await driver.write(b"def")
        await driver.drain()
        await trio.sleep(0.1)
        place = told.index("break")
        assert b"".join(told[:place]) == b"abc"
        assert b"".join(told[place + 1 :]) == b"def"
        assert com1.status()["line"]["breaks_out"] == 1
        assert com1.status()["line"]["bytes_out"] == 6


@virtual_time
async def test_characters_that_wait_to_be_handed_out_come_before_a_break_that_follows_them() -> None:
    """Both are collected in one go when the process is late."""
    async with shared_ticker() as ticker:
        com1 = Com1(ticker)
        told: list[object] = []
        Listener(com1, lambda data, at: told.append(data), lambda at: told.append("break"))
        uart, now = com1.uart, com1.clock.now()
        frame = uart.line_format.frame_ticks
        com1.write_at(Offset.LCR, 3, now)
        com1.write_at(Offset.FCR, 1, now)
        com1.write_at(Offset.THR, ord("a"), now)
        com1.write_at(Offset.LCR, int(LCR.BREAK) | 3, now + 2 * frame)
        com1.write_at(Offset.LCR, 3, now + 5 * frame)
        com1.write_at(Offset.THR, ord("b"), now + 6 * frame)
        com1.advance(now + 9 * frame)
        com1.settle()
        assert told == [b"a", "break", b"b"]


# -- reset, modem lines, unlimited rate ----------------------------------------------------------------------


@virtual_time
async def test_a_reset_in_the_middle_of_output_stops_it_after_what_is_on_the_line() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        await driver.write(bytes(4000))
        await trio.sleep(0.1)
        com1.reset()
        sent = len(far.data)
        await trio.sleep(1)
        assert len(far.data) <= sent + QUANTUM + 1
        assert com1.uart.ier == 0


@virtual_time
async def test_modem_lines_of_the_far_end_cross_to_dsr_dcd_and_cts() -> None:
    async with open_port() as (com1, _):
        assert com1.status()["modem"] == {
            "dtr": True,
            "rts": True,
            "cts": True,
            "dsr": True,
            "dcd": True,
            "ri": False,
        }
        com1.set_far_outputs(ModemOutput.RTS)
        modem = com1.status()["modem"]
        assert (modem["cts"], modem["dsr"], modem["dcd"]) == (True, False, False)


@virtual_time
async def test_at_unlimited_rate_a_megabyte_takes_no_time_and_keeps_its_order() -> None:
    async with open_port(unlimited=True) as (com1, driver):
        far = FarEnd(com1)
        start = com1.clock.now()
        for _ in range(64):
            await driver.write(PATTERN * 4)
        assert await far.wait_for(1 << 20) == PATTERN * 256
        com1.far_send(PATTERN * 16)
        assert await receive_data(driver, 65536) == PATTERN * 16
        assert com1.clock.now() == start


@virtual_time
async def test_another_baud_while_running_holds_from_the_next_frame_on() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        formats: list[str] = []
        far.format_changed = lambda line_format: formats.append(str(line_format))  # type: ignore[method-assign]
        await driver.write(b"fast")
        await driver.drain()
        driver.set_format(LineFormat.from_baud(9600))
        start = com1.clock.now()
        await driver.write(b"slow")
        await far.wait_for(8)
        slow = driver.line_format
        assert str(slow) == "9600 8N1"
        assert far.deliveries[-1][1] == start + 3 * slow.frame_ticks + slow.sampled_ticks
        com1.far_send(b"0123456789")
        asked = com1.clock.now()
        assert await receive_data(driver, 10) == b"0123456789"
        assert com1.clock.now() - asked == 9 * slow.frame_ticks + slow.sampled_ticks
        assert formats[-1] == "9600 8N1"


@virtual_time
async def test_thr_writes_are_as_many_as_bytes_on_the_line() -> None:
    async with open_port() as (com1, driver):
        await driver.write(bytes(5000))
        await driver.drain()
        await trio.sleep(0.01)
        status = com1.status()
        assert status["thr_writes"] == status["line"]["bytes_out"] == 5000
        assert status["accesses"]["write"]["THR/DLL"] == 5001  # the divisor's low byte lies at the same offset
