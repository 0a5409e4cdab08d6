"""Which machine, and what has to be true before its console is asked for: the checks of ``az serial-console``, in its order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from uartsim.azure_client.client_errors import NOT_MET, ConsoleError, RefusalError
from uartsim.azure_client.management import COMPUTE_VERSION, Management
from uartsim.errors import UsageError
from uartsim.printable import quoted

_COMPUTE: Final = "providers/Microsoft.Compute"
_ID: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Compute/"
    r"(?:virtualMachines/([^/]+)|virtualMachineScaleSets/([^/]+)/virtualMachines/([^/]+))/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class MachineName:
    """A virtual machine, or an instance of a scale set.

    Attributes:
        subscription: the id of its subscription.
        group: its resource group.
        name: its name, or the scale set's.
        instance: the number of the instance; None for a virtual machine.
    """

    subscription: str
    group: str
    name: str
    instance: str | None = None

    @property
    def _group_path(self) -> str:
        return f"/subscriptions/{quote(self.subscription, safe='')}/resourceGroups/{quote(self.group, safe='')}"

    @property
    def scale_set_path(self) -> str:
        """The path of the scale set of this name."""
        return f"{self._group_path}/{_COMPUTE}/virtualMachineScaleSets/{quote(self.name, safe='')}"

    @property
    def path(self) -> str:
        """The path of the machine."""
        if self.instance is None:
            return f"{self._group_path}/{_COMPUTE}/virtualMachines/{quote(self.name, safe='')}"
        return f"{self.scale_set_path}/virtualMachines/{quote(self.instance, safe='')}"

    @property
    def port_path(self) -> str:
        """The path of its serial port; in a scale set's, slashes are quoted, as the real client does it."""
        port = "providers/Microsoft.SerialConsole/serialPorts/0"
        if self.instance is None:
            return f"{self.path}/{port}"
        return f"{self.scale_set_path}%2FvirtualMachines%2F{quote(self.instance, safe='')}/{port}"

    def __str__(self) -> str:
        return self.name if self.instance is None else f"{self.name}, instance {self.instance}"


def machine_of_id(text: str) -> MachineName:
    """The machine of an ARM id.

    Raises:
        UsageError: it is not the id of a machine.
    """
    found = _ID.fullmatch(text)
    if found is None:
        raise UsageError(f"{quoted(text)} is not the id of a virtual machine or of an instance of a scale set")
    subscription, group, name, scale_set, instance = found.groups()
    return MachineName(subscription, group, name or scale_set, instance)


@dataclass(frozen=True, slots=True)
class MachineState:
    """What the service says about a machine, as far as a console needs it.

    Attributes:
        has_boot_diagnostics: boot diagnostics are on.
        power: what follows ``PowerState/``; empty if it is not known.
        is_windows: its system is Windows.
    """

    has_boot_diagnostics: bool
    power: str
    is_windows: bool


async def look_up(management: Management, machine: MachineName) -> MachineState:
    """Ask for the state of a machine.

    Raises:
        ConsoleError: there is no such machine, or the service does not say.
    """
    if machine.instance is not None:
        view = await management.get(f"{machine.path}/instanceView", COMPUTE_VERSION)
        return MachineState(isinstance(view.get("bootDiagnostics"), dict), _power(view), _says_windows(view, "osName"))
    try:
        found = await management.get(machine.path, COMPUTE_VERSION, **{"$expand": "instanceView"})
    except RefusalError as error:
        raise await _with_hint(management, machine, error) from None
    properties = _part(found, "properties")
    view, storage = _part(properties, "instanceView"), _part(properties, "storageProfile")
    diagnostics = _part(_part(properties, "diagnosticsProfile"), "bootDiagnostics")
    windows = (
        _says_windows(view, "osName")
        or _says_windows(_part(storage, "imageReference"), "offer")
        or _says_windows(_part(storage, "osDisk"), "osType")
    )
    return MachineState(diagnostics.get("enabled") is True, _power(view), windows)


async def check(management: Management, machine: MachineName) -> MachineState:
    """Check what a console needs, before one is asked for; returns the machine's state.

    Raises:
        ConsoleError: something is missing.  Boot diagnostics come first, then the subscription, then power.
    """
    state = await look_up(management, machine)
    if not state.has_boot_diagnostics:
        raise ConsoleError("Azure Serial Console requires boot diagnostics to be enabled.", NOT_MET)
    if await is_disabled(management, machine.subscription):
        raise ConsoleError(
            "Azure Serial Console is not enabled for this subscription.\n"
            'Enable Serial Console with "uartsim console enable" or "az serial-console enable".',
            NOT_MET,
        )
    if state.power.startswith("deallocat"):
        raise ConsoleError(
            "Azure Serial Console requires a virtual machine to be running.\n"
            'Use "az vm start" to start the Virtual Machine.',
            NOT_MET,
        )
    return state


async def is_disabled(management: Management, subscription: str) -> bool:
    """Whether the serial console is off for a subscription; all but a clear no counts as yes, as for the real client."""
    path = f"/subscriptions/{quote(subscription, safe='')}/providers/Microsoft.SerialConsole/consoleServices/default"
    found = await management.get(path, management.console_version)
    return _part(found, "properties").get("disabled") is not False


async def switch_console(management: Management, subscription: str, action: str) -> bool:
    """Switch the serial console of a subscription; returns whether it is disabled now.

    Args:
        management: the service.
        subscription: the subscription's id.
        action: ``"enable"`` or ``"disable"``.
    """
    path = f"/subscriptions/{quote(subscription, safe='')}/providers/Microsoft.SerialConsole/consoleServices/default"
    found = await management.post(f"{path}/{action}Console", management.console_version)
    return _part(found, "properties").get("disabled") is not False


async def _with_hint(management: Management, machine: MachineName, error: RefusalError) -> RefusalError:
    """The error, with a hint if the name is a scale set's."""
    if error.http_status != 404:
        return error
    try:
        await management.get(machine.scale_set_path, COMPUTE_VERSION)
    except ConsoleError:
        return error
    hint = (
        "We found that you specified a Virtual Machine Scale Set and not a VM. Use the --instance-id parameter to select "
        "the VMSS instance you want to connect to."
    )
    return RefusalError(f"{error}\n{hint}", error.http_status, error.code)


def _part(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """A JSON object inside another; empty if it is not there."""
    part = fields.get(name)
    return part if isinstance(part, dict) else {}


def _power(view: dict[str, Any]) -> str:
    statuses = view.get("statuses")
    codes = [str(s.get("code", "")) for s in statuses if isinstance(s, dict)] if isinstance(statuses, list) else []
    return next((code.partition("/")[2].lower() for code in codes if code.lower().startswith("powerstate/")), "")


def _says_windows(fields: dict[str, Any], name: str) -> bool:
    return "windows" in str(fields.get(name) or "").lower()
