"""Instances of scale sets: list, get, delete, and what is done to several at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import trio

from uartsim.service.arm.accepted import begin
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import parent_not_found, resource_not_found
from uartsim.service.arm.compute_power import (
    INSTANCE,
    POWERS,
    SCALE_SET,
    SKIP_SHUTDOWN,
    Power,
    power_off_of,
)
from uartsim.service.arm.compute_work import machine_of, provisioned
from uartsim.service.arm.machine_views import instance_view
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.scale_set_changes import remove_all
from uartsim.service.arm.scale_set_model import instances_of, shown_instance
from uartsim.service.arm_error import ArmError
from uartsim.service.store import Resource
from uartsim.service.store.machine_types import INSTANCE_TYPE

_SET_KIND: Final = "Microsoft.Compute/virtualMachineScaleSets"
_EXPAND: Final = QueryParameter("$expand", "With instanceView, the answer has the instance view too")


def scale_set_of(request: ArmRequest) -> Resource:
    """The scale set that the request is about, or that contains the instance that it is about.

    Raises:
        ArmError: 404 ``ParentResourceNotFound``.
    """
    set_id = request.id if request.id.is_a(_SET_KIND) else request.id.parent
    found = request.parts.store.get(set_id)
    if found is None:
        raise parent_not_found(set_id)
    return found


def chosen(request: ArmRequest) -> list[Resource]:
    """The instances that the request's body names; all of them without a body, or with ``*``.

    Raises:
        ArmError: 404, one does not exist.
    """
    present = instances_of(request.parts, scale_set_of(request).id)
    wanted = (request.content or {}).get("instanceIds")
    if wanted is None or "*" in wanted:
        return present
    by_name = {one.id.name.casefold(): one for one in present}
    unknown = [name for name in wanted if str(name).casefold() not in by_name]
    if unknown:
        named = ", ".join(f"'{name}'" for name in unknown)
        raise ArmError(404, "NotFound", f"The scale set has no instances {named}.", target="instanceIds")
    return [by_name[str(name).casefold()] for name in wanted]


async def _list(request: ArmRequest) -> Answer:
    scale_set = scale_set_of(request)
    expand = "instanceview" in request.query.get("$expand", "").casefold()
    found = instances_of(request.parts, scale_set.id)
    return Answer({"value": [shown_instance(request.parts, scale_set, one, expand=expand) for one in found]})


async def _get(request: ArmRequest) -> Answer:
    scale_set = scale_set_of(request)
    expand = "instanceview" in request.query.get("$expand", "").casefold()
    return Answer(shown_instance(request.parts, scale_set, request.resource(), expand=expand))


async def _view(request: ArmRequest) -> Answer:
    scale_set_of(request)
    return Answer(instance_view(request.parts, request.resource()))


async def _delete(request: ArmRequest) -> Answer:
    parts = request.parts
    instance = parts.store.get(request.id)
    if instance is None:
        return Answer(None, 204)

    async def work() -> None:
        await remove_all(parts, [instance])

    return begin(request, work)


def begin_on_many(request: ArmRequest, power: Power) -> Answer:
    """Start a power operation on the instances that the request names; they are worked on at the same time."""
    parts = request.parts
    if parts.store.get(request.id) is None:
        raise resource_not_found(request.id)
    instances = chosen(request)

    async def work() -> None:
        await provisioned(parts, request.id, lambda: _all(request, instances, power))

    return begin(request, work)


async def _all(request: ArmRequest, instances: Sequence[Resource], power: Power) -> None:
    refusals: list[ArmError] = []

    async def one(instance: Resource) -> None:
        try:
            await provisioned(request.parts, instance.id, partial(power, machine_of(request.parts, instance.id)))
        except ArmError as refused:
            refusals.append(refused)

    async with trio.open_nursery() as nursery:
        for instance in instances:
            nursery.start_soon(one, instance)
    if refusals:
        raise refusals[0]


def _on_many(power: Power) -> Callable[[ArmRequest], Awaitable[Answer]]:
    async def handle(request: ArmRequest) -> Answer:
        return begin_on_many(request, power)

    return handle


async def _power_off_many(request: ArmRequest) -> Answer:
    return begin_on_many(request, power_off_of(request))


def _set_operation(
    word: str, handler: Callable[[ArmRequest], Awaitable[Answer]], summary: str, **more: Any
) -> Operation:
    return Operation(
        "POST",
        f"{SCALE_SET}/{word}",
        f"{_SET_KIND}/{word}/action",
        handler,
        f"{summary}: some instances, or all",
        {202: None},
        body="InstanceIds",
        body_required=False,
        **more,
    )


OPERATIONS: Final = (
    Operation(
        "GET",
        f"{SCALE_SET}/virtualMachines",
        f"{INSTANCE_TYPE}/read",
        _list,
        "The instances of a scale set",
        {200: "VirtualMachineList"},
        query=(_EXPAND,),
    ),
    Operation("GET", INSTANCE, f"{INSTANCE_TYPE}/read", _get, "An instance", {200: "VirtualMachine"}, query=(_EXPAND,)),
    Operation(
        "GET",
        f"{INSTANCE}/instanceView",
        f"{INSTANCE_TYPE}/instanceView/read",
        _view,
        "The state of an instance as it is now",
        {200: "InstanceView"},
    ),
    Operation("DELETE", INSTANCE, f"{INSTANCE_TYPE}/delete", _delete, "Delete an instance", {202: None, 204: None}),
    *(_set_operation(word, _on_many(power), summary) for word, power, summary in POWERS),
    _set_operation("powerOff", _power_off_many, "Shut the guests down", query=(SKIP_SHUTDOWN,)),
)
