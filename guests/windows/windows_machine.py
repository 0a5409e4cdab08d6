"""The machine, from power on to power off: firmware, boot manager, Windows.  The package's docstring says what is where."""

from __future__ import annotations

from typing import Final

import trio

from uartsim.guest.script import LineFormat, ScriptHost

from .bootmgr.bootmgr_menu import BootManager
from .disk.windows_disk import WindowsDisk
from .windows_settings import Settings

#: What the firmware prints: it says what this machine is.
FIRMWARE: Final = (
    "This is `windows', the scripted guest of uartsim: no real Windows runs here.\r\n"
    "\r\n"
    "Booting from Hard Disk...\r\n"
    "\r\n"
)
#: The disk's place in ``host.disk``, which outlives resets.
_DISK: Final = "windows"


async def main(host: ScriptHost) -> str | None:
    """Run the machine until it is switched off or reset.

    Returns:
        "reboot" or "poweroff".
    """
    settings = Settings.from_host(host.settings)
    disk = host.disk.setdefault(_DISK, None)
    if disk is None:
        disk = host.disk[_DISK] = WindowsDisk(settings)
    host.tty.open(LineFormat())
    await host.tty.write(FIRMWARE.encode())
    await trio.sleep(settings.scaled(0.05))
    options = await BootManager(host, disk.boot_store, settings.time_scale).run()
    if options is None:
        return "reboot"
    from .windows_system import WindowsSystem  # late, so that the firmware's first byte comes soon

    return await WindowsSystem(host, settings, disk, options).run()
