"""Whose turn it is: between tasks, between lines that are busy, and between the clock and trio's scheduler."""

from __future__ import annotations

import os
from functools import partial

import pytest
import trio

from tests.machine.rig import FarEnd, open_port, real_time, run_virtual, virtual_time
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import ticker as ticker_module
from uartsim.machine.fairness import Turn
from uartsim.machine.ticker import GAP_PER_LINE, Wakeup, shared_ticker

FRAME = LineFormat().frame_ticks


class Looks(trio.abc.Instrument):
    """Counts the rounds of trio's scheduler, each of which begins with a look at I/O."""

    count = 0

    def after_io_wait(self, timeout: float) -> None:
        """A round begins."""
        self.count += 1


@pytest.mark.parametrize(("size", "alone"), [(0, 15), (1024, 7), (3072, 3), (15_360, 0), (100_000, 0)])
def test_others_get_their_turn_after_16_kibibytes_of_which_a_call_counts_as_one(size: int, alone: int) -> None:
    async def main() -> None:
        looks = Looks()
        trio.lowlevel.add_instrument(looks)
        turn = Turn()
        for _ in range(3):
            before = looks.count
            for _ in range(alone):
                await turn.take(size)
            assert looks.count == before
            await turn.take(size)
            assert looks.count == before + 1

    run_virtual(main)


@virtual_time
async def test_in_virtual_time_a_busy_line_hands_out_what_has_gathered_in_a_tenth_of_a_second() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        start = com1.uart.now
        await driver.write(bytes(4000))
        await far.wait_for(4000)
        handed_out = [at - start for _, _, at in far.deliveries]
        arrived = LineFormat().sampled_ticks
        assert arrived + TICKS_PER_SECOND // 10 <= handed_out[0] <= FRAME + TICKS_PER_SECOND // 10
        assert handed_out[1] - handed_out[0] == pytest.approx(TICKS_PER_SECOND // 10, abs=2 * FRAME)


def test_trio_looks_at_its_i_o_now_and_then_however_many_wake_ups_follow_each_other_in_virtual_time() -> None:
    async def main() -> None:
        async with shared_ticker() as ticker:
            calls: list[int] = []

            def again(now: int) -> None:
                calls.append(now)
                if len(calls) < 6400:
                    wakeup.set(now + 1000_000)

            wakeup = ticker.wakeup(again)
            await trio.sleep(0.1)
            looks = Looks()
            trio.lowlevel.add_instrument(looks)
            wakeup.set(ticker.clock.now() + 1000_000)
            await trio.sleep(1)
            trio.lowlevel.remove_instrument(looks)
            assert len(calls) == 6400
            # Time may be moved 64 times in a row; and far fewer looks than calls are what that is for.
            assert 6400 // 65 <= looks.count <= 6400 // 10

    run_virtual(main)


@real_time
async def test_the_more_lines_are_busy_the_longer_is_the_time_between_two_rounds() -> None:
    async with shared_ticker() as ticker:
        calls = 0

        def line() -> Wakeup:
            def call(now: int) -> None:
                nonlocal calls
                calls += 1
                wakeup.set(now + 10**13, now)

            wakeup = ticker.wakeup(call)
            return wakeup

        lines = [line() for _ in range(10)]
        began = ticker.clock.now()
        for wakeup in lines:
            wakeup.set(began + 10**13, began)
        await trio.sleep(0.1)
        most = (ticker.clock.now() - began) / (10 * GAP_PER_LINE) + 2
        assert 10 <= calls <= 10 * most
        for wakeup in lines:
            wakeup.set(10**25)


@real_time
async def test_a_line_that_gathers_until_later_is_called_in_a_later_round() -> None:
    async with shared_ticker() as ticker:
        began = ticker.clock.now()
        called: dict[str, int] = {}
        done = trio.Event()

        def call(name: str, now: int) -> None:
            called[name] = now
            if name == "last":
                done.set()

        lines = {
            "first": (0, ticker.wakeup(partial(call, "first"))),
            "second": (5, ticker.wakeup(partial(call, "second"))),
            "last": (60, ticker.wakeup(partial(call, "last"))),
        }
        for after_ms, wakeup in lines.values():
            gather_from = began + after_ms * (TICKS_PER_SECOND // 1000)
            wakeup.set(gather_from + 10**13, gather_from)
        await done.wait()
        for name, (after_ms, _) in lines.items():
            assert called[name] >= began + after_ms * (TICKS_PER_SECOND // 1000)
        assert list(called) == ["first", "second", "last"]


@real_time
async def test_a_short_round_is_not_interrupted() -> None:
    longest = ticker_module.LONGEST_ROUND
    ticker_module.LONGEST_ROUND = 10**6 * TICKS_PER_SECOND  # type: ignore[misc]
    try:
        async with shared_ticker() as ticker, trio.open_nursery() as nursery:
            order: list[str] = []
            began, done = trio.Event(), trio.Event()

            async def other() -> None:
                await began.wait()
                order.append("other task")
                done.set()

            def call(now: int) -> None:
                order.append("line")
                began.set()

            nursery.start_soon(other)
            await trio.testing.wait_all_tasks_blocked()
            now = ticker.clock.now()
            for _ in range(5):
                ticker.wakeup(call).set(now + 10**13, now)
            await done.wait()
            assert order == ["line"] * 5 + ["other task"]
    finally:
        ticker_module.LONGEST_ROUND = longest  # type: ignore[misc]


def test_a_run_leaves_no_descriptor_of_its_timer() -> None:
    async def main() -> None:
        async with open_port() as (_, driver):
            await driver.write(b"x")
            await driver.drain()

    trio.run(main)
    before = len(os.listdir("/proc/self/fd"))
    trio.run(main)
    assert len(os.listdir("/proc/self/fd")) == before
