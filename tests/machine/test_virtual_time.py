"""Virtual time: what a task sees is the same, whether or not the ticker moves the clock itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine.rig import run_virtual, virtual_time
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.machine.ticker import Ticker, shared_ticker
from uartsim.machine.virtual_time import Jumps

TENTH = TICKS_PER_SECOND // 10


@contextmanager
def without_jumps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Jumps, "jump_to", lambda self, at_s: False)
        yield


@contextmanager
def counting_jumps() -> Iterator[list[float]]:
    """The times to which the ticker has moved the clock."""
    jumped: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        original = Jumps.jump_to

        def jump_to(self: Jumps, at_s: float) -> bool:
            done = original(self, at_s)
            jumped.extend([at_s] * done)
            return done

        patch.setattr(Jumps, "jump_to", jump_to)
        yield jumped


def call_every(ticker: Ticker, ticks: int, calls: list[int]) -> None:
    """Have a line called again and again, for ever."""

    def call(now: int) -> None:
        calls.append(now)
        wakeup.set(now + ticks)

    wakeup = ticker.wakeup(call)
    wakeup.set(ticker.clock.now() + ticks)


def set_event(event: trio.Event, now: int) -> None:
    event.set()


@settings(deadline=None, max_examples=40)
@given(
    lines=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    sleepers=st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=8), max_size=3),
)
def test_tasks_and_lines_take_their_turns_in_the_same_order_with_and_without_jumps(
    lines: list[int], sleepers: list[list[int]]
) -> None:
    def observed() -> list[tuple[float, str]]:
        seen: list[tuple[float, str]] = []

        def note(name: str, now: int) -> None:
            seen.append((round(now / TICKS_PER_SECOND, 6), name))

        async def sleep(number: int, hundredths: list[int]) -> None:
            for pause in hundredths:
                await trio.sleep(pause / 100)
                seen.append((round(trio.current_time(), 6), f"task {number}"))

        async def main() -> None:
            async with shared_ticker() as ticker:
                for number, hundredths in enumerate(lines):
                    calls: list[int] = []
                    call_every(ticker, hundredths * TENTH // 10, calls)
                    wakeup = ticker.wakeup(partial(note, f"line {number}"))
                    wakeup.set(hundredths * 3 * TENTH // 10)
                async with trio.open_nursery() as nursery:
                    for number, pauses in enumerate(sleepers):
                        nursery.start_soon(sleep, number, pauses)
                await trio.sleep(3)

        run_virtual(main)
        assert [time for time, _ in seen] == sorted(time for time, _ in seen)
        return sorted(seen)

    with_jumps = observed()
    with without_jumps():
        assert observed() == with_jumps


@virtual_time
async def test_while_nothing_else_runs_the_clock_goes_from_event_to_event() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        with counting_jumps() as jumped:
            call_every(ticker, TENTH, calls)
            await trio.sleep(100.05)
        assert calls == [TENTH * n for n in range(1, 1001)]
        assert len(jumped) > 900


@virtual_time
async def test_no_time_passes_for_a_task_that_waits_until_all_others_are_blocked() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        call_every(ticker, TENTH, calls)
        for _ in range(20):
            before = trio.current_time()
            await trio.testing.wait_all_tasks_blocked()
            assert trio.current_time() == before
            await trio.sleep(0.33)


@virtual_time
async def test_a_task_that_a_call_has_woken_runs_at_the_time_of_the_call() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        call_every(ticker, TENTH, calls)
        for _ in range(20):
            event = trio.Event()
            at = ticker.clock.now() + 7 * TENTH // 2
            ticker.wakeup(partial(set_event, event)).set(at)
            await event.wait()
            assert ticker.clock.now() == at


@virtual_time
async def test_a_deadline_that_a_call_has_set_is_kept() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        call_every(ticker, TENTH, calls)
        with trio.CancelScope() as scope:

            def limit(now: int) -> None:
                scope.deadline = trio.current_time() + 0.25

            ticker.wakeup(limit).set(10 * TENTH)
            await trio.sleep_forever()
        assert trio.current_time() == pytest.approx(1.25)


@virtual_time
async def test_a_thread_is_heard_while_a_line_is_busy_for_ever() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        call_every(ticker, TENTH, calls)
        assert await trio.to_thread.run_sync(lambda: "done") == "done"


def test_a_clock_that_does_not_jump_by_itself_is_left_alone() -> None:
    async def main() -> None:
        async with shared_ticker() as ticker:
            calls: list[int] = []
            call_every(ticker, TENTH, calls)
            await trio.testing.wait_all_tasks_blocked()
            assert not calls
            clock.jump(0.1)
            await trio.testing.wait_all_tasks_blocked()
            assert len(calls) == 1
            assert trio.current_time() == pytest.approx(0.1)

    clock = trio.testing.MockClock()
    trio.run(main, clock=clock)
