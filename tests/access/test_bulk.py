"""Writing much at once into a pty: in a thread that blocks, and that can be ended nevertheless."""

from __future__ import annotations

import os
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from tests.access.rig import RunningMachine, make_guest_folder, read_until, running, wait_until
from tests.machine.rig import real_time
from uartsim.access.bulk import BulkWriter
from uartsim.access.pty_device import PtyDevice

#: More than a pty holds.
MUCH = bytes(range(251)) * 1000


@pytest.fixture
def device() -> Iterator[PtyDevice]:
    device = PtyDevice()
    yield device
    device.close()


async def take(device: PtyDevice, size: int) -> bytes:
    """What a client reads."""
    got = bytearray()
    while len(got) < size:
        await trio.lowlevel.wait_readable(device.slave)
        got += os.read(device.slave, 65536)
    return bytes(got)


def test_all_arrives_in_order_and_is_counted_once(device: PtyDevice) -> None:
    counted: list[int] = []
    bulk = BulkWriter(device, counted.append)

    @real_time
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bulk.write, memoryview(MUCH))
            assert await take(device, len(MUCH)) == MUCH
        assert counted == [len(MUCH)]
        assert not bulk.busy
        assert not os.get_blocking(device.master)

    main()


def test_cancelled_write_to_a_client_that_does_not_read_leaves_no_thread_behind(device: PtyDevice) -> None:
    counted: list[int] = []
    bulk = BulkWriter(device, counted.append)

    @real_time
    async def main() -> None:
        with trio.move_on_after(0.2) as scope:
            await bulk.write(memoryview(MUCH))
        assert scope.cancelled_caught
        assert counted == [bulk.written] == [len(MUCH)]
        assert not os.get_blocking(device.master)

    main()


def test_stopped_write_is_counted_before_what_nobody_read_is_taken_back(device: PtyDevice) -> None:
    counted: list[int] = []
    bulk = BulkWriter(device, counted.append)

    @real_time
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bulk.write, memoryview(MUCH))
            await trio.sleep(0.1)
            assert bulk.busy
            read = len(os.read(device.slave, 1000))
            taken = bulk.stop() + device.unread()
            assert counted == [len(MUCH)]
            assert read + taken == len(MUCH)

    main()


def test_write_stopped_before_its_thread_began_writes_nothing(
    device: PtyDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    bulk = BulkWriter(device, counted.append)
    go = threading.Event()
    work = bulk._work

    def late(data: memoryview) -> None:
        go.wait(30)
        work(data)

    monkeypatch.setattr(bulk, "_work", late)

    @real_time
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bulk.write, memoryview(MUCH))
            await trio.sleep(0.05)
            assert bulk.stop() == 0
            go.set()
        assert counted == [0]
        assert device.unread() == 0

    main()


SOURCE = """
    async def main(host):
        host.tty.open()
        await host.tty.receive()
        for number in range(0, 960_000, 8_000):
            await host.tty.write(b"".join(b"%07d\\n" % n for n in range(number // 8, number // 8 + 1000)))
        await host.tty.receive()
"""


@contextmanager
def open_raw(machine: RunningMachine) -> Iterator[int]:
    """A client's descriptor."""
    fd = os.open(machine.link, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(fd, termios.TCSANOW)
        yield fd
    finally:
        os.close(fd)


def test_clients_that_leave_in_the_midst_of_a_flood_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """What one leaves unread goes to the next (as far as it is kept: the guest sends less than that)."""
    whole = b"".join(b"%07d\n" % n for n in range(120_000))
    got = bytearray()
    with running(tmp_path, make_guest_folder(tmp_path / "guest", SOURCE), "box", "--rate", "unlimited") as machine:
        for size in (300_001, 200_003, 65_536, 100_000, len(whole)):
            with open_raw(machine) as fd:
                if not got:
                    os.write(fd, b"go")
                got += read_until(fd, min(size, len(whole) - len(got)))
            # One that comes in the same moment may read on while we take back: no order can be kept between the two.
            wait_until(lambda: machine.status()["pty"]["opened"] == 0, "the client's leaving was noticed")
    assert bytes(got) == whole


def test_machine_ends_while_a_client_has_stopped_reading_a_flood(tmp_path: Path) -> None:
    with (
        running(tmp_path, make_guest_folder(tmp_path / "guest", SOURCE), "box", "--rate", "unlimited") as machine,
        open_raw(machine) as fd,
    ):
        os.write(fd, b"go")
        read_until(fd, 300_000)
        begin = time.monotonic()
        machine.end()
        assert time.monotonic() - begin < 10
