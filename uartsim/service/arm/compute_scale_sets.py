"""``Microsoft.Compute/virtualMachineScaleSets``: the model, its capacity, and the upgrade of its instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.arm.accepted import begin
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.compute_instances import chosen
from uartsim.service.arm.compute_power import SCALE_SET
from uartsim.service.arm.compute_work import provisioned
from uartsim.service.arm.machine_model import merged, storable
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm.platform_images import guest_of_image
from uartsim.service.arm.scale_set_changes import change_capacity, remove_all, upgrade
from uartsim.service.arm.scale_set_model import instances_of, is_automatic, profile_of, set_view, shown_set
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.vm_sizes import SIZES, size_of
from uartsim.service.store import Resource, ResourceId

_KIND: Final = "Microsoft.Compute/virtualMachineScaleSets"
_COLLECTIONS: Final = (
    "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachineScaleSets",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets",
)


async def _list(request: ArmRequest) -> Answer:
    scope = ResourceId("/" + "/".join(request.id.segments[: 4 if request.id.group else 2]))
    return Answer({"value": [shown_set(one, request.parts) for one in request.parts.store.list(_KIND, scope)]})


async def _get(request: ArmRequest) -> Answer:
    return Answer(shown_set(request.resource(), request.parts))


async def _view(request: ArmRequest) -> Answer:
    return Answer(set_view(request.parts, request.resource()))


async def _put(request: ArmRequest) -> Answer:
    present = request.parts.store.get(request.id)
    body = _body(request.content)
    if present is None:
        profile = (body["properties"].get("virtualMachineProfile") or {}).get("storageProfile") or {}
        guest = guest_of_image(profile.get("imageReference") or {}, body.get("tags") or {})
        body.setdefault("sku", {}).setdefault("capacity", 0)
        return _write(request, Resource(request.id, body, {"guest": guest, "model": 0}), 201)
    body["properties"] = {**present.properties, **body["properties"]}
    return _change(request, present, {**present.body, **body})


async def _patch(request: ArmRequest) -> Answer:
    present = request.resource()
    return _change(request, present, merged(present.body, _body(request.content)))


def _change(request: ArmRequest, present: Resource, body: Mapping[str, Any]) -> Answer:
    """Store another model; only one whose upgrades are automatic brings it to its instances."""
    private = dict(present.private)
    resource = Resource(present.id, body, private)
    same_size = (present.body.get("sku") or {}).get("name") == (body.get("sku") or {}).get("name")
    if profile_of(resource) != profile_of(present) or not same_size:
        private["model"] = private.get("model", 0) + 1
    return _write(request, Resource(present.id, body, private), 200)


def _write(request: ArmRequest, resource: Resource, status: int) -> Answer:
    parts = request.parts
    capacity = (resource.body.get("sku") or {}).get("capacity")
    meanwhile = "Creating" if status == 201 else "Updating"
    parts.store.put(resource.with_properties(provisioningState=meanwhile))

    async def apply() -> None:
        if is_automatic(resource):
            await upgrade(parts, request.id, instances_of(parts, request.id))
        if capacity is not None:
            await change_capacity(parts, request.id, int(capacity))

    async def work() -> Any:
        await provisioned(parts, request.id, apply, meanwhile)
        found = parts.store.get(request.id)
        return None if found is None else shown_set(found, parts)

    shown = shown_set(resource.with_properties(provisioningState=meanwhile), parts)
    return begin(request, work, body=shown, status=status, result=False)


def _body(content: Mapping[str, Any]) -> dict[str, Any]:
    """A body without what is secret or read-only, also in its model of machines."""
    body = storable(content)
    profile = body["properties"].get("virtualMachineProfile")
    if isinstance(profile, Mapping):
        body["properties"]["virtualMachineProfile"] = storable({"properties": profile})["properties"]
    size = (body.get("sku") or {}).get("name")
    if size is not None and size_of(str(size)) is None:
        names = ",".join(one.name for one in SIZES)
        raise ArmError(
            400, "InvalidParameter", f"The SKU {size!r} is not valid. Use one of: {names}.", target="sku.name"
        )
    return body


async def _delete(request: ArmRequest) -> Answer:
    parts = request.parts
    if parts.store.get(request.id) is None:
        return Answer(None, 204)

    async def work() -> None:
        await provisioned(parts, request.id, lambda: remove_all(parts, instances_of(parts, request.id)), "Deleting")
        parts.store.delete(request.id)

    return begin(request, work)


async def _upgrade(request: ArmRequest) -> Answer:
    parts = request.parts
    request.resource()
    instances = chosen(request)

    async def work() -> None:
        await provisioned(parts, request.id, lambda: upgrade(parts, request.id, instances))

    return begin(request, work)


async def _delete_instances(request: ArmRequest) -> Answer:
    parts = request.parts
    request.resource()
    instances = chosen(request)

    async def work() -> None:
        await provisioned(parts, request.id, lambda: remove_all(parts, instances))

    return begin(request, work)


OPERATIONS: Final = (
    *(Operation("GET", path, f"{_KIND}/read", _list, "All scale sets", {200: "ScaleSetList"}) for path in _COLLECTIONS),
    Operation("GET", SCALE_SET, f"{_KIND}/read", _get, "A scale set", {200: "ScaleSet"}),
    Operation(
        "PUT",
        SCALE_SET,
        f"{_KIND}/write",
        _put,
        "Create a scale set, or change its model and capacity",
        {200: "ScaleSet", 201: "ScaleSet"},
        body="NewScaleSet",
    ),
    Operation(
        "PATCH",
        SCALE_SET,
        f"{_KIND}/write",
        _patch,
        "Change the model or the capacity; a change of the model reaches instances when they are upgraded",
        {200: "ScaleSet"},
        body="ScaleSetPatch",
    ),
    Operation("DELETE", SCALE_SET, f"{_KIND}/delete", _delete, "Delete a scale set", {202: None, 204: None}),
    Operation(
        "GET",
        f"{SCALE_SET}/instanceView",
        f"{_KIND}/instanceView/read",
        _view,
        "How many instances are in which state",
        {200: "ScaleSetView"},
    ),
    Operation(
        "POST",
        f"{SCALE_SET}/manualupgrade",
        f"{_KIND}/manualupgrade/action",
        _upgrade,
        "Bring the model as it is now to some instances, or to all with *",
        {202: None},
        body="RequiredInstanceIds",
    ),
    Operation(
        "POST",
        f"{SCALE_SET}/delete",
        f"{_KIND}/delete/action",
        _delete_instances,
        "Delete some instances",
        {202: None},
        body="RequiredInstanceIds",
    ),
)
