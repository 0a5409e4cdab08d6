"""The model of a scale set and its instances: what of it an instance has, and when a change of it reaches the instance.

An instance keeps what the model was when the instance was made or last upgraded.  ``private["model"]`` of the scale set
counts the changes of the model; of an instance, it is the count whose model the instance has.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.arm.machine_views import instance_view, now_text, provisioning_state, vm_id
from uartsim.service.arm.platform_images import system_of_guest
from uartsim.service.parts import Parts
from uartsim.service.store import Resource, ResourceId
from uartsim.service.store.machine_types import INSTANCE_TYPE

#: What an instance takes from the model.
_TAKEN: Final = ("storageProfile", "osProfile", "diagnosticsProfile", "networkProfile", "securityProfile")


def instances_of(parts: Parts, set_id: ResourceId) -> list[Resource]:
    """The instances of a scale set, in the order of their numbers."""
    return sorted(parts.store.list(INSTANCE_TYPE, set_id), key=lambda one: (len(one.id.name), one.id.name))


def profile_of(scale_set: Resource) -> Mapping[str, Any]:
    """The model of the machines of a scale set."""
    found: Mapping[str, Any] = scale_set.properties.get("virtualMachineProfile") or {}
    return found


def is_automatic(scale_set: Resource) -> bool:
    """Whether a change of the model reaches the instances by itself."""
    mode = str((scale_set.properties.get("upgradePolicy") or {}).get("mode") or "Manual")
    return mode.casefold() in ("automatic", "rolling")


def has_latest(scale_set: Resource, instance: Resource) -> bool:
    """Whether an instance has the model as it is now."""
    return bool(scale_set.private.get("model", 0) == instance.private.get("model", 0))


def new_instance(scale_set: Resource, number: int) -> Resource:
    """An instance that is to be made."""
    name = f"{scale_set.id.name}_{number}"
    body: dict[str, Any] = {
        "name": name,
        "instanceId": str(number),
        "location": scale_set.body.get("location", ""),
        "sku": {key: value for key, value in (scale_set.body.get("sku") or {}).items() if key != "capacity"},
        "properties": {"provisioningState": "Creating", "timeCreated": now_text()},
    }
    private = {"guest": str(scale_set.private.get("guest", "demo")), "power": "running"}
    settings = scale_set.private.get("settings")
    instance = Resource(
        scale_set.id / f"virtualMachines/{number}",
        body,
        private if settings is None else {**private, "settings": settings},
    )
    return upgraded(scale_set, instance.with_properties(vmId=str(uuid.uuid4())))


def upgraded(scale_set: Resource, instance: Resource) -> Resource:
    """An instance with the model as it is now."""
    model = profile_of(scale_set)
    taken = {name: model[name] for name in _TAKEN if name in model}
    storage = dict(taken.get("storageProfile") or {})
    system = system_of_guest(str(instance.private.get("guest", "demo")))
    storage["osDisk"] = {"osType": system.type, "createOption": "FromImage", **(storage.get("osDisk") or {})}
    storage["osDisk"].setdefault("name", f"{instance.body.get('name')}_OsDisk_1")
    profile = dict(taken.get("osProfile") or {})
    prefix = str(profile.pop("computerNamePrefix", scale_set.id.name))
    profile.setdefault("computerName", f"{prefix}{int(instance.id.name):06d}" if instance.id.name.isdigit() else prefix)
    taken |= {"storageProfile": storage, "osProfile": profile}
    missing = {name: None for name in _TAKEN if name not in taken}
    properties = {**instance.properties, **taken}
    for name in missing:
        properties.pop(name, None)
    size = str((scale_set.body.get("sku") or {}).get("name") or "")
    if size:
        properties["hardwareProfile"] = {"vmSize": size}
    body = {**instance.body, "properties": properties}
    return Resource(instance.id, body, {**instance.private, "model": scale_set.private.get("model", 0)})


def shown_set(resource: Resource, parts: Parts) -> dict[str, Any]:
    """A scale set as ``GET`` shows it."""
    shown = resource.shown()
    sku = {"tier": "Standard", **(resource.body.get("sku") or {}), "capacity": len(instances_of(parts, resource.id))}
    shown["sku"] = sku
    shown["properties"] = {
        "upgradePolicy": {"mode": "Manual"},
        "singlePlacementGroup": True,
        "orchestrationMode": "Uniform",
        **resource.properties,
        "uniqueId": vm_id(resource),
        "provisioningState": provisioning_state(resource),
    }
    return shown


def shown_instance(parts: Parts, scale_set: Resource, instance: Resource, *, expand: bool) -> dict[str, Any]:
    """An instance as ``GET`` shows it, with its instance view if ``expand``."""
    shown = {"instanceId": instance.id.name, "name": f"{scale_set.id.name}_{instance.id.name}", **instance.shown()}
    if "name" not in instance.body:
        shown["name"] = f"{scale_set.id.name}_{instance.id.name}"
    properties = {
        **instance.properties,
        "latestModelApplied": has_latest(scale_set, instance),
        "vmId": vm_id(instance),
        "provisioningState": provisioning_state(instance),
    }
    if expand:
        properties["instanceView"] = instance_view(parts, instance)
    shown["properties"] = properties
    return shown


def set_view(parts: Parts, scale_set: Resource) -> dict[str, Any]:
    """The instance view of a scale set: how many of its instances are in which state."""
    counts: dict[str, int] = {}
    for instance in instances_of(parts, scale_set.id):
        for status in instance_view(parts, instance)["statuses"]:
            counts[status["code"]] = counts.get(status["code"], 0) + 1
    state = provisioning_state(scale_set)
    return {
        "virtualMachine": {
            "statusesSummary": [{"code": code, "count": count} for code, count in sorted(counts.items())]
        },
        "statuses": [
            {
                "code": f"ProvisioningState/{state.lower()}",
                "level": "Info",
                "displayStatus": f"Provisioning {state.lower()}",
                "time": now_text(),
            }
        ],
    }
