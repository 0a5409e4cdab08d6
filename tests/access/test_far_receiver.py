"""What was sent before a client came, heard by a receiver at another speed."""

from __future__ import annotations

import os
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.access.rig import SERVER, numbered, open_serial, read_until, running
from tests.access.test_formats import FAST, SLOW, TEXT, line, sampled, settle
from tests.machine.rig import run_virtual, virtual_time
from uartsim.access.hub import Hub
from uartsim.access.hub_client import HubClient
from uartsim.access.sent_times import STRETCHES, SentTimes
from uartsim.line_format import LineFormat

GuestFolder = Callable[[str], Path]


def come(hub: Hub, line_format: LineFormat) -> HubClient:
    """A client at the far end that has just come and wants all that is kept."""
    client = hub.attach("late", watch=True, start=hub.start)
    client.be_at_far_end(True, line_format)
    client.come()
    return client


def read_all(client: HubClient) -> bytes:
    heard = bytearray()
    while client.waiting:
        heard += client.receive_nowait()
    return bytes(heard)


@pytest.mark.parametrize(("guest", "own"), [(FAST, SLOW), (SLOW, FAST), (FAST, LineFormat.from_baud(57600))])
@virtual_time
async def test_the_past_is_heard_as_by_a_receiver_that_was_there(guest: LineFormat, own: LineFormat) -> None:
    async with line(guest) as (hub, driver, there):
        there.be_at_far_end(True, own)
        start = hub.com1.clock.now()
        await driver.write(TEXT * 40)
        await settle(driver)
        for pause in (0.0001, 0.003, 0.5):  # and some that do not follow each other
            await driver.write(b"x\r\n")
            await trio.sleep(pause)
        await settle(driver)
        live = read_all(there)
        assert live.startswith(bytes(character for character, _ in sampled(TEXT * 40, guest, own, start))[:-1])
        assert read_all(come(hub, own)) == live
        assert read_all(come(hub, guest)) == hub.history() == TEXT * 40 + b"x\r\n" * 3


@virtual_time
async def test_each_part_of_the_past_is_heard_in_the_format_it_was_sent_in() -> None:
    async with line(SLOW) as (hub, driver, _):
        start = hub.com1.clock.now()
        await driver.write(b"U-Boot\r\n")
        await settle(driver)
        driver.set_format(FAST)
        await driver.write(b"login: ")
        await settle(driver)
        garbage = bytes(character for character, _ in sampled(b"U-Boot\r\n", SLOW, FAST, start))
        assert read_all(come(hub, FAST)) == garbage + b"login: "
        watcher = hub.attach("watcher", watch=True, start=0)
        assert read_all(watcher) == b"U-Boot\r\nlogin: "


@virtual_time
async def test_a_speed_that_a_receiver_bears_leaves_the_past_intact() -> None:
    async with line() as (hub, driver, _):
        await driver.write(TEXT)
        await settle(driver)
        assert read_all(come(hub, LineFormat.from_baud(117_500))) == TEXT


@virtual_time
async def test_the_past_and_the_present_follow_each_other_without_a_byte_lost_or_doubled() -> None:
    async with line() as (hub, driver, _):
        await driver.write(TEXT)
        await settle(driver)
        client = come(hub, SLOW)
        start = hub.com1.clock.now()
        await driver.write(b"now it speaks on\r\n")
        await settle(driver)
        first = read_all(client)
        assert first.endswith(bytes(character for character, _ in sampled(b"now it speaks on\r\n", FAST, SLOW, start)))
        client.be_at_far_end(True, FAST)
        await driver.write(b"well")
        await settle(driver)
        assert read_all(client) == b"well"
        assert client.missed == 0


@virtual_time
async def test_garbage_of_the_past_that_was_not_read_is_given_back_as_what_it_was() -> None:
    """A client at the wrong speed closes without having read; the next one is at the right one."""
    async with line() as (hub, driver, _):
        await driver.write(TEXT * 100)
        await settle(driver)
        client = come(hub, SLOW)
        size = len(read_all(client))
        await driver.write(b"heard live")
        await settle(driver)
        size += len(read_all(client))
        client.go_back(size)
        client.be_at_far_end(False)
        await settle(driver)
        client.be_at_far_end(True, FAST)
        client.come()
        assert read_all(client) == TEXT * 100, "what it heard while it was there is not kept for another"


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 1500), min_size=1, max_size=6), back=st.integers(0, 3000))
def test_where_formats_are_borne_any_number_of_bytes_can_come_again(sizes: list[int], back: int) -> None:
    async def main() -> None:
        async with line() as (hub, driver, _):
            text = b"%07d\n" * 200 % tuple(range(200))
            await driver.write(text)
            await settle(driver)
            client = come(hub, LineFormat.from_baud(117_500))
            client.chunk = 700
            got = b""
            for size in sizes:
                data = client.receive_nowait()
                client.give_back(data[size:])
                got += data[:size]
            unread = min(back, len(got))
            client.go_back(unread)
            assert got[: len(got) - unread] + read_all(client) == text

    run_virtual(main)


# -- the times -----------------------------------------------------------------------------------------------


def test_frames_without_a_gap_are_one_stretch_and_a_format_holds_from_its_character_on() -> None:
    times = SentTimes(FAST)
    frame = FAST.frame_ticks
    times.sent(0, 10, 1000 * frame + 9 * frame + FAST.sampled_ticks)
    times.sent(10, 5, 1000 * frame + 14 * frame + FAST.sampled_ticks)
    times.sent(15, 1, 2000 * frame + FAST.sampled_ticks)
    times.set_format(16, SLOW)
    times.sent(16, 2, 10**9)
    found = times.between(0, 18)
    assert [(stretch.offset, stretch.line_format) for stretch in found] == [(0, FAST), (15, FAST), (16, SLOW)]
    assert (found[0].start, found[1].start) == (1000 * frame, 2000 * frame)
    (cut,) = times.between(12, 14)
    assert (cut.offset, cut.start) == (12, 1012 * frame)
    times.forget(16)
    assert [stretch.offset for stretch in times.between(0, 18)] == [0]


def test_of_very_many_stretches_the_oldest_are_joined() -> None:
    times = SentTimes(FAST)
    for offset in range(STRETCHES + 5):
        times.sent(offset, 1, 10 * offset * FAST.frame_ticks)
    found = times.between(0, STRETCHES + 5)
    assert len(found) == STRETCHES
    assert [stretch.offset for stretch in found[:2]] == [0, 6]


# -- at a pty ------------------------------------------------------------------------------------------------


def set_speed(fd: int, speed: int) -> None:
    flags = termios.tcgetattr(fd)
    flags[4] = flags[5] = speed
    termios.tcsetattr(fd, termios.TCSANOW, flags)


def test_a_client_of_a_pty_at_another_speed_does_not_read_the_past_intact(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        with open_serial(machine.link) as client:
            assert client.read_until(b"ready\n").endswith(b"ready\n")
            client.write(b"8000\n")
        machine.wait_opened(0)
        machine.wait_sent(6 + 8000)
        more = machine.ask("pty")["link"]
        for link in (machine.link, more):
            fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
            try:
                set_speed(fd, termios.B9600)
                heard = read_until(fd, 100_000, 0.5)
            finally:
                os.close(fd)
            assert 100 < len(heard) < 4000, "twelve frames of the guest's take as long as one of the client's"
            assert b"00001" not in heard
        assert numbered(8000).decode() in machine.ask("history")
        with open_serial(machine.ask("pty")["link"]) as client:
            assert client.read(6 + 8000) == b"ready\n" + numbered(8000)
