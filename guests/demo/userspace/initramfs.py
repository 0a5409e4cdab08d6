"""The initramfs: it loads the disk's drivers and mounts the root file system, or drops to a shell.

Only what it writes to the console is there: no module is loaded and nothing is mounted.
"""

from __future__ import annotations

from typing import Final

import trio

from ..kernel import boot_log, crash_traces
from ..kernel.kernel import Kernel
from ..settings import Settings
from .user_shell import run_user_shell

#: The values of root= that name the disk.
ROOT_DEVICES: Final = ("/dev/vda1", "UUID=7d1c9c3b-51a2-4d0f-9c43-0a8f5d1f7e55", "LABEL=root", "PARTUUID=4f1c03d2-01")
#: How long the initramfs waits for the root device, in seconds; scaled.
ROOT_DELAY_S: Final = 30.0


class Initramfs:
    """The initramfs.

    Args:
        kernel: the kernel.
        settings: the guest's settings.
    """

    def __init__(self, kernel: Kernel, settings: Settings) -> None:
        self._kernel = kernel
        self._settings = settings

    async def run(self) -> bool:
        """Find and mount the root file system; return whether it was found."""
        kernel = self._kernel
        await self._kernel.write_console("Loading, please wait...\nStarting systemd-udevd version 252.22-1~deb12u1\n")
        for _part, level, text in boot_log.DISK:
            kernel.log.printk(text, level)
        await self._kernel.write_console(
            "Begin: Loading essential drivers ... done.\nBegin: Running /scripts/init-premount ... done.\n"
            "Begin: Mounting root file system ... Begin: Running /scripts/local-top ... done.\n"
            "Begin: Running /scripts/local-premount ... done.\n"
        )
        root = kernel.parameters.value("root") or ""
        if root not in ROOT_DEVICES:
            await self._give_up(root)
            return False
        kernel.log.printk(boot_log.MOUNTED)
        await self._kernel.write_console("done.\nBegin: Running /scripts/local-bottom ... done.\n")
        if any(word == "break" or word.startswith("break=") for word in kernel.parameters.words):
            await self._kernel.write_console("Spawning shell within the initramfs\n")
            await self._shell()
        await self._kernel.write_console("Begin: Running /scripts/init-bottom ... done.\n")
        return True

    async def _give_up(self, root: str) -> None:
        await self._kernel.write_console("Begin: Waiting for root file system ... ")
        await trio.sleep(self._settings.scaled(ROOT_DELAY_S))
        await self._kernel.write_console(
            "Begin: Running /scripts/local-block ... done.\ndone.\n"
            "Gave up waiting for root file system device.  Common problems:\n"
            " - Boot args (cat /proc/cmdline)\n"
            "   - Check rootdelay= (did the system wait long enough?)\n"
            " - Missing modules (cat /proc/modules; ls /dev)\n"
            f"ALERT!  {root} does not exist.  Dropping to a shell!\n"
        )
        await self._shell()
        self._kernel.panic("Attempted to kill init! exitcode=0x00000100", crash_traces.INIT_DIED)

    async def _shell(self) -> None:
        await self._kernel.write_console(
            "\n\nBusyBox v1.35.0 (Debian 1:1.35.0-4+b3) built-in shell (ash)\n"
            "Enter 'help' for a list of built-in commands.\n\n"
        )
        if not self._kernel.parameters.console_is_serial:
            await trio.sleep_forever()
        await run_user_shell(
            self._kernel, self._settings, "sh", prompt="(initramfs) ", directory="/", job_control=False
        )
