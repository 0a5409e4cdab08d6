"""What is on the disk of the scripted machine, and the files of /proc and /dev that speak with it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from .kernel import BUILDER, RELEASE, VERSION

if TYPE_CHECKING:
    from ..linux_system import Machine

#: When the system was installed: the date of its files, in seconds since 1970.
INSTALLED: Final = 1_707_566_400.0

DIRECTORIES: Final = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/proc/sys",
    "/proc/sys/kernel",
    "/proc/tty",
    "/proc/tty/driver",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/sys/class",
    "/sys/class/tty",
    "/sys/class/tty/console",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/var",
    "/var/log",
    "/var/tmp",
]

_MOTD: Final = """
This machine is `demo', the scripted guest of uartsim: it behaves like a
Linux on its serial line, but no Linux runs here. `help' lists its commands.
"""

FILES: Final[dict[str, str]] = {
    f"/boot/vmlinuz-{RELEASE}": "MZ\n",
    f"/boot/initrd.img-{RELEASE}": "070701\n",
    f"/boot/config-{RELEASE}": (
        "# Linux/x86 6.1.76 Kernel Configuration\nCONFIG_MAGIC_SYSRQ=y\nCONFIG_MAGIC_SYSRQ_DEFAULT_ENABLE=0x01b6\n"
        "CONFIG_MAGIC_SYSRQ_SERIAL=y\nCONFIG_SERIAL_8250=y\nCONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_SERIAL_8250_NR_UARTS=32\n"
        "CONFIG_SERIAL_8250_RUNTIME_UARTS=4\n"
    ),
    "/etc/debian_version": "12.5\n",
    "/etc/fstab": "/dev/vda1 / ext4 errors=remount-ro 0 1\n",
    "/etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\ndialout:x:20:\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tdemo\n",
    "/etc/issue": (
        "Debian GNU/Linux 12 \\n \\l\n`demo', the scripted guest of uartsim: log in as root, password toor.\n\n"
    ),
    "/etc/motd": _MOTD,
    "/etc/os-release": (
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n'
        'VERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\nHOME_URL="https://www.debian.org/"\n'
    ),
    "/etc/passwd": (
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ),
    "/etc/shells": "/bin/sh\n/bin/bash\n",
    "/root/.bashrc": "# ~/.bashrc: executed by bash(1) for non-login shells.\n",
    "/root/.profile": "# ~/.profile: executed by Bourne-compatible login shells.\n",
    "/var/log/lastlog": "",
}

LINKS: Final[dict[str, str]] = {
    "/vmlinuz": f"boot/vmlinuz-{RELEASE}",
    "/initrd.img": f"boot/initrd.img-{RELEASE}",
    "/etc/mtab": "/proc/mounts",
}

MOUNTS: Final = """\
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


class Maker(Protocol):
    """Creates a generated file."""

    def __call__(
        self,
        path: str,
        read: Callable[[], bytes] | None,
        write: Callable[[bytes], None] | None = None,
        kind: str = "file",
    ) -> None:
        """Create ``path``; ``read`` makes its content, ``write`` takes what is written."""


def _number(data: bytes) -> int:
    from .vfs import FileError

    try:
        return int(data.split()[0], 0)
    except (ValueError, IndexError):
        raise FileError("Invalid argument") from None


