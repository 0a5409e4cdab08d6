"""Two ends that do not have the same format: who hears what, to the character."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine.rig import open_port, run_virtual, virtual_time
from tests.strategies import line_formats
from uartsim.access.hub import Hub
from uartsim.access.hub_client import HubClient
from uartsim.errors import UsageError
from uartsim.line_format import LineFormat
from uartsim.machine import Flag, SerialDriver
from uartsim.record import LineRecorder, TranscriptWriter, read_transcript
from uartsim.register_bits import BREAK_INTERRUPT
from uartsim.wire.channel import Channel
from uartsim.wire.faults import parse_fault

FAST = LineFormat()
SLOW = LineFormat.from_baud(9600)
SEVEN = LineFormat.from_baud(115200, "7E1")
TEXT = b"Debian GNU/Linux 12 box ttyS0\r\n\r\nbox login: "


def sampled(data: bytes, sender: LineFormat, receiver: LineFormat, start: int) -> list[tuple[int, int]]:
    """The characters and errors that ``receiver`` gets of ``data``, sent without a gap from ``start`` on."""
    channel = Channel(receiver, since=start)
    channel.put_run(start, data, sender)
    later = channel.busy_until + 100 * receiver.frame_ticks
    return [(arrival.character, arrival.errors) for arrival in channel.arrived(later)]


@asynccontextmanager
async def line(line_format: LineFormat = FAST, **options: Any) -> AsyncIterator[tuple[Hub, SerialDriver, HubClient]]:
    """A guest's driver at ``line_format``, and a client that holds the other end."""
    async with open_port(line_format, **options) as (com1, driver):
        hub = Hub(com1)
        yield hub, driver, hub.attach("client")


async def settle(driver: SerialDriver) -> None:
    """Everything that is under way has arrived, in every format."""
    await driver.drain()
    await trio.sleep(1)


@pytest.mark.parametrize(("guest", "client"), [(FAST, SLOW), (SLOW, FAST), (FAST, SEVEN), (SEVEN, FAST)])
@virtual_time
async def test_a_client_in_another_format_hears_what_its_receiver_samples(
    guest: LineFormat, client: LineFormat
) -> None:
    async with line(guest) as (hub, driver, far):
        far.be_at_far_end(True, client)
        watcher = hub.attach("watcher", watch=True)
        start = hub.com1.clock.now()
        await driver.write(TEXT)
        await settle(driver)
        heard = far.receive_nowait()
        expected = sampled(TEXT, guest, client, start)
        assert list(heard) == [character for character, _ in expected]
        assert expected != [(character, 0) for character in TEXT]
        assert watcher.receive_nowait() == TEXT, "a watcher taps the line where the guest is"
        assert hub.history() == TEXT
        assert far.waiting == watcher.waiting == 0


@pytest.mark.parametrize(("guest", "client"), [(FAST, SLOW), (SLOW, FAST), (FAST, SEVEN), (SEVEN, FAST)])
@virtual_time
async def test_a_guest_receives_what_it_samples_of_a_client_in_another_format(
    guest: LineFormat, client: LineFormat
) -> None:
    async with line(guest) as (hub, driver, far):
        far.be_at_far_end(True, client)
        start = hub.com1.clock.now()
        await far.send(b"root\r")
        await settle(driver)
        got: list[tuple[bytes, Flag]] = []
        while (item := driver.receive_nowait()) is not None:
            got += [(bytes((character,)), item.flag) for character in item.data]
        flags = {0: Flag.NORMAL, 0x04: Flag.PARITY, 0x08: Flag.FRAMING, 0x0C: Flag.PARITY}
        expected = [
            (b"\0", Flag.BREAK) if errors & BREAK_INTERRUPT else (bytes((character,)), flags[errors])
            for character, errors in sampled(b"root\r", client, guest, start)
        ]
        assert got == expected
        assert got != [(bytes((character,)), Flag.NORMAL) for character in b"root\r"]


