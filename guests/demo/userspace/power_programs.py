"""Programs that end the system: reboot, poweroff, halt, shutdown, systemctl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import trio

from ..shell.command_context import CommandFunction, Context, ExitShell

_FORCED: Final = frozenset(("-f", "--force", "-ff"))


async def _reboot(context: Context) -> int:
    how = "poweroff" if context.name == "halt" and "-p" in context.arguments else context.name
    return await _go_down(context, how)


async def _shutdown(context: Context) -> int:
    arguments = set(context.arguments)
    if "-c" in arguments:
        return 0
    return await _go_down(context, "reboot" if "-r" in arguments else "halt" if "-H" in arguments else "poweroff")


async def _go_down(context: Context, how: str) -> int:
    """End the system: cleanly, or at once with ``-f``."""
    kernel = context.kernel
    if not context.user.is_root:
        words = {"poweroff": "power off", "reboot": "reboot", "halt": "halt"}[how]
        await context.stderr.write(
            f"Failed to {words} system via logind: Interactive authentication required.\n".encode()
        )
        return 1
    forced = bool(_FORCED.intersection(context.arguments))
    if kernel.init is None or not (context.shell.job_control or forced):
        await context.stderr.write(
            b"System has not been booted with systemd as init system (PID 1). Can't operate.\n"
            b"Failed to connect to bus: Host is down\n"
        )
        return 1
    if forced:
        if how != "halt":
            await context.stderr.write(b"Rebooting.\n" if how == "reboot" else b"Powering off.\n")
        await kernel.port.drain()
        kernel.init.shut_down_at_once(how)
        await trio.sleep_forever()
    kernel.init.shut_down(how)
    return 0


async def _systemctl(context: Context) -> int:
    words = [word for word in context.arguments if not word.startswith("-")]
    verb = words[0] if words else "list-units"
    if verb in ("reboot", "poweroff", "halt"):
        return await _go_down(context, verb)
    if verb in ("default", "isolate"):
        raise ExitShell(0)
    if verb == "is-system-running":
        await context.print("running")
        return 0
    if verb == "is-active":
        await context.print("active")
        return 0
    if "--version" in context.arguments:
        await context.print("systemd 252 (252.22-1~deb12u1)")
        return 0
    if verb == "status":
        unit = words[1] if len(words) > 1 else context.kernel.host_name
        await context.print(
            f"● {unit}\n    State: running\n    Units: 141 loaded (incl. loaded aliases)\n   Failed: 0 units"
        )
        return 0
    return await context.complain(f"`{verb}' is not part of this scripted machine", 1)


#: These programs, by name.
POWER_PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    "reboot": _reboot,
    "poweroff": _reboot,
    "halt": _reboot,
    "shutdown": _shutdown,
    "systemctl": _systemctl,
}
