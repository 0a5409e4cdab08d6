"""RTS/CTS flow control: nothing is lost or doubled, at any speed, by any chip; and without it the same line loses."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.machine.rig import FarEnd, open_port, receive_data, run_virtual, virtual_time
from tests.strategies import line_formats
from uartsim.errors import UartsimError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, Flag, SerialDriver, interrupt_handler
from uartsim.machine.modem_control import RTS_HIGH_WATER, RTS_LOW_WATER
from uartsim.machine.port_options import read_fault
from uartsim.machine.ticker import shared_ticker
from uartsim.registers import FCR, LSR, MCR, ModemOutput, Offset
from uartsim.wire.cable import Cable

SENDING = ModemOutput.DTR | ModemOutput.RTS
HOLDING = ModemOutput.DTR

#: Divisors of 115200, 57600, 38400 and 9600 baud.
formats = line_formats(st.sampled_from([1, 2, 3, 12]))
variants = st.sampled_from(["16450", "16550A", "16750"])


def payload(seed: int, size: int, mask: int) -> bytes:
    """Characters of which no stretch is like another, as a line with ``mask`` data bits carries them."""
    return bytes(c & mask for c in random.Random(seed).randbytes(size))


@dataclass
class Frame:
    """A frame of the chip's on the line."""

    start: int
    line_format: LineFormat


class WatchedCable(Cable):
    """A cable that remembers when each frame of the chip began."""

    __slots__ = ("frames",)

    def __init__(self, line_format: LineFormat) -> None:
        super().__init__(line_format)
        self.frames: list[Frame] = []

    def carry_run(self, start: int, data: bytes | bytearray, line_format: LineFormat) -> None:
        self.frames += [Frame(start + n * line_format.frame_ticks, line_format) for n in range(len(data))]
        super().carry_run(start, data, line_format)


@asynccontextmanager
async def open_watched(line_format: LineFormat, **options: Any) -> AsyncIterator[tuple[Com1, SerialDriver]]:
    """A port under flow control whose frames are remembered."""
    async with shared_ticker() as ticker:
        com1 = Com1(ticker, flow_control=True, **options)
        com1.cable = WatchedCable(com1.uart.line_format)
        driver = SerialDriver(com1)
        driver.open(line_format)
        driver.set_flow_control(True)
        yield com1, driver


def begun_after(com1: Com1, at: int) -> int:
    """How many frames of the chip have begun after ``at`` ticks."""
    com1.advance(com1.clock.now())
    com1.settle()
    assert isinstance(com1.cable, WatchedCable)
    return sum(frame.start > at for frame in com1.cable.frames)


# -- both directions, at any speed ---------------------------------------------------------------------------------


async def read_slowly(driver: SerialDriver, size: int, pauses: random.Random, pause_s: float) -> bytes:
    """Read what comes, with pauses; everything has to be good."""
    got = bytearray()
    while len(got) < size:
        data, flag = await driver.receive()
        assert flag is Flag.NORMAL
        got += data
        await trio.sleep(pauses.random() * pause_s)
    return bytes(got)


async def toggle_cts(com1: Com1, times: random.Random, pause_s: float) -> None:
    """The far end lets the guest send, and does not, at random."""
    while True:
        com1.set_far_outputs(HOLDING)
        await trio.sleep(times.random() * pause_s)
        com1.set_far_outputs(SENDING)
        await trio.sleep(times.random() * pause_s)


@settings(max_examples=15)
@example(variant="16450", line_format=LineFormat.from_baud(115200), size=9000, seed=1, slices=True)
@example(variant="16550A", line_format=LineFormat.from_baud(9600, "5N1.5"), size=9000, seed=2, slices=True)
@example(variant="16750", line_format=LineFormat.from_baud(38400, "7E2"), size=9000, seed=3, slices=True)
@given(
    variant=variants,
    line_format=formats,
    size=st.integers(1, 9000),
    seed=st.integers(0, 1 << 32),
    slices=st.booleans(),
)
def test_not_a_byte_is_lost_or_doubled_in_either_direction(
    variant: str, line_format: LineFormat, size: int, seed: int, slices: bool
) -> None:
    out = payload(seed, size, line_format.data_mask)
    into = payload(seed + 1, size, line_format.data_mask)
    chance = random.Random(seed)
    frame_s = line_format.frame_ticks / TICKS_PER_SECOND

    async def main() -> None:
        async with open_watched(line_format, variant=variant, strict_line=True) as (com1, driver):
            com1.slices.wanted = slices
            far = FarEnd(com1)
            got = []

            async def read() -> None:
                # A pause may last thousands of frames, so that RTS has to go down now and then.
                got.append(await read_slowly(driver, size, chance, 12_000 * frame_s))

            async with trio.open_nursery() as background:
                background.start_soon(toggle_cts, com1, chance, 60 * frame_s)
                async with trio.open_nursery() as nursery:
                    com1.far_send(into)
                    nursery.start_soon(driver.write, out)
                    nursery.start_soon(read)
                    nursery.start_soon(far.wait_for, size)
                background.cancel_scope.cancel()
            line = com1.status()["line"]
            assert got == [into]
            assert bytes(far.data) == out
            assert (line["bytes_in"], line["bytes_out"]) == (size, size)
            assert line["overruns"] == line["dropped_by_full_transmitter"] == line["errors_out"] == 0

    with mock.patch.object(interrupt_handler, "RECEIVE_BUFFER", 4096):
        run_virtual(main)


