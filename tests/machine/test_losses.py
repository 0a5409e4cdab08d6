"""Characters that were lost are counted, and told to whoever started the machine: once as it begins, and in the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from tests.machine.rig import FunctionGuest, virtual_time
from uartsim.machine import Machine, open_machine
from uartsim.machine.losses import MEANINGS
from uartsim.registers import FCR, MCR, Offset

TRANSMITTER = MEANINGS["dropped_by_full_transmitter"]
OVERRUN = MEANINGS["overruns"]


async def run(main: Callable[[Machine], Awaitable[None]], strict_line: bool = False) -> tuple[Machine, list[str]]:
    """Run a guest to its end; the machine, and what was logged."""
    logged: list[str] = []
    async with open_machine(FunctionGuest(main), "box", log=logged.append, strict_line=strict_line) as machine:
        await machine.wait_ended()
    return machine, logged


def write(machine: Machine, count: int) -> None:
    for _ in range(count):
        machine.com1.write(Offset.THR, 0x58)


@virtual_time
async def test_a_full_transmitter_is_told_of_once_and_counted_to_the_end() -> None:
    told: list[int] = []
    logged: list[str] = []

    async def main(machine: Machine) -> None:
        machine.com1.write(Offset.FCR, FCR.FIFO_ENABLE)
        for _ in range(3):
            write(machine, 17 + 10)
            told.append(len(logged))
            await trio.sleep(1)

    async with open_machine(FunctionGuest(main), "box", log=logged.append) as machine:
        await machine.wait_ended()
    assert machine.status()["com1"]["line"]["dropped_by_full_transmitter"] == 30
    assert machine.status()["com1"]["lost"] == f"30 characters ({TRANSMITTER})"
    assert told == [1, 1, 1]
    first, last = logged
    assert first.startswith(f"characters are being lost: {TRANSMITTER}.")
    assert "'uartsim status box'" in first
    assert last == f"lost in all: 30 characters ({TRANSMITTER})"


@virtual_time
async def test_each_kind_of_loss_is_told_of() -> None:
    async def main(machine: Machine) -> None:
        com1 = machine.com1
        write(machine, 2)  # without a FIFO the second overwrites the first
        com1.far_send(b"ab")
        await trio.sleep(1)

    _, logged = await run(main, strict_line=True)
    assert [text.startswith("characters are being lost") for text in logged] == [True, True, False]
    assert logged[-1] == f"lost in all: 1 character ({OVERRUN}); 1 character ({TRANSMITTER})"


@virtual_time
async def test_a_line_that_loses_nothing_is_not_spoken_of() -> None:
    async def main(machine: Machine) -> None:
        for _ in range(2):
            write(machine, 1)
            await trio.sleep(1)

    machine, logged = await run(main)
    assert logged == []
    assert machine.status()["com1"]["lost"] == "nothing"


@pytest.mark.parametrize("ends_by", ["MCR", "reset"])
@virtual_time
async def test_a_driver_that_fills_its_fifos_in_loopback_has_lost_nothing_of_the_line(ends_by: str) -> None:
    async def main(machine: Machine) -> None:
        com1 = machine.com1
        com1.write(Offset.FCR, FCR.FIFO_ENABLE)
        com1.write(Offset.MCR, MCR.LOOP)
        write(machine, 256)
        await trio.sleep(1)
        write(machine, 10)  # the receiver has 16 already
        await trio.sleep(1)
        if ends_by == "MCR":
            com1.write(Offset.MCR, 0)
        else:
            com1.reset()

    machine, logged = await run(main)
    line = machine.status()["com1"]["line"]
    assert (line["overruns"], line["dropped_by_full_transmitter"], line["lost_in_loopback"]) == (0, 0, 239 + 1 + 10)
    assert logged == []


@virtual_time
async def test_what_was_lost_before_and_after_a_loopback_is_counted() -> None:
    async def main(machine: Machine) -> None:
        com1 = machine.com1
        com1.write(Offset.FCR, FCR.FIFO_ENABLE)
        write(machine, 17 + 3)
        com1.write(Offset.MCR, MCR.LOOP)
        await trio.sleep(1)
        write(machine, 17 + 5)
        com1.write(Offset.MCR, 0)
        await trio.sleep(1)
        write(machine, 17 + 7)

    machine, _ = await run(main)
    line = machine.status()["com1"]["line"]
    assert (line["dropped_by_full_transmitter"], line["lost_in_loopback"]) == (3 + 7, 5)


@virtual_time
async def test_what_a_fault_of_the_line_takes_is_among_the_losses() -> None:
    async def main(machine: Machine) -> None:
        machine.com1.far_send(bytes(100))
        await trio.sleep(1)

    logged: list[str] = []
    async with open_machine(
        FunctionGuest(main), log=logged.append, faults=["lost:rate=1,seed=1,direction=in"]
    ) as machine:
        await machine.wait_ended()
    assert machine.com1.lost()["characters_lost_in"] == 100
    assert logged == [f"lost in all: 100 characters ({MEANINGS['characters_lost_in']})"]
