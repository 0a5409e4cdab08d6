"""Operating system disks as resources: each machine has one, with a guest on it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from uartsim.machine import Guest
from uartsim.service.store import Resource, ResourceId, Store

if TYPE_CHECKING:
    from uartsim.guest.guest_disk import GuestDisk

DISK_TYPE: Final = "Microsoft.Compute/disks"
#: The key in what is not shown of a disk, or of a machine without one, of the image that a guest in QEMU writes to.
DISK_FILE: Final = "disk_file"
_SIZE_GB: Final = 30
#: What a disk takes over from the machine that the set-up describes.
_MOVED: Final = ("guest", "settings")


@runtime_checkable
class DiskGuest(Protocol):
    """A guest with a disk that can be kept."""

    @property
    def disk(self) -> GuestDisk:
        """Its disk."""


def os_disk_of(resource: Resource, store: Store) -> Resource | None:
    """The disk with the operating system of a machine, if it is a resource of its own."""
    profile = resource.properties.get("storageProfile") or {}
    named = ((profile.get("osDisk") or {}).get("managedDisk") or {}).get("id")
    if not isinstance(named, str) or not named.startswith("/"):
        return None
    return store.get(ResourceId(named))


def give_disk(store: Store, machine: Resource) -> None:
    """Make the disk of a machine that has none of its own, such as one of a set-up file."""
    profile = machine.properties.get("storageProfile") or {}
    os_disk = profile.get("osDisk") or {}
    if (os_disk.get("managedDisk") or {}).get("id"):
        return
    name = str(os_disk.get("name") or f"{machine.id.name}_OsDisk")
    disk_id = _disk_id(machine.id, name)
    if store.get(disk_id) is not None:
        disk_id = _disk_id(machine.id, f"{name}_{uuid.uuid4().hex}")
    body = disk_body(str(machine.body.get("location") or ""), str(os_disk.get("osType") or "Linux"), machine.id)
    disk = Resource(disk_id, body, {name: machine.private[name] for name in _MOVED if name in machine.private})
    with store.transaction():
        store.put(disk)
        store.put(machine.with_properties(storageProfile={**profile, "osDisk": {**os_disk, **disk_reference(disk)}}))


def keep_disk_file(store: Store, machine_id: ResourceId, guest: Guest, log: Callable[[str], None]) -> None:
    """A guest has started: see that what it writes to its disk is there at its next boot, or say that it is not."""
    if not isinstance(guest, DiskGuest):
        return
    try:
        path = guest.disk.reserve(str(machine_id))
    except OSError as error:
        log(f"what the guest writes to its disk is lost when it ends: {error.strerror or error}")
        return
    if path is None:
        return
    machine = store.get(machine_id)
    owner = machine if machine is None else os_disk_of(machine, store) or machine
    if owner is not None:
        store.put(owner.with_private(**{DISK_FILE: str(path)}))


def discard_disk_file(resource: Resource) -> None:
    """A disk, or a machine, has been deleted: remove the image that its guest wrote to."""
    if path := resource.private.get(DISK_FILE):
        from uartsim.images.overlay import discard_overlay  # see guest_plan.py

        discard_overlay(path)


def _disk_id(machine_id: ResourceId, name: str) -> ResourceId:
    return ResourceId("/" + "/".join([*machine_id.segments[:4], "providers", DISK_TYPE, name]))


def disk_reference(disk: Resource) -> dict[str, Any]:
    """What a machine's ``osDisk`` says of a disk."""
    return {
        "osType": disk.properties.get("osType", "Linux"),
        "name": disk.id.name,
        "managedDisk": {
            "id": str(disk.id),
            "storageAccountType": str((disk.body.get("sku") or {}).get("name", "Premium_LRS")),
        },
        "diskSizeGB": disk.properties.get("diskSizeGB", _SIZE_GB),
    }


def disk_body(location: str, os_type: str, machine_id: ResourceId | None) -> dict[str, Any]:
    """A disk as Azure describes it."""
    body: dict[str, Any] = {
        "location": location,
        "sku": {"name": "Premium_LRS", "tier": "Premium"},
        "properties": {
            "osType": os_type,
            "hyperVGeneration": "V1",
            "creationData": {"createOption": "FromImage"},
            "diskSizeGB": _SIZE_GB,
            "timeCreated": datetime.now(UTC).isoformat(),
            "provisioningState": "Succeeded",
            "diskState": "Unattached" if machine_id is None else "Attached",
            "uniqueId": str(uuid.uuid4()),
        },
    }
    return body if machine_id is None else {**body, "managedBy": str(machine_id)}
