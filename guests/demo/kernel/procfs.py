"""The files through which programs see the kernel and act on it: /proc, /sys and /dev."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable
from typing import Final

from .kernel import Kernel
from .release import BUILDER, RELEASE, VERSION
from .vfs import FileError

_MOUNTS: Final = """\
sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
udev /dev devtmpfs rw,nosuid,relatime,size=228872k,nr_inodes=57218,mode=755,inode64 0 0
devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000 0 0
tmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=48132k,mode=755,inode64 0 0
/dev/vda1 / ext4 rw,relatime,errors=remount-ro 0 0
tmpfs /dev/shm tmpfs rw,nosuid,nodev,inode64 0 0
"""

_MEMINFO: Final = """\
MemTotal:         481284 kB
MemFree:          397324 kB
MemAvailable:     433736 kB
Buffers:            4028 kB
Cached:            40268 kB
SwapCached:            0 kB
Active:            17168 kB
Inactive:          24512 kB
SwapTotal:             0 kB
SwapFree:              0 kB
"""

_CPUINFO: Final = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 15
model\t\t: 107
model name\t: QEMU Virtual CPU version 2.5+
stepping\t: 1
cpu MHz\t\t: 2596.120
cache size\t: 512 KB
bogomips\t: 5192.24
"""


def _number(data: bytes) -> int:
    try:
        return int(data.split()[0], 0)
    except (ValueError, IndexError):
        raise FileError("Invalid argument") from None


def add_proc(kernel: Kernel) -> None:
    """Create the files of /proc and /sys."""
    make = kernel.files.make_generated

    def setting(name: str, get: Callable[[], int], put: Callable[[int], None]) -> None:
        make(f"/proc/sys/kernel/{name}", lambda: f"{get()}\n".encode(), lambda data: put(_number(data)))

    def text(path: str, get: Callable[[], str]) -> None:
        make(path, lambda: get().encode())

    log, sysrq = kernel.log, kernel.sysrq
    text("/proc/cmdline", lambda: f"{kernel.parameters.text}\n")
    text("/proc/version", lambda: f"Linux version {RELEASE} {BUILDER} {VERSION}\n")
    text("/proc/uptime", lambda: f"{log.uptime_s:.2f} {log.uptime_s * 0.9:.2f}\n")
    text("/proc/loadavg", lambda: "0.08 0.03 0.01 1/67 412\n")
    text("/proc/meminfo", lambda: _MEMINFO)
    text("/proc/cpuinfo", lambda: _CPUINFO)
    text("/proc/mounts", lambda: _MOUNTS)
    text("/proc/consoles", lambda: _consoles(kernel))
    text("/proc/tty/driver/serial", lambda: _serial_report(kernel))
    text("/proc/sys/kernel/ostype", lambda: "Linux\n")
    text("/proc/sys/kernel/osrelease", lambda: f"{RELEASE}\n")
    text("/proc/sys/kernel/version", lambda: f"{VERSION}\n")
    boot_id = uuid.uuid4()
    text("/proc/sys/kernel/random/boot_id", lambda: f"{boot_id}\n")
    text("/proc/sys/kernel/random/uuid", lambda: f"{uuid.uuid4()}\n")
    make("/proc/kmsg", lambda: log.text().encode(), mode=0o400)
    text("/sys/class/tty/console/active", lambda: " ".join(kernel.parameters.console_names) + "\n")
    make(
        "/proc/sys/kernel/hostname",
        lambda: f"{kernel.host_name}\n".encode(),
        lambda data: setattr(kernel, "host_name", data.decode().strip()),
    )
    setting("sysrq", lambda: sysrq.effective_mask, lambda value: setattr(sysrq, "mask", value))
    setting("panic", lambda: kernel.panic_timeout, lambda value: setattr(kernel, "panic_timeout", value))
    setting(
        "unknown_nmi_panic",
        lambda: int(kernel.unknown_nmi_panic),
        lambda value: setattr(kernel, "unknown_nmi_panic", bool(value)),
    )
    make(
        "/proc/sys/kernel/printk",
        lambda: f"{log.console_loglevel}\t4\t1\t7\n".encode(),
        lambda data: setattr(log, "console_loglevel", _number(data)),
    )
    make(
        "/proc/sysrq-trigger",
        None,
        lambda data: sysrq.press(data.decode()[:1], check_mask=False) if data else None,
    )


def add_devices(kernel: Kernel) -> None:
    """Create the files of /dev."""

    def make(
        name: str, read: Callable[[], bytes] | None, write: Callable[[bytes], None] | None, mode: int = 0o666
    ) -> None:
        kernel.files.make_generated(f"/dev/{name}", read, write, "device", mode)

    def to_terminal(data: bytes) -> None:
        kernel.port.put(kernel.terminal.discipline.process_output(data))

    def to_console(data: bytes) -> None:
        if kernel.parameters.console_is_serial:
            to_terminal(data)

    def to_log(data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            match = re.match(r"<(\d+)>", line)
            level = int(match[1]) & 7 if match else 4
            kernel.log.printk(line[match.end() :] if match else line, level)

    def to_nowhere(_data: bytes) -> None:
        pass

    make("null", lambda: b"", to_nowhere)
    make("zero", lambda: bytes(4096), to_nowhere)
    make("urandom", lambda: os.urandom(256), to_nowhere)
    make("random", lambda: os.urandom(256), to_nowhere)
    make("ttyS0", None, to_terminal, 0o620)
    make("tty", None, to_terminal)
    make("console", None, to_console, 0o600)
    make("kmsg", lambda: kernel.log.text().encode(), to_log, 0o644)
    make("vda", None, None, 0o660)
    make("vda1", None, None, 0o660)


def _consoles(kernel: Kernel) -> str:
    lines = {"tty0": "tty0                 -WU (E  p  )    4:7", "ttyS0": "ttyS0                -W- (E  p a)    4:64"}
    return "".join(f"{lines[name]}\n" for name in reversed(kernel.parameters.console_names) if name in lines)


def _serial_report(kernel: Kernel) -> str:
    return (
        "serinfo:1.0 driver revision:\n"
        f"0: uart:{kernel.uart} port:000003F8 irq:4 tx:{kernel.port.sent} rx:{kernel.port.received} RTS|CTS|DTR|DSR|CD\n"
        "1: uart:unknown port:000002F8 irq:3\n2: uart:unknown port:000003E8 irq:4\n"
        "3: uart:unknown port:000002E8 irq:3\n"
    )
