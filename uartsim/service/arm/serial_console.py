"""Microsoft.SerialConsole: the console of a subscription, and the serial ports of machines.

A machine has one serial port, ``0``: its COM1.  The port is there as long as its machine is; one that has been deleted can
be created again.  All api-versions have the same bodies.  Source: the provider's specification, and azure-mgmt-serialconsole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import parent_not_found, resource_not_found
from uartsim.service.arm.common_schemas import list_of, object_of
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm_error import ArmError
from uartsim.service.rules.machine_rules import console_service, is_disabled, is_port_disabled, serial_port
from uartsim.service.store import Resource, ResourceId
from uartsim.service.store.machine_types import MACHINE_TYPE

_SCALE_SET: Final = "Microsoft.Compute/virtualMachineScaleSets"
_INSTANCE: Final = f"{_SCALE_SET}/virtualMachines"
_PORT: Final = "Microsoft.SerialConsole/serialPorts"
_DELETED: Final = "deleted"


async def _operations(request: ArmRequest) -> Answer:
    names = sorted({operation.action or "" for operation in OPERATIONS} - {""} | set(_ASKED_BY_RULES))
    return Answer({"value": [_operation_shown(name) for name in names]})


def _operation_shown(name: str) -> dict[str, Any]:
    _, kind, *rest = name.split("/")
    verb = rest[0].removesuffix("Console") if rest[-1] == "action" else {"write": "create"}.get(rest[-1], rest[-1])
    display = {"provider": "Azure Serial Console", "resource": kind, "operation": f"{verb.capitalize()} {kind}"}
    return {
        "name": name,
        "isDataAction": "false",
        "display": {**display, "description": f"{verb.capitalize()} {kind}."},
    }


async def _console_services(request: ArmRequest) -> Answer:
    subscription = request.parameters["subscription"]
    request.parts.rules.check_console_service(request.caller, subscription, "read")
    service = console_service(subscription)
    named = {"id": str(service), "name": service.name, "type": service.type}
    return Answer({"value": [{**named, **_status(request)}]})


async def _console_service(request: ArmRequest) -> Answer:
    _check_default(request)
    request.parts.rules.check_console_service(request.caller, request.parameters["subscription"], "read")
    return Answer(_status(request))


async def _enable(request: ArmRequest) -> Answer:
    return _switch(request, disabled=False)


async def _disable(request: ArmRequest) -> Answer:
    return _switch(request, disabled=True)


def _switch(request: ArmRequest, *, disabled: bool) -> Answer:
    _check_default(request)
    subscription = request.parameters["subscription"]
    action = "disableConsole/action" if disabled else "enableConsole/action"
    request.parts.rules.check_console_service(request.caller, subscription, action)
    request.parts.store.put(Resource(console_service(subscription), {"properties": {"disabled": disabled}}))
    return Answer(_status(request))


def _check_default(request: ArmRequest) -> None:
    if request.parameters["default"].casefold() != "default":
        raise resource_not_found(request.id)


def _status(request: ArmRequest) -> dict[str, Any]:
    service = request.parts.store.get(console_service(request.parameters["subscription"]))
    return {"properties": {"disabled": is_disabled(service)}}


async def _list_all(request: ArmRequest) -> Answer:
    return Answer(
        {"value": [_shown(request, machine) for machine in _machines(request) if _has_port(request, machine.id)]}
    )


async def _list(request: ArmRequest) -> Answer:
    if request.id.is_a(_SCALE_SET):
        if request.parts.store.get(request.id) is None:
            raise parent_not_found(request.id)
        found = [machine for machine in _machines(request) if machine.id.is_within(request.id)]
    else:
        found = [_machine(request, request.id)]
    return Answer({"value": [_shown(request, machine) for machine in found if _has_port(request, machine.id)]})


async def _get(request: ArmRequest) -> Answer:
    machine = _machine(request, request.id.parent)
    _check_port(request)
    if not _has_port(request, machine.id):
        raise resource_not_found(request.id)
    return Answer(_shown(request, machine))


async def _create(request: ArmRequest) -> Answer:
    machine = _machine(request, request.id.parent)
    _check_port(request)
    asked = (request.content or {}).get("properties") or {}
    port = Resource(serial_port(machine.id), {"properties": {"state": asked.get("state", "enabled")}})
    request.parts.store.put(port)
    return Answer(_shown(request, machine), 201)


async def _delete(request: ArmRequest) -> Answer:
    machine = _machine(request, request.id.parent)
    _check_port(request)
    if not _has_port(request, machine.id):
        return Answer(None, 204)
    request.parts.store.put(Resource(serial_port(machine.id), {"properties": {"state": "disabled"}}, {_DELETED: True}))
    return Answer(None, 200)


async def _connect(request: ArmRequest) -> Answer:
    machine_id = request.id.parent
    await request.parts.faults.on_connect()
    if machine_id.is_a(_SCALE_SET):
        raise ArmError(
            400,
            "BadRequest",
            f"'{machine_id.name}' is a virtual machine scale set: connect to one of its instances, "
            f"{machine_id.name}/virtualMachines/INSTANCE-ID.",
        )
    request.parts.rules.check_connect(request.caller, machine_id)
    _check_port(request)
    session = request.parts.sessions.open(request.caller, machine_id)
    return Answer({"connectionString": request.parts.sessions.connection_string(session)})


def _machine(request: ArmRequest, machine_id: ResourceId) -> Resource:
    if not machine_id.is_a(MACHINE_TYPE) and not machine_id.is_a(_INSTANCE):
        raise ArmError(
            400,
            "BadRequest",
            f"'{machine_id.type}' has no serial port: use a virtual machine or an instance of a scale set.",
        )
    found = request.parts.store.get(machine_id)
    if found is None:
        raise parent_not_found(machine_id)
    return found


def _machines(request: ArmRequest) -> Iterator[Resource]:
    subscription = ResourceId(f"/subscriptions/{request.parameters['subscription']}")
    for kind in (MACHINE_TYPE, _INSTANCE):
        yield from request.parts.store.list(kind, subscription)


def _check_port(request: ArmRequest) -> None:
    if request.id.name != "0":
        raise resource_not_found(request.id)


def _has_port(request: ArmRequest, machine_id: ResourceId) -> bool:
    port = request.parts.store.get(serial_port(machine_id))
    return port is None or not port.private.get(_DELETED)


def _shown(request: ArmRequest, machine: Resource) -> dict[str, Any]:
    port_id = serial_port(machine.id)
    store = request.parts.store
    diagnostics = (machine.properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
    closed = (
        is_port_disabled(store.get(port_id))
        or is_disabled(store.get(console_service(machine.id.subscription or "")))
        or diagnostics.get("enabled") is not True
    )
    active = request.parts.sessions.is_active(machine.id)
    properties = {
        "state": "disabled" if closed else "enabled",
        "connectionState": "active" if active else "inactive",
    }
    return {"id": str(port_id), "name": port_id.name, "type": port_id.type, "properties": properties}


#: What the rules of the console ask for, beyond the actions of the operations here.
_ASKED_BY_RULES: Final = (
    f"{_PORT}/connect/action",
    "Microsoft.SerialConsole/consoleServices/read",
    "Microsoft.SerialConsole/consoleServices/write",
    "Microsoft.SerialConsole/consoleServices/enableConsole/action",
    "Microsoft.SerialConsole/consoleServices/disableConsole/action",
)

_SERVICES: Final = "/subscriptions/{subscription}/providers/Microsoft.SerialConsole/consoleServices"
_GROUP: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers"
#: What has serial ports.  The last is any resource, as the SDK addresses them: what is not a machine is refused in words.
_PARENTS: Final = (
    f"{_GROUP}/Microsoft.Compute/virtualMachines/{{virtualMachine}}",
    f"{_GROUP}/Microsoft.Compute/virtualMachineScaleSets/{{scaleSet}}/virtualMachines/{{instance}}",
    f"{_GROUP}/{{parentProvider}}/{{parentType}}/{{parent}}",
)


def _port_operations(parent: str) -> Iterator[Operation]:
    ports = f"{parent}/providers/Microsoft.SerialConsole/serialPorts"
    port = f"{ports}/{{serialPort}}"
    yield Operation("GET", ports, f"{_PORT}/read", _list, "The serial ports of a machine", {200: "SerialPortList"})
    yield Operation("GET", port, f"{_PORT}/read", _get, "A serial port", {200: "SerialPort"})
    yield Operation(
        "PUT",
        port,
        f"{_PORT}/write",
        _create,
        "Create a serial port, enable or disable it",
        {201: "SerialPort"},
        body="SerialPortParameters",
        body_required=False,
    )
    yield Operation("DELETE", port, f"{_PORT}/delete", _delete, "Delete a serial port", {200: None, 204: None})
    yield Operation(
        "POST",
        f"{port}/connect",
        None,
        _connect,
        "Open a console: the URL of its WebSocket",
        {200: "SerialPortConnectResult"},
    )


OPERATIONS: Final = (
    Operation(
        "GET",
        "/providers/Microsoft.SerialConsole/operations",
        None,
        _operations,
        "The operations of the provider",
        {200: "ProviderOperationList"},
    ),
    Operation(
        "GET", _SERVICES, None, _console_services, "The console service of a subscription", {200: "ConsoleServiceList"}
    ),
    Operation(
        "GET",
        f"{_SERVICES}/{{default}}",
        None,
        _console_service,
        "Whether the console is disabled for a subscription",
        {200: "SerialConsoleStatus"},
    ),
    Operation(
        "POST",
        f"{_SERVICES}/{{default}}/enableConsole",
        None,
        _enable,
        "Enable the console for a subscription",
        {200: "SerialConsoleStatus"},
    ),
    Operation(
        "POST",
        f"{_SERVICES}/{{default}}/disableConsole",
        None,
        _disable,
        "Disable the console for a subscription; open consoles are closed",
        {200: "SerialConsoleStatus"},
    ),
    Operation(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.SerialConsole/serialPorts",
        f"{_PORT}/read",
        _list_all,
        "The serial ports of all machines of a subscription",
        {200: "SerialPortList"},
    ),
    *(operation for parent in _PARENTS for operation in _port_operations(parent)),
)

_PORT_PROPERTIES: Final = object_of(
    {
        "state": {"type": "string", "enum": ["enabled", "disabled"]},
        "connectionState": {"type": "string", "enum": ["active", "inactive"]},
    }
)
SCHEMAS: Final = {
    "SerialPort": object_of(
        {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "type": {"type": "string"},
            "properties": {**_PORT_PROPERTIES, "required": ["state", "connectionState"]},
        },
        required=("id", "name", "type", "properties"),
    ),
    "SerialPortParameters": object_of({"properties": {**_PORT_PROPERTIES, "nullable": True}}),
    "SerialPortList": list_of("SerialPort"),
    "SerialPortConnectResult": object_of(
        {"connectionString": {"type": "string", "format": "uri"}}, required=("connectionString",)
    ),
    "SerialConsoleStatus": object_of(
        {"properties": object_of({"disabled": {"type": "boolean"}}, required=("disabled",))}, required=("properties",)
    ),
    "ConsoleServiceList": list_of("SerialConsoleStatus"),
}
