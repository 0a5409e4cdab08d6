"""A guest's flood at unlimited rate, and clients that leave or stop in its midst."""

from __future__ import annotations

import os
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.access.rig import RunningMachine, make_guest_folder, read_until, running, wait_until

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


def test_clients_that_leave_in_the_midst_of_a_flood_lose_and_repeat_nothing(runtime: Path, tmp_path: Path) -> None:
    """What one leaves unread goes to the next (as far as it is kept: the guest sends less than that)."""
    whole = b"".join(b"%07d\n" % n for n in range(120_000))
    got = bytearray()
    with running(runtime, make_guest_folder(tmp_path / "guest", SOURCE), "box", "--rate", "unlimited") as machine:
        for size in (300_001, 200_003, 65_536, 100_000, len(whole)):
            with open_raw(machine) as fd:
                if not got:
                    os.write(fd, b"go")
                got += read_until(fd, min(size, len(whole) - len(got)))
            # One that comes in the same moment may read on while we take back: no order can be kept between the two.
            wait_until(lambda: machine.status()["pty"]["opened"] == 0, "the client's leaving was noticed")
    assert bytes(got) == whole


def test_machine_ends_while_a_client_has_stopped_reading_a_flood(runtime: Path, tmp_path: Path) -> None:
    with (
        running(runtime, make_guest_folder(tmp_path / "guest", SOURCE), "box", "--rate", "unlimited") as machine,
        open_raw(machine) as fd,
    ):
        os.write(fd, b"go")
        read_until(fd, 300_000)
        begin = time.monotonic()
        machine.end()
        assert time.monotonic() - begin < 10
