"""What is done in a guest by its agent: ``runCommand``, and the VMAccess extension, which resets passwords.

A password is handed to the guest's agent, and is neither stored nor logged nor part of a message.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import trio

from uartsim.errors import UartsimError
from uartsim.machine import AgentError, AgentGuest, AgentNotRunningError, CommandResult
from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError

#: How long a command may take, in seconds.
LONGEST_COMMAND_S: Final = 5400.0
#: How much of each stream of a command's output is in the result, in bytes: its end.
OUTPUT_BYTES: Final = 4096
#: How long the agent of a guest that has just been started may take to come up, in seconds.
AGENT_WAIT_S: Final = 60.0

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENABLE_EMS: Final = "bcdedit /ems {current} on\nbcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200\n"

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that ``runCommand`` knows.

    Attributes:
        id: its id.
        os_type: ``"Linux"`` or ``"Windows"``.
        shell: what runs its script in the guest.
        description: a sentence.
        script: its script; None if the request has it.
    """

    id: str
    os_type: str
    shell: str
    description: str
    script: str | None = None

    def shown(self) -> dict[str, Any]:
        """The command as ``locations/REGION/runCommands`` lists it."""
        return {
            "$schema": "http://schema.management.azure.com/schemas/2016-11-17/runcommands.json",
            "id": self.id,
            "osType": self.os_type,
            "label": self.description,
            "description": self.description,
        }


COMMANDS: Final = (
    Command("RunShellScript", "Linux", "sh", "Executes a Linux shell script"),
    Command("RunPowerShellScript", "Windows", "powershell", "Executes a PowerShell script"),
    Command("EnableEMS", "Windows", "cmd", "Enable EMS, so that SAC comes with the next boot", _ENABLE_EMS),
)
_BY_ID: Final = {command.id.casefold(): command for command in COMMANDS}


def command_of(command_id: str, os_type: str) -> Command:
    """A command by its id, in whatever case.

    Raises:
        ArmError: 404, there is none; 409, it is for the other operating system.
    """
    command = _BY_ID.get(command_id.casefold())
    if command is None:
        known = ", ".join(one.id for one in COMMANDS)
        raise ArmError(
            404,
            "RunCommandDocumentNotFound",
            f"There is no command {quoted(command_id)}: use one of {known}.",
            target="commandId",
        )
    if command.os_type.casefold() != os_type.casefold():
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The command {command.id} is for {command.os_type}, and the virtual machine has {os_type}.",
            target="commandId",
        )
    return command


def script_of(command: Command, content: Mapping[str, Any]) -> str:
    """The script of a request: its lines, with its parameters set as variables before them.

    Raises:
        ArmError: 400, it has none, or a parameter's name is no name of a variable.
    """
    if command.script is not None:
        return command.script
    lines = content.get("script") or []
    if not lines:
        raise ArmError(400, "InvalidParameter", f"The command {command.id} needs a script.", target="script")
    setting = []
    for parameter in content.get("parameters") or []:
        name, value = str(parameter.get("name") or ""), str(parameter.get("value") or "")
        if not _NAME.fullmatch(name):
            raise ArmError(
                400, "InvalidParameter", f"{quoted(name)} cannot be the name of a variable.", target="parameters"
            )
        doubled = value.replace("'", "''")
        setting.append(f"{name}={shlex.quote(value)}" if command.shell == "sh" else f"${name} = '{doubled}'")
    return "\n".join([*setting, *lines]) + "\n"


async def when_it_runs(ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Ask the agent of a guest that may have only just been started: as long as it does not run, ask again for a while.

    Raises:
        AgentNotRunningError: it has not come up in :data:`AGENT_WAIT_S`.
    """
    ends_at = trio.current_time() + AGENT_WAIT_S
    while True:
        try:
            return await ask()
        except AgentNotRunningError:
            if trio.current_time() >= ends_at:
                raise
        await trio.sleep(0.25)


async def run(agent: AgentGuest, command: Command, script: str) -> dict[str, Any]:
    """Run a command in a guest; returns the result in Azure's shape.

    Raises:
        ArmError: 409, the guest cannot; the message says why.
    """
    try:
        ask = partial(agent.run_command, script, shell=command.shell, timeout_s=LONGEST_COMMAND_S)
        result = await when_it_runs(ask)
    except AgentError as error:
        raise ArmError(
            409, "VMExtensionProvisioningError", f"The command failed in the virtual machine: {error}"
        ) from None
    except UartsimError as error:
        raise ArmError(409, "OperationNotAllowed", f"Run command is not possible: {error}") from None
    return {"value": _windows(result) if command.os_type == "Windows" else _linux(result)}


def _linux(result: CommandResult) -> list[dict[str, Any]]:
    message = f"Enable succeeded: \n[stdout]\n{_end_of(result.stdout)}\n[stderr]\n{_end_of(result.stderr)}"
    return [_status("ProvisioningState/succeeded", message)]


def _windows(result: CommandResult) -> list[dict[str, Any]]:
    return [
        _status("ComponentStatus/StdOut/succeeded", _end_of(result.stdout)),
        _status("ComponentStatus/StdErr/succeeded", _end_of(result.stderr)),
    ]


def _end_of(output: str) -> str:
    """The last :data:`OUTPUT_BYTES` of an output, in whole characters; Azure's documentation has the same limit."""
    return output.encode()[-OUTPUT_BYTES:].decode(errors="ignore")


def _status(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "level": "Info", "displayStatus": "Provisioning succeeded", "message": message}


#: The types of the VMAccess extension, in lower case, and the operating systems that they are for.
VM_ACCESS: Final = {"vmaccessforlinux": "Linux", "vmaccessagent": "Windows"}


def credentials_of(properties: Mapping[str, Any], os_type: str) -> tuple[str, str]:
    """The user and the password that a VMAccess extension sets.

    Raises:
        ArmError: 400, there are none; 409, the extension is for the other operating system; 404, it is another extension.
    """
    kind = str(properties.get("type") or "")
    wanted = VM_ACCESS.get(kind.casefold())
    if wanted is None:
        raise ArmError(
            404,
            "VMExtensionHandlerNotFound",
            f"The extension {quoted(kind)} cannot be installed here: there are VMAccessForLinux and VMAccessAgent.",
            target="type",
        )
    if wanted.casefold() != os_type.casefold():
        raise ArmError(
            409, "OperationNotAllowed", f"The extension {kind} is for {wanted}, and the virtual machine has {os_type}."
        )
    given = {
        name.casefold(): value
        for settings in (properties.get("settings") or {}, properties.get("protectedSettings") or {})
        for name, value in settings.items()
    }
    user, password = given.get("username"), given.get("password")
    if not (isinstance(user, str) and isinstance(password, str) and user and password):
        raise ArmError(
            400,
            "InvalidParameter",
            "VMAccess sets a password here: protectedSettings needs username and password. It cannot set SSH keys or remove "
            "users.",
            target="protectedSettings",
        )
    return user, password


async def set_password(agent: AgentGuest, user: str, password: str) -> None:
    """Set a user's password in a guest, where the user is created if absent.

    Raises:
        ArmError: 409, the guest cannot; the message says why.
    """
    try:
        await when_it_runs(partial(agent.set_password, user, password))
    except UartsimError as error:
        raise ArmError(409, "VMExtensionProvisioningError", f"VMAccess could not set the password: {error}") from None
