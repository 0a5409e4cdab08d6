"""The processes of the running system, as SAC's ``t`` and ``tasklist`` show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


class ProcessError(Exception):
    """What is said of a process that cannot be changed so."""


@dataclass
class Process:
    """A process.

    Attributes:
        pid: its number.
        name: its image.
        priority: its base priority, 1 to 31.
        memory_kb: its working set.
        memory_limit_mb: the limit that SAC's ``m`` has set, or 0.
        session: "Services" or "Console".
        threads: how many it has.
        vital: the system stops without it.
        user: who started it, or empty for the system.
    """

    pid: int
    name: str
    priority: int
    memory_kb: int
    threads: int = 4
    session: str = "Services"
    vital: bool = False
    memory_limit_mb: int = 0
    user: str = ""


_AT_START: Final = (
    Process(4, "System", 8, 140, 96, vital=True),
    Process(272, "smss.exe", 11, 1212, 2, vital=True),
    Process(376, "csrss.exe", 13, 4012, 9, vital=True),
    Process(448, "wininit.exe", 13, 4968, 1, vital=True),
    Process(456, "csrss.exe", 13, 3712, 8, "Console", vital=True),
    Process(512, "winlogon.exe", 13, 7916, 2, "Console"),
    Process(576, "services.exe", 9, 6908, 4, vital=True),
    Process(584, "lsass.exe", 9, 13032, 7, vital=True),
)
_FIRST_FREE: Final = 1904


class TaskList:
    """All processes of one start of the system."""

    def __init__(self) -> None:
        self._processes = {process.pid: Process(**vars(process)) for process in _AT_START}
        self._next_pid = _FIRST_FREE

    def __iter__(self) -> Iterator[Process]:
        return iter(sorted(self._processes.values(), key=lambda process: process.pid))

    def start(self, name: str, session: str = "Services", user: str = "", pid: int = 0) -> Process:
        """Add a process."""
        if not pid:
            pid, self._next_pid = self._next_pid, self._next_pid + 12
        process = Process(pid, name, 8, 3000 + pid % 977 * 4, 3, session, user=user)
        self._processes[pid] = process
        return process

    def end(self, pid: int) -> None:
        """Remove a process that has ended by itself."""
        self._processes.pop(pid, None)

    def find(self, pid: int) -> Process:
        """A process by its number.

        Raises:
            ProcessError: there is none.
        """
        if pid not in self._processes:
            raise ProcessError(f'The process "{pid}" not found.')
        return self._processes[pid]

    def named(self, image: str) -> list[Process]:
        """The processes of an image, whose name is compared without regard to case."""
        return [process for process in self if process.name.lower() == image.lower()]
