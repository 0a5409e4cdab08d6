"""Which kernel this is: Debian 12's, as uname(1), the boot log and GRUB's menu name it."""

from __future__ import annotations

from typing import Final

RELEASE: Final = "6.1.0-18-cloud-amd64"
VERSION: Final = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)"
BUILDER: Final = (
    "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40)"
)
#: The package's version, as crash reports give it.
BUILD: Final = "Debian 6.1.76-1"


def uname(host_name: str, letters: str = "s") -> str:
    """What uname(1) prints.

    Args:
        host_name: the machine's host name.
        letters: the options, without the dash: any of "a", "s", "n", "r", "v", "m" and "o".
    """
    values = {"s": "Linux", "n": host_name, "r": RELEASE, "v": VERSION, "m": "x86_64", "o": "GNU/Linux"}
    wanted = "snrvmo" if "a" in letters else letters
    return " ".join(value for letter, value in values.items() if letter in wanted)
