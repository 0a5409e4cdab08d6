"""The model of a machine: how a client's body becomes what is stored, and which changes are allowed when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.diagnostics_settings import azure_storage_uri
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.machines.vm_sizes import SIZES, VmSize, size_of
from uartsim.service.store import Resource

#: What a client may send back as it was shown, and cannot set.
READ_ONLY: Final = ("vmId", "provisioningState", "instanceView", "timeCreated", "latestModelApplied")
#: What is used once, and neither stored nor shown.
_SECRET: Final = ("adminPassword", "customData", "secrets")
#: What cannot be changed once a machine exists.
_FIXED: Final = ("osProfile.computerName", "osProfile.adminUsername", "storageProfile.imageReference")


def merged(model: Any, patch: Any) -> Any:
    """A JSON value with a patch applied (RFC 7396): objects are merged, and null removes."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(model) if isinstance(model, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def storable(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body without what is read-only and what is secret; its ``storageUri`` is one of Azure's."""
    kept = {name: value for name, value in body.items() if name not in ("id", "name", "type", "resources", "etag")}
    properties = {name: value for name, value in (body.get("properties") or {}).items() if name not in READ_ONLY}
    properties.pop("userData", None)
    profile = properties.get("osProfile")
    if isinstance(profile, Mapping):
        properties["osProfile"] = {name: value for name, value in profile.items() if name not in _SECRET}
    uri = at(body, "diagnosticsProfile.bootDiagnostics.storageUri")
    if isinstance(uri, str):
        settings = {**properties["diagnosticsProfile"]["bootDiagnostics"], "storageUri": azure_storage_uri(uri)}
        properties["diagnosticsProfile"] = {**properties["diagnosticsProfile"], "bootDiagnostics": settings}
    return {**kept, "properties": properties}


def at(body: Mapping[str, Any], path: str) -> Any:
    """The value at a path such as ``osProfile.computerName`` in a body's properties; None if it is absent."""
    found: Any = body.get("properties") or {}
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> bool:
    """Whether a value that is there afterwards differs; ids and names do so in more than their case."""
    old, new = at(before, path), at(after, path)
    if isinstance(old, str) and isinstance(new, str):
        return old.casefold() != new.casefold()
    return new is not None and old != new


def check_fixed(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Check that nothing is changed that cannot be.

    Raises:
        ArmError: 409 ``PropertyChangeNotAllowed``.
    """
    old, new = (str(body.get("location") or "").replace(" ", "").casefold() for body in (before, after))
    names = ["location"] if new and old != new else []
    names += [path for path in _FIXED if at(before, path) is not None and changed(before, after, path)]
    for name in names:
        raise ArmError(
            409,
            "PropertyChangeNotAllowed",
            f"Changing property '{name}' is not allowed.",
            target=name,
        )


def check_size(after: Mapping[str, Any]) -> VmSize | None:
    """The size of a machine's model; None if it names none.

    Raises:
        ArmError: 400, there is no such size.
    """
    name = at(after, "hardwareProfile.vmSize")
    if name is None:
        return None
    size = size_of(str(name))
    if size is None:
        names = ",".join(one.name for one in SIZES)
        raise ArmError(
            400,
            "InvalidParameter",
            f"The value {quoted(str(name))} provided for the VM size is not valid. The valid sizes in the current region are: "
            f"{names}.",
            target="vmSize",
        )
    return size


def sizes_for(resource: Resource, power: PowerState) -> tuple[VmSize, ...]:
    """The sizes that a machine can take now: any while it is deallocated, else those of its hardware cluster."""
    present = size_of(str(at(resource.body, "hardwareProfile.vmSize") or ""))
    if present is None or power is PowerState.DEALLOCATED:
        return SIZES
    return tuple(size for size in SIZES if _family(size) == _family(present))


def check_resize(resource: Resource, size: VmSize, power: PowerState) -> None:
    """Check that a machine can take a size now.

    Raises:
        ArmError: 409, it has to be deallocated first.
    """
    possible = sizes_for(resource, power)
    if size not in possible:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Unable to resize the VM '{resource.id.name}' because the requested size {size.name} is not available in the "
            f"current hardware cluster. The available sizes in this cluster are: {','.join(one.name for one in possible)}. "
            "Deallocate the VM and then resize it.",
        )


def _family(size: VmSize) -> tuple[str, str]:
    """Its letter and its generation, such as ``("d", "v3")``."""
    match = re.fullmatch(r"Standard_([A-Z]+)\d+[a-z]*(?:_(v\d+))?", size.name)
    assert match is not None
    return match[1].casefold(), match[2] or ""
