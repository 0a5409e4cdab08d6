"""The schemas of the bodies of ``Microsoft.Compute``.

Of a body, what the service looks at is described; whatever else a client sends is kept as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_TEXT: Final = {"type": "string"}
_TAGS: Final = {"type": "object", "nullable": True, "additionalProperties": {"type": "string"}}


def _object(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def _list_of(name: str) -> dict[str, Any]:
    return _object(("value",), value={"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}})


_BOOT_DIAGNOSTICS: Final = _object(enabled={"type": "boolean"}, storageUri={**_TEXT, "nullable": True})
_PROFILE: Final = _object(
    hardwareProfile={**_object(vmSize=_TEXT), "nullable": True},
    diagnosticsProfile={
        **_object(bootDiagnostics={**_BOOT_DIAGNOSTICS, "nullable": True}),
        "nullable": True,
    },
    storageProfile={
        **_object(
            imageReference={**_object(publisher=_TEXT, offer=_TEXT, sku=_TEXT, version=_TEXT), "nullable": True},
            osDisk={
                **_object(
                    name=_TEXT,
                    createOption=_TEXT,
                    deleteOption=_TEXT,
                    managedDisk={**_object(id=_TEXT), "nullable": True},
                ),
                "nullable": True,
            },
            dataDisks={"type": "array", "items": {"type": "object"}, "nullable": True},
        ),
        "nullable": True,
    },
    osProfile={
        **_object(computerName=_TEXT, adminUsername=_TEXT, adminPassword=_TEXT),
        "nullable": True,
    },
)
_STATUS: Final = _object(("code",), code=_TEXT, level=_TEXT, displayStatus=_TEXT, message=_TEXT, time=_TEXT)
_INSTANCE_IDS: Final = {"type": "array", "items": {"type": "string"}}
_SKU: Final = _object(name=_TEXT, tier=_TEXT, capacity={"type": "integer", "minimum": 0, "maximum": 1000})
_SET_PROFILE: Final = _object(
    virtualMachineProfile={**_PROFILE, "nullable": True},
    upgradePolicy={**_object(mode={"type": "string", "enum": ["Manual", "Automatic", "Rolling"]}), "nullable": True},
)

#: The schemas by name.
SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "VirtualMachine": _object(
        ("id", "name", "type", "properties"),
        id=_TEXT,
        name=_TEXT,
        type=_TEXT,
        location=_TEXT,
        tags=_TAGS,
        properties=_PROFILE,
    ),
    "VirtualMachineList": _list_of("VirtualMachine"),
    "NewVirtualMachine": _object(("location",), location={**_TEXT, "minLength": 1}, tags=_TAGS, properties=_PROFILE),
    "VirtualMachinePatch": _object(location=_TEXT, tags=_TAGS, properties=_PROFILE),
    "InstanceView": _object(("statuses",), statuses={"type": "array", "items": _STATUS}, osName=_TEXT, osVersion=_TEXT),
    "SizeList": _object(("value",), value={"type": "array", "items": _object(("name",), name=_TEXT)}),
    "Disk": _object(("id", "name", "type"), id=_TEXT, name=_TEXT, type=_TEXT, location=_TEXT, tags=_TAGS),
    "DiskList": _list_of("Disk"),
    "DiskPatch": _object(
        tags=_TAGS, properties=_object(diskSizeGB={"type": "integer", "minimum": 1, "maximum": 32767})
    ),
    "NewDisk": _object(
        ("location", "properties"),
        location={**_TEXT, "minLength": 1},
        tags=_TAGS,
        properties=_object(
            ("creationData",),
            creationData=_object(
                ("createOption",),
                createOption=_TEXT,
                sourceResourceId=_TEXT,
                imageReference={**_object(id=_TEXT), "nullable": True},
            ),
            osType=_TEXT,
            diskSizeGB={"type": "integer", "minimum": 1, "maximum": 32767},
        ),
    ),
    "ScaleSet": _object(
        ("id", "name", "type", "properties"),
        id=_TEXT,
        name=_TEXT,
        type=_TEXT,
        location=_TEXT,
        sku=_SKU,
        properties=_SET_PROFILE,
    ),
    "ScaleSetList": _list_of("ScaleSet"),
    "NewScaleSet": _object(
        ("location",), location={**_TEXT, "minLength": 1}, tags=_TAGS, sku=_SKU, properties=_SET_PROFILE
    ),
    "ScaleSetPatch": _object(tags=_TAGS, sku=_SKU, properties=_SET_PROFILE),
    "ScaleSetView": _object(("statuses",), statuses={"type": "array", "items": _STATUS}),
    "InstanceIds": _object(instanceIds={**_INSTANCE_IDS, "nullable": True}),
    "RequiredInstanceIds": _object(("instanceIds",), instanceIds={**_INSTANCE_IDS, "nullable": False}),
    "RunCommand": _object(
        ("commandId",),
        commandId={**_TEXT, "minLength": 1},
        script={"type": "array", "nullable": True, "items": {"type": "string"}},
        parameters={"type": "array", "nullable": True, "items": _object(("name",), name=_TEXT, value=_TEXT)},
    ),
    "RunCommandResult": _object(("value",), value={"type": "array", "items": _STATUS}),
    "Extension": _object(("id", "name", "type"), id=_TEXT, name=_TEXT, type=_TEXT, location=_TEXT),
    "ExtensionList": _list_of("Extension"),
    "NewExtension": _object(
        ("properties",),
        location=_TEXT,
        tags=_TAGS,
        properties=_object(
            ("publisher", "type"),
            publisher=_TEXT,
            type=_TEXT,
            typeHandlerVersion=_TEXT,
            settings={"type": "object", "nullable": True},
            protectedSettings={"type": "object", "nullable": True},
        ),
    ),
    "BootDiagnosticsData": _object(consoleScreenshotBlobUri=_TEXT, serialConsoleLogBlobUri=_TEXT),
    "CommandList": _object(("value",), value={"type": "array", "items": _object(("id",), id=_TEXT)}),
    "Command": _object(("id",), id=_TEXT),
}
