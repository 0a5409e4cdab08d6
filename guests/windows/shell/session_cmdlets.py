"""The cmdlets of the small PowerShell: the session, files, processes, services, and what works on objects."""

from __future__ import annotations

import fnmatch
import re
from typing import Final

from ..disk.volume import VolumeError, absolute
from ..system.service_manager import ServiceError
from ..system.task_list import ProcessError
from .cmdlet_lines import CmdletCall, CmdletError, PipedObject, split_at
from .cmdlet_shell import Cmdlet, Objects, Shell
from .object_output import TEXT

_CONDITION: Final = re.compile(
    r"""\s*\$_\.(\w+)\s*(?:-(eq|ne|like|match)\s+|\.(startswith|contains|endswith)\()\s*['"]?([^'"()]*)['"]?\s*\)?\s*""",
    re.IGNORECASE,
)
_START_NAMES: Final = {"automatic": "auto", "manual": "demand", "disabled": "disabled"}


# ----------------------------------------------------------------------------------------------------------- the session
async def _get_module(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    wanted = (call.get("Name", position=0) or "*").lower()
    modules = [{"ModuleType": "Manifest", "Version": "3.1.0.0", "Name": "Microsoft.PowerShell.Management"}]
    if shell.has_readline:
        modules.append({"ModuleType": "Script", "Version": "1.2", "Name": "PSReadLine"})
    return [each for each in modules if fnmatch.fnmatchcase(each["Name"].lower(), wanted)]


async def _remove_module(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    if call.need("Name", position=0).lower() != "psreadline" or not shell.has_readline:
        raise CmdletError("No modules were removed. Verify that the specification of modules to remove is correct.")
    shell.has_readline = False
    return None


async def _import_module(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    if call.need("Name", position=0).lower() == "psreadline":
        shell.has_readline = True
    return None


async def _write_output(_shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    return objects if objects is not None else [{TEXT: " ".join(call.arguments)}]


async def _clear_host(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    await shell.context.terminal.clear()
    return None


async def _get_date(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    return [{TEXT: f"{shell.context.windows.now():%A, %B %d, %Y %I:%M:%S %p}"}]


async def _restart_computer(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    shell.context.need_administrator()
    shell.context.windows.end_in(0, "reboot")
    return None


async def _stop_computer(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    shell.context.need_administrator()
    shell.context.windows.end_in(0, "poweroff")
    return None


# ----------------------------------------------------------------------------------------------------------------- files
async def _get_location(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    return [{"Path": shell.context.session.folder}]


async def _set_location(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    path = _path(shell, call.get("Path", position=0) or "C:\\")
    if not shell.context.disk.volume.is_folder(path):
        raise CmdletError(f"Cannot find path '{path}' because it does not exist.")
    shell.context.session.folder = shell.context.disk.volume.written(path)
    return None


async def _get_child_item(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    path = _path(shell, call.get("Path", position=0) or shell.context.session.folder)
    volume = shell.context.disk.volume
    if not volume.is_folder(path):
        raise CmdletError(f"Cannot find path '{path}' because it does not exist.")
    folders, files = volume.entries(path)
    return [{"Mode": "d-----", "Length": "", "Name": name} for name in folders] + [
        {"Mode": "-a----", "Length": str(size), "Name": name} for name, size in files
    ]


async def _get_content(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    try:
        text = shell.context.disk.volume.read(_path(shell, call.need("Path", position=0)))
    except VolumeError as error:
        raise CmdletError(str(error)) from None
    return [{TEXT: text}]


def _path(shell: Shell, text: str) -> str:
    try:
        return absolute(shell.context.session.folder, text)
    except VolumeError as error:
        raise CmdletError(str(error)) from None


# ------------------------------------------------------------------------------------------------ processes and services
async def _get_process(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    wanted = (call.get("Name", position=0) or "*").lower()
    rows = [
        {"Id": str(each.pid), "WS(K)": str(each.memory_kb), "ProcessName": each.name.removesuffix(".exe")}
        for each in shell.context.windows.tasks
    ]
    return [row for row in rows if fnmatch.fnmatchcase(row["ProcessName"].lower(), wanted)]


async def _stop_process(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    shell.context.need_administrator()
    numbers = [row.get("Id", "") for row in objects or []] or [call.need("Id", position=0)]
    for number in numbers:
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise CmdletError(f"Cannot find a process with the process identifier {number}.")
        try:
            shell.context.windows.kill(shell.context.windows.tasks.find(int(number)))
        except ProcessError as error:
            raise CmdletError(str(error)) from None
    return None


async def _get_service(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    wanted = call.get("Name", position=0) or "*"
    services = shell.context.windows.services
    rows = [
        {
            "Status": "Running" if services.is_running(each.name) else "Stopped",
            "Name": each.name,
            "DisplayName": each.display_name,
        }
        for each in shell.context.disk.services.values()
        if fnmatch.fnmatchcase(each.name.lower(), wanted.lower())
    ]
    if not rows and "*" not in wanted:
        raise CmdletError(f"Cannot find any service with service name '{wanted}'.")
    return rows


async def _start_service(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _change_service(shell, call, objects, ("start",))
    return None


async def _stop_service(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _change_service(shell, call, objects, ("stop",))
    return None


async def _restart_service(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _change_service(shell, call, objects, ("stop", "start"))
    return None


def _change_service(shell: Shell, call: CmdletCall, objects: Objects, actions: tuple[str, ...]) -> None:
    shell.context.need_administrator()
    services = shell.context.windows.services
    names = [row.get("Name", "") for row in objects or []] or [call.need("Name", position=0)]
    for name in names:
        try:
            for action in actions:
                getattr(services, action)(name)
        except ServiceError as error:
            if error.number not in (1056, 1062):  # as wished already
                raise CmdletError(f"Service '{name}' cannot be changed: {error}") from None


async def _set_service(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    shell.context.need_administrator()
    names = [row.get("Name", "") for row in objects or []] or [call.need("Name", position=0)]
    start = (call.get("StartupType") or "").lower()
    if start and start not in _START_NAMES:
        raise CmdletError("StartupType: use Automatic, Manual or Disabled.")
    for name in names:
        try:
            settings = shell.context.windows.services.settings_of(name)
        except ServiceError as error:
            raise CmdletError(str(error)) from None
        settings.start = _START_NAMES.get(start, settings.start)
    return None


# --------------------------------------------------------------------------------------------------------------- objects
async def _where_object(_shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    block = next((word for word in call.arguments if word.startswith("{")), "")
    match = _CONDITION.fullmatch(block.strip("{}"))
    if match is None:
        raise CmdletError("This machine's Where-Object knows one comparison only, such as {$_.Name -eq 'x'}.")
    name, operator, value = match[1].lower(), (match[2] or match[3]).lower(), match[4].strip().lower()
    return [row for row in objects or [] if _holds(_property(row, name).lower(), operator, value)]


def _property(row: PipedObject, name: str) -> str:
    names = {"ifdesc": "interfacedescription"}
    return next((value for key, value in row.items() if key.lower() == names.get(name, name)), "")


def _holds(actual: str, operator: str, value: str) -> bool:
    return {
        "eq": actual == value,
        "ne": actual != value,
        "like": fnmatch.fnmatchcase(actual, value),
        "match": value in actual,
        "contains": value in actual,
        "startswith": actual.startswith(value),
        "endswith": actual.endswith(value),
    }[operator]


async def _format_list(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    shell.as_list = True
    return _selected(call, objects)


async def _select_object(_shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    return _selected(call, objects)


def _selected(call: CmdletCall, objects: Objects) -> Objects:
    text = call.get("Property") or " ".join(call.arguments)
    wanted = [part.strip().lower() for part in split_at(text.replace(" ", ","), ",") if part.strip()]
    if not wanted or wanted == ["*"]:
        return objects
    return [{name: value for name, value in row.items() if name.lower() in wanted} for row in objects or []]


async def _out_host(_shell: Shell, _call: CmdletCall, objects: Objects) -> Objects:
    return objects


SESSION_CMDLETS: Final[dict[str, Cmdlet]] = {
    "get-module": _get_module, "remove-module": _remove_module, "import-module": _import_module,
    "write-output": _write_output, "write-host": _write_output, "clear-host": _clear_host, "get-date": _get_date,
    "restart-computer": _restart_computer, "stop-computer": _stop_computer, "get-location": _get_location,
    "set-location": _set_location, "get-childitem": _get_child_item, "get-content": _get_content,
    "get-process": _get_process, "stop-process": _stop_process, "get-service": _get_service,
    "start-service": _start_service, "stop-service": _stop_service, "restart-service": _restart_service,
    "set-service": _set_service, "where-object": _where_object, "format-list": _format_list,
    "format-table": _select_object, "select-object": _select_object, "out-host": _out_host,
}  # fmt: skip
