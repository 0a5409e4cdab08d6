"""Machines for tests of the service: a store with one machine or several, and what their guests have sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from uartsim.service.machines.virtual_machine import Machines, PowerState, VirtualMachine
from uartsim.service.store import Resource, ResourceId, Store

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/example"


def machine_id(name: str = "vm1") -> ResourceId:
    return ResourceId(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{name}")


def add_machine(store: Store, name: str = "vm1", *, power: str = "deallocated", **private: Any) -> ResourceId:
    """Add a machine; ``private`` is such as ``guest="demo"``.  By default it runs a quick ``demo``."""
    private.setdefault("guest", "demo")
    private.setdefault("settings", {"grub_timeout": 0} if private["guest"] == "demo" else {})
    body = {"location": "westus2", "properties": {"hardwareProfile": {"vmSize": "Standard_B1s"}}}
    store.put(Resource(machine_id(name), body, {**private, "power": power}))
    return machine_id(name)


@asynccontextmanager
async def running(store: Store, said: list[str] | None = None, **options: Any) -> AsyncIterator[Machines]:
    """The machines of a store, until the block is left."""
    machines = Machines(store, log=(said if said is not None else []).append, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(machines.run)
        yield machines
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def the_machine(store: Store, said: list[str] | None = None, **options: Any) -> AsyncIterator[VirtualMachine]:
    """The machine of a store that has one, which is as its power says; all end with the block."""
    async with running(store, said, **options) as machines:
        machine = machines.get(machine_id())
        assert machine is not None
        yield machine


@asynccontextmanager
async def booted(store: Store) -> AsyncIterator[VirtualMachine]:
    """The machine of a store that has one, at the login prompt of its first boot."""
    async with the_machine(store) as machine:
        await machine.start()
        await output_with(machine, b"demo login: ")
        yield machine


async def until(machine: VirtualMachine, condition: Callable[[], object]) -> None:
    while not condition():
        await machine.changed.park()


async def in_state(machine: VirtualMachine, state: PowerState) -> None:
    await until(machine, lambda: machine.power_state is state)


async def output_with(machine: VirtualMachine, *words: bytes) -> bytes:
    """What the present boot has sent, once all the words are in it."""
    hub = machine.hub
    assert hub is not None
    while not all(word in hub.history() for word in words):
        await hub.wait_news()
    return hub.history()
