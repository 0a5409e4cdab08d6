"""Waking those who wait for output."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.machine.rig import virtual_time
from uartsim.access.reader_wakeups import FEW, LONGEST_GAP, News
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.machine.ticker import shared_ticker

LONGEST_GAP_S = LONGEST_GAP / TICKS_PER_SECOND


async def woken(waiters: int, tellings: int, pause_s: float) -> tuple[list[float], list[float]]:
    """When something was told, in seconds, and when the last of some waiters was woken."""
    told: list[float] = []
    seen: list[list[float]] = [[] for _ in range(waiters)]

    async def wait(times: list[float]) -> None:
        while True:
            await news.wait()
            times.append(trio.current_time())

    async with shared_ticker() as ticker, trio.open_nursery() as nursery:
        news = News(ticker)
        for times in seen:
            nursery.start_soon(wait, times)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(tellings):
            await trio.sleep(pause_s)
            told.append(trio.current_time())
            news.tell()
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert all(times == seen[0] for times in seen)
    return told, seen[0]


@virtual_time
async def test_a_few_are_woken_each_time() -> None:
    told, seen = await woken(waiters=FEW, tellings=50, pause_s=0.001)
    assert seen == told


@virtual_time
async def test_many_are_woken_together_and_none_is_forgotten() -> None:
    told, seen = await woken(waiters=100, tellings=200, pause_s=0.001)
    assert len(seen) <= 0.2 / LONGEST_GAP_S + 2
    assert seen[0] == told[0]
    for at in told:
        assert any(at <= time <= at + LONGEST_GAP_S + 1e-6 for time in seen)


@virtual_time
async def test_after_a_rest_many_are_woken_at_once_as_well() -> None:
    told, seen = await woken(waiters=100, tellings=20, pause_s=LONGEST_GAP_S * 1.5)
    assert seen == pytest.approx(told)


@virtual_time
async def test_the_end_is_told_at_once() -> None:
    ended: list[float] = []

    async def wait() -> None:
        await news.wait()
        await news.wait()
        ended.append(trio.current_time())

    async with shared_ticker() as ticker, trio.open_nursery() as nursery:
        news = News(ticker)
        for _ in range(100):
            nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        news.tell()
        await trio.testing.wait_all_tasks_blocked()
        before = trio.current_time()
        news.tell_at_once()
        await trio.testing.wait_all_tasks_blocked()
        assert ended == [before] * 100
