"""The hub: one stream for every client, a bounded past, one writer, breaks in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine.rig import open_port, receive_data, run_virtual, virtual_time
from uartsim.access.hub import SEND_QUEUE, Hub, LineHeldError, NotTheWriterError
from uartsim.access.hub_client import CHUNK
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Flag, SerialDriver


@asynccontextmanager
async def open_hub(
    scrollback_bytes: int = 1 << 20, *, unlimited: bool = False
) -> AsyncIterator[tuple[Hub, SerialDriver]]:
    async with open_port(unlimited=unlimited) as (com1, driver):
        yield Hub(com1, scrollback_bytes), driver


@settings(deadline=None, max_examples=40)
@given(
    data=st.binary(max_size=3000),
    chunks=st.lists(st.integers(1, 500), min_size=1),
    pauses=st.lists(st.floats(0, 0.05), min_size=1, max_size=5),
)
def test_every_client_gets_the_same_stream_however_it_reads_and_however_it_was_sent(
    data: bytes, chunks: list[int], pauses: list[float]
) -> None:
    async def main() -> None:
        async with open_hub() as (hub, driver):
            got: dict[int, bytes] = {}

            async def read(number: int, pause_s: float) -> None:
                with hub.attach(f"client {number}", watch=True, start=0) as client:
                    data = bytearray()
                    while more := await client.receive():
                        data += more
                        await trio.sleep(pause_s)
                    got[number] = bytes(data)
                    assert client.missed == 0

            async with trio.open_nursery() as nursery:
                for number, pause_s in enumerate(pauses):
                    nursery.start_soon(read, number, pause_s)
                position = 0
                for size in chunks * (len(data) // sum(chunks) + 1):
                    await driver.write(data[position : position + size])
                    position += size
                await driver.drain()
                await trio.sleep(0.01)
                hub.close()
            assert got == dict.fromkeys(range(len(pauses)), data)
            assert hub.end == len(data)
            assert hub.history() == data

    run_virtual(main)


@virtual_time
async def test_a_client_starts_where_it_asked_to() -> None:
    async with open_hub() as (hub, driver):
        await driver.write(b"before ")
        await driver.drain()
        await trio.sleep(0.01)
        now, all_of_it, middle = hub.attach("now"), hub.attach("all", watch=True, start=0), None
        middle = hub.attach("middle", watch=True, start=3)
        await driver.write(b"after")
        await driver.drain()
        await trio.sleep(0.01)
        assert now.receive_nowait() == b"after"
        assert all_of_it.receive_nowait() == b"before after"
        assert middle.receive_nowait() == b"ore after"


@virtual_time
async def test_what_the_guest_had_sent_before_it_was_saved_is_the_past_of_every_client() -> None:
    async with open_hub() as (hub, driver):
        hub.recall(b"login: ")
        await driver.write(b"root")
        await driver.drain()
        await trio.sleep(0.01)
        assert (hub.history(), hub.end, hub.status()["bytes_from_guest"]) == (b"login: root", 4, 4)
        from_first_byte, all_of_it = hub.attach("first", start=0, watch=True), hub.attach("all", start=hub.start)
        assert from_first_byte.receive_nowait() == b"root"
        assert all_of_it.in_the_past
        assert all_of_it.receive_nowait() == b"login: root"
        all_of_it.go_back(9)
        assert all_of_it.receive_nowait() == b"gin: root"
        assert all_of_it.missed == from_first_byte.missed == 0
        other_speed = hub.attach("other speed", start=hub.start, force=True)
        other_speed.be_at_far_end(True, LineFormat.from_baud(9600))
        other_speed.come()
        heard = other_speed.receive_nowait()
        assert heard.startswith(b"login: ")
        assert heard != b"login: root"


@virtual_time
async def test_the_past_is_bounded_and_what_a_slow_client_missed_is_counted() -> None:
    bound = 1000
    async with open_hub(bound, unlimited=True) as (hub, driver):
        slow = hub.attach("slow", start=0)
        sent = bytearray()
        for number in range(60_000):
            sent += b"%05d\n" % number
        for position in range(0, len(sent), 4000):
            await driver.write(bytes(sent[position : position + 4000]))
            await trio.lowlevel.checkpoint()
        await trio.sleep(0.1)
        kept = hub.history()
        assert bound <= len(kept) <= bound * 5 // 4 + CHUNK
        assert hub.end == len(sent)
        assert kept == sent[-len(kept) :]
        rest = bytearray()
        while data := slow.receive_nowait():
            rest += data
        assert rest == kept
        assert slow.missed == len(sent) - len(kept)
        assert hub.status()["clients"][0]["missed"] == slow.missed
        assert hub.history(10) == sent[-10:]
        assert hub.history(0) == b""


@virtual_time
async def test_a_client_that_does_not_read_stalls_neither_the_guest_nor_the_others() -> None:
    async with open_hub() as (hub, driver):
        hub.attach("asleep", start=0)
        awake = hub.attach("awake", watch=True, start=0)
        await driver.write(bytes(50_000))
        got = 0
        while got < 50_000:
            got += len(await awake.receive())


@virtual_time
async def test_after_the_end_clients_read_what_is_left_and_then_nothing() -> None:
    async with open_hub() as (hub, driver):
        client = hub.attach("late", start=0)
        await driver.write(b"last words")
        await hub.drain([])
        hub.close()
        assert await client.receive() == b"last words"
        assert await client.receive() == b""


@virtual_time
async def test_closing_wakes_those_who_wait() -> None:
    async with open_hub() as (hub, _):
        client = hub.attach("waits")
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                assert await client.receive() == b""

            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            hub.close()


# -- sending -------------------------------------------------------------------------------------------------


@virtual_time
async def test_sending_waits_for_the_line_when_its_queue_is_full() -> None:
    async with open_hub() as (hub, driver):
        client = hub.attach("typist")
        data = bytes(range(256)) * 100
        start = hub.com1.clock.now()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, data)
            assert await receive_data(driver, len(data)) == data
        frame = driver.line_format.frame_ticks
        assert (hub.com1.clock.now() - start) // frame in range(len(data) - 1, len(data) + 17)
        assert hub.com1.far_pending == 0


@virtual_time
async def test_no_more_than_the_bound_is_ever_queued() -> None:
    async with open_hub() as (hub, _):
        client = hub.attach("typist")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, bytes(20_000))
            for _ in range(20):
                await trio.sleep(0.05)
                assert hub.com1.far_pending <= SEND_QUEUE
            nursery.cancel_scope.cancel()


@virtual_time
async def test_a_watcher_can_neither_send_nor_break() -> None:
    async with open_hub() as (hub, driver):
        hub.attach("owner")
        watcher = hub.attach("guest", watch=True)
        for attempt in (watcher.send(b"x"), watcher.send_break(), watcher.sysrq("h")):
            with pytest.raises(NotTheWriterError, match="owner holds the line"):
                await attempt
        await trio.sleep(1)
        assert driver.receive_nowait() is None


@virtual_time
async def test_the_line_has_one_writer_and_changes_hands_only_by_force() -> None:
    async with open_hub() as (hub, driver):
        told: list[str] = []
        first = hub.attach("first", notice=told.append)
        with pytest.raises(LineHeldError, match="first holds the line"):
            hub.attach("second")
        assert [client.who for client in hub.clients] == ["first"]
        second = hub.attach("second", force=True)
        assert told == ["second has taken the line over: you only watch now (Ctrl-] f takes it back)"]
        with pytest.raises(NotTheWriterError):
            await first.send(b"x")
        await second.send(b"y")
        assert await driver.receive() == (b"y", Flag.NORMAL)
        second.detach()
        assert hub.writer is None
        first.take_line()
        assert hub.status()["writer"] == "first"


# -- breaks and SysRq ----------------------------------------------------------------------------------------


@virtual_time
async def test_a_break_stands_behind_what_was_sent_before_and_before_what_is_sent_after() -> None:
    async with open_hub() as (hub, driver):
        client = hub.attach("typist")
        await client.send(b"before")
        start = hub.com1.clock.now()
        await client.send_break(0.3)
        taken = hub.com1.clock.now() - start
        await client.send(b"after")
        await trio.sleep(1)
        got = []
        while (received := driver.receive_nowait()) is not None:
            got.append(received)
        assert got == [(b"before", Flag.NORMAL), (b"\0", Flag.BREAK), (b"after", Flag.NORMAL)]
        frame, bit = driver.line_format.frame_ticks, driver.line_format.bit_ticks
        assert abs(taken - (6 * frame + round(0.3 * TICKS_PER_SECOND) + bit)) <= 144_000


@virtual_time
async def test_a_break_is_over_when_the_call_returns_also_after_a_day_of_virtual_time() -> None:
    """A float of so many seconds is coarser than a tick: waiting for the exact one would never end."""
    async with open_hub() as (hub, driver):
        await trio.sleep(86_000)
        client = hub.attach("typist")
        await client.send_break()
        assert (await driver.receive()).flag is Flag.BREAK


@pytest.mark.parametrize("duration_s", [0.0, -1.0])
@virtual_time
async def test_a_break_of_no_length_is_refused(duration_s: float) -> None:
    async with open_hub() as (hub, _):
        with pytest.raises(ValueError, match="give a duration above 0"):
            await hub.send_break(duration_s)


@virtual_time
async def test_sysrq_is_a_break_and_a_key_for_each_of_the_keys() -> None:
    async with open_hub() as (hub, driver):
        await hub.sysrq("hb")
        await trio.sleep(0.1)
        got = []
        while (received := driver.receive_nowait()) is not None:
            got.append(received)
        assert got == [(b"\0", Flag.BREAK), (b"h", Flag.NORMAL), (b"\0", Flag.BREAK), (b"b", Flag.NORMAL)]


@virtual_time
async def test_between_a_break_and_its_sysrq_key_comes_nothing_of_what_others_send() -> None:
    async with open_hub() as (hub, driver), trio.open_nursery() as nursery:
        for _ in range(30):  # whichever of those that wait for room comes first, it is not the key
            nursery.start_soon(hub.send, b"p" * (SEND_QUEUE // 10))
        await trio.sleep(0.01)
        nursery.start_soon(hub.sysrq, "h")
        data = b""
        while len(data) < 30 * (SEND_QUEUE // 10) + 2:
            data += (await driver.receive()).data
    assert data.count(b"\0") == 1
    assert b"p\0hp" in data


@pytest.mark.parametrize("keys", ["", "ä"])
@virtual_time
async def test_what_is_no_sysrq_key_is_refused(keys: str) -> None:
    async with open_hub() as (hub, _):
        with pytest.raises(ValueError, match="is not a SysRq key"):
            await hub.sysrq(keys)


@virtual_time
async def test_a_client_that_takes_everything_on_the_spot_is_not_woken_for_it() -> None:
    async with open_hub() as (hub, driver), trio.open_nursery() as nursery:
        client = hub.attach("eager")
        got = bytearray()
        woken: list[bytes] = []
        most = 3

        async def read() -> None:
            while True:
                client.eager = take
                data = await client.receive()
                client.eager = None
                woken.append(data)
                if not data:
                    return

        def take() -> None:
            if client.waiting <= most:
                got.extend(client.receive_nowait())

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        await driver.write(b"abc")
        await driver.drain()
        await trio.sleep(1)
        assert (bytes(got), woken) == (b"abc", [])
        most = 0
        await driver.write(b"defg")
        await driver.drain()
        await trio.sleep(1)
        assert (bytes(got), b"".join(woken)) == (b"abc", b"defg")
        hub.close()
        await trio.testing.wait_all_tasks_blocked()
        assert woken[-1] == b""
