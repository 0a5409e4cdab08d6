"""The one timer of the process."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine.rig import open_port, real_time, run_virtual, virtual_time
from uartsim.errors import UartsimError
from uartsim.line_format import NEVER, TICKS_PER_SECOND
from uartsim.machine import ticker as ticker_module
from uartsim.machine.ticker import LONGEST_ROUND, RealClock, Timer, TrioClock, Wakeup, is_virtual, shared_ticker

MILLISECOND = TICKS_PER_SECOND // 1000

#: Which of four lines, when from now (None: not at all), in ticks; and how long to wait before, in milliseconds.
plans = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(st.none(), st.integers(-5 * MILLISECOND, 40 * MILLISECOND)),
        st.integers(0, 10),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(plans)
def test_every_line_is_called_once_at_the_last_time_it_asked_for_and_in_order(
    plan: list[tuple[int, int | None, int]],
) -> None:
    async def main() -> None:
        async with shared_ticker() as ticker:
            calls: list[tuple[int, int]] = []
            expected: list[tuple[int, int]] = []
            wanted = [NEVER] * 4

            def due(now: int) -> None:
                for line in range(4):
                    if wanted[line] <= now:
                        expected.append((wanted[line], line))
                        wanted[line] = NEVER

            def line_of(number: int) -> Wakeup:
                return ticker.wakeup(lambda now: calls.append((now, number)))

            lines = [line_of(number) for number in range(4)]
            for number, after, wait in plan:
                if wait:
                    await trio.sleep(wait / 1000)
                    await trio.testing.wait_all_tasks_blocked()
                    due(ticker.clock.now())
                now = ticker.clock.now()
                at = NEVER if after is None else now + after
                lines[number].set(at)
                wanted[number] = at
            await trio.sleep(1)
            due(ticker.clock.now())
            assert sorted(number for _, number in calls) == sorted(number for _, number in expected)
            assert [now for now, _ in calls] == sorted(now for now, _ in calls)
            for (called, number), (at, wanted_number) in zip(
                sorted(calls, key=lambda c: (c[1], c[0])), sorted(expected, key=lambda c: (c[1], c[0])), strict=True
            ):
                assert number == wanted_number
                assert called >= at

    run_virtual(main)


@virtual_time
async def test_virtual_wake_ups_come_at_exactly_the_tick_that_was_asked_for() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        wakeup = ticker.wakeup(calls.append)
        for at in (7, 78_125 * 160 * 1_000_003, 10**14 + 1):
            wakeup.set(at)
            await trio.sleep(at / TICKS_PER_SECOND - trio.current_time() + 1e-3)
            assert calls[-1] == at


@virtual_time
async def test_a_line_may_ask_again_from_within_its_call() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []

        def again(now: int) -> None:
            calls.append(now)
            if len(calls) < 100:
                wakeup.set(now + MILLISECOND)

        wakeup = ticker.wakeup(again)
        wakeup.set(MILLISECOND)
        await trio.sleep(1)
        assert calls == [MILLISECOND * n for n in range(1, 101)]


@virtual_time
async def test_two_ports_of_one_run_share_one_ticker() -> None:
    async with open_port() as (one, _), open_port() as (two, _):
        assert one.ticker is two.ticker
        assert one.ticker.users == 2


@real_time
async def test_a_new_ticker_is_made_after_the_last_user_has_gone() -> None:
    async with shared_ticker() as first:
        pass
    async with shared_ticker() as second:
        assert second is not first
        fired = trio.Event()
        second.wakeup(lambda now: fired.set()).set(second.clock.now() + MILLISECOND)
        await fired.wait()


@real_time
async def test_a_real_wake_up_is_never_early() -> None:
    async with shared_ticker() as ticker:
        for after in (1, MILLISECOND // 7, 3 * MILLISECOND):
            woken: list[int] = []
            fired = trio.Event()

            def call(now: int, woken: list[int] = woken, fired: trio.Event = fired) -> None:
                woken.append(now)
                fired.set()

            at = ticker.clock.now() + after
            ticker.wakeup(call).set(at)
            await fired.wait()
            assert woken[0] >= at


@real_time
async def test_an_idle_port_wakes_nobody_in_real_time() -> None:
    async with open_port() as (com1, driver):
        await driver.write(b"boot\r\n")
        await driver.drain()
        await trio.sleep(0.05)
        before = com1.ticker.wakeups
        await trio.sleep(0.5)
        assert com1.ticker.wakeups == before


@virtual_time
async def test_an_idle_port_wakes_nobody_in_a_day() -> None:
    async with open_port() as (com1, driver):
        await driver.write(b"boot\r\n")
        com1.far_send(b"key")
        await trio.sleep(1)
        assert await driver.receive()
        before = com1.ticker.wakeups
        await trio.sleep(86400)
        assert com1.ticker.wakeups == before


@real_time
async def test_a_port_takes_the_real_clock_and_knows_it() -> None:
    assert not is_virtual()
    async with shared_ticker() as ticker:
        assert isinstance(ticker.clock, RealClock)


@virtual_time
async def test_a_port_takes_trio_s_clock_where_it_is_virtual() -> None:
    assert is_virtual()
    async with shared_ticker() as ticker:
        assert isinstance(ticker.clock, TrioClock)


def test_a_timer_that_the_system_refuses_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses(Timer):
        def __init__(self) -> None:
            raise UartsimError("no timer could be made")

    monkeypatch.setattr(ticker_module, "Timer", Refuses)

    async def main() -> None:
        async with shared_ticker():
            await trio.sleep_forever()

    with pytest.raises(UartsimError, match="no timer could be made"):
        trio.run(main)


# -- lines that are busy ---------------------------------------------------------------------------------------


async def served_together(lines: int, milliseconds: int) -> tuple[int, int]:
    """Lines that ask again for a millisecond later each time they are called: how many calls, in how many wake-ups."""
    async with shared_ticker() as ticker:
        calls = 0

        def make(number: int) -> Wakeup:
            def call(now: int) -> None:
                nonlocal calls
                calls += 1
                assert now >= due[number]
                due[number] = now + MILLISECOND
                wakeups[number].set(NEVER, due[number])

            return ticker.wakeup(call)

        due = [ticker.clock.now() + number * MILLISECOND // lines for number in range(lines)]
        wakeups = [make(number) for number in range(lines)]
        for wakeup, at in zip(wakeups, due, strict=True):
            wakeup.set(NEVER, at)
        await trio.sleep(0.05)
        calls_before, before = calls, ticker.wakeups
        await trio.sleep(milliseconds / 1000)
        return calls - calls_before, ticker.wakeups - before


@real_time
async def test_busy_lines_are_served_together() -> None:
    calls, wakeups = await served_together(lines=40, milliseconds=200)
    assert calls >= 40
    assert calls >= 20 * wakeups


@virtual_time
async def test_in_virtual_time_a_busy_line_is_called_at_its_own_times() -> None:
    calls, wakeups = await served_together(lines=4, milliseconds=200)
    assert calls == wakeups
    assert abs(calls - 4 * 200) <= 4


@real_time
async def test_a_busy_line_is_called_at_its_exact_time_without_a_round() -> None:
    async with shared_ticker() as ticker:
        fired = trio.Event()
        wakeup = ticker.wakeup(lambda now: fired.set())
        ticker._not_before = NEVER  # no round will ever come
        wakeup.set(ticker.clock.now() + 2 * MILLISECOND, ticker.clock.now() + MILLISECOND)
        await fired.wait()


@real_time
async def test_a_line_with_an_exact_time_is_called_in_the_middle_of_a_round() -> None:
    async with shared_ticker() as ticker:
        order: list[str] = []
        done = trio.Event()
        exact = ticker.wakeup(lambda now: order.append("exact"))

        def first(now: int) -> None:
            order.append("first")
            at = ticker.clock.now() + MILLISECOND
            exact.set(at)
            while ticker.clock.now() < at:
                pass

        def second(now: int) -> None:
            order.append("second")
            done.set()

        for call in (first, second):
            ticker.wakeup(call).set(NEVER, ticker.clock.now())
        await done.wait()
        assert order == ["first", "exact", "second"]


@real_time
async def test_a_long_round_lets_others_run() -> None:
    async with shared_ticker() as ticker:
        order: list[str] = []
        done, began = trio.Event(), trio.Event()

        def slow(now: int) -> None:
            order.append("line")
            began.set()
            until = ticker.clock.now() + 2 * LONGEST_ROUND
            while ticker.clock.now() < until:
                pass

        def last(now: int) -> None:
            order.append("last line")
            done.set()

        async def other() -> None:
            await began.wait()
            order.append("other task")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            await trio.testing.wait_all_tasks_blocked()
            for call in (slow, slow, last):
                ticker.wakeup(call).set(NEVER, ticker.clock.now())
            await done.wait()
        assert order.index("other task") < order.index("last line")


@real_time
async def test_what_a_busy_line_asked_for_before_is_replaced() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        wakeup = ticker.wakeup(calls.append)
        now = ticker.clock.now()
        wakeup.set(NEVER, now + MILLISECOND)
        wakeup.set(NEVER)
        await trio.sleep(0.01)
        assert not calls
        wakeup.set(now + 10**12, now)
        await trio.sleep(0.01)
        assert len(calls) == 1
        await trio.sleep(0.01)
        assert len(calls) == 1


@real_time
async def test_what_is_due_before_it_could_be_gathered_wakes_the_process_once() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        wakeup = ticker.wakeup(calls.append)
        before = ticker.wakeups
        now = ticker.clock.now()
        wakeup.set(now + MILLISECOND, now + 2 * MILLISECOND)
        await trio.sleep(0.02)
        assert (len(calls), ticker.wakeups - before) == (1, 1)


@real_time
async def test_a_timer_is_unarmed_when_what_was_asked_for_is_asked_for_no_more() -> None:
    async with shared_ticker() as ticker:
        calls: list[int] = []
        first, second = ticker.wakeup(calls.append), ticker.wakeup(calls.append)
        now = ticker.clock.now()
        first.set(now)
        second.set(now + 10 * MILLISECOND)
        second.set(NEVER)
        await trio.sleep(0.005)
        before = ticker.wakeups
        await trio.sleep(0.05)
        assert (len(calls), ticker.wakeups) == (1, before)


@real_time
async def test_what_is_asked_for_after_something_was_taken_back_comes() -> None:
    """A port that opens asks for a time and takes it back before the ticker has begun to serve."""
    async with shared_ticker() as ticker:
        called = trio.Event()
        line = ticker.wakeup(lambda now: called.set())
        line.set(ticker.clock.now() + 10 * MILLISECOND)
        line.set(NEVER)
        await trio.testing.wait_all_tasks_blocked()
        line.set(ticker.clock.now() + 20 * MILLISECOND)
        with trio.fail_after(5):
            await called.wait()