@virtual_time
async def test_a_client_that_sets_the_right_speed_reads_on_without_a_byte_lost_or_doubled() -> None:
    async with line() as (hub, driver, far):
        await driver.write(b"first")
        await settle(driver)
        far.be_at_far_end(True, SLOW)
        start = hub.com1.clock.now()
        await driver.write(TEXT)
        await settle(driver)
        far.be_at_far_end(True, FAST)
        await driver.write(b"last")
        await settle(driver)
        garbage = bytes(character for character, _ in sampled(TEXT, FAST, SLOW, start))
        got = far.receive_nowait() + far.receive_nowait() + far.receive_nowait()
        assert got == b"first" + garbage + b"last"
        assert far.missed == 0
        assert hub.com1.cable.out is None, "with equal formats nothing is gone over bit by bit"


@virtual_time
async def test_the_speed_of_the_guest_may_be_the_one_that_changes() -> None:
    async with line() as (hub, driver, far):
        far.be_at_far_end(True, FAST)
        driver.set_format(SLOW)
        start = hub.com1.clock.now()
        await driver.write(b"U-Boot")
        await settle(driver)
        assert list(far.receive_nowait()) == [character for character, _ in sampled(b"U-Boot", SLOW, FAST, start)]
        driver.set_format(FAST)
        await driver.write(b"login: ")
        await settle(driver)
        assert far.receive_nowait() == b"login: "
        assert hub.com1.status()["far_format"] == "115200 8N1"


@virtual_time
async def test_a_client_without_a_format_of_its_own_follows_the_guest() -> None:
    async with line() as (_, driver, far):
        driver.set_format(SLOW)
        await driver.write(TEXT)
        await far.send(b"x")
        await settle(driver)
        assert far.receive_nowait() == TEXT
        assert await driver.receive() == (b"x", Flag.NORMAL)


formats = st.one_of(st.just(FAST), st.just(SLOW), line_formats(st.sampled_from([1, 2, 12])))


@settings(max_examples=30)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("guest"), formats),
            st.tuples(st.just("client"), st.one_of(st.none(), formats)),
            st.tuples(st.just("write"), st.binary(min_size=1, max_size=40)),
            st.tuples(st.just("read"), st.none()),
            st.tuples(st.just("wait"), st.floats(0, 0.02)),
        ),
        max_size=20,
    )
)
def test_watchers_have_everything_and_with_equal_formats_so_has_the_client(steps: list[tuple[str, Any]]) -> None:
    """Whatever was set before, once both ends agree and the line was quiet, the client reads what the guest sends."""

    async def main() -> None:
        async with line() as (hub, driver, far):
            watcher = hub.attach("watcher", watch=True)
            sent = b""
            for what, value in steps:
                if what == "guest":
                    await driver.drain()
                    driver.set_format(value)
                elif what == "client":
                    far.be_at_far_end(True, value)
                elif what == "write":
                    sent += bytes(character & driver.line_format.data_mask for character in value)
                    await driver.write(value)
                elif what == "read":
                    far.receive_nowait()
                else:
                    await trio.sleep(value)
                if what in ("write", "guest"):
                    await driver.drain()
            await settle(driver)
            far.be_at_far_end(True, driver.line_format)
            await settle(driver)
            while far.waiting:
                far.receive_nowait()
            await driver.write(TEXT)
            await settle(driver)
            assert far.receive_nowait() == bytes(character & driver.line_format.data_mask for character in TEXT)
            sent += bytes(character & driver.line_format.data_mask for character in TEXT)
            assert watcher.receive_nowait() == sent

    run_virtual(main)


# -- faults --------------------------------------------------------------------------------------------------


@virtual_time
async def test_noise_is_heard_at_the_far_end_and_recorded_nowhere() -> None:
    async with line() as (hub, driver, far):
        watcher = hub.attach("watcher", watch=True)
        hub.com1.add_fault(parse_fault("noise:rate=0.01,seed=3,direction=out"))
        await driver.write(TEXT * 20)
        await settle(driver)
        heard = far.receive_nowait()
        counters = hub.com1.cable.fault_counters()["out"]["noise"]
        assert counters["characters"] == 20 * len(TEXT)
        assert counters["bits_inverted"] > 10
        assert heard != TEXT * 20
        assert watcher.receive_nowait() == TEXT * 20
        assert hub.com1.clear_faults() == 1
        await driver.write(b"clean")
        await settle(driver)
        assert far.receive_nowait() == b"clean"
        assert hub.com1.cable.fault_counters()["out"]["noise"] == counters, "what was counted stays counted"


