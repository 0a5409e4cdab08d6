"""Power, reset, NMI, and what comes out of ``open_machine`` when something goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.machine.rig import FarEnd, FunctionGuest, Listener, real_time, virtual_time
from uartsim.errors import UartsimError, UsageError
from uartsim.machine import GuestEnd, Machine, SerialDriver, open_machine


async def prints_hello(machine: Machine) -> None:
    driver = SerialDriver(machine.com1)
    driver.open()
    await driver.write(b"hello\r\n")
    await driver.drain()


async def talks(machine: Machine) -> None:
    driver = SerialDriver(machine.com1)
    driver.open()
    while True:
        await driver.write(b"tick ")
        await trio.sleep(0.1)


async def fails(machine: Machine) -> None:
    await trio.sleep(0.01)
    raise ZeroDivisionError("a bug of the guest's kind")


@virtual_time
async def test_a_guest_that_ends_by_itself_is_told_from_one_that_was_stopped() -> None:
    async with open_machine(FunctionGuest(prints_hello)) as machine:
        assert await machine.wait_ended() == GuestEnd("poweroff")
        assert machine.status()["state"] == "powered off"
    async with open_machine(FunctionGuest()) as machine:
        assert machine.ended is None
        assert machine.status()["state"] == "running"
        machine.power_off()
        assert await machine.wait_ended() == GuestEnd("stopped")


@virtual_time
async def test_prepare_hears_the_very_first_byte() -> None:
    ears: list[FarEnd] = []
    async with open_machine(
        FunctionGuest(prints_hello), prepare=lambda machine: ears.append(FarEnd(machine.com1))
    ) as machine:
        await machine.wait_ended()
        assert await ears[0].wait_for(7) == b"hello\r\n"


@virtual_time
async def test_leaving_switches_the_guest_off() -> None:
    guest = FunctionGuest()
    async with open_machine(guest):
        await trio.testing.wait_all_tasks_blocked()
        assert not guest.cancelled
    assert guest.cancelled


@virtual_time
async def test_the_buttons_reach_the_guest_after_the_chip_and_are_counted() -> None:
    guest = FunctionGuest()
    async with open_machine(guest, "box") as machine:
        machine.com1.write(7, 0x55)
        machine.com1.write(1, 0x0F)
        await machine.reset()
        await machine.nmi()
        await machine.nmi()
        assert (guest.resets, guest.nmis) == (1, 2)
        assert machine.com1.read(1) == 0
        status = machine.status()
        assert (status["name"], status["resets"], status["nmis"]) == ("box", 1, 2)


@virtual_time
async def test_an_error_of_the_guest_s_comes_out_as_itself_and_not_in_a_group() -> None:
    with pytest.raises(ZeroDivisionError, match="a bug of the guest's kind"):
        async with open_machine(FunctionGuest(fails)):
            await trio.sleep_forever()


async def wait_in_a_nursery() -> None:
    async with open_machine(FunctionGuest(fails)), trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)


@virtual_time
async def test_an_error_while_the_timer_serves_a_line_ends_that_machine_and_no_other() -> None:
    def broken(data: bytes, at: int) -> None:
        raise ZeroDivisionError("the far end is broken")

    def attach(machine: Machine) -> None:
        Listener(machine.com1, broken)

    async with open_machine(FunctionGuest(talks)) as healthy:
        with pytest.raises(ZeroDivisionError, match="the far end is broken"):
            async with open_machine(FunctionGuest(talks), prepare=attach):
                await trio.sleep(1)
        heard = healthy.com1.counts.characters_out
        await trio.sleep(1)
        assert healthy.com1.counts.characters_out > heard


@virtual_time
async def test_an_error_of_the_guest_s_comes_out_as_itself_from_within_the_caller_s_nursery() -> None:
    with pytest.raises(ZeroDivisionError):
        await wait_in_a_nursery()


@virtual_time
async def test_an_error_of_the_caller_s_comes_out_as_itself() -> None:
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        async with open_machine(FunctionGuest()):
            raise error
    assert caught.value is error


@virtual_time
async def test_a_group_of_the_caller_s_is_left_as_it_is() -> None:
    with pytest.raises(ExceptionGroup, match="two of mine"):
        async with open_machine(FunctionGuest()):
            raise ExceptionGroup("two of mine", [KeyError(1), ValueError(2)])


class RefusesToStart(FunctionGuest):
    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        raise UsageError("no kernel here: apt-get install one")


@virtual_time
async def test_a_guest_that_cannot_start_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="no kernel here"):
        async with open_machine(RefusesToStart()):
            raise AssertionError("not reached")


class DiesAtOnce(FunctionGuest):
    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        return GuestEnd("exited", 127, "sh: 1: nonsense: not found")


@virtual_time
async def test_a_guest_that_dies_before_it_has_started_has_ended_and_says_how() -> None:
    async with open_machine(DiesAtOnce()) as machine:
        end = await machine.wait_ended()
        assert str(end) == "exited with status 127: sh: 1: nonsense: not found"


@virtual_time
async def test_a_cancelled_machine_cleans_up_and_the_cancellation_goes_on() -> None:
    guest = FunctionGuest()
    with trio.move_on_after(1) as scope:
        async with open_machine(guest):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert guest.cancelled


class StartsSlowly(FunctionGuest):
    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled = True
        raise AssertionError("not reached")


@virtual_time
async def test_a_machine_cancelled_while_it_starts_cleans_up() -> None:
    guest = StartsSlowly()
    with trio.move_on_after(1) as scope:
        async with open_machine(guest):
            raise AssertionError("not reached")
    assert scope.cancelled_caught
    assert guest.cancelled


@virtual_time
async def test_nothing_runs_on_after_the_last_machine() -> None:
    async with open_machine(FunctionGuest()), open_machine(FunctionGuest(), "two") as two:
        assert two.com1.ticker.users == 2
    assert two.com1.ticker.users == 0
    await trio.testing.wait_all_tasks_blocked()
    names = {task.name for task in _system_tasks()}
    assert not any("Ticker" in name for name in names)


def _system_tasks() -> list[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    assert root is not None
    return [task for nursery in root.child_nurseries for task in nursery.child_tasks]


@real_time
async def test_two_machines_in_one_run_do_not_mix_their_lines(tmp_path: Path) -> None:
    async with two_machines() as (one, two):
        one.com1.far_send(b"for one")
        two.com1.far_send(b"for two")
        await trio.sleep(0.05)
        assert one.com1.status()["line"]["bytes_in"] == two.com1.status()["line"]["bytes_in"] == 7
        assert one.com1.uart.receiver.data == b"for one"
        assert two.com1.uart.receiver.data == b"for two"


@asynccontextmanager
async def two_machines() -> AsyncIterator[tuple[Machine, Machine]]:
    async def opens(machine: Machine) -> None:
        machine.com1.write(3, 3 | 0x80)
        machine.com1.write(0, 1)
        machine.com1.write(1, 0)
        machine.com1.write(3, 3)
        machine.com1.write(2, 1)
        await trio.sleep_forever()

    async with open_machine(FunctionGuest(opens), "one") as one, open_machine(FunctionGuest(opens), "two") as two:
        await trio.sleep(0.01)
        yield one, two


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (GuestEnd("poweroff"), "powered off"),
        (GuestEnd("exited", 3), "exited with status 3"),
        (GuestEnd("failed", None, "why"), "failed: why"),
        (GuestEnd("stopped"), "was stopped"),
    ],
)
def test_an_end_reads_as_a_sentence(end: GuestEnd, text: str) -> None:
    assert str(end) == text


def test_our_errors_are_one_family() -> None:
    assert issubclass(UsageError, UartsimError)
