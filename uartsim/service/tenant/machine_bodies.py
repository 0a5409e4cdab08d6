"""The JSON of machines, scale sets and storage accounts, as Azure shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from uartsim.service.store import Resource, ResourceId

#: Ids that Azure would draw are derived from the resource's id, so that the same set-up always gives the same;
#: a machine gets a ``vmId`` of its own in place of it when it comes into the store.
_NAMESPACE: Final = uuid.UUID("5f0f6b2e-3c1b-4f0e-9d39-0d6a1c5c7a11")
_LINUX: Final = {"publisher": "Debian", "offer": "debian-12", "sku": "12", "version": "latest"}
_WINDOWS: Final = {
    "publisher": "MicrosoftWindowsServer",
    "offer": "WindowsServer",
    "sku": "2016-Datacenter",
    "version": "latest",
}
DEFAULT_SIZE: Final = "Standard_B1s"


def derived_id(resource_id: ResourceId | str) -> str:
    """The GUID that belongs to an id."""
    return str(uuid.uuid5(_NAMESPACE, str(resource_id).casefold()))


def blob_endpoint(account: str) -> str:
    """The URI of a storage account's blobs, which a machine's ``storageUri`` is."""
    return f"https://{account.casefold()}.blob.core.windows.net/"


def storage_account(resource_id: ResourceId, table: Mapping[str, Any]) -> Resource:
    """A storage account as a table ``[[storage_account]]`` describes it."""
    rules = [{"value": address, "action": "Allow"} for address in table.get("firewall", ())]
    properties = {
        "provisioningState": "Succeeded",
        "isHnsEnabled": table.get("hierarchical_namespace", False),
        "primaryEndpoints": {"blob": blob_endpoint(resource_id.name)},
        "primaryLocation": table["location"],
        "statusOfPrimary": "available",
        "supportsHttpsTrafficOnly": True,
        "networkAcls": {
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": rules,
            "defaultAction": "Deny" if "firewall" in table else "Allow",
        },
    }
    body = {
        "location": table["location"],
        "tags": table.get("tags", {}),
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": properties,
    }
    return Resource(resource_id, body)


def virtual_machine(resource_id: ResourceId, table: Mapping[str, Any]) -> Resource:
    """A machine as a table ``[[vm]]`` describes it."""
    body = {
        "location": table["location"],
        "tags": table.get("tags", {}),
        "properties": {
            "vmId": derived_id(resource_id),
            "provisioningState": "Succeeded",
            "hardwareProfile": {"vmSize": table.get("size", DEFAULT_SIZE)},
            **_profiles(resource_id.name, table),
        },
    }
    return Resource(resource_id, body, _private(table))


def scale_set(resource_id: ResourceId, table: Mapping[str, Any]) -> list[Resource]:
    """A scale set as a table ``[[scale_set]]`` describes it, and its instances."""
    size, capacity = table.get("size", DEFAULT_SIZE), table.get("capacity", 1)
    location, tags = table["location"], table.get("tags", {})
    model = _profiles(resource_id.name, table)
    profile = {
        "osProfile": {**model["osProfile"], "computerNamePrefix": resource_id.name},
        "storageProfile": model["storageProfile"],
        **({"diagnosticsProfile": model["diagnosticsProfile"]} if "diagnosticsProfile" in model else {}),
    }
    profile["osProfile"].pop("computerName")
    sku = {"name": size, "tier": "Standard", "capacity": capacity}
    properties = {
        "provisioningState": "Succeeded",
        "uniqueId": derived_id(resource_id),
        "orchestrationMode": "Uniform",
        "overprovision": False,
        "upgradePolicy": {"mode": "Manual"},
        "virtualMachineProfile": profile,
    }
    body = {"location": location, "tags": tags, "sku": sku, "properties": properties}
    made = [Resource(resource_id, body, _private(table))]
    for number in range(capacity):
        instance = resource_id / f"virtualMachines/{number}"
        made.append(
            Resource(
                instance,
                {
                    "location": location,
                    "tags": tags,
                    "instanceId": str(number),
                    "sku": {"name": size, "tier": "Standard"},
                    "properties": {
                        "vmId": derived_id(instance),
                        "provisioningState": "Succeeded",
                        "latestModelApplied": True,
                        "hardwareProfile": {"vmSize": size},
                        **_profiles(f"{resource_id.name}-{number}", table),
                    },
                },
                _private(table),
            )
        )
    return made


def os_type_of_guest(guest: str) -> str:
    """``Windows`` for the guest ``windows`` and its variants, otherwise ``Linux``."""
    return "Windows" if guest.rpartition("/")[2].casefold().startswith("windows") else "Linux"


def _profiles(computer_name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """What a machine and the model of a scale set have alike."""
    os_type = table.get("os_type") or os_type_of_guest(table.get("guest", "demo"))
    is_windows = os_type == "Windows"
    os_profile: dict[str, Any] = {"computerName": computer_name, "adminUsername": "azureuser"}
    if is_windows:
        os_profile["windowsConfiguration"] = {"provisionVMAgent": True, "enableAutomaticUpdates": True}
    else:
        os_profile["linuxConfiguration"] = {"disablePasswordAuthentication": False, "provisionVMAgent": True}
    found: dict[str, Any] = {
        "osProfile": os_profile,
        "storageProfile": {
            "imageReference": dict(_WINDOWS if is_windows else _LINUX),
            "osDisk": {
                "osType": os_type,
                "name": f"{computer_name}_OsDisk",
                "createOption": "FromImage",
                "caching": "ReadWrite",
                "diskSizeGB": 127 if is_windows else 30,
            },
            "dataDisks": [],
        },
    }
    diagnostics: dict[str, Any] = {"enabled": table.get("boot_diagnostics", True)}
    if diagnostics["enabled"] and "storage_account" in table:
        diagnostics["storageUri"] = blob_endpoint(table["storage_account"])
    found["diagnosticsProfile"] = {"bootDiagnostics": diagnostics}
    return found


def _private(table: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"guest": table.get("guest", "demo"), "power": table.get("power", "running")}
    for name in ("settings", "port"):
        if table.get(name):
            found[name] = dict(table[name])
    return found