@pytest.mark.parametrize("variant", ["16450", "16550A", "16750"])
@pytest.mark.parametrize(("guest_does", "far_end_does"), [(True, True), (True, False), (False, True), (False, False)])
@virtual_time
async def test_a_slow_reader_loses_nothing_only_where_both_ends_do_flow_control(
    variant: str, guest_does: bool, far_end_does: bool
) -> None:
    size = 20_000
    data = payload(7, size, 0xFF)
    with mock.patch.object(interrupt_handler, "RECEIVE_BUFFER", 4096):
        async with open_port(variant=variant, strict_line=True, flow_control=far_end_does) as (com1, driver):
            driver.set_flow_control(guest_does)
            com1.far_send(data)
            await trio.sleep(10)
            got, flags = bytearray(), set()
            while (received := driver.receive_nowait()) is not None:
                got += received.data
                flags.add(received.flag)
                await trio.sleep(1)
            lost = com1.status()["line"]["overruns"]
            assert len(got) + lost == size
            if guest_does and far_end_does:
                assert got == data
                assert flags == {Flag.NORMAL}
            else:
                assert lost > 0
                assert Flag.OVERRUN in flags
                assert got[:4096] == data[:4096]


# -- CTS -----------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(variant=variants, line_format=formats, frames=st.floats(0, 40), size=st.integers(1, 500))
def test_after_cts_drops_what_is_in_the_fifo_leaves_or_with_automatic_flow_control_nothing(
    variant: str, line_format: LineFormat, frames: float, size: int
) -> None:
    async def main() -> None:
        async with open_watched(line_format, variant=variant, strict_line=True) as (com1, driver):
            frame_s = line_format.frame_ticks / TICKS_PER_SECOND
            await driver.write(bytes(size))
            await trio.sleep(frames * frame_s)
            com1.set_far_outputs(HOLDING)
            dropped_at = com1.uart.now
            in_fifo = len(com1.uart.transmitter.fifo)
            await trio.sleep(100 * frame_s)
            assert begun_after(com1, dropped_at) == (0 if variant == "16750" else in_fifo)
            assert in_fifo <= {"16450": 1, "16550A": 16, "16750": 64}[variant]
            begun_before_it_rises = len(com1.cable.frames)  # type: ignore[attr-defined]
            com1.set_far_outputs(SENDING)
            rose_at = com1.uart.now
            await driver.drain()
            com1.settle()
            frames_seen = com1.cable.frames  # type: ignore[attr-defined]
            assert len(frames_seen) == size
            if begun_before_it_rises < size:
                # A 16450 begins a bit after THR was written.
                wait = line_format.bit_ticks if variant == "16450" else 0
                assert frames_seen[begun_before_it_rises].start == rose_at + wait

    run_virtual(main)


@pytest.mark.parametrize("variant", ["16450", "16550A", "16750"])
@virtual_time
async def test_flow_control_that_begins_while_cts_is_inactive_sends_nothing_until_it_is_active(variant: str) -> None:
    async with open_watched(LineFormat(), variant=variant) as (com1, driver):
        far = FarEnd(com1)
        driver.set_flow_control(False)
        com1.set_far_outputs(HOLDING)
        driver.set_flow_control(True)
        await driver.write(b"hello")
        await trio.sleep(10)
        assert far.data == b""
        com1.set_far_outputs(SENDING)
        assert await far.wait_for(5) == b"hello"


@pytest.mark.parametrize("variant", ["16450", "16550A", "16750"])
@virtual_time
async def test_switching_flow_control_off_lets_a_held_transmitter_go_on(variant: str) -> None:
    async with open_watched(LineFormat(), variant=variant) as (com1, driver):
        far = FarEnd(com1)
        com1.set_far_outputs(HOLDING)
        await driver.write(bytes(100))
        await trio.sleep(1)
        assert far.data == b""
        driver.set_flow_control(False)
        await far.wait_for(100)


@pytest.mark.parametrize("variant", ["16450", "16550A", "16750"])
@virtual_time
async def test_drain_waits_for_cts(variant: str) -> None:
    async with open_watched(LineFormat(), variant=variant) as (com1, driver):
        com1.set_far_outputs(HOLDING)
        await driver.write(bytes(100))
        with trio.move_on_after(5) as scope:
            await driver.drain()
        assert scope.cancelled_caught
        com1.set_far_outputs(SENDING)
        await driver.drain()
        assert com1.read(Offset.LSR) & LSR.TEMT


