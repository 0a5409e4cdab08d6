"""The machine from the moment the kernel runs: its tasks, its start, its end."""

from __future__ import annotations

import time
from typing import Final

import trio

from uartsim.guest.script import ScriptHost

from .grub.grub_script import BootRequest
from .kernel import boot_log
from .kernel import crash_traces as traces
from .kernel.kernel import CRIT, CommandLine, Kernel
from .kernel.vfs import FileSystem
from .settings import Settings
from .tty.serial_core import SerialPort
from .userspace.init import Init

#: What share of ``boot_seconds`` the kernel takes; the rest is init's.
KERNEL_SHARE: Final = 0.6
#: How long the last words may take to leave, in seconds; a line that never drains must not keep the machine on.
LAST_WORDS_S: Final = 30.0


class Machine:
    """A machine on which a kernel has just been started.

    Args:
        host: the guest's host.
        settings: the guest's settings.
        request: what GRUB loaded.
    """

    def __init__(self, host: ScriptHost, settings: Settings, request: BootRequest) -> None:
        self.settings = settings
        self._wall_start = time.time() - trio.current_time()
        self.port = SerialPort(host.tty)
        #: The chip that ttyS0 is.
        self.uart = host.uart
        self.has_initrd = request.has_initrd
        self.kernel = Kernel(self.port, CommandLine(request.command_line), settings.sysrq, self._power)
        self.terminal = self.kernel.terminal
        self.hostname = settings.hostname
        self.files = FileSystem(self)
        self.init = Init(self)
        self._host = host
        self._over = trio.Event()
        self._reason = ""

    def wall_time(self) -> float:
        """The clock of the machine: seconds since 1970, at the pace of trio's clock."""
        return self._wall_start + trio.current_time()

    async def run(self) -> str:
        """Run until the machine is reset or switched off by its own doing: "reboot" or "poweroff"."""
        self._host.on_nmi = self.kernel.handle_nmi
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.port.run_transmitter)
            nursery.start_soon(self.port.run_receiver)
            nursery.start_soon(self.kernel.watch_for_death)
            nursery.start_soon(self._run_system)
            await self._over.wait()
            with trio.move_on_after(LAST_WORDS_S):
                await self.port.drain_kernel()
            nursery.cancel_scope.cancel()
        return self._reason

    def _power(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._over.set()

    async def _run_system(self) -> None:
        with trio.CancelScope() as scope:
            self.kernel.stop_userspace = scope.cancel
            await self._run_kernel()
            await self.init.run()

    async def _run_kernel(self) -> None:
        """Print the boot log, at the pace of the setting or of the line, whichever is slower."""
        line_format = self.kernel.command_line.serial_format
        if line_format is not None:
            self.port.set_format(line_format)
        start = trio.current_time()
        duration_s = self.settings.boot_seconds * KERNEL_SHARE
        for part, level, text in boot_log.kernel_lines(self.kernel.command_line, self.uart):
            await trio.sleep_until(start + part * duration_s)
            self.kernel.printk(text, level, stamp=0.0 if part == 0 else None)
            await self.port.room_for_kernel()
        if not self.has_initrd:
            self._die_without_root()
            await trio.sleep_forever()

    def _die_without_root(self) -> None:
        # The disk's driver is a module in the initial ramdisk.
        root = self.kernel.command_line.value("root") or ""
        self.kernel.printk(f'VFS: Cannot open root device "{root}" or unknown-block(0,0): error -6', CRIT)
        self.kernel.printk('Please append a correct "root=" boot option; here are the available partitions:', CRIT)
        self.kernel.panic("VFS: Unable to mount root fs on unknown-block(0,0)", traces.NO_INIT)
