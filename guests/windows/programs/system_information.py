"""Programs about the running system: hostname, systeminfo, tasklist, taskkill, whoami, wmic os; and shutdown."""

from __future__ import annotations

import fnmatch
from itertools import pairwise
from typing import Final

from ..disk.local_users import AccountError
from ..system.running_windows import VERSION
from ..system.task_list import Process, ProcessError
from .program_context import Program, ProgramContext

#: How long `shutdown` waits if nothing is said, in seconds, and at most.
_SHUTDOWN_S: Final = 30
_LONGEST_SHUTDOWN_S: Final = 315_360_000


async def hostname(context: ProgramContext) -> int:
    """``hostname``."""
    await context.write(f"{context.disk.host_name}\n")
    return 0


async def whoami(context: ProgramContext) -> int:
    """``whoami``, ``/user`` and ``/groups``."""
    token = context.token
    name = f"{token.host}\\{token.user}".lower()
    option = context.words[0].lower() if context.words else ""
    if option == "/groups":
        try:
            groups = context.disk.users.groups_of(context.disk.users.find(token.user))
        except AccountError:
            groups = ["Administrators"] if token.administrator else []
        await context.write("\nGROUP INFORMATION\n-----------------\n\n")
        await context.write_lines(f"BUILTIN\\{group}" for group in groups)
    elif option:
        return await context.fail("ERROR: Invalid argument/option: use /groups, or nothing.")
    else:
        await context.write(f"{name}\n")
    return 0


async def systeminfo(context: ProgramContext) -> int:
    """``systeminfo``."""
    windows, disk = context.windows, context.disk
    stamp = "%m/%d/%Y, %I:%M:%S %p"
    adapter = disk.adapter
    rows = (
        ("Host Name", disk.host_name),
        ("OS Name", f"Microsoft {disk.product}"),
        ("OS Version", f"{VERSION} N/A Build {VERSION.rpartition('.')[2]}"),
        ("OS Manufacturer", "Microsoft Corporation"),
        ("OS Configuration", "Standalone Server" if disk.is_server else "Standalone Workstation"),
        ("Original Install Date", "1/1/2018, 12:00:00 AM"),
        ("System Boot Time", f"{windows.now() - windows.uptime():{stamp}}"),
        ("System Manufacturer", "uartsim"),
        ("System Model", "Virtual Machine"),
        ("System Type", "x64-based PC"),
        ("Windows Directory", r"C:\Windows"),
        ("System Directory", r"C:\Windows\system32"),
        ("Boot Device", r"\Device\HarddiskVolume1"),
        ("System Locale", "en-us;English (United States)"),
        ("Time Zone", "(UTC) Coordinated Universal Time"),
        ("Total Physical Memory", "4,096 MB"),
        ("Domain", "WORKGROUP"),
        (
            "Network Card(s)",
            f"1 NIC(s) Installed: {adapter.name}, {adapter.address if adapter.enabled else 'disabled'}",
        ),
    )
    await context.write("\n")
    await context.write_lines(f"{name + ':':<27}{value}" for name, value in rows)
    return 0


def _selected(context: ProgramContext, words: list[str]) -> list[Process]:
    """The processes that ``/pid`` and ``/im`` name."""
    found: list[Process] = []
    for option, value in pairwise(words):
        if option.lower() == "/pid":
            number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1
            found.append(context.windows.tasks.find(number))
        elif option.lower() == "/im":
            hits = [each for each in context.windows.tasks if fnmatch.fnmatchcase(each.name.lower(), value.lower())]
            if not hits:
                raise ProcessError(f'The process "{value}" not found.')
            found += hits
    return found


async def tasklist(context: ProgramContext) -> int:
    """``tasklist``; with ``/svc`` the services in each process."""
    services = context.windows.services
    if "/svc" in map(str.lower, context.words):
        names = {services.pid_of(each.name): each.name for each in context.disk.services.values()}
        await context.write(f"\n{'Image Name':<25} {'PID':>8} Services\n{'=' * 25} {'=' * 8} {'=' * 44}\n")
        await context.write_lines(
            f"{each.name:<25} {each.pid:>8} {names.get(each.pid, 'N/A')}" for each in context.windows.tasks
        )
        return 0
    await context.write(
        f"\n{'Image Name':<25} {'PID':>8} {'Session Name':<16} {'Session#':>11} {'Mem Usage':>12}\n"
        f"{'=' * 25} {'=' * 8} {'=' * 16} {'=' * 11} {'=' * 12}\n"
    )
    await context.write_lines(
        f"{each.name:<25} {each.pid:>8} {each.session:<16} {int(each.session == 'Console'):>11} {each.memory_kb:>10,} K"
        for each in context.windows.tasks
    )
    return 0


