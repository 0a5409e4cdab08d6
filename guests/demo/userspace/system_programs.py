"""Commands about the machine: uname, dmesg, ps, date, free, sysctl, sleep, reboot and their like."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

import trio

from ..kernel import process_table as processes
from ..kernel.vfs import FileError
from ..shell import getopt as options
from .text_programs import checked

if TYPE_CHECKING:
    from ..shell.command_context import CommandFunction, Context


async def _uname(context: Context) -> int:
    parsed = options.parse(context.arguments, "asnrvmpio", {"all": "a", "kernel-release": "r", "machine": "m"})
    await context.print(context.machine.files.uname("".join(sorted(parsed.flags))))
    return 0


async def _dmesg(context: Context) -> int:
    kernel = context.machine.kernel
    parsed = options.parse(
        context.arguments, "n:cCDEwHTtxrkS", {"console-level": "n", "clear": "C", "console-off": "D", "console-on": "E"}
    )
    if "n" in parsed.values:
        names = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
        level = parsed.values["n"]
        kernel.console_loglevel = names.index(level) + 1 if level in names else options.number(level, "level")
        return 0
    if parsed.flags & {"D", "E"}:
        kernel.console_loglevel = 1 if "D" in parsed else 7
        return 0
    if "C" not in parsed:
        if "t" in parsed:
            await context.print("".join(f"{text}\n" for _, _, text in kernel.ring), "")
        elif "r" in parsed:
            raw = zip(kernel.ring, kernel.dmesg().splitlines(), strict=True)
            await context.print("".join(f"<{level}>{line}\n" for (level, _, _), line in raw), "")
        else:
            await context.print(kernel.dmesg(), "")
    if parsed.flags & {"c", "C"}:
        kernel.ring.clear()
    return 0


async def _ps(context: Context) -> int:
    letters = "".join(context.arguments).replace("-", "")
    everyone = processes.everyone(logged_in=True)
    shown = processes.Process(430, 412, "ps", f"ps {' '.join(context.arguments)}".strip(), "R+", "ttyS0", 4000, 8100)
    everyone.append(shown)
    if "u" in letters:
        await context.print("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND")
        started = context.machine.files.date("%H:%M")
        for each in everyone:
            share = 100 * each.memory_kib / 481284
            await context.print(
                f"root     {each.pid:7d}  0.0 {share:4.1f} {each.virtual_kib:6d} {each.memory_kib:5d} {each.tty:<8} "
                f"{each.state:<4} {started}   0:00 {each.shown}"
            )
    elif "f" in letters:
        await context.print("UID          PID    PPID  C STIME TTY          TIME CMD")
        started = context.machine.files.date("%H:%M")
        for each in everyone:
            await context.print(
                f"root     {each.pid:7d} {each.parent:7d}  0 {started} {each.tty:<8} 00:00:00 {each.shown}"
            )
    else:
        everyone = everyone if set(letters) & {"e", "A", "a"} else [each for each in everyone if each.tty == "ttyS0"]
        await context.print("    PID TTY          TIME CMD")
        for each in everyone:
            await context.print(f"{each.pid:7d} {each.tty:<8} 00:00:00 {each.name}")
    return 0


async def _id(context: Context) -> int:
    short = {"-u": "0", "-g": "0", "-un": "root", "-nu": "root", "-gn": "root"}
    await context.print(short.get("".join(context.arguments), "uid=0(root) gid=0(root) groups=0(root)"))
    return 0


async def _whoami(context: Context) -> int:
    await context.print("root")
    return 0


async def _hostname(context: Context) -> int:
    names = [word for word in context.arguments if not word.startswith("-")]
    if names:
        context.machine.hostname = names[0]
    else:
        await context.print(context.machine.hostname)
    return 0


async def _date(context: Context) -> int:
    layouts = [word for word in context.arguments if word.startswith("+")]
    layout = layouts[0][1:] if layouts else "%a %b %e %H:%M:%S UTC %Y"
    now = context.machine.wall_time()
    layout = layout.replace("%s", str(int(now))).replace("%N", f"{int(now % 1 * 1e9):09d}").replace("%Z", "UTC")
    await context.print(time.strftime(layout, time.gmtime(now)) if layout else "")
    return 0


def _up(context: Context) -> str:
    minutes = int(context.machine.kernel.uptime_s // 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:2d}:{minutes:02d}" if hours else f"{minutes} min"


async def _uptime(context: Context) -> int:
    if "-p" in context.arguments:
        await context.print(f"up {int(context.machine.kernel.uptime_s // 60)} minutes")
        return 0
    await context.print(_load(context))
    return 0


def _load(context: Context) -> str:
    return f" {context.machine.files.date('%H:%M:%S')} up {_up(context)},  1 user,  load average: 0.08, 0.03, 0.01"


async def _who(context: Context) -> int:
    if context.name == "w":
        login = context.machine.files.date("%H:%M")
        await context.print(_load(context))
        await context.print("USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT")
        await context.print(f"root     ttyS0    -                {login}    0.00s  0.02s  0.00s w")
    else:
        await context.print(f"root     ttyS0        {context.machine.files.date('%Y-%m-%d %H:%M')}")
    return 0


async def _free(context: Context) -> int:
    unit = 1024 if "m" in "".join(context.arguments) else 1
    values = [number // unit for number in (481284, 47548, 397324, 268, 49204, 433736)]
    await context.print("               total        used        free      shared  buff/cache   available")
    total, used, unused, shared, cache, available = values
    await context.print(f"Mem:     {total:11d} {used:11d} {unused:11d} {shared:11d} {cache:11d} {available:11d}")
    await context.print(f"Swap:    {0:11d} {0:11d} {0:11d}")
    return 0


async def _sysctl(context: Context) -> int:
    files = context.machine.files
    parsed = options.parse(context.arguments, "wnaqe")
    names = parsed.operands
    if "a" in parsed:
        names = [f"kernel.{name}" for name in files.names("/proc/sys/kernel")]
    status = 0
    for word in names:
        name, equals, value = word.partition("=")
        name = name.strip()
        path = f"/proc/sys/{name.replace('.', '/')}"
        try:
            if equals:
                files.write(path, value.strip().encode())
                if "q" not in parsed:
                    await context.print(f"{name} = {value.strip()}")
            else:
                current = files.read(path).decode().strip()
                await context.print(current if "n" in parsed else f"{name} = {current}")
        except FileError as error:
            if "Invalid" in str(error):
                status = await context.complain(f'setting key "{name}": {error}', 255)
            else:
                status = await context.complain(f"cannot stat {path}: {error}", 255)
    return status


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


async def _reboot(context: Context) -> int:
    """reboot, poweroff, halt, shutdown and init: clean, or at once with -f."""
    arguments = context.arguments
    how = context.name
    if context.name == "shutdown":
        if "-c" in arguments:
            return 0
        how = "reboot" if "-r" in arguments else "halt" if "-H" in arguments else "poweroff"
    elif context.name in ("init", "telinit"):
        how = {"6": "reboot", "0": "poweroff"}.get("".join(arguments), "")
        if not how:
            return await context.complain("only 0 and 6 are understood here")
    elif "-p" in arguments and how == "halt":
        how = "poweroff"
    return await _go_down(context, how, forced=bool({"-f", "--force", "-ff"} & set(arguments)))


async def _go_down(context: Context, how: str, *, forced: bool) -> int:
    machine = context.machine
    if not context.shell.job_control and not forced:
        await context.stderr.write(
            b"System has not been booted with systemd as init system (PID 1). Can't operate.\n"
            b"Failed to connect to bus: Host is down\n"
        )
        return 1
    if forced:
        if how != "halt":
            await context.stderr.write(b"Rebooting.\n" if how == "reboot" else b"Powering off.\n")
        await machine.port.drain()
        machine.init.shut_down_at_once(how)
        await trio.sleep_forever()
    machine.init.shut_down(how)
    return 0


async def _systemctl(context: Context) -> int:
    words = [word for word in context.arguments if not word.startswith("-")]
    forced = bool({"-f", "--force", "-ff"} & set(context.arguments))
    verb = words[0] if words else "list-units"
    if verb in ("reboot", "poweroff", "halt"):
        return await _go_down(context, verb, forced=forced)
    if verb in ("default", "isolate"):
        from ..shell.command_context import ExitShell

        raise ExitShell(0)
    if verb == "is-system-running":
        await context.print("running")
        return 0
    if verb == "is-active":
        await context.print("active")
        return 0
    if verb == "--version" or "--version" in context.arguments:
        await context.print("systemd 252 (252.22-1~deb12u1)")
        return 0
    if verb == "status":
        unit = words[1] if len(words) > 1 else context.machine.hostname
        await context.print(
            f"● {unit}\n    State: running\n    Units: 141 loaded (incl. loaded aliases)\n   Failed: 0 units"
        )
        return 0
    return await context.complain(f"`{verb}' is not part of this scripted machine", 1)


async def _journalctl(context: Context) -> int:
    for _level, _stamp, text in context.machine.kernel.ring:
        await context.print(f"{context.machine.files.date('%b %d %H:%M:%S')} {context.machine.hostname} kernel: {text}")
    return 0


async def _lsmod(context: Context) -> int:
    await context.print(
        "Module                  Size  Used by\nvirtio_blk             28672  1\next4                  978944  1"
    )
    return 0


async def _nproc(context: Context) -> int:
    await context.print("1")
    return 0


async def _arch(context: Context) -> int:
    await context.print("x86_64")
    return 0


async def _kill(context: Context) -> int:
    """kill: nothing but the shell's own background jobs could be hit; unknown numbers are said so."""
    for word in [word for word in context.arguments if not word.startswith("-")]:
        known = {str(each.pid) for each in processes.everyone(logged_in=True)}
        known |= {str(job.pid) for job in context.shell.background}
        if word not in known:
            await context.stderr.write(f"{context.shell.name}: kill: ({word}) - No such process\n".encode())
            return 1
    return 0


COMMANDS: Final[dict[str, CommandFunction]] = {
    name: checked(function)
    for name, function in {
        "uname": _uname,
        "arch": _arch,
        "dmesg": _dmesg,
        "ps": _ps,
        "id": _id,
        "whoami": _whoami,
        "hostname": _hostname,
        "date": _date,
        "uptime": _uptime,
        "who": _who,
        "w": _who,
        "free": _free,
        "sysctl": _sysctl,
        "sleep": _sleep,
        "usleep": _sleep,
        "reboot": _reboot,
        "poweroff": _reboot,
        "halt": _reboot,
        "shutdown": _reboot,
        "init": _reboot,
        "telinit": _reboot,
        "systemctl": _systemctl,
        "journalctl": _journalctl,
        "lsmod": _lsmod,
        "nproc": _nproc,
        "kill": _kill,
    }.items()
}
