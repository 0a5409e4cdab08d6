"""``Get-WmiObject`` for the classes of Microsoft's pages on the serial console, and ``Get-WinEvent``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Final

from ..disk.event_log import level_name
from ..disk.network_adapter import DRIVER_NAME, MAC
from ..system.running_windows import VERSION
from .cmdlet_lines import CmdletCall, CmdletError, PipedObject
from .cmdlet_shell import Cmdlet, Objects, Shell

_FILTER: Final = re.compile(r"\s*(\w+)\s*(=|like)\s*['\"]([^'\"]*)['\"]\s*", re.IGNORECASE)
_START_MODES: Final = {"demand": "Manual", "disabled": "Disabled"}


def _services(shell: Shell) -> list[PipedObject]:
    services = shell.context.windows.services
    return [
        {
            "Name": each.name,
            "DisplayName": each.display_name,
            "State": "Running" if services.is_running(each.name) else "Stopped",
            "StartMode": _START_MODES.get(each.start, "Auto"),
            "StartName": each.account,
            "PathName": each.binary,
            "ProcessId": str(services.pid_of(each.name)),
        }
        for each in shell.context.disk.services.values()
    ]


def _operating_system(shell: Shell) -> list[PipedObject]:
    windows = shell.context.windows
    return [
        {
            "Caption": f"Microsoft {windows.disk.product}",
            "Version": VERSION,
            "BuildNumber": VERSION.rpartition(".")[2],
            "LastBootUpTime": f"{windows.now() - windows.uptime():%Y%m%d%H%M%S.000000+000}",
        }
    ]


def _network_adapter(shell: Shell) -> list[PipedObject]:
    adapter = shell.context.disk.adapter
    return [
        {
            "NetEnabled": str(adapter.enabled),
            "Name": DRIVER_NAME,
            "NetConnectionID": adapter.name,
            "MACAddress": MAC.replace("-", ":"),
            "ServiceName": "netvsc",
        }
    ]


def _network_configuration(shell: Shell) -> list[PipedObject]:
    adapter = shell.context.disk.adapter
    return [
        {
            "DNSHostName": shell.context.disk.host_name,
            "IPAddress": adapter.address if adapter.enabled else "",
            "DHCPEnabled": str(adapter.dhcp),
            "IPSubnet": adapter.mask if adapter.enabled else "",
            "DefaultIPGateway": adapter.gateway if adapter.enabled else "",
            "MACAddress": MAC.replace("-", ":"),
            "DNSServerSearchOrder": adapter.dns_server,
            "ServiceName": "netvsc",
        }
    ]


def _accounts(shell: Shell) -> list[PipedObject]:
    return [
        {
            "Name": each.name,
            "Disabled": str(not each.active),
            "Status": "OK" if each.active else "Degraded",
            "Lockout": "False",
            "SID": f"S-1-5-21-1004336348-1177238915-682003330-{each.rid}",
        }
        for each in shell.context.disk.users.accounts.values()
    ]


_CLASSES: Final[dict[str, Callable[[Shell], list[PipedObject]]]] = {
    "win32_service": _services,
    "win32_operatingsystem": _operating_system,
    "win32_networkadapter": _network_adapter,
    "win32_networkadapterconfiguration": _network_configuration,
    "win32_useraccount": _accounts,
}


async def _get_wmi_object(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    name = call.need("Class", "ClassName", position=0)
    if name.lower() not in _CLASSES:
        raise CmdletError(f'Invalid class "{name}"; this machine knows {", ".join(sorted(_CLASSES))}.')
    rows = _CLASSES[name.lower()](shell)
    condition = call.get("Filter")
    if condition is not None:
        match = _FILTER.fullmatch(condition)
        if match is None:
            raise CmdletError("Invalid query: this machine knows one condition with = or like.")
        wanted = match[3].lower().replace("%", "*") if match[2].lower() == "like" else match[3].lower()
        rows = [row for row in rows if fnmatch.fnmatchcase(_property(row, match[1]), wanted)]
    shell.as_list = True
    return rows


def _property(row: PipedObject, name: str) -> str:
    return next((value.lower() for key, value in row.items() if key.lower() == name.lower()), "")


async def _get_win_event(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    log = call.get("LogName", position=0) or "system"
    events = shell.context.disk.events.matching(call.get("FilterXPath") or "") if log.lower() == "system" else []
    most = call.get("MaxEvents") or "500"
    if not (most.isascii() and most.isdigit() and len(most) < 10):
        raise CmdletError(f"MaxEvents: '{most}' is not a number.")
    events = events[::-1][: int(most)]
    if not events:
        raise CmdletError("No events were found that match the specified selection criteria.")
    return [
        {
            "TimeCreated": f"{event.time:%m/%d/%Y %I:%M:%S %p}",
            "Id": str(event.number),
            "LevelDisplayName": level_name(event),
            "Message": event.text,
        }
        for event in events
    ]


MANAGEMENT_CMDLETS: Final[dict[str, Cmdlet]] = {
    "get-ciminstance": _get_wmi_object,
    "get-winevent": _get_win_event,
    "get-wmiobject": _get_wmi_object,
}
