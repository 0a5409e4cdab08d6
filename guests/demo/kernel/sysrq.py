"""The magic SysRq key as Linux 6.1 has it (Documentation/admin-guide/sysrq.rst): keys, mask bits, what is printed.

On a serial console the key is armed by a break and is the next character within five seconds; the kernel keeps both
(see `kernel.Kernel.receive`).  Through /proc/sysrq-trigger the mask is not asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Final

from . import crash_traces as traces
from . import process_table as processes

if TYPE_CHECKING:
    from .kernel import Kernel


class Enable(IntFlag):
    """The bits of /proc/sys/kernel/sysrq; the value 1 stands for all of them."""

    LOG = 0x2
    KEYBOARD = 0x4
    DUMP = 0x8
    SYNC = 0x10
    REMOUNT = 0x20
    SIGNAL = 0x40
    BOOT = 0x80
    RTNICE = 0x100


@dataclass(frozen=True)
class Operation:
    """One key: what it needs, what it announces, its word in the help line."""

    enable: Enable
    action: str
    help: str


_LOGLEVEL: Final = Operation(Enable.LOG, "Changing Loglevel", "loglevel(0-9)")

#: The keys in the order of the kernel's table, which is the order of the help line.
OPERATIONS: Final[dict[str, Operation]] = {
    **dict.fromkeys("0123456789", _LOGLEVEL),
    "b": Operation(Enable.BOOT, "Resetting", "reboot(b)"),
    "c": Operation(Enable.DUMP, "Trigger a crash", "crash(c)"),
    "e": Operation(Enable.SIGNAL, "Terminate All Tasks", "terminate-all-tasks(e)"),
    "f": Operation(Enable.SIGNAL, "Manual OOM execution", "memory-full-oom-kill(f)"),
    "i": Operation(Enable.SIGNAL, "Kill All Tasks", "kill-all-tasks(i)"),
    "j": Operation(Enable.SIGNAL, "Emergency Thaw of all frozen filesystems", "thaw-filesystems(j)"),
    "k": Operation(Enable.KEYBOARD, "SAK", "sak(k)"),
    "l": Operation(Enable.DUMP, "Show backtrace of all active CPUs", "show-backtrace-all-active-cpus(l)"),
    "m": Operation(Enable.DUMP, "Show Memory", "show-memory-usage(m)"),
    "n": Operation(Enable.RTNICE, "Nice All RT Tasks", "nice-all-RT-tasks(n)"),
    "o": Operation(Enable.BOOT, "Power Off", "poweroff(o)"),
    "p": Operation(Enable.DUMP, "Show Regs", "show-registers(p)"),
    "q": Operation(Enable.DUMP, "Show clockevent devices & pending hrtimers (no others)", "show-all-timers(q)"),
    "r": Operation(Enable.KEYBOARD, "Keyboard mode set to system default", "unraw(r)"),
    "s": Operation(Enable.SYNC, "Emergency Sync", "sync(s)"),
    "t": Operation(Enable.DUMP, "Show State", "show-task-states(t)"),
    "u": Operation(Enable.REMOUNT, "Emergency Remount R/O", "unmount(u)"),
    "w": Operation(Enable.DUMP, "Show Blocked State", "show-blocked-tasks(w)"),
    "z": Operation(Enable.DUMP, "Dump ftrace buffer", "dump-ftrace-buffer(z)"),
}


class SysRq:
    """The state of SysRq and its operations.

    Args:
        kernel: whose log is printed to.
        mask: the value of /proc/sys/kernel/sysrq.
        always: ``sysrq_always_enabled`` was on the command line.
    """

    def __init__(self, kernel: Kernel, mask: int, *, always: bool) -> None:
        self.mask = mask
        self._always = always
        self._kernel = kernel
        #: Ends all processes but init (e, i, f, k); set by whoever runs them.
        self.kill_all: Callable[[], None] = lambda: None
        self.logged_in = False
        self._handlers: dict[str, Callable[[], None]] = {
            "b": self._reset,
            "c": lambda: kernel.panic("sysrq triggered crash", self._crash_trace),
            "e": self._kill,
            "f": self._out_of_memory,
            "i": self._kill,
            "j": lambda: kernel.printk("Emergency Thaw complete", 4),
            "k": self._secure_attention,
            "l": lambda: self._dump(traces.SHOW_BACKTRACES),
            "m": lambda: self._dump(traces.SHOW_MEMORY),
            "o": self._power_off,
            "p": lambda: self._dump(traces.SHOW_REGISTERS),
            "q": self._show_timers,
            "s": lambda: kernel.printk("Emergency Sync complete", 4),
            "t": self._show_tasks,
            "u": self._remount,
            "z": lambda: self._dump("Dumping ftrace buffer:\n   (ftrace buffer empty)"),
        }
        self._crash_trace = traces.SYSRQ_CRASH

    @property
    def effective_mask(self) -> int:
        """1 if everything is allowed, 0 if SysRq is off, or the bits of `Enable`."""
        return 1 if self._always else self.mask

    def allows(self, operation: Operation) -> bool:
        """Whether the mask lets ``operation`` pass."""
        mask = self.effective_mask
        return mask == 1 or bool(mask & operation.enable)

    def press(self, key: str, *, check_mask: bool = True) -> None:
        """Handle a key; ``check_mask`` False is /proc/sysrq-trigger."""
        kernel = self._kernel
        before = kernel.console_loglevel
        kernel.console_loglevel = 7  # so that the person at the console sees the first line whatever the level
        operation = OPERATIONS.get(key)
        if operation is None:
            words = dict.fromkeys(each.help for each in OPERATIONS.values())
            kernel.printk(f"sysrq: HELP : {' '.join(words)} ")
        elif check_mask and not self.allows(operation):
            kernel.printk("sysrq: This sysrq operation is disabled.")
        else:
            kernel.printk(f"sysrq: {operation.action}")
            kernel.console_loglevel = before
            self._crash_trace = traces.SYSRQ_CRASH if check_mask else traces.PROC_CRASH
            if operation is _LOGLEVEL:
                kernel.console_loglevel = 7
                kernel.printk(f"sysrq: Loglevel set to {key}")
                kernel.console_loglevel = int(key)
            else:
                self._handlers.get(key, lambda: None)()
            return
        kernel.console_loglevel = before

    def _dump(self, text: str) -> None:
        for line in text.splitlines():
            self._kernel.printk(line.format(release="6.1.0-18-cloud-amd64", build="Debian 6.1.76-1"), 4)

    def _reset(self) -> None:
        self._kernel.stop_userspace()
        self._kernel.power("reboot")

    def _power_off(self) -> None:
        self._kernel.printk("reboot: Power down", 0)
        self._kernel.stop_userspace()
        self._kernel.power("poweroff")

    def _kill(self) -> None:
        self.kill_all()

    def _secure_attention(self) -> None:
        # SAK is aimed at the foreground virtual console, tty1, and not at the serial line.
        self._kernel.printk("tty tty1: SAK: killed process 366 (agetty): by session", 5)
        self._kernel.printk("tty tty1: SAK: killed process 366 (agetty): by controlling tty", 5)

    def _remount(self) -> None:
        self._kernel.printk("EXT4-fs (vda1): re-mounted. Quota mode: none.", 6)
        self._kernel.printk("Emergency Remount complete", 4)

    def _out_of_memory(self) -> None:
        self._kernel.printk("kworker/0:3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0", 4)
        self._dump(traces.SHOW_MEMORY)
        self._kernel.printk("Tasks state (memory values in pages):", 6)
        self._kernel.printk("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name", 6)
        alive = [each for each in processes.everyone(logged_in=self.logged_in) if each.command and each.pid != 1]
        for process in alive:
            self._kernel.printk(
                f"[{process.pid:7d}]     0 {process.pid:5d} {process.virtual_kib // 4:8d} {process.memory_kib // 4:8d}"
                f"    53248        0             0 {process.name}",
                6,
            )
        victim = max(alive, key=lambda process: process.pid)
        self._kernel.printk(
            f"Out of memory: Killed process {victim.pid} ({victim.name}) total-vm:{victim.virtual_kib}kB, "
            f"anon-rss:{victim.memory_kib // 8}kB, file-rss:{victim.memory_kib * 7 // 8}kB, shmem-rss:0kB, UID:0 "
            "pgtables:52kB oom_score_adj:0",
            3,
        )
        self.kill_all()

    def _show_timers(self) -> None:
        now = int(self._kernel.uptime_s * 1e9)
        self._dump(
            f"Timer List Version: v0.9\nHRTIMER_MAX_CLOCK_BASES: 8\nnow at {now} nsecs\ncpu: 0\n clock 0:\n"
            "  .base:       00000000a7838233\n  .index:      0\n  .resolution: 1 nsecs\n  .get_time:   ktime_get\n"
            "  .offset:     0 nsecs\nactive timers:\nTick Device: mode:     1\nPer CPU device: 0\n"
            "Clock Event Device: lapic-deadline"
        )

    def _show_tasks(self) -> None:
        tasks = [
            (each.name[:15], each.state[0], each.pid, each.parent)
            for each in processes.everyone(logged_in=self.logged_in)
        ]
        self._dump(traces.show_tasks(tasks))
        self._dump("Showing busy workqueues and worker pools:")
