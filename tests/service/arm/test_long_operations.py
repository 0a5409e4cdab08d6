"""Operations that run on after their request is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest
import trio
import trio.lowlevel
import trio.testing

from tests.service.served import SUBSCRIPTION, Served, vm_id
from uartsim.errors import UsageError
from uartsim.service.arm import long_operations
from uartsim.service.arm.long_operations import LongOperation, LongOperations
from uartsim.service.arm_error import ArmError
from uartsim.service.identity.callers import Caller
from uartsim.service.store import ResourceId

ALICE, BOB = (Caller(name, name, "tenant", 0.0, False, {}) for name in ("alice", "bob"))
HERE, THERE = ResourceId("/subscriptions/s/a/1"), ResourceId("/subscriptions/s/a/2")


def in_nursery(test: Callable[[LongOperations], Awaitable[None]]) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await test(LongOperations(nursery))

    trio.run(main)


async def ended(operation: LongOperation) -> dict[str, Any]:
    with trio.fail_after(5):
        await operation.ended.wait()
    return operation.shown()


def test_work_goes_on_and_its_result_is_kept() -> None:
    async def test(running: LongOperations) -> None:
        go = trio.Event()

        async def work() -> str:
            await go.wait()
            return "done"

        operation = running.begin(ALICE, HERE, work)
        assert operation.shown()["status"] == "InProgress"
        assert "endTime" not in operation.shown()
        go.set()
        shown = await ended(operation)
        assert (shown["status"], shown["properties"]) == ("Succeeded", {"output": "done"})

    in_nursery(test)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ArmError(409, "Busy", "It is busy."), "Busy"),
        (UsageError("no such guest"), "OperationNotAllowed"),
        (ZeroDivisionError(), "InternalExecutionError"),
    ],
)
def test_an_error_of_the_work_is_the_operations(error: Exception, code: str) -> None:
    async def test(running: LongOperations) -> None:
        async def work() -> None:
            raise error

        shown = await ended(running.begin(ALICE, HERE, work))
        assert (shown["status"], shown["error"]["code"]) == ("Failed", code)
        assert "Traceback" not in str(shown)

    in_nursery(test)


def test_work_on_one_resource_waits_its_turn_and_on_others_does_not() -> None:
    async def test(running: LongOperations) -> None:
        go, order = trio.Event(), list[str]()

        async def slow() -> None:
            await go.wait()
            order.append("slow")

        async def quick() -> None:
            order.append("quick")

        async def elsewhere() -> None:
            order.append("elsewhere")

        first = running.begin(ALICE, HERE, slow)
        await trio.testing.wait_all_tasks_blocked()
        second = running.begin(ALICE, HERE, quick)
        await ended(running.begin(ALICE, THERE, elsewhere))
        go.set()
        await ended(first)
        await ended(second)
        assert order == ["elsewhere", "slow", "quick"]

    in_nursery(test)


def test_work_on_one_resource_is_done_in_the_order_of_its_start_and_never_twice_at_once() -> None:
    async def test(running: LongOperations) -> None:
        done: list[int] = []
        at_work = 0

        async def work(number: int) -> None:
            nonlocal at_work
            at_work += 1
            assert at_work == 1
            if number < 100 and number % 10 == 5:  # one that is begun while another one works
                begun.append(running.begin(ALICE, HERE, partial(work, number + 100)))
            await trio.lowlevel.checkpoint()
            done.append(number)
            at_work -= 1

        begun: list[LongOperation] = []
        for number in range(100):
            begun.append(running.begin(ALICE, HERE, partial(work, number)))
        while any(one.ended_at is None for one in begun):
            for one in tuple(begun):
                await one.ended.wait()
        assert [one.status for one in begun] == ["Succeeded"] * 110
        assert done[:100] == list(range(100))
        assert sorted(done[100:]) == [number + 100 for number in range(5, 100, 10)]

    in_nursery(test)


def test_an_operation_is_shown_to_whoever_started_it_only() -> None:
    async def test(running: LongOperations) -> None:
        async def work() -> None:
            await trio.lowlevel.checkpoint()

        operation = running.begin(ALICE, HERE, work)
        assert running.get(ALICE, operation.id.upper()) is operation
        assert running.get(BOB, operation.id) is None
        await ended(operation)

    in_nursery(test)


def test_old_operations_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_operations, "REMEMBERED", 2)

    async def test(running: LongOperations) -> None:
        async def work() -> None:
            await trio.lowlevel.checkpoint()

        operations = []
        for _ in range(4):
            operations.append(running.begin(ALICE, HERE, work))
            await ended(operations[-1])
        running.begin(ALICE, HERE, work)
        assert [running.get(ALICE, one.id) is not None for one in operations] == [False, False, True, True]

    in_nursery(test)


def test_a_client_follows_an_operation_by_its_two_urls(service: Served) -> None:
    owner = service.client("owner")
    begun = owner.post(f"{vm_id()}/restart?api-version=2024-11-01")
    assert begun.status_code == 202, begun.text
    assert begun.headers["retry-after"] == "1"
    status, location = begun.headers["azure-asyncoperation"], begun.headers["location"]

    async def until_ended() -> None:
        with trio.fail_after(30):
            while (await ask(status)).json()["status"] == "InProgress":
                await trio.sleep(0.02)

    async def ask(url: str) -> httpx.Response:
        return await trio.to_thread.run_sync(owner.get, url)

    trio.run(until_ended)
    assert owner.get(status).json()["status"] == "Succeeded"
    assert owner.get(location).status_code in {200, 204}
    assert service.client("reader").get(status).status_code == 404
    assert f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/" in status
