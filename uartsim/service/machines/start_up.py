"""What is put right in the store when a service starts, before its machines do."""

from __future__ import annotations

from typing import Final

from uartsim.service.machines.os_disk import give_disk
from uartsim.service.store import Store
from uartsim.service.store.machine_types import INSTANCE_TYPE, MACHINE_TYPE

_WITH_PROVISIONING: Final = (
    MACHINE_TYPE,
    "Microsoft.Compute/virtualMachines/extensions",
    "Microsoft.Compute/virtualMachineScaleSets",
    INSTANCE_TYPE,
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions",
)
_UNDER_WAY: Final = ("Creating", "Updating", "Deleting")


def put_right(store: Store) -> None:
    """Give each machine of the set-up a disk, and end the operations that an earlier service has left under way."""
    for resource in list(store.list(_WITH_PROVISIONING[0])):
        give_disk(store, resource)
    for kind in _WITH_PROVISIONING:
        for resource in list(store.list(kind)):
            if resource.properties.get("provisioningState") in _UNDER_WAY:
                store.put(resource.with_properties(provisioningState="Succeeded"))
