"""The processes of the machine, for ps(1), SysRq t and the oom killer: a fixed cast, asleep at a quiet prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Process:
    """One line of ps(1).

    Attributes:
        pid: its number.
        parent: its parent's.
        name: the command name (15 characters at most), in brackets in ps if it is a kernel thread.
        command: the arguments; empty for a kernel thread.
        state: ps's state letters.
        tty: "?" or the terminal.
        memory_kib: resident size.
        virtual_kib: virtual size.
    """

    pid: int
    parent: int
    name: str
    command: str = ""
    state: str = "S"
    tty: str = "?"
    memory_kib: int = 0
    virtual_kib: int = 0

    @property
    def shown(self) -> str:
        """The COMMAND column."""
        return self.command or f"[{self.name}]"


KERNEL_THREADS: Final = (
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

SYSTEM: Final = (
    Process(1, 0, "systemd", "/sbin/init", "Ss", "?", 12196, 102092),
    Process(187, 1, "systemd-journal", "/lib/systemd/systemd-journald", "Ss", "?", 11804, 33016),
    Process(210, 1, "systemd-udevd", "/lib/systemd/systemd-udevd", "Ss", "?", 5812, 24352),
    Process(361, 1, "cron", "/usr/sbin/cron -f", "Ss", "?", 2688, 6612),
    Process(366, 1, "agetty", "/sbin/agetty -o -p -- \\u --noclear - linux", "Ss+", "tty1", 1064, 5872),
)

SESSION: Final = (
    Process(367, 1, "login", "/bin/login -p --", "Ss", "ttyS0", 4220, 6868),
    Process(412, 367, "bash", "-bash", "S", "ttyS0", 4736, 7196),
)


def everyone(*, logged_in: bool) -> list[Process]:
    """Every process, by number."""
    getty = Process(
        367,
        1,
        "agetty",
        "/sbin/agetty -o -p -- \\u --keep-baud 115200,57600,38400,9600 - vt220",
        "Ss+",
        "ttyS0",
        1104,
        5900,
    )
    session = SESSION if logged_in else (getty,)
    return sorted((*KERNEL_THREADS, *SYSTEM, *session), key=lambda process: process.pid)
