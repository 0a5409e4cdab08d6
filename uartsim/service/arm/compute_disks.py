"""``Microsoft.Compute/disks``: list, get, create, delete.  A disk with an operating system has a guest behind it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote

from uartsim.service.arm.accepted import begin
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import resource_not_found
from uartsim.service.arm.machine_model import merged, storable
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm.platform_images import guest_of_image, system_of_guest
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.os_disk import DISK_TYPE, disk_body
from uartsim.service.store import Resource, ResourceId

_DISK: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{disk}"
_COLLECTIONS: Final = (
    "/subscriptions/{subscription}/providers/Microsoft.Compute/disks",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/disks",
)


async def _list(request: ArmRequest) -> Answer:
    scope = ResourceId("/" + "/".join(request.id.segments[: 4 if request.id.group else 2]))
    return Answer({"value": [one.shown() for one in request.parts.store.list(DISK_TYPE, scope)]})


async def _get(request: ArmRequest) -> Answer:
    return Answer(request.resource().shown())


async def _put(request: ArmRequest) -> Answer:
    present = request.parts.store.get(request.id)
    content = storable(request.content)
    if present is not None:
        return await _change(request, present, content)
    guest = _guest_of(request, content)
    os_type = "" if guest is None else system_of_guest(guest).type
    body = merged(disk_body(str(content["location"]), os_type, None), content)
    disk = Resource(request.id, body, {} if guest is None else {"guest": guest})
    request.parts.store.put(disk)
    return _done(request, disk, 202)


async def _patch(request: ArmRequest) -> Answer:
    return await _change(request, request.resource(), storable(request.content))


async def _change(request: ArmRequest, present: Resource, content: Mapping[str, Any]) -> Answer:
    disk = Resource(present.id, merged(present.body, content), present.private)
    request.parts.store.put(disk)
    return _done(request, disk, 200)


def _done(request: ArmRequest, disk: Resource, status: int) -> Answer:
    async def work() -> Any:
        return disk.shown()

    return begin(request, work, body=disk.shown(), status=status, result=False)


def _guest_of(request: ArmRequest, content: Mapping[str, Any]) -> str | None:
    """The guest on a new disk; None on an empty one."""
    creation = content["properties"]["creationData"]
    option = str(creation["createOption"]).casefold()
    if option == "empty":
        return None
    if option == "copy":
        source_id = ResourceId(str(creation.get("sourceResourceId") or "/"))
        request.parts.authorisation.check(request.caller, f"{DISK_TYPE}/read", source_id)
        source = request.parts.store.get(source_id)
        if source is None:
            raise resource_not_found(source_id)
        return str(source.private["guest"]) if "guest" in source.private else None
    if option == "fromimage":
        return guest_of_image(_image(creation), content.get("tags") or {})
    raise ArmError(
        400,
        "InvalidParameter",
        f"createOption {creation['createOption']!r} is not possible here: use FromImage, Copy or Empty.",
        target="createOption",
    )


def _image(creation: Mapping[str, Any]) -> dict[str, str]:
    """The publisher and the offer in ``.../Publishers/P/ArtifactTypes/VMImage/Offers/O/Skus/S/Versions/V``."""
    words = [unquote(word) for word in str((creation.get("imageReference") or {}).get("id") or "").split("/")]
    pairs = {name.casefold(): value for name, value in pairwise(words)}
    return {"publisher": pairs.get("publishers", ""), "offer": pairs.get("offers", "")}


async def _delete(request: ArmRequest) -> Answer:
    present = request.parts.store.get(request.id)
    if present is None:
        return Answer(None, 204)
    owner = present.body.get("managedBy")
    if owner is not None:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk {present.id.name} is attached to VM {owner}.",
            target="managedBy",
        )

    async def work() -> None:
        request.parts.store.delete(request.id)

    return begin(request, work)


OPERATIONS: Final = (
    *(
        Operation("GET", path, f"{DISK_TYPE}/read", _list, "All disks with operating systems", {200: "DiskList"})
        for path in _COLLECTIONS
    ),
    Operation("GET", _DISK, f"{DISK_TYPE}/read", _get, "A disk", {200: "Disk"}),
    Operation(
        "PUT",
        _DISK,
        f"{DISK_TYPE}/write",
        _put,
        "Create a disk from a platform image or another disk, or change it",
        {200: "Disk", 202: "Disk"},
        body="NewDisk",
    ),
    Operation("PATCH", _DISK, f"{DISK_TYPE}/write", _patch, "Change a disk", {200: "Disk"}, body="DiskPatch"),
    Operation(
        "DELETE", _DISK, f"{DISK_TYPE}/delete", _delete, "Delete a disk that no machine has", {202: None, 204: None}
    ),
)
