"""Operating system disks as resources: made with a machine, attached to one at a time, swapped while it is deallocated."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import resource_not_found
from uartsim.service.arm.machine_model import at
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.os_disk import DISK_TYPE, disk_body
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.parts import Parts
from uartsim.service.store import Resource, ResourceId

_DISK_ID: Final = "storageProfile.osDisk.managedDisk.id"


def new_disk(parts: Parts, machine_id: ResourceId, body: Mapping[str, Any], guest: str, os_type: str) -> Resource:
    """Make the disk of a new machine, with a guest on it."""
    name = str(at(body, "storageProfile.osDisk.name") or f"{machine_id.name}_OsDisk_1_{uuid.uuid4().hex}")
    disk_id = _group_of(machine_id) / f"providers/{DISK_TYPE}/{name}"
    if parts.store.get(disk_id) is not None:
        raise ArmError(409, "Conflict", f"The disk '{name}' exists already: give another name, or attach it.")
    disk = Resource(disk_id, disk_body(str(body.get("location") or ""), os_type, machine_id), {"guest": guest})
    parts.store.put(disk)
    return disk


def disk_of(request: ArmRequest, body: Mapping[str, Any]) -> Resource | None:
    """The disk that a machine's model names; None if it names none.

    Raises:
        ArmError: 404, it does not exist; 400, it is not an id; 403, the caller may not write it.
    """
    named = at(body, _DISK_ID)
    if named is None:
        return None
    try:
        disk_id = ResourceId(str(named))
    except UsageError as error:
        raise ArmError(400, "InvalidParameter", str(error), target="managedDisk.id") from None
    request.parts.authorisation.check(request.caller, f"{DISK_TYPE}/write", disk_id)
    disk = request.parts.store.get(disk_id)
    if disk is None or not disk_id.is_a(DISK_TYPE):
        raise resource_not_found(disk_id)
    return disk


def check_attachable(disk: Resource, machine_id: ResourceId) -> None:
    """Check that a disk can become the operating system disk of a machine.

    Raises:
        ArmError: 409, another machine has it; 400, it has no operating system.
    """
    owner = disk.body.get("managedBy")
    if owner is not None and ResourceId(str(owner)) != machine_id:
        raise ArmError(
            409,
            "AttachDiskWhileBeingDetached",
            f"Disk '{disk.id.name}' cannot be attached because it is attached to VM '{ResourceId(str(owner)).name}': "
            "swap or delete that machine first.",
        )
    if "guest" not in disk.private:
        raise ArmError(
            400, "InvalidParameter", f"Disk '{disk.id.name}' has no operating system on it.", target="managedDisk.id"
        )


def check_swap(resource: Resource, disk: Resource, power: PowerState) -> None:
    """Check that a machine can take another operating system disk now.

    Raises:
        ArmError: 409, it is not deallocated, or the disk is of another type or in use.
    """
    if power is not PowerState.DEALLOCATED:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Swapping the OS disk of VM '{resource.id.name}' is allowed only when the VM is deallocated: deallocate it first.",
        )
    check_attachable(disk, resource.id)
    wanted, found = at(resource.body, "storageProfile.osDisk.osType"), disk.properties.get("osType")
    if wanted is not None and found is not None and str(wanted).casefold() != str(found).casefold():
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The OS disk of VM '{resource.id.name}' has osType {wanted}, and disk '{disk.id.name}' has {found}.",
        )


def attach(parts: Parts, disk: Resource, machine_id: ResourceId) -> None:
    """Note on a disk that a machine has it."""
    disk = Resource(disk.id, {**disk.body, "managedBy": str(machine_id)}, disk.private)
    parts.store.put(disk.with_properties(diskState="Attached"))


def detach(parts: Parts, machine: Resource, *, delete: bool = False) -> None:
    """A machine no longer has its disk, which is deleted if ``delete``."""
    named = at(machine.body, _DISK_ID)
    disk = parts.store.get(ResourceId(str(named))) if named is not None else None
    if disk is None:
        return
    if delete:
        parts.store.delete(disk.id)
        return
    body = {name: value for name, value in disk.body.items() if name != "managedBy"}
    parts.store.put(Resource(disk.id, body, disk.private).with_properties(diskState="Unattached"))


def _group_of(resource_id: ResourceId) -> ResourceId:
    return ResourceId("/" + "/".join(resource_id.segments[:4]))
