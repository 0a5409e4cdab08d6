"""A client that opens the pty: when the guest's output begins to reach it."""

from __future__ import annotations

import os
import termios
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import trio

from tests.machine.rig import open_port, real_time
from uartsim.access import pty
from uartsim.access.hub import Hub
from uartsim.access.pty import PtyAccess
from uartsim.access.pty_device import PtyDevice


@pytest.fixture(autouse=True)
def _a_grace_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pty, "OPENING_GRACE", 3600.0)


@contextmanager
def opened(device: PtyDevice) -> Iterator[int]:
    fd = os.open(device.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


@asynccontextmanager
async def served(device: PtyDevice) -> AsyncIterator[PtyAccess]:
    """The pty of a guest that has sent ``hello``."""
    async with open_port() as (com1, driver), trio.open_nursery() as nursery:
        access = PtyAccess(Hub(com1), device)
        await driver.write(b"hello")
        await driver.drain()
        nursery.start_soon(access.run)
        yield access
        nursery.cancel_scope.cancel()


async def read(fd: int) -> bytes:
    await trio.lowlevel.wait_readable(fd)
    return os.read(fd, 100)


async def departed(access: PtyAccess) -> None:
    while access.opened:
        await trio.sleep(0.001)


@real_time
async def test_a_client_that_came_before_the_start_does_not_wait_for_its_grace_again() -> None:
    device = PtyDevice()
    with opened(device) as fd:
        device.look()
        assert device.opened_early_at is not None
        device.opened_early_at = time.monotonic() - 3601  # the imports have taken long
        async with served(device):
            assert await read(fd) == b"hello"
    device.close()


@real_time
async def test_the_grace_of_a_client_that_came_early_does_not_begin_before_its_opening() -> None:
    device = PtyDevice()
    with opened(device) as fd:
        device.look()
        async with served(device):
            with trio.move_on_after(0.2):
                await read(fd)
                raise AssertionError("output began before the grace was over, without a flush")
            termios.tcflush(fd, termios.TCIFLUSH)
            assert await read(fd) == b"hello"
    device.close()


@real_time
async def test_a_client_that_has_flushed_before_the_start_loses_nothing() -> None:
    device = PtyDevice()
    with opened(device) as fd:
        device.look()
        termios.tcflush(fd, termios.TCIFLUSH)
        async with served(device):
            assert await read(fd) == b"hello"
    device.close()


@real_time
async def test_the_client_after_one_that_came_early_has_a_grace_of_its_own() -> None:
    device = PtyDevice()
    with opened(device):
        device.look()
        device.opened_early_at = time.monotonic() - 3601
    async with served(device) as access:
        await departed(access)
        with opened(device) as fd:
            with trio.move_on_after(0.2):
                await read(fd)
                raise AssertionError("output began without a flush")
            termios.tcflush(fd, termios.TCIFLUSH)
            assert await read(fd) == b"hello"
    device.close()
