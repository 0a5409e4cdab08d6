"""Changes of the instances of a scale set: more, fewer, and those that get the present model."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from uartsim.service.arm.compute_work import machine_of, provisioned
from uartsim.service.arm.scale_set_model import has_latest, instances_of, new_instance, upgraded
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.parts import Parts
from uartsim.service.store import Resource, ResourceId


async def change_capacity(parts: Parts, set_id: ResourceId, capacity: int) -> None:
    """Make or delete instances, until there are so many; the newest are deleted first.

    Raises:
        ArmError: one of the new instances could not be started; it is there all the same.
    """
    scale_set = parts.store.get(set_id)
    if scale_set is None:
        return
    present = instances_of(parts, set_id)
    if capacity < len(present):
        await remove_all(parts, present[capacity:])
    made = []
    for _ in range(capacity - len(present)):
        number = _next_number(scale_set, instances_of(parts, set_id))
        scale_set = scale_set.with_private(next=number + 1)
        made.append(new_instance(scale_set, number))
        parts.store.put(made[-1])
    if made:
        latest = parts.store.get(set_id)
        if latest is not None:
            parts.store.put(latest.with_private(next=scale_set.private["next"]))
    refusals: list[ArmError] = []
    async with trio.open_nursery() as nursery:
        for instance in made:
            nursery.start_soon(_start_new, parts, instance.id, refusals)
    if refusals:
        raise refusals[0]


def _next_number(scale_set: Resource, present: Sequence[Resource]) -> int:
    """A number that no instance has had."""
    numbers = [int(one.id.name) + 1 for one in present if one.id.name.isdigit()]
    return max([int(scale_set.private.get("next", 0)), *numbers])


async def _start_new(parts: Parts, instance_id: ResourceId, refusals: list[ArmError]) -> None:
    try:
        await provisioned(parts, instance_id, machine_of(parts, instance_id).start, "Creating")
    except ArmError as refused:
        refusals.append(refused)


async def remove_all(parts: Parts, instances: Sequence[Resource]) -> None:
    """Delete instances, all at the same time."""

    async def remove(instance_id: ResourceId) -> None:
        machine = parts.machines.get(instance_id)
        if machine is not None:
            await machine.power_off()
        parts.store.delete(instance_id)

    async with trio.open_nursery() as nursery:
        for instance in instances:
            nursery.start_soon(remove, instance.id)


async def upgrade(parts: Parts, set_id: ResourceId, instances: Sequence[Resource]) -> None:
    """Bring the model as it is now to instances.  One that gets another size while it runs is restarted.

    Raises:
        ArmError: an instance did not start again.
    """
    for instance in instances:
        scale_set, present = parts.store.get(set_id), parts.store.get(instance.id)
        if scale_set is None or present is None or has_latest(scale_set, present):
            continue
        fresh = upgraded(scale_set, present)
        parts.store.put(fresh)
        machine = machine_of(parts, instance.id)
        resized = fresh.properties.get("hardwareProfile") != present.properties.get("hardwareProfile")
        if resized and machine.power_state is PowerState.RUNNING:
            await provisioned(parts, instance.id, machine.restart)
