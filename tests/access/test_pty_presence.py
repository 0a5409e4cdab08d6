"""Who has a pty open, where the reports of the kernel and a look disagree."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import cast

import pytest
import trio
import trio.testing

from tests.patience import patience
from uartsim.access.pty_device import PtyDevice
from uartsim.access.pty_presence import Presence


class ReportedDevice:
    """A pty whose reports and looks are set by the test."""

    watch = 5

    def __init__(self) -> None:
        self.lost_events = False
        self.reports: list[int] = []
        self.in_use = False
        #: What is reported while a look is made.
        self.meanwhile: list[int] = []
        self.restored = 0

    def opens(self) -> list[int]:
        reports, self.reports = self.reports, []
        return reports

    def probe(self) -> bool:
        self.reports += self.meanwhile
        self.meanwhile = []
        return self.in_use

    def hung_up(self) -> bool:
        return False

    def count_closely(self, on: bool) -> None:
        pass

    def restore(self) -> None:
        self.restored += 1


class Rig:
    """A presence on such a device, and what it has told."""

    def __init__(self) -> None:
        self.device = ReportedDevice()
        self.left: list[bool] = []  # at each departure: whether somebody else has it open
        self.presence = Presence(cast(PtyDevice, self.device), self.device.restore, self._leave, lambda is_new: None)

    def _leave(self) -> None:
        self.left.append(self.presence.opened > 0 or self.presence.in_doubt)

    def report(self, *changes: int, in_use: bool) -> None:
        self.device.in_use = in_use
        self.device.reports += changes
        self.presence.note()

    async def look_again(self) -> None:
        """Make the looks that follow."""
        with trio.move_on_after(1):
            await self.presence._look_again()


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.mark.trio
async def test_client_whose_open_was_never_reported_is_found(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """The kernel has merged it with the open of the look that followed the departure before."""
    rig.report(1, in_use=True)
    rig.report(-1, in_use=False)
    assert (rig.presence.opened, rig.left) == (0, [False])
    rig.device.in_use = True
    await rig.look_again()
    assert rig.presence.opened == 1
    rig.report(-1, in_use=False)
    assert (rig.presence.opened, rig.left) == (0, [False, False])


@pytest.mark.trio
async def test_client_that_is_reported_late_counts_once(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    rig.report(1, in_use=True)
    rig.report(-1, in_use=True)  # the next one has it open already
    assert (rig.presence.opened, rig.left) == (0, [True])
    rig.report(1, in_use=True)
    assert rig.presence.opened == 1
    await rig.look_again()
    assert rig.presence.opened == 1


@pytest.mark.trio
async def test_client_that_is_believed_and_then_reported_counts_once(
    rig: Rig, autojump_clock: trio.testing.MockClock
) -> None:
    rig.report(1, in_use=True)
    rig.report(-1, in_use=True)
    await rig.look_again()
    assert rig.presence.opened == 1
    rig.report(1, in_use=True)
    assert rig.presence.opened == 1
    rig.report(1, in_use=True)
    assert rig.presence.opened == 2


def test_client_that_comes_while_the_look_is_made_counts_once(rig: Rig) -> None:
    rig.report(1, in_use=True)
    rig.device.meanwhile = [1]
    rig.report(-1, in_use=True)
    assert (rig.presence.opened, rig.left) == (1, [True])


@pytest.mark.trio
async def test_client_that_is_slow_to_go_is_no_new_one(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Its close is reported just before it: the look still finds it.  Its settings are undone when it has gone."""
    rig.report(1, in_use=True)
    rig.report(-1, in_use=True)
    assert rig.left == [True]
    rig.device.in_use = False
    await rig.look_again()
    assert (rig.presence.opened, rig.presence.in_doubt, rig.left) == (0, False, [True])
    assert rig.device.restored == 1


@pytest.mark.trio
async def test_departure_between_two_reports_is_noticed(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    rig.report(1, in_use=True)
    rig.report(-1, 1, in_use=True)
    assert (rig.presence.opened, rig.left) == (1, [True])
    await rig.look_again()
    assert (rig.presence.opened, rig.left) == (1, [True])


#: Opens and closes a pty with pauses of microseconds to milliseconds between, and then keeps it open.
_CLIENT = """
import os, random, sys, time
rng = random.Random(int(sys.argv[2]))
for _ in range(200):
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    time.sleep(rng.choice([0, 0, 1e-5, 1e-4, 1e-3]))
    os.close(fd)
    time.sleep(rng.choice([0, 0, 1e-5, 5e-5, 1e-4, 1e-3]))
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
print("stays", flush=True)
sys.stdin.read()
"""


def started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.trio
async def test_quick_clients_are_counted_right_in_the_end(seed: int) -> None:
    device = PtyDevice()
    presence = Presence(device, lambda: device.restore(115200), lambda: None, lambda is_new: None)
    command = [sys.executable, "-c", _CLIENT, device.path, str(seed)]
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(presence.run)
            client = started(command)
            assert client.stdin is not None
            assert client.stdout is not None
            try:
                os.set_blocking(client.stdout.fileno(), False)
                await trio.lowlevel.wait_readable(client.stdout)
                assert client.stdout.read() == b"stays\n"
                await trio.sleep(0.4)  # the looks that follow a departure
                assert presence.opened == 1
            finally:
                client.stdin.close()
                client.wait()
                client.stdout.close()
            deadline = time.monotonic() + patience(5)
            while presence.opened and time.monotonic() < deadline:
                await trio.sleep(0.01)
            assert presence.opened == 0
            nursery.cancel_scope.cancel()
    finally:
        device.close()
