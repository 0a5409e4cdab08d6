"""The magic SysRq key as Linux 6.1 has it (Documentation/admin-guide/sysrq.rst): its keys, mask bits and messages.

On a serial console a break arms SysRq and the next character within five seconds is the key; the kernel keeps both
for itself (see `kernel.Kernel.receive`).  A key written to /proc/sysrq-trigger works whatever the mask is.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag
from typing import Final, NamedTuple, Protocol

from . import crash_traces
from .printk import ERR, INFO, NOTICE, WARNING, KernelLog
from .process_table import ProcessTable


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


class Operation(NamedTuple):
    """One key.

    Attributes:
        enable: the bit that the mask must have.
        action: what the kernel prints when the key is pressed.
        help: the key's word in the help line.
    """

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


class Target(Protocol):
    """What SysRq acts on: the kernel."""

    log: KernelLog
    processes: ProcessTable

    def panic(self, why: str, trace: str) -> None:
        """Print a crash report and stop."""

    def stop(self, how: str) -> None:
        """Stop everything at once, and "reboot" or "poweroff"."""

    def kill_sessions(self) -> None:
        """End all processes but init."""


class SysRq:
    """The state of SysRq and its operations.

    Args:
        target: the kernel.
        mask: the value of /proc/sys/kernel/sysrq.
        always: whether ``sysrq_always_enabled`` is on the kernel's command line.
    """

    def __init__(self, target: Target, mask: int, *, always: bool) -> None:
        self.mask = mask
        self._always = always
        self._target = target
        self._log = target.log
        self._crash_trace = crash_traces.SYSRQ_CRASH
        report = self._log.print_report
        self._handlers: dict[str, Callable[[], None]] = {
            "b": lambda: target.stop("reboot"),
            "c": lambda: target.panic("sysrq triggered crash", self._crash_trace),
            "e": target.kill_sessions,
            "f": self._out_of_memory,
            "i": target.kill_sessions,
            "j": lambda: report("Emergency Thaw complete"),
            "k": self._secure_attention,
            "l": lambda: report(crash_traces.SHOW_BACKTRACES),
            "m": lambda: report(crash_traces.SHOW_MEMORY),
            "o": self._power_off,
            "p": lambda: report(crash_traces.SHOW_REGISTERS),
            "q": self._show_timers,
            "s": lambda: report("Emergency Sync complete"),
            "t": self._show_tasks,
            "u": self._remount,
            "z": lambda: report("Dumping ftrace buffer:\n   (ftrace buffer empty)"),
        }

    @property
    def effective_mask(self) -> int:
        """1 if everything is allowed, 0 if SysRq is off, else the bits of `Enable`."""
        return 1 if self._always else self.mask

    def allows(self, operation: Operation) -> bool:
        """Whether the mask has the bit of ``operation``."""
        mask = self.effective_mask
        return mask == 1 or bool(mask & operation.enable)

    def press(self, key: str, *, check_mask: bool = True) -> None:
        """Handle a key.

        Args:
            key: one character.
            check_mask: False for a key from /proc/sysrq-trigger.
        """
        log = self._log
        before = log.console_loglevel
        log.console_loglevel = 7  # the first line is shown whatever the level is
        operation = OPERATIONS.get(key)
        if operation is None:
            words = dict.fromkeys(each.help for each in OPERATIONS.values())
            log.printk(f"sysrq: HELP : {' '.join(words)} ")
        elif check_mask and not self.allows(operation):
            log.printk("sysrq: This sysrq operation is disabled.")
        else:
            log.printk(f"sysrq: {operation.action}")
            log.console_loglevel = before
            self._crash_trace = crash_traces.SYSRQ_CRASH if check_mask else crash_traces.PROC_CRASH
            if operation is _LOGLEVEL:
                log.console_loglevel = 7
                log.printk(f"sysrq: Loglevel set to {key}")
                log.console_loglevel = int(key)
            else:
                self._handlers.get(key, lambda: None)()
            return
        log.console_loglevel = before

    def _power_off(self) -> None:
        self._log.printk("reboot: Power down", 0)
        self._target.stop("poweroff")

    def _secure_attention(self) -> None:
        # SAK ends what runs on the foreground virtual console, tty1, and not on the serial line.
        self._log.printk("tty tty1: SAK: killed process 366 (agetty): by session", NOTICE)
        self._log.printk("tty tty1: SAK: killed process 366 (agetty): by controlling tty", NOTICE)

    def _remount(self) -> None:
        self._log.printk("EXT4-fs (vda1): re-mounted. Quota mode: none.", INFO)
        self._log.printk("Emergency Remount complete", WARNING)

    def _out_of_memory(self) -> None:
        log = self._log
        log.printk("kworker/0:3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0", WARNING)
        log.print_report(crash_traces.SHOW_MEMORY)
        log.printk("Tasks state (memory values in pages):", INFO)
        log.printk("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name", INFO)
        alive = [each for each in self._target.processes.all() if each.command and each.pid != 1]
        for process in alive:
            log.printk(
                f"[{process.pid:7d}]     0 {process.pid:5d} {process.virtual_kib // 4:8d} {process.memory_kib // 4:8d}"
                f"    53248        0             0 {process.name}",
                INFO,
            )
        victim = max(alive, key=lambda process: process.pid)
        log.printk(
            f"Out of memory: Killed process {victim.pid} ({victim.name}) total-vm:{victim.virtual_kib}kB, "
            f"anon-rss:{victim.memory_kib // 8}kB, file-rss:{victim.memory_kib * 7 // 8}kB, shmem-rss:0kB, UID:0 "
            "pgtables:52kB oom_score_adj:0",
            ERR,
        )
        self._target.kill_sessions()

    def _show_timers(self) -> None:
        now = int(self._log.uptime_s * 1e9)
        self._log.print_report(
            f"Timer List Version: v0.9\nHRTIMER_MAX_CLOCK_BASES: 8\nnow at {now} nsecs\ncpu: 0\n clock 0:\n"
            "  .base:       00000000a7838233\n  .index:      0\n  .resolution: 1 nsecs\n  .get_time:   ktime_get\n"
            "  .offset:     0 nsecs\nactive timers:\nTick Device: mode:     1\nPer CPU device: 0\n"
            "Clock Event Device: lapic-deadline"
        )

    def _show_tasks(self) -> None:
        self._log.print_report(crash_traces.show_tasks(self._target.processes.all()))
        self._log.print_report("Showing busy workqueues and worker pools:")
