"""The guest's driver: what it programs, how it waits, what it says about what it received."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine.rig import FarEnd, open_port, receive_data, run_virtual, virtual_time
from uartsim.errors import UartsimError, UsageError
from uartsim.line_format import LineFormat, seconds_to_ticks
from uartsim.machine import Com1, Flag, Received, SerialDriver
from uartsim.machine.driver import RECEIVE_BUFFER, TRANSMIT_BUFFER, divisor_of
from uartsim.machine.port import QUANTUM
from uartsim.machine.sides import NO_GUEST
from uartsim.machine.ticker import shared_ticker
from uartsim.registers import LSR, Offset


@virtual_time
async def test_open_programs_the_chip_as_linux_does() -> None:
    async with open_port() as (com1, _):
        registers = com1.status()["registers"]
        assert registers["LCR"] == 0x03
        assert registers["MCR"] == 0x0B
        assert registers["IER"] == 0x0D
        assert registers["FCR"] & 1
        assert com1.uart.divisor == 1


@virtual_time
async def test_a_16750_gets_its_fifos_of_64_and_keeps_them_in_another_format() -> None:
    async with open_port(variant="16750") as (com1, driver):
        assert com1.status()["registers"]["IIR"] & 0xE0 == 0xE0
        assert com1.uart.transmitter.depth == 64
        driver.set_format(LineFormat.from_baud(9600, "7E1"))
        assert com1.uart.transmitter.depth == 64


@pytest.mark.parametrize("slices", [True, False])
@virtual_time
async def test_a_16750_is_refilled_by_64(slices: bool) -> None:
    refills = {}
    for variant in ("16550A", "16750"):
        async with open_port(variant=variant) as (com1, driver):
            com1.slices.wanted = slices
            before = com1.status()["accesses"]["read"]["IIR"]
            await driver.write(bytes(2048))
            await driver.drain()
            refills[variant] = com1.status()["accesses"]["read"]["IIR"] - before
    # Two reads of IIR for each refill: what it is, and that it was all.
    assert refills == {"16550A": 2 * 2048 / 16, "16750": 2 * 2048 / 64}


@pytest.mark.parametrize("characters", ["5N1", "5N1.5", "6E1", "7O2", "8M1", "8S2", "8E1"])
@virtual_time
async def test_every_character_format_can_be_programmed(characters: str) -> None:
    wanted = LineFormat.from_baud(38400, characters)
    async with open_port(wanted) as (com1, driver):
        assert com1.uart.line_format == driver.line_format == wanted


@pytest.mark.parametrize(
    ("baud", "near"), [(115200 * 2, "115200"), (100_000, "115200"), (1.5, None), (80_000, "57600")]
)
def test_a_baud_that_no_divisor_gives_is_refused_with_the_nearest(baud: float, near: str | None) -> None:
    with pytest.raises(UsageError, match=near):
        divisor_of(LineFormat.from_baud(baud))


@virtual_time
async def test_a_refused_baud_leaves_the_port_as_it_was() -> None:
    async with open_port() as (com1, driver):
        before = com1.status()["registers"]
        with pytest.raises(UsageError):
            driver.set_format(LineFormat.from_baud(100_000))
        assert com1.status()["registers"] == before


# -- writing -------------------------------------------------------------------------------------------------


@virtual_time
async def test_write_returns_at_once_while_the_buffer_has_room() -> None:
    async with open_port() as (com1, driver):
        start = com1.clock.now()
        await driver.write(bytes(TRANSMIT_BUFFER))
        assert com1.clock.now() == start


@virtual_time
async def test_write_waits_for_the_line_when_the_buffer_is_full() -> None:
    async with open_port() as (com1, driver):
        com1.quantum_ticks = 0  # as in real time
        frame = driver.line_format.frame_ticks
        start = com1.clock.now()
        await driver.write(bytes(TRANSMIT_BUFFER * 3))
        taken = com1.clock.now() - start
        # What is in the buffer at the end leaves later; the writer is woken when the line hands something out.
        assert TRANSMIT_BUFFER * frame <= taken <= (TRANSMIT_BUFFER * 2 + QUANTUM) * frame


@virtual_time
async def test_drain_returns_when_the_last_stop_bit_has_left_and_not_before() -> None:
    async with open_port() as (com1, driver):
        frame = driver.line_format.frame_ticks
        start = com1.clock.now()
        await driver.write(bytes(300))
        await driver.drain()
        assert com1.read(Offset.LSR) & LSR.TEMT
        assert 300 * frame <= com1.clock.now() - start <= 300 * frame + seconds_to_ticks(2e-6)


@virtual_time
async def test_two_writers_and_a_drain_all_come_to_their_end() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(driver.write, b"a" * 20_000)
            nursery.start_soon(driver.write, b"b" * 20_000)
            nursery.start_soon(driver.drain)
        await driver.drain()
        await far.wait_for(40_000)
        assert sorted(far.data) == sorted(b"ab" * 20_000)


@virtual_time
async def test_a_cancelled_write_leaves_a_driver_that_works() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        with trio.move_on_after(0.01):
            await driver.write(b"x" * 50_000)
        await driver.drain()
        await driver.write(b"end")
        await driver.drain()
        await trio.sleep(0.01)
        count = far.data.count(b"x")
        assert bytes(far.data) == b"x" * count + b"end"
        assert TRANSMIT_BUFFER <= count <= TRANSMIT_BUFFER + 32


@virtual_time
async def test_discarded_output_never_reaches_the_line() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        await driver.write(b"x" * 1000)
        dropped = driver.discard_output()
        await driver.drain()
        await trio.sleep(0.1)
        assert dropped + len(far.data) == 1000
        assert dropped >= 1000 - 17


@virtual_time
async def test_writing_to_a_port_that_is_not_open_says_so_instead_of_waiting_for_ever() -> None:
    async with shared_ticker() as ticker:
        driver = SerialDriver(Com1(ticker))
        with pytest.raises(UartsimError, match=r"not open: call open\(\)"):
            await driver.write(b"hello")
        driver.open()
        await driver.write(b"hello")
        driver.close()
        with pytest.raises(UartsimError, match="not open"):
            await driver.write(b"hello")


@virtual_time
async def test_close_ends_a_write_that_waits() -> None:
    async with open_port() as (_, driver):
        refused = []

        async def write() -> None:
            try:
                await driver.write(bytes(100_000))
            except UartsimError as error:
                refused.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await trio.sleep(0.5)
            driver.close()
        assert len(refused) == 1


@virtual_time
async def test_a_port_that_was_closed_can_be_opened_again() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        driver.close()
        assert com1.status()["modem"]["dtr"] is False
        driver.open(LineFormat.from_baud(9600))
        await driver.write(b"again")
        assert await far.wait_for(5) == b"again"


# -- receiving -----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.just("break"), st.floats(0, 0.01)), max_size=20))
def test_whatever_the_far_end_sends_is_received_in_order(steps: list[bytes | str | float]) -> None:
    async def main() -> None:
        async with open_port() as (com1, driver):
            expected: list[tuple[bytes, Flag]] = []
            for step in steps:
                if isinstance(step, bytes):
                    com1.far_send(step)
                    if expected and expected[-1][1] is Flag.NORMAL:
                        expected[-1] = (expected[-1][0] + step, Flag.NORMAL)
                    else:
                        expected.append((step, Flag.NORMAL))
                elif isinstance(step, str):
                    com1.far_break(seconds_to_ticks(0.01))
                    expected.append((b"\0", Flag.BREAK))
                else:
                    await trio.sleep(step)
            await trio.sleep(2)
            got: list[tuple[bytes, Flag]] = []
            while (received := driver.receive_nowait()) is not None:
                if got and received.flag is got[-1][1] is Flag.NORMAL:
                    got[-1] = (got[-1][0] + received.data, Flag.NORMAL)
                else:
                    got.append((received.data, received.flag))
            assert got == expected

    run_virtual(main)


@pytest.mark.parametrize(("errors", "flag"), [(LSR.PE, Flag.PARITY), (LSR.FE, Flag.FRAMING)])
@virtual_time
async def test_a_bad_character_is_flagged_alone_between_good_ones(errors: LSR, flag: Flag) -> None:
    async with open_port(LineFormat.from_baud(9600, "8E1")) as (com1, driver):
        for character, wrong in ((0x41, 0), (0x42, int(errors)), (0x43, 0)):
            com1.uart.receive(character, wrong, com1.clock.now())
        com1.settle()
        got = [await driver.receive() for _ in range(3)]
        assert got == [Received(b"A", Flag.NORMAL), Received(b"B", flag), Received(b"C", Flag.NORMAL)]


@virtual_time
async def test_an_overrun_stands_behind_the_characters_that_came_before_it() -> None:
    async with open_port(strict_line=True) as (com1, driver):
        handler, com1.guest = com1.guest, NO_GUEST  # interrupts are off for too long
        com1.far_send(bytes(range(40)))
        await trio.sleep(0.1)
        com1.advance(com1.clock.now())
        com1.guest = handler
        handler.interrupt(True, com1.uart.now)
        com1.settle()
        assert await driver.receive() == Received(bytes(range(16)), Flag.NORMAL)
        assert await driver.receive() == Received(b"", Flag.OVERRUN)
        assert driver.receive_nowait() is None
        assert com1.status()["line"]["overruns"] == 24
        com1.far_send(b"good")
        assert await receive_data(driver, 4) == b"good"


@virtual_time
async def test_a_reader_who_does_not_read_loses_nothing() -> None:
    size = RECEIVE_BUFFER + 20_000
    data = bytes(range(251)) * (size // 251 + 1)
    async with open_port() as (com1, driver):
        com1.far_send(data)
        await trio.sleep(60)
        assert com1.far_pending == len(data) - RECEIVE_BUFFER - 16
        assert await receive_data(driver, len(data)) == data
        line = com1.status()["line"]
        assert line["overruns"] == 0
        assert line["withheld"] >= 1


@virtual_time
async def test_a_reader_who_does_not_read_a_strict_line_finds_the_overrun_once_where_it_happened() -> None:
    data = bytes(range(251)) * (RECEIVE_BUFFER // 251 + 20)
    async with open_port(strict_line=True) as (com1, driver):
        com1.far_send(data)
        await trio.sleep(60)
        kept = RECEIVE_BUFFER + 16
        assert await receive_data(driver, kept) == data[:kept]
        assert (await driver.receive()).flag is Flag.OVERRUN
        assert driver.receive_nowait() is None
        assert com1.status()["line"]["overruns"] == len(data) - kept


@virtual_time
async def test_a_break_that_finds_the_buffer_full_is_still_a_break_when_it_is_read() -> None:
    async with open_port() as (com1, driver):
        com1.far_send(bytes(RECEIVE_BUFFER))
        com1.far_break(seconds_to_ticks(0.25))
        com1.far_send(b"x")
        await trio.sleep(60)
        got = [await driver.receive() for _ in range(2)]
        assert [(len(data), flag) for data, flag in got] == [(RECEIVE_BUFFER, Flag.NORMAL), (1, Flag.BREAK)]
        assert await driver.receive() == Received(b"x", Flag.NORMAL)


@virtual_time
async def test_flushed_input_is_gone_and_what_follows_comes() -> None:
    async with open_port() as (com1, driver):
        com1.far_send(bytes(RECEIVE_BUFFER + 1000))
        await trio.sleep(60)
        driver.flush_input()
        await trio.sleep(60)
        driver.flush_input()
        com1.far_send(b"now")
        assert await receive_data(driver, 3) == b"now"


@virtual_time
async def test_only_one_task_may_receive() -> None:
    async with open_port() as (_, driver), trio.open_nursery() as nursery:
        nursery.start_soon(driver.receive)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await driver.receive()
        nursery.cancel_scope.cancel()


@virtual_time
async def test_a_cancelled_receive_consumes_nothing() -> None:
    async with open_port() as (com1, driver):
        with trio.move_on_after(1):
            await driver.receive()
        com1.far_send(b"later")
        assert await receive_data(driver, 5) == b"later"