async def taskkill(context: ProgramContext) -> int:
    """``taskkill`` by ``/pid`` or ``/im``."""
    words = context.words
    try:
        processes = _selected(context, words)
        if not processes:
            return await context.fail("ERROR: Invalid syntax. Neither /PID nor /IM were specified.")
        for process in processes:
            if process.user != context.token.user:
                context.need_administrator()
            context.windows.kill(process)
            await context.write(f'SUCCESS: The process "{process.name}" with PID {process.pid} has been terminated.\n')
    except ProcessError as error:
        return await context.fail(f"ERROR: {error}", 128)
    return 0


async def wmic(context: ProgramContext) -> int:
    """``wmic os get`` and ``wmic timezone get`` some properties, of which the version is made."""
    words = [word.lower() for word in context.words]
    values = {
        "os": {
            "BuildNumber": VERSION.rpartition(".")[2],
            "Caption": f"Microsoft {context.disk.product}",
            "InstallDate": "20180101000000.000000+000",
            "LastBootUpTime": f"{context.windows.now() - context.windows.uptime():%Y%m%d%H%M%S.000000+000}",
            "OSArchitecture": "64-bit",
            "Version": VERSION,
        },
        "timezone": {"Caption": "(UTC) Coordinated Universal Time", "StandardName": "Coordinated Universal Time"},
    }.get(words[0] if words else "", {})
    if not values or words[1:2] != ["get"] or len(words) < 3:
        return await context.fail(
            "This machine's wmic knows `wmic os get` and `wmic timezone get` with properties only."
        )
    wanted = [name for word in words[2:] if not word.startswith("/") for name in word.split(",") if name]
    if not set(wanted) <= {name.lower() for name in values}:
        return await context.fail("Invalid query")
    chosen = {name: value for name, value in values.items() if name.lower() in wanted}
    if any(word.startswith("/format:list") for word in words):
        await context.write_lines(["", *(f"{name}={value}" for name, value in chosen.items()), ""])
    else:
        widths = [max(len(name), len(value)) + 2 for name, value in chosen.items()]
        for row in (chosen.keys(), chosen.values()):
            await context.write("".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + "\n")
    return 0


async def shutdown(context: ProgramContext) -> int:
    """``shutdown``: ``/r`` or ``/s``, after ``/t`` seconds; ``/a`` takes it back."""
    words = [word.lower().replace("-", "/", 1) if word.startswith("-") else word.lower() for word in context.words]
    if not {"/r", "/s", "/p", "/g", "/a"} & set(words):
        await context.write("shutdown /r | /s | /a [/f] [/t seconds]\n")
        return 0
    if not context.token.administrator:
        return await context.fail("Access is denied.(5)", 5)
    if "/a" in words:
        if not context.windows.abort_end():
            return await context.fail(
                "Unable to abort the system shutdown because no shutdown was in progress.(1116)", 92
            )
        return 0
    text = words[words.index("/t") + 1] if "/t" in words[:-1] else str(0 if "/p" in words else _SHUTDOWN_S)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= _LONGEST_SHUTDOWN_S):
        return await context.fail(f"Invalid value for /t: {text}; use 0 to {_LONGEST_SHUTDOWN_S} seconds.", 87)
    context.windows.end_in(int(text), "reboot" if {"/r", "/g"} & set(words) else "poweroff")
    return 0


SYSTEM_PROGRAMS: Final[dict[str, Program]] = {
    "hostname": hostname,
    "shutdown": shutdown,
    "systeminfo": systeminfo,
    "taskkill": taskkill,
    "tasklist": tasklist,
    "whoami": whoami,
    "wmic": wmic,
}
