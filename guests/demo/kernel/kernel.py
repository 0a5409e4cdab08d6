"""The kernel: its command line, its log, its settings, what it does with breaks and NMIs, and how it dies.

`Kernel` stands between the serial port and the tty: it takes a break and the key after it for SysRq (see ``sysrq``) and
hands on the rest.  ``printk`` time stamps are the seconds since the kernel started, on trio's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from uartsim.guest.script import Flag, LineFormat, Received

from ..tty.serial_core import SerialPort
from ..tty.tty_device import Terminal
from . import crash_traces as traces
from .sysrq import SysRq

RELEASE: Final = "6.1.0-18-cloud-amd64"
VERSION: Final = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)"
BUILDER: Final = (
    "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40)"
)

#: The log's size in bytes (CONFIG_LOG_BUF_SHIFT 17): older messages fall out.
RING_BYTES: Final = 1 << 17
#: How long an armed break waits for its key, in seconds (SYSRQ_TIMEOUT).
SYSRQ_TIMEOUT_S: Final = 5.0

#: Levels of printk.
EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO, DEBUG = range(8)


class CommandLine:
    """A kernel command line.

    Args:
        text: as GRUB hands it over, ``BOOT_IMAGE=`` included.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = text.split()

    def __contains__(self, word: str) -> bool:
        return word in self.words or self.value(word) is not None

    def value(self, name: str) -> str | None:
        """The value of the last ``name=value``; None without one."""
        values = [word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")]
        return values[-1] if values else None

    def number(self, name: str, default: int) -> int:
        """The value of ``name`` as a number; ``default`` if it is missing or no number."""
        try:
            return int(self.value(name) or "", 0)
        except ValueError:
            return default

    @property
    def consoles(self) -> list[str]:
        """The consoles in the order they are named; the last is /dev/console.  tty0 if none is named."""
        named = [word.removeprefix("console=") for word in self.words if word.startswith("console=")]
        return named or ["tty0"]

    @property
    def serial_format(self) -> LineFormat | None:
        """What console=ttyS0[,BAUD[PARITY[BITS]]] programs (9600 8N1 without a speed); None without such a console."""
        for console in reversed(self.consoles):
            device, _, options = console.partition(",")
            if device == "ttyS0":
                return parse_console_options(options)
        return None


def parse_console_options(options: str) -> LineFormat:
    """The line format of ``115200n8`` and the like, read as uart_parse_options() reads it."""
    digits = options[: len(options) - len(options.lstrip("0123456789"))]
    rest = options[len(digits) :].lower()
    parity = rest[0].upper() if rest[:1] in ("n", "o", "e") else "N"
    bits = rest[1] if rest[1:2] in ("7", "8") else "8"
    try:
        return LineFormat.from_baud(int(digits or 9600), f"{bits}{parity}1")
    except ValueError:
        return LineFormat.from_baud(9600)


class Kernel:
    """A running kernel.

    Args:
        port: the serial port; the kernel becomes its receiver with `open_tty`.
        command_line: see `CommandLine`.
        sysrq_mask: what /proc/sys/kernel/sysrq holds at first.
        power: called with "reboot" or "poweroff" at the very end.
    """

    def __init__(
        self,
        port: SerialPort,
        command_line: CommandLine,
        sysrq_mask: int,
        power: Callable[[str], None],
    ) -> None:
        self.port = port
        self.command_line = command_line
        self.power = power
        self.terminal = Terminal(port)
        self.terminal.warn = lambda text: self.printk(text, WARNING)
        self.sysrq = SysRq(self, sysrq_mask, always="sysrq_always_enabled" in command_line)
        self.unknown_nmi_panic = "unknown_nmi_panic" in command_line
        self.panic_timeout = command_line.number("panic", 0)
        self.is_serial_console = command_line.serial_format is not None
        self.panicked = False
        #: Ends every process at once; set by whoever runs them.
        self.stop_userspace: Callable[[], None] = lambda: None
        self.console_loglevel = 7
        if "debug" in command_line:
            self.console_loglevel = 10
        if "quiet" in command_line:
            self.console_loglevel = 4
        self.console_loglevel = command_line.number("loglevel", self.console_loglevel)
        if "ignore_loglevel" in command_line:
            self.console_loglevel = 16
        self.ring: list[tuple[int, float, str]] = []
        self._ring_bytes = 0
        self._started = trio.current_time()
        self._last_stamp = 0.0
        self._break_armed_until: float | None = None
        self._dying: trio.Event = trio.Event()

    # ------------------------------------------------------------------------------------------------------------- log
    @property
    def uptime_s(self) -> float:
        """Seconds since the kernel started."""
        return trio.current_time() - self._started

    def printk(self, text: str, level: int = INFO, *, stamp: float | None = None) -> None:
        """Put a message in the log and, if its level is low enough, on the console.

        Args:
            text: one message; every line of it gets the same time stamp.
            level: 0 (emergency) to 7 (debug).
            stamp: seconds for the time stamp instead of now.
        """
        if stamp is None:
            # Messages of one moment are still some microseconds apart on a real machine.
            stamp = max(self.uptime_s, self._last_stamp + 0.000_047 + len(text) * 1e-6)
        self._last_stamp = max(stamp, self._last_stamp)
        for line in text.split("\n"):
            self.ring.append((level, stamp, line))
            self._ring_bytes += len(line) + 32
        while self._ring_bytes > RING_BYTES:
            self._ring_bytes -= len(self.ring.pop(0)[2]) + 32
        if level < self.console_loglevel and self.is_serial_console:
            lines = "".join(f"{time_stamp(stamp)}{line}\r\n" for line in text.split("\n"))
            self.port.print_kernel(lines.encode())

    def dmesg(self) -> str:
        """The log as dmesg(1) prints it."""
        return "".join(f"{time_stamp(stamp)}{text}\n" for _level, stamp, text in self.ring)

    # ------------------------------------------------------------------------------------------------------ the serial
    def open_tty(self) -> None:
        """Somebody opens /dev/ttyS0: the receiver is switched on, its FIFO empty."""
        self.port.driver.flush_input()
        self.port.receiver = self.receive

    def close_tty(self) -> None:
        """The last one has closed /dev/ttyS0: the receiver is off, and SysRq with it."""
        self.port.receiver = None

    def receive(self, received: Received) -> None:
        """Take what came over the line: SysRq's share first, the tty gets the rest."""
        if self.panicked:
            return
        if received.flag is Flag.BREAK:
            if self.is_serial_console and self._break_armed_until is None:
                self._break_armed_until = trio.current_time() + SYSRQ_TIMEOUT_S
                return
            self._break_armed_until = None
            self.terminal.receive_flagged(received)
        elif received.flag is Flag.NORMAL:
            data = received.data
            if self._break_armed_until is not None and data:
                in_time = trio.current_time() < self._break_armed_until
                self._break_armed_until = None
                if in_time and data[0] and self.sysrq.effective_mask:
                    self.sysrq.press(chr(data[0]))
                    data = data[1:]
            if data and not self.panicked:
                self.terminal.receive(data)
        else:
            self.terminal.receive_flagged(received)

    # ----------------------------------------------------------------------------------------------------- its endings
    def handle_nmi(self) -> None:
        """The NMI button."""
        if self.panicked:
            return
        self.printk("Uhhuh. NMI received for unknown reason 21 on CPU 0.", EMERG)
        if self.unknown_nmi_panic:
            self.panic("NMI: Not continuing", traces.NMI)
        else:
            self.printk("Dazed and confused, but trying to continue", EMERG)

    def panic(self, why: str, trace: str) -> None:
        """Die: print the report and stop everything; reboot later if ``panic=`` says so."""
        self.panicked = True
        self.port.hold(True)
        self.console_loglevel = max(self.console_loglevel, 15)
        self.printk(f"Kernel panic - not syncing: {why}", EMERG)
        for line in trace.splitlines():
            self.printk(line.format(release=RELEASE, build="Debian 6.1.76-1"), WARNING)
        self.printk(traces.KERNEL_OFFSET, EMERG)
        if self.panic_timeout > 0:
            self.printk(f"Rebooting in {self.panic_timeout} seconds..", EMERG)
        elif self.panic_timeout == 0:
            self.printk(f"---[ end Kernel panic - not syncing: {why} ]---", EMERG)
        self.stop_userspace()
        self._dying.set()

    async def watch_for_death(self) -> None:
        """Wait for a panic, then for the time-out of ``panic=``, and reboot; never returns without one."""
        await self._dying.wait()
        if self.panic_timeout > 0:
            await trio.sleep(self.panic_timeout)
        if self.panic_timeout != 0:
            await self.port.drain_kernel()
            self.power("reboot")


def time_stamp(seconds: float) -> str:
    """``[    1.234567] `` as printk.time prints it."""
    return f"[{int(seconds):5d}.{int(seconds % 1 * 1_000_000):06d}] "
