"""The one timer of the process."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.machine.rig import open_port, real_time, run_virtual, virtual_time
from uartsim.line_format import NEVER, TICKS_PER_SECOND, UartsimError
from uartsim.machine import ticker as ticker_module
from uartsim.machine.ticker import RealClock, Timer, TrioClock, Wakeup, is_virtual, shared_ticker

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
