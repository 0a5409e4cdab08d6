"""The processes of the machine, for SysRq t and the OOM killer: always the same ones, asleep."""

from __future__ import annotations

from typing import Final, NamedTuple


class Process(NamedTuple):
    """A process.

    Attributes:
        pid: the process's number.
        parent: the parent's number.
        name: the command's name, 15 characters at most.
        command: the arguments; empty for a kernel thread.
        state: its state, as ps(1) shows it.
        memory_kib: the resident size, in KiB.
        virtual_kib: the virtual size, in KiB.
    """

    pid: int
    parent: int
    name: str
    command: str = ""
    state: str = "S"
    memory_kib: int = 0
    virtual_kib: int = 0


_KERNEL_THREADS: Final = (
    Process(2, 0, "kthreadd"),
    Process(3, 2, "rcu_gp", state="I<"),
    Process(4, 2, "rcu_par_gp", state="I<"),
    Process(5, 2, "slub_flushwq", state="I<"),
    Process(6, 2, "netns", state="I<"),
    Process(8, 2, "kworker/0:0H-events_highpri", state="I<"),
    Process(10, 2, "mm_percpu_wq", state="I<"),
    Process(11, 2, "rcu_tasks_kthread", state="I"),
    Process(14, 2, "ksoftirqd/0"),
    Process(15, 2, "rcu_preempt", state="I"),
    Process(16, 2, "migration/0"),
    Process(18, 2, "cpuhp/0"),
    Process(20, 2, "kdevtmpfs"),
    Process(22, 2, "kauditd"),
    Process(23, 2, "khungtaskd"),
    Process(24, 2, "oom_reaper"),
    Process(26, 2, "kcompactd0"),
    Process(39, 2, "kswapd0"),
    Process(148, 2, "jbd2/vda1-8"),
)

_SERVICES: Final = (
    Process(1, 0, "systemd", "/sbin/init", "Ss", 12196, 102092),
    Process(187, 1, "systemd-journal", "/lib/systemd/systemd-journald", "Ss", 11804, 33016),
    Process(210, 1, "systemd-udevd", "/lib/systemd/systemd-udevd", "Ss", 5812, 24352),
    Process(361, 1, "cron", "/usr/sbin/cron -f", "Ss", 2688, 6612),
    Process(366, 1, "agetty", "/sbin/agetty -o -p -- \\u --noclear - linux", "Ss+", 1064, 5872),
)

_SESSION: Final = (
    Process(367, 1, "login", "/bin/login -p --", "Ss", 4220, 6868),
    Process(412, 367, "bash", "-bash", "S", 4736, 7196),
)

_GETTY: Final = Process(
    367,
    1,
    "agetty",
    "/sbin/agetty -o -p -- \\u --keep-baud 115200,57600,38400,9600 - vt220",
    "Ss+",
    1104,
    5900,
)


class ProcessTable:
    """The processes, with a getty or a session on the serial line.

    Attributes:
        logged_in: whether there is a session.
    """

    def __init__(self) -> None:
        self.logged_in = False

    def all(self) -> list[Process]:
        """All processes, by number."""
        on_serial_line = _SESSION if self.logged_in else (_GETTY,)
        return sorted((*_KERNEL_THREADS, *_SERVICES, *on_serial_line), key=lambda process: process.pid)
