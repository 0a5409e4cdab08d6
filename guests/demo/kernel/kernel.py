"""The kernel: what it does with breaks and NMIs, how it dies, and what its processes reach through it.

`Kernel` stands between the serial port and the tty: it keeps a break and the key after it for SysRq (see `sysrq`) and
passes the rest on.  A process is given the kernel and finds the terminal, the files and the clock there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import trio

from uartsim.guest.script import Flag, Received

from ..tty.serial_core import SerialPort
from ..tty.tty_device import Terminal
from . import crash_traces
from .kernel_parameters import KernelParameters
from .printk import EMERG, WARNING, KernelLog
from .process_table import ProcessTable
from .sysrq import SysRq
from .vfs import FileSystem

#: How long an armed break waits for its key, in seconds (SYSRQ_TIMEOUT).
SYSRQ_TIMEOUT_S: Final = 5.0


class Init(Protocol):
    """Process 1, as the kernel and other processes call it."""

    def shut_down(self, how: str) -> None:
        """Begin a clean "reboot", "poweroff" or "halt"."""

    def shut_down_at_once(self, how: str) -> None:
        """Do a "reboot", "poweroff" or "halt" without stopping the services first."""

    def kill_sessions(self) -> None:
        """End all processes but process 1."""


class Kernel:
    """A running kernel.

    Args:
        port: the serial port; the kernel becomes its receiver with `open_tty`.
        uart: the chip that ttyS0 is, such as ``"16550A"``.
        parameters: the kernel's command line.
        sysrq_mask: what /proc/sys/kernel/sysrq holds at first.
        host_name: the host name at first.
        power: called with "reboot" or "poweroff" at the very end.
        disk: where the file system is kept over reboots.

    Attributes:
        files: the root file system.
        init: process 1, once there is one.
        tasks: the boot and every process run in it; cancelled, they all stop at once.
    """

    def __init__(
        self,
        port: SerialPort,
        uart: str,
        parameters: KernelParameters,
        sysrq_mask: int,
        host_name: str,
        power: Callable[[str], None],
        disk: dict[str, Any],
    ) -> None:
        self.port = port
        self.uart = uart
        self.parameters = parameters
        self.host_name = host_name
        self.log = KernelLog(parameters, port.print_kernel)
        self.processes = ProcessTable()
        self.sysrq = SysRq(self, sysrq_mask, always="sysrq_always_enabled" in parameters)
        self.terminal = Terminal(port, warn=lambda text: self.log.printk(text, WARNING))
        self.files = FileSystem(self.wall_time, disk)
        self.unknown_nmi_panic = "unknown_nmi_panic" in parameters
        self.panic_timeout = parameters.number("panic", 0)
        self.has_serial_console = parameters.serial_format is not None
        self.init: Init | None = None
        self.tasks = trio.CancelScope()
        self._power = power
        self._stopped = False
        self._wall_start = time.time() - trio.current_time()
        self._break_armed_until: float | None = None
        self._panicked = trio.Event()

    def wall_time(self) -> float:
        """The machine's clock: seconds since 1970, at the pace of trio's clock."""
        return self._wall_start + trio.current_time()

    def date(self, layout: str) -> str:
        """The time of the machine's clock in UTC, as strftime(3) lays it out."""
        return time.strftime(layout, time.gmtime(self.wall_time()))

    async def write_console(self, text: str) -> None:
        """Write to /dev/console, as init does; if that is the screen, nothing appears on the line."""
        if self.parameters.console_is_serial:
            await self.terminal.write(text)
        else:
            await trio.lowlevel.checkpoint()

    # ------------------------------------------------------------------------------------------------ the serial line
    def open_tty(self) -> None:
        """Open /dev/ttyS0: the receiver is switched on, and its FIFO is empty."""
        self.port.driver.flush_input()
        self.port.receiver = self.receive

    def close_tty(self) -> None:
        """Close /dev/ttyS0 for the last time: the receiver is off, and SysRq with it."""
        self.port.receiver = None

    def receive(self, received: Received) -> None:
        """Take what came over the line: SysRq's part first, then the tty gets the rest."""
        if self._stopped:
            return
        if received.flag is Flag.BREAK:
            if self.has_serial_console and self._break_armed_until is None:
                self._break_armed_until = trio.current_time() + SYSRQ_TIMEOUT_S
                return
            self._break_armed_until = None
            self.terminal.receive_flagged(received)
        elif received.flag is Flag.NORMAL:
            data = self._without_sysrq_key(received.data)
            if data and not self._stopped:
                self.terminal.receive(data)
        else:
            self.terminal.receive_flagged(received)

    def _without_sysrq_key(self, data: bytes) -> bytes:
        if self._break_armed_until is None or not data:
            return data
        in_time = trio.current_time() < self._break_armed_until
        self._break_armed_until = None
        if not (in_time and data[0] and self.sysrq.effective_mask):
            return data
        self.sysrq.press(chr(data[0]))
        return data[1:]

    # ----------------------------------------------------------------------------------------------------- its endings
    def kill_sessions(self) -> None:
        """End all processes but init (SysRq e, f and i)."""
        if self.init is not None:
            self.init.kill_sessions()

    def stop(self, how: str) -> None:
        """Stop every process at once, and then "reboot", "poweroff" or "halt"; after "halt" the power stays on."""
        if how == "halt":
            self._stopped = True
        else:
            self._power(how)
        self.tasks.cancel()

    def handle_nmi(self) -> None:
        """Take a non-maskable interrupt: the machine's NMI button was pressed."""
        if self._stopped:
            return
        self.log.printk("Uhhuh. NMI received for unknown reason 21 on CPU 0.", EMERG)
        if self.unknown_nmi_panic:
            self.panic("NMI: Not continuing", crash_traces.NMI)
        else:
            self.log.printk("Dazed and confused, but trying to continue", EMERG)

    def panic(self, why: str, trace: str) -> None:
        """Die: print the crash report and stop everything; `watch_for_panic` reboots if ``panic=`` says so."""
        self._stopped = True
        self.port.hold(True)
        log = self.log
        log.console_loglevel = max(log.console_loglevel, 15)
        log.printk(f"Kernel panic - not syncing: {why}", EMERG)
        log.print_report(trace)
        log.printk(crash_traces.KERNEL_OFFSET, EMERG)
        if self.panic_timeout > 0:
            log.printk(f"Rebooting in {self.panic_timeout} seconds..", EMERG)
        elif self.panic_timeout == 0:
            log.printk(f"---[ end Kernel panic - not syncing: {why} ]---", EMERG)
        self.tasks.cancel()
        self._panicked.set()

    async def watch_for_panic(self) -> None:
        """Wait for a panic, then for the time-out of ``panic=``, and reboot."""
        await self._panicked.wait()
        if self.panic_timeout > 0:
            await trio.sleep(self.panic_timeout)
        if self.panic_timeout != 0:
            await self.port.drain_kernel()
            self._power("reboot")
