"""The guest, from power on to power off: firmware, GRUB, Linux.  The package's docstring says what is where."""

from __future__ import annotations

from typing import Final

import trio

from uartsim.guest.script import LineFormat, ScriptHost

from .grub.boot_menu import Menu
from .grub.grub_script import PowerCommand
from .grub.menu_entries import BootRequest, default_entries
from .grub.serial_terminal import GrubTerminal
from .settings import Settings

#: What the firmware prints before GRUB clears the screen: it says what this machine is.
FIRMWARE: Final = (
    "SeaBIOS (version 1.16.2-uartsim-demo)\r\n"
    "\r\n"
    "This is `demo', the scripted guest of uartsim: no real Linux runs here.\r\n"
    "\r\n"
    "Booting from Hard Disk...\r\n"
    "GRUB loading...\r\n"
    "Welcome to GRUB!\r\n"
    "\r\n"
)


async def main(host: ScriptHost) -> str | None:
    """Run the machine until it is switched off or reset.

    Returns:
        "reboot" or "poweroff".
    """
    settings = Settings.from_host(host.settings)
    host.tty.open(LineFormat())
    await host.tty.write(FIRMWARE.encode())
    await trio.sleep(settings.scaled(0.05))
    terminal = GrubTerminal(host.tty)
    menu = Menu(terminal, default_entries(settings.cmdline), settings.grub_timeout, settings.scaled(0.05))
    try:
        request = await menu.run()
    except PowerCommand as command:
        await terminal.flush()
        await host.tty.drain()
        return command.reason
    try:
        return await run_linux(host, settings, request)
    finally:
        host.on_nmi = host.on_power_button = None


async def run_linux(host: ScriptHost, settings: Settings, request: BootRequest) -> str:
    """Run the kernel that GRUB has loaded, and all that runs on it; returns "reboot" or "poweroff".

    Kernel, shell and userspace are imported here and nowhere earlier, so that the firmware's first byte comes soon.
    """
    from .linux_system import LinuxSystem

    return await LinuxSystem(host, settings, request).run()