@virtual_time
async def test_without_flow_control_cts_is_not_looked_at() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        com1.set_far_outputs(HOLDING)
        await driver.write(bytes(100))
        await far.wait_for(100)


@virtual_time
async def test_a_line_that_loses_cts_for_a_second_stops_the_guest_for_that_second() -> None:
    async with open_watched(LineFormat()) as (com1, driver):
        far = FarEnd(com1)
        com1.add_fault(read_fault("lost-cts:seconds=1,direction=in"))
        await driver.write(bytes(100))
        await far.wait_for(100)
        assert trio.current_time() == pytest.approx(1 + 100 * 10 / 115200, rel=0.01)


# -- RTS -----------------------------------------------------------------------------------------------------------


def rts(com1: Com1) -> bool:
    modem = com1.status()["modem"]
    assert isinstance(modem, dict)
    return bool(modem["rts"])


@pytest.mark.parametrize("slices", [False, True])
@virtual_time
async def test_rts_drops_at_the_high_water_mark_and_rises_below_the_low_one(slices: bool) -> None:
    async with open_watched(LineFormat()) as (com1, driver):
        com1.slices.wanted = slices
        com1.far_send(bytes(RTS_HIGH_WATER - 1))
        await trio.sleep(5)
        assert rts(com1)
        com1.far_send(b"\x01" * 10)
        await trio.sleep(5)
        assert not rts(com1)
        assert com1.far_pending == 9, "the far end stops with the character that drops it"
        assert com1.status()["line"]["bytes_in"] == RTS_HIGH_WATER
        # A break stands by itself: what was there before it and after it is read by pieces.
        driver.set_flow_control(False)
        await trio.sleep(5)
        assert rts(com1)
        assert com1.far_pending == 0


@virtual_time
async def test_rts_stays_down_until_the_reader_has_come_to_the_low_water_mark() -> None:
    async with open_watched(LineFormat()) as (com1, driver):
        com1.far_send(bytes(RTS_HIGH_WATER - RTS_LOW_WATER - 1))
        com1.far_break(TICKS_PER_SECOND // 4)
        com1.far_send(bytes(RTS_LOW_WATER - 1))
        com1.far_break(TICKS_PER_SECOND // 4)
        com1.far_send(b"x")
        await trio.sleep(5)
        assert not rts(com1)
        assert len((await driver.receive()).data) == RTS_HIGH_WATER - RTS_LOW_WATER - 1
        assert (await driver.receive()).flag is Flag.BREAK
        assert not rts(com1), "as many as the low water mark are left"
        assert len((await driver.receive()).data) == RTS_LOW_WATER - 1
        assert rts(com1)


@virtual_time
async def test_flushed_input_raises_rts() -> None:
    async with open_watched(LineFormat()) as (com1, driver):
        com1.far_send(bytes(RTS_HIGH_WATER + 100))
        await trio.sleep(5)
        assert not rts(com1)
        driver.flush_input()
        assert rts(com1)
        assert await receive_data(driver, 100) == bytes(100)


@virtual_time
async def test_a_port_that_is_opened_again_has_rts_up_and_no_flow_control() -> None:
    async with open_watched(LineFormat()) as (com1, driver):
        com1.far_send(bytes(RTS_HIGH_WATER))
        await trio.sleep(5)
        assert not rts(com1)
        com1.set_far_outputs(HOLDING)
        driver.close()
        driver.open()
        assert rts(com1)
        far = FarEnd(com1)
        await driver.write(b"on")
        assert await far.wait_for(2) == b"on"


@virtual_time
async def test_flow_control_of_a_port_that_is_not_open_is_refused() -> None:
    async with shared_ticker() as ticker:
        with pytest.raises(UartsimError, match=r"not open: call open\(\)"):
            SerialDriver(Com1(ticker)).set_flow_control(True)


# -- a guest that polls, and is too slow ---------------------------------------------------------------------------


@pytest.mark.parametrize(("variant", "loses"), [("16450", True), ("16550A", True), ("16750", False)])
@virtual_time
async def test_automatic_rts_saves_a_guest_that_polls_too_slowly(variant: str, loses: bool) -> None:
    data = payload(3, 2000, 0xFF)
    async with shared_ticker() as ticker:
        com1 = Com1(ticker, variant=variant, strict_line=True, flow_control=True)
        for offset, value in ((Offset.LCR, 0x83), (Offset.DLL, 1), (Offset.DLM, 0), (Offset.LCR, 0x03)):
            com1.write(offset, value)
        com1.write(Offset.FCR, FCR.FIFO_ENABLE | 0x80)
        com1.write(Offset.MCR, MCR.DTR | MCR.RTS | MCR.AFE)
        com1.far_send(data)
        got = bytearray()
        while len(got) + com1.uart.receiver.overruns < len(data):
            await trio.sleep(0.01)
            while com1.read(Offset.LSR) & LSR.DR:
                got.append(com1.read(Offset.RBR))
        assert (com1.uart.receiver.overruns > 0) == loses
        assert (got == data) == (not loses)
