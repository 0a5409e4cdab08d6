"""What ``Microsoft.Compute`` says of a machine: its model, its instance view and their statuses."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from uartsim.service.arm.platform_images import system_of_guest
from uartsim.service.arm.storage_accounts import blob_endpoint
from uartsim.service.machines.diagnostics_settings import account_of
from uartsim.service.machines.guest_plan import GuestChoice
from uartsim.service.machines.virtual_machine import PowerState, VirtualMachine
from uartsim.service.parts import Parts
from uartsim.service.store import Resource

_NAMESPACE: Final = uuid.UUID("5f7c4d56-6a0c-4b6e-9c6e-0b8f6f0f8d10")


def provisioning_state(resource: Resource) -> str:
    """The provisioning state of a resource; ``Succeeded`` where it says nothing."""
    return str(resource.properties.get("provisioningState") or "Succeeded")


def vm_id(resource: Resource) -> str:
    """The UUID of a machine: what its resource says, or one that is made from its ARM id."""
    return str(resource.properties.get("vmId") or uuid.uuid5(_NAMESPACE, resource.id.key))


def shown_machine(parts: Parts, resource: Resource, *, expand: bool) -> dict[str, Any]:
    """A machine as ``GET`` shows it, with its instance view if ``expand``.  Passwords are not among what is stored."""
    shown = resource.shown()
    properties = {**resource.properties, "vmId": vm_id(resource), "provisioningState": provisioning_state(resource)}
    if expand:
        properties["instanceView"] = instance_view(parts, resource)
    shown["properties"] = properties
    # Without their properties: az, which flattens these into what is around them, fails at the two types.
    found = parts.store.list(f"{resource.id.type}/extensions", resource.id)
    extensions = [{**one.shown(), "properties": {}} for one in found]
    if extensions:
        shown["resources"] = extensions
    return shown


def instance_view(parts: Parts, resource: Resource) -> dict[str, Any]:
    """The instance view of a machine or an instance of a scale set."""
    machine = parts.machines.get(resource.id)
    power = PowerState.DEALLOCATED if machine is None else machine.power_state
    view: dict[str, Any] = {}
    if power in (PowerState.RUNNING, PowerState.STARTING, PowerState.STOPPING):
        system = system_of_guest(GuestChoice.of(resource, parts.store).guest)
        view |= {"computerName": _computer_name(resource), "osName": system.name, "osVersion": system.version}
    view["disks"] = [_disk_view(resource)]
    diagnostics = (resource.properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
    if diagnostics.get("enabled") is True:
        view["bootDiagnostics"] = _diagnostics_view(parts, diagnostics, resource)
    view["statuses"] = statuses(resource, machine, power)
    return view


def statuses(resource: Resource, machine: VirtualMachine | None, power: PowerState) -> list[dict[str, Any]]:
    """The provisioning state and the power state, as Azure writes them."""
    state = provisioning_state(resource)
    provisioning: dict[str, Any] = {
        "code": f"ProvisioningState/{state.lower()}",
        "level": "Error" if state == "Failed" else "Info",
        "displayStatus": "Provisioning succeeded" if state == "Succeeded" else state,
        "time": str(resource.private.get("changed") or resource.properties.get("timeCreated") or now_text()),
    }
    shown: dict[str, Any] = {"code": f"PowerState/{power}", "level": "Info", "displayStatus": f"VM {power}"}
    if machine is not None and machine.failure is not None:
        shown |= {"level": "Error", "message": machine.failure}
    return [provisioning, shown]


def now_text() -> str:
    """The time of day as ARM writes it."""
    return datetime.now(UTC).isoformat()


def _computer_name(resource: Resource) -> str:
    return str(
        (resource.properties.get("osProfile") or {}).get("computerName")
        or resource.body.get("name")
        or resource.id.name
    )


def _disk_view(resource: Resource) -> dict[str, Any]:
    disk = (resource.properties.get("storageProfile") or {}).get("osDisk") or {}
    status = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}
    return {"name": str(disk.get("name") or f"{resource.id.name}_OsDisk"), "statuses": [status]}


def log_stem(resource: Resource) -> str:
    """Where in a storage account the log and the screenshot of a machine are, without the ending: ``CONTAINER/NAME``."""
    letters = re.sub(r"[^a-z0-9]", "", resource.id.name.casefold())[:9] or "vm"
    unique = vm_id(resource)
    return f"bootdiagnostics-{letters}-{unique}/{resource.id.name}.{unique}"


def _diagnostics_view(parts: Parts, diagnostics: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """With managed storage there is nothing to see here: ``retrieveBootDiagnosticsData`` gives the URIs.

    The log's URI is that of the account's endpoint here, where a client can read it.  The screenshot's has Azure's host:
    clients of scale sets take the account's name from its start.
    """
    uri = diagnostics.get("storageUri")
    if not uri:
        return {}
    stem = log_stem(resource)
    return {
        "consoleScreenshotBlobUri": f"{str(uri).rstrip('/')}/{stem}.screenshot.bmp",
        "serialConsoleLogBlobUri": f"{blob_endpoint(parts.base_url, account_of(diagnostics) or '')}{stem}.serialconsole.log",
    }
