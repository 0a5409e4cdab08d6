"""The kernel's log: a ring of messages with time stamps, of which the important ones go to the console as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import trio

from .kernel_parameters import KernelParameters

#: The log's size in bytes (CONFIG_LOG_BUF_SHIFT 17): older messages fall out.
RING_BYTES: Final = 1 << 17

#: Levels of printk.
EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO, DEBUG = range(8)


class Message(NamedTuple):
    """One line of the log.

    Attributes:
        level: from 0 (emergency) to 7 (debug).
        stamp: seconds since the kernel started.
        text: the line, without its time stamp.
    """

    level: int
    stamp: float
    text: str


class KernelLog:
    """The log of a kernel that starts now.

    Args:
        parameters: the kernel's command line, which says how much the console shows.
        to_console: called with the bytes that the serial console shows.
    """

    def __init__(self, parameters: KernelParameters, to_console: Callable[[bytes], None]) -> None:
        self.messages: list[Message] = []
        #: Messages of a lower level than this one are shown on the console.
        self.console_loglevel = _console_loglevel(parameters)
        self._has_console = parameters.serial_format is not None
        self._to_console = to_console
        self._bytes = 0
        self._started = trio.current_time()
        self._last_stamp = 0.0

    @property
    def uptime_s(self) -> float:
        """Seconds since the kernel started, on trio's clock."""
        return trio.current_time() - self._started

    def printk(self, text: str, level: int = INFO, *, stamp: float | None = None) -> None:
        """Put a message into the log and, if its level is low enough, on the console.

        Args:
            text: one message; all of its lines get the same time stamp.
            level: from 0 (emergency) to 7 (debug).
            stamp: seconds for the time stamp, instead of now.
        """
        if stamp is None:
            # Messages of one moment are still some microseconds apart on a real machine.
            stamp = max(self.uptime_s, self._last_stamp + 0.000_047 + len(text) * 1e-6)
        self._last_stamp = max(stamp, self._last_stamp)
        for line in text.split("\n"):
            self.messages.append(Message(level, stamp, line))
            self._bytes += len(line) + 32
        while self._bytes > RING_BYTES:
            self._bytes -= len(self.messages.pop(0).text) + 32
        if level < self.console_loglevel and self._has_console:
            lines = "".join(f"{_bracketed(stamp)}{line}\r\n" for line in text.split("\n"))
            self._to_console(lines.encode())

    def print_report(self, report: str, level: int = WARNING) -> None:
        """Log every line of ``report`` as a message of its own."""
        for line in report.splitlines():
            self.printk(line, level)

    def text(self) -> str:
        """The whole log, as dmesg(1) prints it."""
        return "".join(f"{_bracketed(stamp)}{text}\n" for _level, stamp, text in self.messages)

    def clear(self) -> None:
        """Forget all messages."""
        self.messages.clear()


def _console_loglevel(parameters: KernelParameters) -> int:
    if "ignore_loglevel" in parameters:
        return 16
    default = 4 if "quiet" in parameters else 10 if "debug" in parameters else 7
    return parameters.number("loglevel", default)


def _bracketed(seconds: float) -> str:
    """``[    1.234567] `` as printk.time prints it."""
    return f"[{int(seconds):5d}.{int(seconds % 1 * 1_000_000):06d}] "
