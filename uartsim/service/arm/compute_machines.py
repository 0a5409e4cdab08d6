"""``Microsoft.Compute/virtualMachines``: list, get, create, change, delete."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.arm import os_disks
from uartsim.service.arm.accepted import begin
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.compute_power import MACHINE, TYPES
from uartsim.service.arm.compute_work import machine_of, provisioned
from uartsim.service.arm.guest_commands import set_password
from uartsim.service.arm.machine_model import (
    at,
    changed,
    check_fixed,
    check_resize,
    check_size,
    merged,
    sizes_for,
    storable,
)
from uartsim.service.arm.machine_views import instance_view, now_text, shown_machine
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.platform_images import guest_of_image, system_of_guest
from uartsim.service.machines.os_disk import disk_reference
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.machines.vm_sizes import SIZES
from uartsim.service.parts import Parts
from uartsim.service.store import Resource, ResourceId

#: The size of a machine that is made without one.
_DEFAULT_SIZE: Final = "Standard_DS1_v2"

_READ: Final = f"{TYPES[MACHINE]}/read"
_WRITE: Final = f"{TYPES[MACHINE]}/write"
_EXPAND: Final = QueryParameter("$expand", "With instanceView, the answer has the instance view too")


def _expands(request: ArmRequest) -> bool:
    return "instanceview" in request.query.get("$expand", "").casefold()


async def _list(request: ArmRequest) -> Answer:
    scope = ResourceId("/" + "/".join(request.id.segments[: 4 if request.id.group else 2]))
    expand = _expands(request) or request.query.get("statusonly", "").casefold() == "true"
    found = request.parts.store.list(TYPES[MACHINE], scope)
    return Answer({"value": [shown_machine(request.parts, one, expand=expand) for one in found]})


async def _get(request: ArmRequest) -> Answer:
    return Answer(shown_machine(request.parts, request.resource(), expand=_expands(request)))


async def _instance_view(request: ArmRequest) -> Answer:
    return Answer(instance_view(request.parts, request.resource()))


async def _sizes(request: ArmRequest) -> Answer:
    machine = machine_of(request.parts, request.id)
    return Answer({"value": [size.shown() for size in sizes_for(request.resource(), machine.power_state)]})


async def _all_sizes(request: ArmRequest) -> Answer:
    return Answer({"value": [size.shown() for size in SIZES]})


async def _put(request: ArmRequest) -> Answer:
    present = request.parts.store.get(request.id)
    if present is None:
        return _create(request)
    body = storable(request.content)
    body["properties"] = {**present.properties, **body["properties"]}  # what a PUT leaves out stays as it is
    return _update(request, present, {**present.body, **body})


async def _patch(request: ArmRequest) -> Answer:
    present = request.resource()
    patch = storable(request.content)
    if "tags" in patch:  # a patch of the tags replaces them all
        patch = {**patch, "tags": dict.fromkeys(present.body.get("tags") or {}) | (patch["tags"] or {})}
    return _update(request, present, merged(present.body, patch))


def _create(request: ArmRequest) -> Answer:
    parts, body = request.parts, storable(request.content)
    check_size(body)
    profile = dict(body["properties"].get("storageProfile") or {})
    disk = os_disks.disk_of(request, body)
    if disk is not None:
        os_disks.check_attachable(disk, request.id)
        os_disks.attach(parts, disk, request.id)
    else:
        guest = guest_of_image(profile.get("imageReference") or {}, body.get("tags") or {})
        disk = os_disks.new_disk(parts, request.id, body, guest, system_of_guest(guest).type)
    profile["osDisk"] = {
        "caching": "ReadWrite",
        "createOption": "FromImage",
        "deleteOption": "Detach",
        **(profile.get("osDisk") or {}),
        **disk_reference(disk),
    }
    profile.setdefault("dataDisks", [])
    body["properties"] |= {"storageProfile": profile, "provisioningState": "Creating", "timeCreated": now_text()}
    body["properties"].setdefault("hardwareProfile", {}).setdefault("vmSize", _DEFAULT_SIZE)
    resource = Resource(request.id, body, {"power": "running", "guest": str(disk.private["guest"])})
    resource = resource.with_properties(vmId=str(uuid.uuid4()))
    parts.store.put(resource)
    secret = (request.content["properties"].get("osProfile") or {}) if "properties" in request.content else {}

    async def work() -> Any:
        machine = machine_of(parts, request.id)
        await provisioned(parts, request.id, machine.start, "Creating")
        await _set_first_password(parts, request.id, secret)
        return _shown(parts, request.id)

    return begin(request, work, body=shown_machine(parts, resource, expand=False), status=201, result=False)


async def _set_first_password(parts: Parts, machine_id: ResourceId, profile: Mapping[str, Any]) -> None:
    """Give a new machine its administrator, as soon as something in the guest can do so."""
    user, password = profile.get("adminUsername"), profile.get("adminPassword")
    if not isinstance(user, str) or not isinstance(password, str):
        return
    agent = machine_of(parts, machine_id).agent("set the administrator's password")
    await set_password(agent, user, password)


def _update(request: ArmRequest, present: Resource, body: dict[str, Any]) -> Answer:
    """Change a machine; what is changed besides its size or disk is changed at once."""
    parts, machine = request.parts, machine_of(request.parts, request.id)
    check_fixed(present.body, body)
    size = check_size(body)
    resizes = size is not None and changed(present.body, body, "hardwareProfile.vmSize")
    if size is not None and resizes:
        check_resize(present, size, machine.power_state)
    disk = None
    if changed(present.body, body, "storageProfile.osDisk.managedDisk.id"):
        disk = os_disks.disk_of(request, body)
        assert disk is not None
        os_disks.check_swap(present, disk, machine.power_state)
        profile = body["properties"]["storageProfile"]
        reference = disk_reference(disk)
        body["properties"] |= {"storageProfile": {**profile, "osDisk": {**profile["osDisk"], **reference}}}
        os_disks.detach(parts, present)
        os_disks.attach(parts, disk, request.id)
    resource = Resource(present.id, body, present.private)
    if disk is not None:
        resource = resource.with_private(guest=str(disk.private["guest"]))
    parts.store.put(resource)

    async def apply() -> None:
        if resizes and machine.power_state is PowerState.RUNNING:  # as Azure does: the machine boots with its new size
            await machine.restart()

    async def work() -> Any:
        await provisioned(parts, request.id, apply)
        return _shown(parts, request.id)

    updating = resource.with_properties(provisioningState="Updating")
    return begin(request, work, body=shown_machine(parts, updating, expand=False), status=200, result=False)


async def _delete(request: ArmRequest) -> Answer:
    parts = request.parts
    if parts.store.get(request.id) is None:
        return Answer(None, 204)
    forced = request.query.get("forcedeletion", "").casefold() == "true"

    async def remove() -> None:
        machine, resource = machine_of(parts, request.id), request.resource()
        await machine.power_off(skip_shutdown=forced)
        deletes = str(at(resource.body, "storageProfile.osDisk.deleteOption") or "").casefold() == "delete"
        parts.store.delete(request.id)
        os_disks.detach(parts, resource, delete=deletes)

    async def work() -> None:
        await provisioned(parts, request.id, remove, "Deleting")

    return begin(request, work)


def _shown(parts: Parts, resource_id: ResourceId) -> Any:
    resource = parts.store.get(resource_id)
    return None if resource is None else shown_machine(parts, resource, expand=False)


_COLLECTIONS: Final = (
    "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines",
)
_LOCATION: Final = "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}"

OPERATIONS: Final = (
    *(
        Operation("GET", path, _READ, _list, "All virtual machines", {200: "VirtualMachineList"}, query=(_EXPAND,))
        for path in _COLLECTIONS
    ),
    Operation("GET", MACHINE, _READ, _get, "A virtual machine", {200: "VirtualMachine"}, query=(_EXPAND,)),
    Operation(
        "PUT",
        MACHINE,
        _WRITE,
        _put,
        "Create a virtual machine from an image or a disk, or change it",
        {200: "VirtualMachine", 201: "VirtualMachine"},
        body="NewVirtualMachine",
    ),
    Operation(
        "PATCH",
        MACHINE,
        _WRITE,
        _patch,
        "Change a virtual machine",
        {200: "VirtualMachine"},
        body="VirtualMachinePatch",
    ),
    Operation(
        "DELETE", MACHINE, f"{TYPES[MACHINE]}/delete", _delete, "Delete a virtual machine", {202: None, 204: None}
    ),
    Operation(
        "GET",
        f"{MACHINE}/instanceView",
        f"{TYPES[MACHINE]}/instanceView/read",
        _instance_view,
        "The state of a virtual machine as it is now",
        {200: "InstanceView"},
    ),
    Operation(
        "GET",
        f"{MACHINE}/vmSizes",
        f"{TYPES[MACHINE]}/vmSizes/read",
        _sizes,
        "The sizes that a virtual machine can take now",
        {200: "SizeList"},
    ),
    Operation(
        "GET",
        f"{_LOCATION}/vmSizes",
        "Microsoft.Compute/locations/vmSizes/read",
        _all_sizes,
        "All sizes",
        {200: "SizeList"},
    ),
)
