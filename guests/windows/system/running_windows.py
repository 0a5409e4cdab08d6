"""One start of Windows: what is true of it until it ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import trio

from ..disk.boot_store import BootOptions
from ..disk.event_log import ERROR, INFORMATION
from ..disk.registry_hive import CRASH_CONTROL
from ..disk.volume import VolumeError
from ..disk.windows_disk import BUILD, WindowsDisk
from ..windows_settings import Settings
from .remote_desktop import Reachability, desktop_reachability, network_reachability
from .service_manager import ServiceManager
from .task_list import Process, ProcessError, TaskList

#: How a start ended that has neither been shut down nor stopped.
UNEXPECTED: Final = "unexpected"
#: Where a stop error leaves a dump, which here is a few words.
DUMP_FILE: Final = r"C:\Windows\MEMORY.DMP"
VERSION: Final = f"10.0.{BUILD}"
#: The clock that `s` and `time` set goes from 1980 to 2099, as the PC's clock does.
_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2099
_LONGEST_LOG: Final = 200


class StopError:
    """A stop error: its number, its name, and its four parameters."""

    def __init__(self, number: int, name: str, parameters: tuple[int, int, int, int] = (0, 0, 0, 0)) -> None:
        self.number = number
        self.name = name
        self.parameters = parameters

    def __str__(self) -> str:
        inside = ",".join(f"0x{parameter:016X}" for parameter in self.parameters)
        return f"*** STOP: 0x{self.number:08X} ({inside})"


NMI_HARDWARE_FAILURE: Final = StopError(0x80, "NMI_HARDWARE_FAILURE", (0x4F4454, 0, 0, 0))
MANUALLY_INITIATED_CRASH: Final = StopError(0xE2, "MANUALLY_INITIATED_CRASH")
CRITICAL_PROCESS_DIED: Final = StopError(0xEF, "CRITICAL_PROCESS_DIED", (0xFFFFE000_01A3C080, 0, 0, 0))


class RunningWindows:
    """A Windows that has been started.

    Args:
        settings: the guest's settings.
        disk: the machine's disk.
        options: what the boot took from the BCD.
    """

    def __init__(self, settings: Settings, disk: WindowsDisk, options: BootOptions) -> None:
        self.settings = settings
        self.disk = disk
        self.options = options
        self.tasks = TaskList()
        self.services = ServiceManager(disk, self.tasks, options.safeboot)
        #: Set when the system has ended, by a stop error too.
        self.over = trio.Event()
        #: "reboot" or "poweroff", once it has ended.
        self.reason = ""
        #: The stop error that ended it, if one has.
        self.stop_error: StopError | None = None
        self._started_s = trio.current_time()
        self._log: list[tuple[datetime, str]] = []
        self._ends_at_s = math.inf
        self._scheduled = ""
        self._rescheduled = trio.Event()

    # ---------------------------------------------------------------------------------------------------------- clock
    @property
    def has_sac(self) -> bool:
        """Whether SAC is on COM1: a server, with EMS on and its port set."""
        return self.disk.is_server and self.options.ems and self.options.port == 1

    def now(self) -> datetime:
        """Date and time; the time zone is UTC."""
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=trio.current_time() + self.disk.clock_offset_s)

    def set_clock(self, when: datetime) -> None:
        """Set date and time.

        Raises:
            ValueError: the machine's clock cannot show it.
        """
        if not _FIRST_YEAR <= when.year <= _LAST_YEAR:
            raise ValueError(f"use a year from {_FIRST_YEAR} to {_LAST_YEAR}")
        self.disk.clock_offset_s = when.timestamp() - trio.current_time()

    def uptime(self) -> timedelta:
        """How long the system has been running."""
        return timedelta(seconds=trio.current_time() - self._started_s)

    # ------------------------------------------------------------------------------------------------------------ log
    def log(self, text: str) -> None:
        """Add to the kernel's log, which SAC's ``d`` shows."""
        self._log.append((self.now(), text))
        del self._log[:-_LONGEST_LOG]

    def log_lines(self) -> Iterator[str]:
        """The kernel's log."""
        for when, text in self._log:
            yield f"{when:%Y-%m-%d %H:%M:%S} {text}"

    def event(self, provider: str, number: int, text: str, level: int = INFORMATION) -> None:
        """Add to the event log, which stays on the disk."""
        self.disk.events.add(self.now(), provider, number, text, level)

    def report_start(self) -> None:
        """Log the start, and how the last one ended; start the services, and log which cannot be started."""
        self.event(
            "Microsoft-Windows-Kernel-General", 12, f"The operating system started at {self.now():%H:%M:%S} UTC."
        )
        last_end, self.disk.last_end = self.disk.last_end, UNEXPECTED
        if last_end == UNEXPECTED:
            self.event("EventLog", 6008, "The previous system shutdown was unexpected.", ERROR)
        elif last_end:
            text = f"The computer has rebooted from a bugcheck. The bugcheck was: {last_end}."
            self.event("Microsoft-Windows-WER-SystemErrorReporting", 1001, text, ERROR)
        self.event("EventLog", 6005, "The Event log service was started.")
        if self.disk.volume.damaged:
            self.event("Ntfs", 55, "A corruption was discovered in the file system structure on volume C:.", ERROR)
        for failure in self.services.start_all():
            self.event("Service Control Manager", 7000, failure, ERROR)

    # -------------------------------------------------------------------------------------------------------- network
    def network(self) -> Reachability:
        """Whether packets from outside reach the machine."""
        return network_reachability(self.disk, self.options.safeboot)

    def remote_desktop(self) -> Reachability:
        """Whether Remote Desktop is reached from outside."""
        return desktop_reachability(self.disk, self.services, self.options.safeboot)

    # -------------------------------------------------------------------------------------------------------- the end
    def end(self, reason: str) -> None:
        """End by "reboot" or "poweroff"."""
        if not self.over.is_set():
            self.reason = reason
            self.disk.last_end = ""
            what = "restart" if reason == "reboot" else "power off"
            self.event("User32", 1074, f"The process has initiated the {what} of computer {self.disk.host_name}.")
            self.over.set()

    def end_in(self, seconds: float, reason: str) -> None:
        """End after some seconds."""
        self._ends_at_s, self._scheduled = trio.current_time() + seconds, reason
        self._rescheduled.set()

    def abort_end(self) -> bool:
        """Do not end, after all; returns whether it was about to."""
        was_scheduled = bool(self._scheduled)
        self._ends_at_s, self._scheduled = math.inf, ""
        return was_scheduled

    async def run_schedule(self) -> None:
        """End the system when :meth:`end_in` has said so; never returns."""
        while True:
            with trio.move_on_at(self._ends_at_s):
                await self._rescheduled.wait()
                self._rescheduled = trio.Event()
            if trio.current_time() >= self._ends_at_s:
                self.end(self._scheduled)
                await trio.sleep_forever()

    def crash(self, error: StopError) -> None:
        """Stop with a stop error; a dump is written if the registry says so."""
        if self.over.is_set():
            return
        self.stop_error = error
        self.log(str(error))
        self.disk.last_end = str(error).removeprefix("*** STOP: ")
        if self.dumps_memory:
            try:
                self.disk.volume.write(DUMP_FILE, f"{error.name}\n{error}\n")
            except VolumeError:
                self.log("There is no room for a memory dump")
        self.over.set()

    def handle_nmi(self) -> None:
        """The NMI button: a stop error, unless the registry says that an NMI is only noted (NMICrashDump)."""
        if self.disk.registry.number(CRASH_CONTROL, "NMICrashDump", 1):
            self.crash(NMI_HARDWARE_FAILURE)
        else:
            self.log("A non-maskable interrupt came, and nothing was done (NMICrashDump)")

    @property
    def restarts_itself(self) -> bool:
        """Whether the machine restarts by itself after a stop error (AutoReboot)."""
        return self.disk.registry.number(CRASH_CONTROL, "AutoReboot", 0) != 0

    @property
    def dumps_memory(self) -> bool:
        """Whether a stop error writes a dump (CrashDumpEnabled)."""
        return self.disk.registry.number(CRASH_CONTROL, "CrashDumpEnabled", 0) != 0

    def kill(self, process: Process) -> None:
        """End a process; without some the system stops.

        Raises:
            ProcessError: it cannot be ended.
        """
        if process.pid == 4:
            raise ProcessError("Access is denied.")
        self.tasks.end(process.pid)
        if process.vital:
            self.crash(CRITICAL_PROCESS_DIED)
