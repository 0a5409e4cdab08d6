"""Programs that show or change the state of the system: uname, dmesg, sysctl, hostname, date, uptime, ps, sleep ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import trio

from ..kernel.printk import KernelLog
from ..kernel.release import uname
from ..kernel.vfs import FileError, FileSystem
from ..shell import getopt
from ..shell.command_context import CommandFunction, Context
from . import accounts

_LEVELS: Final = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")


async def _uname(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "asnrvmpio", {"all": "a", "kernel-release": "r", "machine": "m"})
    await context.print(uname(context.kernel.host_name, "".join(parsed.flags) or "s"))
    return 0


async def _dmesg(context: Context) -> int:
    log = context.kernel.log
    if not context.user.is_root:
        return await context.complain("read kernel buffer failed: Operation not permitted")
    parsed = getopt.parse(
        context.arguments, "n:cCDEwHTtxrkS", {"console-level": "n", "clear": "C", "console-off": "D", "console-on": "E"}
    )
    if "n" in parsed.values:
        level = parsed.values["n"]
        log.console_loglevel = _LEVELS.index(level) + 1 if level in _LEVELS else getopt.number(level, "level")
        return 0
    if parsed.flags & {"D", "E"}:
        log.console_loglevel = 1 if "D" in parsed else 7
        return 0
    if "C" not in parsed:
        await context.print(_dmesg_text(log, parsed.flags), "")
    if parsed.flags & {"c", "C"}:
        log.clear()
    return 0


def _dmesg_text(log: KernelLog, flags: set[str]) -> str:
    if "t" in flags:
        return "".join(f"{message.text}\n" for message in log.messages)
    if "r" in flags:
        lines = zip(log.messages, log.text().splitlines(), strict=True)
        return "".join(f"<{message.level}>{line}\n" for message, line in lines)
    return log.text()


async def _date(context: Context) -> int:
    layout = next((word[1:] for word in context.arguments if word.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    now = context.kernel.wall_time()
    layout = layout.replace("%s", str(int(now))).replace("%N", f"{int(now % 1 * 1e9):09d}").replace("%Z", "UTC")
    await context.print(context.kernel.date(layout) if layout else "")
    return 0


async def _uptime(context: Context) -> int:
    minutes = int(context.kernel.log.uptime_s // 60)
    if "-p" in context.arguments:
        await context.print(f"up {minutes} minute{'' if minutes == 1 else 's'}")
        return 0
    up = f"{minutes // 60:2d}:{minutes % 60:02d}" if minutes >= 60 else f"{minutes} min"
    now = context.kernel.date("%H:%M:%S")
    await context.print(f" {now} up {up},  1 user,  load average: 0.08, 0.03, 0.01")
    return 0


async def _ps(context: Context) -> int:
    letters = set("".join(context.arguments).replace("-", ""))
    on_line = {"login", "bash", "agetty"}
    shown = [each for each in context.kernel.processes.all() if letters & {"e", "A", "a", "x"} or each.name in on_line]
    await context.print("    PID TTY          TIME CMD")
    for each in shown:
        tty = "ttyS0" if each.name in on_line and each.pid != 366 else "?"
        await context.print(f"{each.pid:7d} {tty:<8} 00:00:00 {each.name}")
    return 0


async def _hostname(context: Context) -> int:
    names = [word for word in context.arguments if not word.startswith("-")]
    if names and not context.user.is_root:
        return await context.complain("you must be root to change the host name")
    if names:
        context.kernel.host_name = names[0]
    else:
        await context.print(context.kernel.host_name)
    return 0


async def _sysctl(context: Context) -> int:
    files = context.files
    parsed = getopt.parse(context.arguments, "wnaqe")
    names = parsed.operands
    if "a" in parsed:
        names = _settings_below(files, "/proc/sys")
    status = 0
    for word in names:
        name, equals, value = word.partition("=")
        name = name.strip()
        path = f"/proc/sys/{name.replace('.', '/')}"
        try:
            if equals:
                files.write(path, value.strip().encode(errors="surrogateescape"))
                if "q" not in parsed:
                    await context.print(f"{name} = {value.strip()}")
            else:
                current = files.read(path).decode().strip()
                await context.print(current if "n" in parsed else f"{name} = {current}")
        except FileError as error:
            if "Permission" in str(error):
                status = await context.complain(f'permission denied on key "{name}"', 255)
            elif "Invalid" in str(error):
                status = await context.complain(f'setting key "{name}": {error}', 255)
            else:
                status = await context.complain(f"cannot stat {path}: {error}", 255)
    return status


def _settings_below(files: FileSystem, folder: str) -> list[str]:
    """The names of the settings in a folder of /proc/sys and the folders below it."""
    found = []
    for name in files.names(folder):
        path = f"{folder}/{name}"
        if files.is_directory(path):
            found += _settings_below(files, path)
        else:
            found.append(path.removeprefix("/proc/sys/").replace("/", "."))
    return found


async def _sleep(context: Context) -> int:
    if not context.arguments:
        return await context.complain("missing operand")
    total = 0.0
    for word in context.arguments:
        match = re.fullmatch(r"(\d*\.?\d+|inf|infinity)([smhd]?)", word)
        if match is None:
            return await context.complain(f"invalid time interval '{word}'")
        total += float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if total == float("inf"):
        await trio.sleep_forever()
    await trio.sleep(total)
    return 0


async def _journalctl(context: Context) -> int:
    kernel = context.kernel
    if not accounts.is_administrator(kernel.files, context.user):
        await context.stderr.write(b"No journal files were opened due to insufficient permissions.\n")
        return 1
    for message in kernel.log.messages:
        await context.print(f"{kernel.date('%b %d %H:%M:%S')} {kernel.host_name} kernel: {message.text}")
    return 0


#: These programs, by name.
SYSTEM_PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    "uname": _uname,
    "dmesg": _dmesg,
    "date": _date,
    "uptime": _uptime,
    "ps": _ps,
    "hostname": _hostname,
    "sysctl": _sysctl,
    "sleep": _sleep,
    "journalctl": _journalctl,
}
