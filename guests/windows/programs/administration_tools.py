"""Further programs of Microsoft's pages on the serial console: wevtutil, gpupdate, icacls, takeown, telnet.

There are no permissions on files here but for the one rule that only administrators write to the system's folders:
icacls and takeown say that they have done what they would do.
"""

from __future__ import annotations

import re
from typing import Final

from ..disk.event_log import event_lines
from ..disk.volume import absolute
from .network_tools import reaches, resolve
from .program_context import Program, ProgramContext

_QUERY: Final = re.compile(r'/q:("?)(.*?)\1(?=\s/|\s*$)', re.IGNORECASE)


async def wevtutil(context: ProgramContext) -> int:
    """``wevtutil qe system``: events, the oldest first, or the newest with ``/rd:true``."""
    words = context.words
    lowered = [word.lower() for word in words]
    if lowered[:1] not in (["qe"], ["query-events"]) or len(words) < 2:
        await context.write("wevtutil qe system [/c:count] [/rd:true] [/f:text] [/q:query]\n")
        return 1
    if lowered[1] not in ("system", "security", "application"):
        return await context.fail("Failed to read events. The specified channel could not be found.", 15007)
    match = _QUERY.search(context.tail)
    events = context.disk.events.matching(match[2] if match else "") if lowered[1] == "system" else []
    if any(word in ("/rd:true", "/rd") for word in lowered):
        events = events[::-1]
    counts = [word[3:] for word in lowered if word.startswith("/c:")]
    if counts and counts[0].isascii() and counts[0].isdigit() and len(counts[0]) < 10:
        events = events[: int(counts[0])]
    await context.write_lines(event_lines(events, context.disk.host_name))
    return 0


async def gpupdate(context: ProgramContext) -> int:
    """``gpupdate``: the machine belongs to no domain, so that nothing changes."""
    await context.write(
        "Updating policy...\n\nComputer Policy update has completed successfully.\n"
        "User Policy update has completed successfully.\n\n"
    )
    return 0


async def icacls(context: ProgramContext) -> int:
    """``icacls``: who may use a file."""
    words = [word for word in context.words if not word.startswith("/")]
    if not words:
        return await context.fail("icacls name [/grant user:permission] [/t] [/c]", 87)
    path = absolute(context.session.folder, words[0])
    if not (context.disk.volume.is_folder(path) or context.disk.volume.is_file(path)):
        return await context.fail(f"{words[0]}: The system cannot find the file specified.", 2)
    if any(word.lower().startswith(("/grant", "/deny", "/reset", "/remove", "/setowner")) for word in context.words):
        context.need_administrator()
        await context.write(f"processed file: {path}\n")
    else:
        await context.write(f"{path} NT AUTHORITY\\SYSTEM:(F)\n{' ' * len(path)} BUILTIN\\Administrators:(F)\n\n")
    await context.write("Successfully processed 1 files; Failed processing 0 files\n")
    return 0


async def takeown(context: ProgramContext) -> int:
    """``takeown /f NAME``: an administrator may write to it anyway."""
    context.need_administrator()
    words = context.words
    lowered = [word.lower() for word in words]
    if "/f" not in lowered[:-1]:
        return await context.fail("ERROR: Invalid syntax: give /F and a name.")
    path = absolute(context.session.folder, words[lowered.index("/f") + 1])
    if not (context.disk.volume.is_folder(path) or context.disk.volume.is_file(path)):
        return await context.fail("ERROR: The system cannot find the file specified.")
    await context.write(f'\nSUCCESS: The file (or folder): "{path}" now owned by the Administrators group.\n')
    return 0


async def telnet(context: ProgramContext) -> int:
    """``telnet HOST PORT``, once dism has switched it on: whether a connection can be made."""
    if not context.disk.telnet_client:
        return await context.fail(
            "'telnet' is not recognized as an internal or external command,\noperable program or batch file.", 9009
        )
    words = context.words
    if not words:
        return await context.fail("telnet host [port]")
    host, port = words[0], words[1] if len(words) > 1 else "23"
    address = resolve(context, host)
    await context.write(f"Connecting To {host}...")
    if address is None or not reaches(context, address):
        return await context.fail(f"Could not open connection to the host, on port {port}: Connect failed")
    await context.write("connected, and closed by the other end.\n")
    return 0


ADMINISTRATION_TOOLS: Final[dict[str, Program]] = {
    "gpupdate": gpupdate,
    "icacls": icacls,
    "takeown": takeown,
    "telnet": telnet,
    "wevtutil": wevtutil,
}
