"""What stands between a port and its two sides: it stacks, and is taken off in any order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
import trio

from tests.machine.rig import FarEnd, open_port, receive_data, virtual_time
from uartsim.line_format import seconds_to_ticks
from uartsim.machine.interceptors import Interceptors
from uartsim.machine.sides import NO_GUEST

ORDERS = list(permutations(range(3)))


def test_an_interceptor_is_asked_in_the_order_of_its_coming_until_its_handle_takes_it_off() -> None:
    emptied: list[bool] = []
    stack: Interceptors[str] = Interceptors(lambda: emptied.append(True))
    first, again, second = stack.add("a"), stack.add("a"), stack.add("b")
    assert list(stack.active) == ["a", "a", "b"]
    first.remove()
    first.remove()
    assert list(stack.active) == ["a", "b"]
    second.remove()
    assert not emptied
    again.remove()
    assert (list(stack.active), emptied) == ([], [True])


def marked(mark: bytes) -> Callable[[bytes, int], bytes]:
    """An interceptor that puts a mark behind what arrives."""
    return lambda data, at: data + mark


@pytest.mark.parametrize("order", ORDERS)
@virtual_time
async def test_interceptors_of_the_output_come_off_in_every_order(order: tuple[int, ...]) -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        marks = [b"0", b"1", b"2"]
        handles = [com1.output_interceptors.add(marked(mark)) for mark in marks]
        expected = b""
        for number in (None, *order):
            if number is not None:
                handles[number].remove()
                marks[number] = b""
            await driver.write(b"x")
            await driver.drain()
            await trio.sleep(0.1)
            expected += b"x" + b"".join(marks)
            assert bytes(far.data) == expected
        assert com1.counts.characters_out == 4, "what an interceptor adds was not on the line"


@pytest.mark.parametrize("order", ORDERS)
@virtual_time
async def test_of_late_interrupts_the_latest_counts_whatever_the_order_in_which_they_come_off(
    order: tuple[int, ...],
) -> None:
    def late(seconds: float) -> Callable[[int], int]:
        return lambda at: at + seconds_to_ticks(seconds)

    async with open_port() as (com1, driver):
        latencies = [0.1, 0.2, 0.3]
        handles = [com1.interrupt_interceptors.add(late(seconds)) for seconds in latencies]
        for number in (None, *order):
            if number is not None:
                handles[number].remove()
                latencies[number] = 0.0
            start = com1.clock.now()
            com1.far_send(b"x")
            assert await receive_data(driver, 1) == b"x"
            took = com1.clock.now() - start - driver.line_format.sampled_ticks
            assert took == seconds_to_ticks(max(latencies))


@virtual_time
async def test_an_interrupt_that_waits_is_served_when_the_last_late_interceptor_comes_off() -> None:
    async with open_port() as (com1, driver):
        handle = com1.interrupt_interceptors.add(lambda at: at + seconds_to_ticks(1000))
        com1.far_send(b"x")
        await trio.sleep(1)
        assert driver.receive_nowait() is None
        handle.remove()
        assert await receive_data(driver, 1) == b"x"
        assert com1.clock.now() < seconds_to_ticks(2)


@virtual_time
async def test_the_guest_may_close_its_port_while_its_interrupts_come_late() -> None:
    async with open_port() as (com1, driver):
        handle = com1.interrupt_interceptors.add(lambda at: at + seconds_to_ticks(0.5))
        com1.far_send(b"x")
        await trio.sleep(0.1)
        driver.close()
        assert com1.guest is NO_GUEST
        await trio.sleep(1)
        driver.open()
        com1.far_send(b"y")
        assert await receive_data(driver, 1) == b"y"
        handle.remove()


class Owner:
    """Notes what fails, as a machine does."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    def lost(self) -> None:
        """Nothing is."""


def broken(*values: object) -> Any:
    raise KeyError("broken")


@pytest.mark.parametrize("interceptor", [broken, lambda data, at: None, lambda data: data])
@virtual_time
async def test_an_interceptor_that_fails_is_reported_to_the_ports_owner(interceptor: Any) -> None:
    async with open_port() as (com1, driver):
        far, com1.owner = FarEnd(com1), Owner()
        handle = com1.output_interceptors.add(interceptor)
        await driver.write(b"x")
        await driver.drain()
        await trio.sleep(0.1)
        assert isinstance(com1.owner.errors[0], (KeyError, TypeError))
        handle.remove()
        await driver.write(b"y")
        await driver.drain()
        await trio.sleep(0.1)
        assert bytes(far.data) == b"y", "the port goes on until its owner ends it"


@pytest.mark.parametrize("interceptor", [broken, lambda at: None])
@virtual_time
async def test_a_late_interceptor_that_fails_is_reported_to_the_ports_owner(interceptor: Any) -> None:
    async with open_port() as (com1, driver):
        com1.owner = Owner()
        handle = com1.interrupt_interceptors.add(interceptor)
        com1.far_send(b"x")
        await trio.sleep(0.1)
        assert isinstance(com1.owner.errors[0], (KeyError, TypeError))
        handle.remove()
        assert await receive_data(driver, 1) == b"x"
