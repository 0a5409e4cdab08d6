"""``sc``: shows and changes services; and what ``net start`` and ``net stop`` do.  Syntax: Microsoft's page "sc.exe"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..disk.service_settings import START_TYPES, ServiceSettings
from ..system.service_manager import ServiceError
from .program_context import ProgramContext

_HELP: Final = """\
sc query [name] | qc name | start name | stop name
sc config name [start= boot|system|auto|demand|disabled|delayed-auto]
               [obj= account] [depend= names] [binPath= path] [displayname= name]
"""
_VERBS: Final = {"start": "StartService", "stop": "ControlService"}


async def sc(context: ProgramContext) -> int:
    """Run sc."""
    words = context.words
    if words and words[0].startswith("\\\\"):
        words = words[1:]
    command = words[0].lower() if words else ""
    try:
        if command in ("query", "queryex"):
            return await _query(
                context, [word for word in words[1:] if not word.endswith("=") and word.lower() != "all"]
            )
        if command == "qc" and len(words) > 1:
            await context.write_lines(_configuration(context.windows.services.settings_of(words[1])))
            return 0
        if command in _VERBS and len(words) > 1:
            return await _start_or_stop(context, command, words[1])
        if command == "config" and len(words) > 1:
            return await _configure(context, words[1], words[2:])
    except ServiceError as error:
        function = _VERBS.get(command, "EnumQueryServicesStatus:OpenService" if command == "query" else "OpenService")
        return await context.fail(f"[SC] {function} FAILED {error.number}:\n\n{error}\n", error.number)
    await context.write(_HELP)
    return 1639


def _status(context: ProgramContext, settings: ServiceSettings, pid: bool = False) -> Iterator[str]:
    services = context.windows.services
    number = services.pid_of(settings.name)
    state = "4  RUNNING" if number else "1  STOPPED"
    stoppable = "STOPPABLE" if number and settings.stoppable else "NOT_STOPPABLE"
    yield ""
    yield f"SERVICE_NAME: {settings.name}"
    yield f"DISPLAY_NAME: {settings.display_name}"
    yield "        TYPE               : 20  WIN32_SHARE_PROCESS"
    yield f"        STATE              : {state}"
    yield f"                                ({stoppable}, NOT_PAUSABLE, IGNORES_SHUTDOWN)"
    yield "        WIN32_EXIT_CODE    : 0  (0x0)"
    yield "        SERVICE_EXIT_CODE  : 0  (0x0)"
    yield "        CHECKPOINT         : 0x0"
    yield "        WAIT_HINT          : 0x0"
    if pid:
        yield f"        PID                : {number}"


async def _query(context: ProgramContext, names: list[str]) -> int:
    services = context.windows.services
    if names:
        await context.write_lines(_status(context, services.settings_of(names[0])))
        return 0
    for settings in context.disk.services.values():
        if services.is_running(settings.name):
            await context.write_lines(_status(context, settings))
    return 0


def _configuration(settings: ServiceSettings) -> Iterator[str]:
    number, name = START_TYPES[settings.start]
    yield "[SC] QueryServiceConfig SUCCESS"
    yield ""
    yield f"SERVICE_NAME: {settings.name}"
    yield "        TYPE               : 20  WIN32_SHARE_PROCESS"
    yield f"        START_TYPE         : {number}   {name}"
    yield "        ERROR_CONTROL      : 1   NORMAL"
    yield f"        BINARY_PATH_NAME   : {settings.binary}"
    yield "        LOAD_ORDER_GROUP   :"
    yield "        TAG                : 0"
    yield f"        DISPLAY_NAME       : {settings.display_name}"
    yield f"        DEPENDENCIES       : {' : '.join(settings.depends)}"
    yield f"        SERVICE_START_NAME : {settings.account}"


async def _start_or_stop(context: ProgramContext, command: str, name: str) -> int:
    settings = context.windows.services.settings_of(name)
    if not context.token.administrator:
        return await context.fail("[SC] OpenService FAILED 5:\n\nAccess is denied.\n", 5)
    if command == "start":
        context.windows.services.start(settings.name)
        await context.write_lines(_status(context, settings, pid=True))
        return 0
    context.windows.services.stop(settings.name)
    await context.write_lines(_status(context, settings))
    return 0


async def _configure(context: ProgramContext, name: str, words: list[str]) -> int:
    settings = context.windows.services.settings_of(name)
    if not context.token.administrator:
        return await context.fail("[SC] OpenService FAILED 5:\n\nAccess is denied.\n", 5)
    options = dict(zip(words[::2], words[1::2], strict=False))
    if not options or len(words) % 2 or not all(option.endswith("=") for option in options):
        await context.write(_HELP)
        return 1639
    plain = {option[:-1].lower(): value for option, value in options.items()}
    if plain.get("start", "auto").lower() not in START_TYPES or set(plain) - {
        "start", "obj", "depend", "binpath", "displayname", "password", "error", "type",
    }:  # fmt: skip
        await context.write(_HELP)
        return 1639
    settings.start = plain.get("start", settings.start).lower()
    settings.account = plain.get("obj", settings.account)
    settings.binary = plain.get("binpath", settings.binary).strip() or settings.binary
    settings.display_name = plain.get("displayname", settings.display_name)
    if "depend" in plain:
        settings.depends = tuple(part for part in re.split(r"[/\s]+", plain["depend"]) if part)
    await context.write("[SC] ChangeServiceConfig SUCCESS\n")
    return 0


async def net_start(context: ProgramContext, words: list[str]) -> int:
    """``net start``: lists the running services, or starts one."""
    services = context.windows.services
    if not words:
        running = sorted(each.display_name for each in context.disk.services.values() if services.is_running(each.name))
        await context.write("These Windows services are started:\n\n")
        await context.write_lines(f"   {name}" for name in running)
        await context.write("\nThe command completed successfully.\n\n")
        return 0
    return await _net_change(context, " ".join(words), "start")


async def net_stop(context: ProgramContext, words: list[str]) -> int:
    """``net stop``: stops a service."""
    return await _net_change(context, " ".join(word for word in words if word.lower() not in ("/y", "/yes")), "stop")


async def _net_change(context: ProgramContext, name: str, command: str) -> int:
    services = context.windows.services
    try:
        settings = services.settings_of(name)
        if not context.token.administrator:
            return await context.fail("System error 5 has occurred.\n\nAccess is denied.\n", 2)
        verb = "starting" if command == "start" else "stopping"
        if command == "start":
            services.start(settings.name)
        else:
            services.stop(settings.name)
    except ServiceError as error:
        special = {
            1060: "The service name is invalid.",
            1056: "The requested service has already been started.",
            1062: f"The {name} service is not started.",
        }
        if error.number in special:
            return await context.fail(f"{special[error.number]}\n", 2)
        return await context.fail(f"System error {error.number} has occurred.\n\n{error}\n", 2)
    done = "started" if command == "start" else "stopped"
    await context.write(
        f"The {settings.display_name} service is {verb}.\n"
        f"The {settings.display_name} service was {done} successfully.\n\n"
    )
    return 0
