"""From power on to power off: firmware, GRUB, the kernel, init.  See the package's docstring for the rest."""

from __future__ import annotations

from typing import Final

import trio

from uartsim.guest.script import LineFormat, ScriptHost

from .grub.boot_menu import Menu
from .grub.grub_script import BootRequest, PowerCommand, default_entries
from .grub.serial_terminal import GrubTerminal
from .linux_system import Machine
from .settings import Settings

#: Printed by the firmware, before GRUB clears the screen: it says what this is.
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
        request: BootRequest = await menu.run()
    except PowerCommand as command:
        await terminal.flush()
        await host.tty.drain()
        return command.reason
    machine = Machine(host, settings, request)
    try:
        return await machine.run()
    finally:
        host.on_nmi = None
