"""Linux, from the kernel's start to the end: what runs on the machine after GRUB."""

from __future__ import annotations

from functools import partial
from typing import Final

import trio

from uartsim.guest.script import ScriptHost

from .grub.menu_entries import BootRequest
from .kernel import boot_log, crash_traces, procfs
from .kernel.kernel import Kernel
from .kernel.kernel_parameters import KernelParameters
from .kernel.printk import CRIT
from .settings import Settings
from .tty.serial_core import SerialPort
from .userspace.command_agent import CommandAgent
from .userspace.init import SYSTEMD_SHARE, Init
from .userspace.installation import install

#: How long the last output may take to leave, in seconds; a line that never drains must not keep the machine on.
LAST_OUTPUT_S: Final = 30.0


class LinuxSystem:
    """A Linux system whose kernel has just been started.

    Args:
        host: the guest's host.
        settings: the guest's settings.
        request: what GRUB has loaded.
    """

    def __init__(self, host: ScriptHost, settings: Settings, request: BootRequest) -> None:
        self._host = host
        self._settings = settings
        self._has_initrd = request.has_initrd
        self._port = SerialPort(host.tty)
        parameters = KernelParameters(request.command_line)
        self._kernel = kernel = Kernel(
            self._port, host.uart, parameters, settings.sysrq, settings.hostname, self._power, host.disk
        )
        self._agent = CommandAgent(host, kernel)
        self._init = kernel.init = Init(kernel, settings, self._agent)
        self._over = trio.Event()
        self._reason = ""
        procfs.add_proc(kernel)
        procfs.add_devices(kernel)
        if kernel.files.is_new:
            install(kernel.files, settings)
        kernel.host_name = kernel.files.read_text("/etc/hostname").strip() or kernel.host_name

    async def run(self) -> str:
        """Run until the system ends by itself: with "reboot" or "poweroff"."""
        self._host.on_nmi = self._kernel.handle_nmi
        self._host.on_power_button = partial(self._init.shut_down, "poweroff")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._port.run_transmitter)
            nursery.start_soon(self._port.run_receiver)
            nursery.start_soon(self._kernel.watch_for_panic)
            nursery.start_soon(self._run_tasks)
            await self._over.wait()
            with trio.move_on_after(LAST_OUTPUT_S):
                await self._port.drain_kernel()
            nursery.cancel_scope.cancel()
        return self._reason

    def _power(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._over.set()

    async def _run_tasks(self) -> None:
        try:
            with self._kernel.tasks:
                await self._boot_kernel()
                await self._init.run()
        finally:
            self._agent.stop()

    async def _boot_kernel(self) -> None:
        """Print the boot log, at the pace of the setting or of the line, whichever is slower."""
        kernel, parameters = self._kernel, self._kernel.parameters
        if parameters.serial_format is not None:
            self._port.set_format(parameters.serial_format)
        start = trio.current_time()
        duration_s = self._settings.boot_seconds * (1 - SYSTEMD_SHARE)
        for part, level, text in boot_log.kernel_lines(parameters, kernel.uart):
            await trio.sleep_until(start + part * duration_s)
            kernel.log.printk(text, level, stamp=0.0 if part == 0 else None)
            await self._port.room_for_kernel()
        if not self._has_initrd:
            self._die_without_root()
            await trio.sleep_forever()

    def _die_without_root(self) -> None:
        # The disk's driver is a module in the initial ramdisk.
        root = self._kernel.parameters.value("root") or ""
        log = self._kernel.log
        log.printk(f'VFS: Cannot open root device "{root}" or unknown-block(0,0): error -6', CRIT)
        log.printk('Please append a correct "root=" boot option; here are the available partitions:', CRIT)
        self._kernel.panic("VFS: Unable to mount root fs on unknown-block(0,0)", crash_traces.NO_INIT)
