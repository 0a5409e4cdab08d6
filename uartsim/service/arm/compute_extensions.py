"""``runCommand`` and the VMAccess extension of machines and of instances of scale sets."""

from __future__ import annotations

from typing import Any, Final

from uartsim.service.arm.accepted import begin
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import resource_not_found
from uartsim.service.arm.compute_power import INSTANCE, MACHINE, TYPES
from uartsim.service.arm.compute_work import machine_of, set_provisioning
from uartsim.service.arm.guest_commands import COMMANDS, command_of, credentials_of, run, script_of, set_password
from uartsim.service.arm.machine_model import at
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm_error import ArmError
from uartsim.service.store import Resource, ResourceId


def _os_type(resource: Resource) -> str:
    return str(at(resource.body, "storageProfile.osDisk.osType") or "Linux")


async def _run_command(request: ArmRequest) -> Answer:
    resource = request.resource()
    command = command_of(str(request.content["commandId"]), _os_type(resource))
    script = script_of(command, request.content)
    agent = machine_of(request.parts, request.id).agent("runCommand")

    async def work() -> Any:
        return await run(agent, command, script)

    return begin(request, work)


async def _put_extension(request: ArmRequest) -> Answer:
    parts, machine_id = request.parts, request.id.parent
    resource = parts.store.get(machine_id)
    if resource is None:
        raise resource_not_found(machine_id)
    properties = dict(request.content["properties"])
    user, password = credentials_of(properties, _os_type(resource))
    machine = machine_of(parts, machine_id)
    if machine.machine is None:
        raise ArmError(409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.")
    properties.pop("protectedSettings", None)
    properties["provisioningState"] = "Updating"
    body = {
        "location": resource.body.get("location", ""),
        **_without_secrets(request.content),
        "properties": properties,
    }
    is_new = parts.store.get(request.id) is None
    extension = Resource(request.id, body)
    parts.store.put(extension)

    async def work() -> Any:
        try:
            await set_password(machine.agent("VMAccess"), user, password)
        except BaseException:
            set_provisioning(parts, request.id, "Failed")
            raise
        set_provisioning(parts, request.id, "Succeeded")
        found = parts.store.get(request.id)
        return None if found is None else found.shown()

    return begin(request, work, body=extension.shown(), status=201 if is_new else 200, result=False)


def _without_secrets(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name in ("tags", "location")}


async def _get_extension(request: ArmRequest) -> Answer:
    return Answer(request.resource().shown())


async def _list_extensions(request: ArmRequest) -> Answer:
    resource = request.resource()
    found = request.parts.store.list(f"{resource.id.type}/extensions", resource.id)
    return Answer({"value": [one.shown() for one in found]})


async def _delete_extension(request: ArmRequest) -> Answer:
    if request.parts.store.get(request.id) is None:
        return Answer(None, 204)

    async def work() -> None:
        request.parts.store.delete(request.id)

    return begin(request, work)


async def _list_commands(request: ArmRequest) -> Answer:
    return Answer({"value": [command.shown() for command in COMMANDS]})


async def _get_command(request: ArmRequest) -> Answer:
    wanted = request.parameters["command"].casefold()
    for command in COMMANDS:
        if command.id.casefold() == wanted:
            return Answer({**command.shown(), "script": (command.script or "").splitlines(), "parameters": []})
    raise resource_not_found(ResourceId(str(request.id)))


_LOCATION: Final = "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}"


def _operations(path: str) -> tuple[Operation, ...]:
    kind = TYPES[path]
    one = f"{path}/extensions/{{extension}}"
    return (
        Operation(
            "POST",
            f"{path}/runCommand",
            f"{kind}/runCommand/action",
            _run_command,
            "Run a script in the guest, by its agent",
            {200: "RunCommandResult", 202: None},
            body="RunCommand",
        ),
        Operation(
            "GET",
            f"{path}/extensions",
            f"{kind}/extensions/read",
            _list_extensions,
            "The extensions of a virtual machine",
            {200: "ExtensionList"},
        ),
        Operation("GET", one, f"{kind}/extensions/read", _get_extension, "An extension", {200: "Extension"}),
        Operation(
            "PUT",
            one,
            f"{kind}/extensions/write",
            _put_extension,
            "Reset a password in the guest with VMAccess, by its agent; a user that is absent is created",
            {200: "Extension", 201: "Extension"},
            body="NewExtension",
        ),
        Operation(
            "PATCH",
            one,
            f"{kind}/extensions/write",
            _put_extension,
            "The same as PUT",
            {200: "Extension", 201: "Extension"},
            body="NewExtension",
        ),
        Operation(
            "DELETE",
            one,
            f"{kind}/extensions/delete",
            _delete_extension,
            "Forget an extension; what it did in the guest stays",
            {202: None, 204: None},
        ),
    )


OPERATIONS: Final = (
    *_operations(MACHINE),
    *_operations(INSTANCE),
    Operation(
        "GET",
        f"{_LOCATION}/runCommands",
        "Microsoft.Compute/locations/runCommands/read",
        _list_commands,
        "The commands that runCommand knows",
        {200: "CommandList"},
    ),
    Operation(
        "GET",
        f"{_LOCATION}/runCommands/{{command}}",
        "Microsoft.Compute/locations/runCommands/read",
        _get_command,
        "A command that runCommand knows",
        {200: "Command"},
    ),
)