@virtual_time
async def test_lost_characters_are_lost_on_their_way_to_the_guest() -> None:
    async with line() as (hub, driver, far):
        hub.com1.add_fault(parse_fault("lost:rate=1,direction=in"))
        await far.send(b"gone")
        await settle(driver)
        assert driver.receive_nowait() is None
        hub.com1.clear_faults("lost")
        await far.send(b"here")
        await settle(driver)
        assert await driver.receive() == (b"here", Flag.NORMAL)
        assert hub.com1.cable.fault_counters()["in"]["lost"]["characters_lost"] == 4


@virtual_time
async def test_a_break_that_never_ends_is_one_break_and_nothing_after_it() -> None:
    async with line() as (hub, driver, far):
        hub.com1.add_fault(parse_fault("break:direction=in"))
        await far.send(b"root\r")
        await settle(driver)
        assert await driver.receive() == (b"\0", Flag.BREAK)
        assert driver.receive_nowait() is None
        hub.com1.clear_faults()
        await far.send(b"root\r")
        await settle(driver)
        assert await driver.receive() == (b"root\r", Flag.NORMAL)


@virtual_time
async def test_dcd_and_cts_go_for_as_long_as_the_fault_lasts() -> None:
    async with line() as (hub, _, _):
        modem = hub.com1.uart.modem
        assert modem.shown & 0xB0 == 0xB0
        hub.com1.add_fault(parse_fault("dcd-drop:seconds=2"))
        hub.com1.add_fault(parse_fault("lost-cts"))
        assert modem.shown & 0xB0 == 0x20
        await trio.sleep(2.001)
        assert modem.shown & 0xB0 == 0xA0
        assert [fault.kind for fault in hub.com1.faults()] == ["lost-cts"]
        hub.com1.clear_faults()
        assert modem.shown & 0xB0 == 0xB0


@virtual_time
async def test_a_cut_line_is_silent_and_its_modem_lines_are_inactive() -> None:
    async with line() as (hub, driver, far):
        hub.com1.add_fault(parse_fault("cut"))
        await driver.write(TEXT)
        await far.send(b"x")
        await settle(driver)
        assert far.receive_nowait() == b""
        assert driver.receive_nowait() is None
        assert hub.com1.uart.modem.shown == 0
        hub.com1.clear_faults("cut")
        assert hub.com1.uart.modem.shown & 0xB0 == 0xB0


@virtual_time
async def test_an_xoff_comes_as_a_character() -> None:
    async with line() as (hub, driver, _):
        hub.com1.add_fault(parse_fault("xoff"))
        await settle(driver)
        assert await driver.receive() == (b"\x13", Flag.NORMAL)


@virtual_time
async def test_where_frames_take_no_time_there_are_no_bits_to_spoil() -> None:
    async with line(unlimited=True) as (hub, driver, far):
        with pytest.raises(UsageError, match="noise is done to bits, and at unlimited rate there are none"):
            hub.com1.add_fault(parse_fault("noise:rate=0.5"))
        far.be_at_far_end(True, SLOW)
        await driver.write(TEXT)
        await settle(driver)
        assert far.receive_nowait() == TEXT


@virtual_time
async def test_faults_of_modem_lines_are_counted_with_their_times() -> None:
    async with line() as (hub, _, _):
        com1 = hub.com1
        com1.add_fault(parse_fault("dcd-drop:seconds=2"))
        com1.add_fault(parse_fault("lost-cts:direction=out"))
        await trio.sleep(0.5)
        hub.com1.advance(hub.com1.clock.now())
        assert com1.fault_counters() == {
            "in": {"dcd-drop": {"times": 1, "milliseconds_held": 500}},
            "out": {"lost-cts": {"times": 1, "milliseconds_held": 500}},
        }
        await trio.sleep(2)
        com1.add_fault(parse_fault("dcd-drop"))
        com1.add_fault(parse_fault("dcd-drop"))
        await trio.sleep(1)
        com1.clear_faults()
        await trio.sleep(1)
        com1.advance(com1.clock.now())
        assert com1.fault_counters() == {
            "in": {"dcd-drop": {"times": 3, "milliseconds_held": 3000}},
            "out": {"lost-cts": {"times": 1, "milliseconds_held": 3500}},
        }


