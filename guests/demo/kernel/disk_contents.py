"""What is on the disk of the machine when it is switched on."""

from __future__ import annotations

from typing import Final

from .release import RELEASE

#: When the system was installed, in seconds since 1970: the date of its files.
INSTALLED: Final = 1_707_566_400.0

DIRECTORIES: Final = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/skel",
    "/home",
    "/lib",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/proc/sys",
    "/proc/sys/kernel",
    "/proc/sys/kernel/random",
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

#: The permission bits of directories that differ from 0755.
MODES: Final = {"/root": 0o700, "/tmp": 0o1777, "/var/tmp": 0o1777}

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
    "/etc/group": "root:x:0:\ndaemon:x:1:\nadm:x:4:\ntty:x:5:\ndialout:x:20:\nsudo:x:27:\n",
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
    "/etc/skel/.bashrc": "# ~/.bashrc: executed by bash(1) for non-login shells.\n",
    "/etc/skel/.profile": "# ~/.profile: executed by Bourne-compatible login shells.\n",
    "/root/.bashrc": "# ~/.bashrc: executed by bash(1) for non-login shells.\n",
    "/root/.profile": "# ~/.profile: executed by Bourne-compatible login shells.\n",
    "/var/log/lastlog": "",
}

LINKS: Final[dict[str, str]] = {
    "/vmlinuz": f"boot/vmlinuz-{RELEASE}",
    "/initrd.img": f"boot/initrd.img-{RELEASE}",
    "/etc/mtab": "/proc/mounts",
}
