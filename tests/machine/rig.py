"""What the tests of running ports share: virtual time, a guest that is a function, a port with its driver."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ParamSpec

import trio
import trio.testing

from tests.patience import patience
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, Flag, GuestEnd, Machine, SerialDriver, open_machine
from uartsim.machine.sides import QuietFarEnd
from uartsim.machine.ticker import shared_ticker

P = ParamSpec("P")


def run_virtual(main: Callable[[], Awaitable[None]], limit_s: float = 100_000) -> None:
    """Run ``main`` in virtual time; a deadlock ends as trio.TooSlowError after ``limit_s`` virtual seconds."""

    async def limited() -> None:
        with trio.fail_after(limit_s):
            await main()

    trio.run(limited, clock=trio.testing.MockClock(autojump_threshold=0))


def virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """A test in virtual time."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtual(lambda: test(*args, **kwargs))

    return wrapper


def real_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """A test in real time, for real files and processes; it may take a minute."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        async def limited() -> None:
            with trio.fail_after(patience(60)):
                await test(*args, **kwargs)

        trio.run(limited)

    return wrapper


class FunctionGuest:
    """A guest that is an async function of the machine; it powers off when the function returns."""

    kind = "script"

    def __init__(self, main: Callable[[Machine], Awaitable[None]] | None = None) -> None:
        self.main = main
        self.nmis = 0
        self.resets = 0
        self.cancelled = False

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        task_status.started()
        try:
            if self.main is None:
                await trio.sleep_forever()
            else:
                await self.main(machine)
        except trio.Cancelled:
            self.cancelled = True
            raise
        return GuestEnd("poweroff")

    async def reset(self) -> None:
        self.resets += 1

    async def nmi(self) -> None:
        self.nmis += 1


@asynccontextmanager
async def open_port(line_format: LineFormat | None = None, **options: Any) -> AsyncIterator[tuple[Com1, SerialDriver]]:
    """A port on this run's ticker and the opened driver of its guest."""
    async with shared_ticker() as ticker:
        com1 = Com1(ticker, **options)
        driver = SerialDriver(com1)
        driver.open(line_format)
        yield com1, driver


class Listener(QuietFarEnd):
    """Hands on what a port tells its far end."""

    def __init__(
        self,
        com1: Com1,
        output: Callable[[bytes, int], object] = lambda data, at: None,
        line_break: Callable[[int], object] = lambda at: None,
        format_changed: Callable[[LineFormat], object] = lambda line_format: None,
    ) -> None:
        self._output, self._line_break, self._format_changed = output, line_break, format_changed
        com1.far_end = self

    def output(self, data: bytes, at: int) -> None:
        self._output(data, at)

    def line_break(self, at: int) -> None:
        self._line_break(at)

    def format_changed(self, line_format: LineFormat) -> None:
        self._format_changed(line_format)


class FarEnd(QuietFarEnd):
    """Listens at the far end of a port: what came, and when it was handed out."""

    def __init__(self, com1: Com1) -> None:
        self.com1 = com1
        self.data = bytearray()
        #: (bytes, when the last of them arrived, when they were handed out), in ticks.
        self.deliveries: list[tuple[bytes, int, int]] = []
        self._more = trio.lowlevel.ParkingLot()
        com1.far_end = self

    def output(self, data: bytes, at: int) -> None:
        """Characters have arrived."""
        self.data += data
        self.deliveries.append((data, at, self.com1.clock.now()))
        self._more.unpark_all()

    async def wait_for(self, size: int) -> bytes:
        """Wait until ``size`` bytes have come; returns all."""
        while len(self.data) < size:
            await self._more.park()
        return bytes(self.data)


async def receive_data(driver: SerialDriver, size: int) -> bytes:
    """The next ``size`` characters that a driver receives; all have to be good."""
    got = bytearray()
    while len(got) < size:
        data, flag = await driver.receive()
        assert flag is Flag.NORMAL
        got += data
    return bytes(got)


def seconds(ticks: int) -> float:
    """Ticks as seconds."""
    return ticks / TICKS_PER_SECOND


__all__ = [
    "FarEnd",
    "FunctionGuest",
    "Listener",
    "open_machine",
    "open_port",
    "real_time",
    "receive_data",
    "run_virtual",
    "seconds",
    "virtual_time",
]