@virtual_time
async def test_an_xoff_is_counted() -> None:
    async with line() as (hub, _, _):
        for _ in range(2):
            hub.com1.add_fault(parse_fault("xoff"))
        assert hub.com1.fault_counters() == {"in": {"xoff": {"sent": 2}}}
        assert hub.com1.status()["fault_counters"] == hub.com1.fault_counters()


@virtual_time
async def test_counters_of_faults_can_begin_anew() -> None:
    async with line() as (hub, driver, far):
        com1 = hub.com1
        for text in ("lost:rate=1,direction=in", "noise:rate=0.5,direction=out", "lost-cts:direction=out", "xoff"):
            com1.add_fault(parse_fault(text))
        await far.send(b"gone")
        await driver.write(TEXT)
        await settle(driver)
        com1.clear_faults("noise")
        assert com1.fault_counters()["in"]["lost"]["characters_lost"] >= 4
        assert com1.fault_counters()["out"]["noise"]["bits_inverted"]
        com1.reset_fault_counters()
        await far.send(b"ab")
        await settle(driver)
        com1.advance(com1.clock.now())
        assert com1.fault_counters() == {
            "in": {"lost": {"characters": 2, "characters_lost": 2}},
            "out": {"lost-cts": {"times": 1, "milliseconds_held": 1000}},
        }


@virtual_time
async def test_characters_that_reach_the_guest_with_errors_are_counted() -> None:
    async with line(SEVEN) as (hub, driver, far):
        far.be_at_far_end(True, FAST)
        start = hub.com1.clock.now()
        await far.send(TEXT)
        await settle(driver)
        counters = hub.com1.status()["line"]
        expected = [errors for _, errors in sampled(TEXT, FAST, SEVEN, start)]
        assert counters["errors_in"] == sum(bool(e) and not e & BREAK_INTERRUPT for e in expected) > 3
        assert counters["breaks_in"] == 0


@virtual_time
async def test_a_break_is_no_character_with_errors() -> None:
    async with line() as (hub, driver, far):
        await far.send_break()
        await settle(driver)
        counters = hub.com1.status()["line"]
        assert (counters["breaks_in"], counters["errors_in"]) == (1, 0)


@pytest.mark.parametrize(
    ("client", "garbles"), [(117_500, False), (112_500, False), (123_000, True), (108_000, True), (9600, True)]
)
@virtual_time
async def test_status_tells_a_difference_that_the_line_bears_from_one_that_garbles(client: int, garbles: bool) -> None:
    async with line() as (hub, driver, far):
        far.be_at_far_end(True, LineFormat.from_baud(client))
        status = hub.status()
        assert len(status["formats_differ"]) == 1
        assert status["formats_garble"] == status["formats_differ"] * garbles
        await driver.write(TEXT * 20)
        await settle(driver)
        assert (far.receive_nowait() != TEXT * 20) == garbles


@virtual_time
async def test_the_record_says_where_the_two_ends_begin_and_cease_to_differ(tmp_path: Path) -> None:
    async with line() as (hub, driver, far):
        path = tmp_path / "record"
        writer = TranscriptWriter(str(path), "box", "115200 8N1", hub.com1.clock.now())
        hub.record = LineRecorder([writer])
        await far.send(b"\x01")
        far.be_at_far_end(True, SLOW)
        await far.send(b"\x02")
        await far.send(b"\x03")
        await settle(driver)
        driver.set_format(SEVEN)
        await driver.write(b"4")
        await settle(driver)
        driver.set_format(SLOW)
        await far.send(b"\x05")
        hub.record.close()
        events = [event.data for event in read_transcript(str(path))]
        assert events == [
            b"\x01",
            "client is at 9600 8N1 while the guest is at 115200 8N1",
            b"\x02",
            b"\x03",
            "client is at 9600 8N1 while the guest is at 115200 7E1",
            b"4",
            "client and the guest do not differ any more in speed or stop bits",
            b"\x05",
        ]