def add_proc(make: Maker, machine: Machine) -> None:
    """Create the files of /proc that this machine has."""
    kernel = machine.kernel

    def setting(name: str, get: Callable[[], int], put: Callable[[int], None]) -> None:
        make(f"/proc/sys/kernel/{name}", lambda: f"{get()}\n".encode(), lambda data: put(_number(data)))

    def text(path: str, get: Callable[[], str]) -> None:
        make(path, lambda: get().encode())

    text("/proc/cmdline", lambda: f"{kernel.command_line.text}\n")
    text("/proc/version", lambda: f"Linux version {RELEASE} {BUILDER} {VERSION}\n")
    text("/proc/uptime", lambda: f"{kernel.uptime_s:.2f} {kernel.uptime_s * 0.9:.2f}\n")
    text("/proc/loadavg", lambda: "0.08 0.03 0.01 1/67 412\n")
    text("/proc/meminfo", lambda: _MEMINFO)
    text("/proc/cpuinfo", lambda: _CPUINFO)
    text("/proc/mounts", lambda: MOUNTS)
    text("/proc/consoles", lambda: _consoles(machine))
    text("/proc/tty/driver/serial", lambda: serial_report(machine))
    text("/proc/sys/kernel/ostype", lambda: "Linux\n")
    text("/proc/sys/kernel/osrelease", lambda: f"{RELEASE}\n")
    text("/proc/sys/kernel/version", lambda: f"{VERSION}\n")
    text("/sys/class/tty/console/active", lambda: " ".join(_console_names(machine)) + "\n")
    make(
        "/proc/sys/kernel/hostname",
        lambda: f"{machine.hostname}\n".encode(),
        lambda data: setattr(machine, "hostname", data.decode().strip()),
    )
    setting("sysrq", lambda: kernel.sysrq.effective_mask, lambda value: setattr(kernel.sysrq, "mask", value))
    setting("panic", lambda: kernel.panic_timeout, lambda value: setattr(kernel, "panic_timeout", value))
    setting(
        "unknown_nmi_panic",
        lambda: int(kernel.unknown_nmi_panic),
        lambda value: setattr(kernel, "unknown_nmi_panic", bool(value)),
    )
    make(
        "/proc/sys/kernel/printk",
        lambda: f"{kernel.console_loglevel}\t4\t1\t7\n".encode(),
        lambda data: setattr(kernel, "console_loglevel", _number(data)),
    )
    make(
        "/proc/sysrq-trigger",
        None,
        lambda data: kernel.sysrq.press(data.decode()[:1], check_mask=False) if data else None,
    )
    make("/proc/kmsg", lambda: kernel.dmesg().encode())


def add_devices(make: Maker, machine: Machine) -> None:
    """Create the files of /dev."""

    def to_terminal(data: bytes) -> None:
        machine.port.put(machine.terminal.discipline.process_output(data))

    def to_console(data: bytes) -> None:
        if machine.init.console_is_serial:
            to_terminal(data)

    def to_log(data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            match = re.match(r"<(\d+)>", line)
            level = int(match[1]) & 7 if match else 4
            machine.kernel.printk(line[match.end() :] if match else line, level)

    make("/dev/null", lambda: b"", lambda _data: None, "device")
    make("/dev/zero", lambda: bytes(4096), lambda _data: None, "device")
    make("/dev/urandom", lambda: os.urandom(256), lambda _data: None, "device")
    make("/dev/random", lambda: os.urandom(256), lambda _data: None, "device")
    make("/dev/ttyS0", None, to_terminal, "device")
    make("/dev/tty", None, to_terminal, "device")
    make("/dev/console", None, to_console, "device")
    make("/dev/kmsg", lambda: machine.kernel.dmesg().encode(), to_log, "device")
    make("/dev/vda", None, None, "device")
    make("/dev/vda1", None, None, "device")


def _console_names(machine: Machine) -> list[str]:
    return [console.partition(",")[0] for console in machine.kernel.command_line.consoles]


def _consoles(machine: Machine) -> str:
    lines = {"tty0": "tty0                 -WU (E  p  )    4:7", "ttyS0": "ttyS0                -W- (E  p a)    4:64"}
    return "".join(f"{lines[name]}\n" for name in reversed(_console_names(machine)) if name in lines)


def serial_report(machine: Machine) -> str:
    """/proc/tty/driver/serial, with the counters of the driver where it has some."""
    counters = getattr(machine.port.driver, "counters", None)

    def count(name: str, default: int) -> int:
        value = getattr(counters, name, default)
        return value if isinstance(value, int) else default

    fields = [f"tx:{count('tx', machine.port.sent)}", f"rx:{count('rx', machine.port.received)}"]
    for name, label in (("framing", "fe"), ("parity", "pe"), ("breaks", "brk"), ("overruns", "oe")):
        if number := count(name, 0):
            fields.append(f"{label}:{number}")
    return (
        "serinfo:1.0 driver revision:\n"
        f"0: uart:{machine.uart} port:000003F8 irq:4 {' '.join(fields)} RTS|CTS|DTR|DSR|CD\n"
        "1: uart:unknown port:000002F8 irq:3\n2: uart:unknown port:000003E8 irq:4\n"
        "3: uart:unknown port:000002E8 irq:3\n"
    )
