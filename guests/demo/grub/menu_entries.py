"""The entries of GRUB's menu, the disk as GRUB sees it, and what an entry loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..kernel.release import RELEASE

KERNEL_PATH: Final = f"/boot/vmlinuz-{RELEASE}"
INITRD_PATH: Final = f"/boot/initrd.img-{RELEASE}"


class BootRequest(NamedTuple):
    """A loaded kernel.

    Attributes:
        command_line: the kernel's command line, ``BOOT_IMAGE=`` first.
        has_initrd: whether an initial ramdisk was loaded.
    """

    command_line: str
    has_initrd: bool = False


class Entry(NamedTuple):
    """A menu entry, or a submenu if it has entries itself.

    Attributes:
        title: as shown.
        lines: its commands, as the editor shows them (without ``setparams``).
        entries: the submenu's entries.
    """

    title: str
    lines: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def editor_lines(self) -> list[str]:
        """The lines that the editor shows at first."""
        return [f"setparams '{self.title}'", "", *self.lines, ""]


def default_entries(command_line: str) -> tuple[Entry, ...]:
    """The menu of this machine: the system, and its advanced options with the recovery mode.

    Args:
        command_line: what the first entry passes to the kernel.
    """

    def linux(title: str, arguments: str) -> Entry:
        return Entry(
            title,
            (
                f"\tlinux\t{KERNEL_PATH} {arguments}",
                "\techo\t'Loading initial ramdisk ...'",
                f"\tinitrd\t{INITRD_PATH}",
            ),
        )

    root, _, rest = command_line.partition(" ro ")
    recovery = f"{root} ro single {rest}" if rest else f"{command_line} single"
    return (
        linux("Debian GNU/Linux", command_line),
        Entry(
            "Advanced options for Debian GNU/Linux",
            entries=(
                linux(f"Debian GNU/Linux, with Linux {RELEASE}", command_line),
                linux(f"Debian GNU/Linux, with Linux {RELEASE} (recovery mode)", recovery),
            ),
        ),
    )


#: The disk as GRUB sees it: what ``ls`` shows and ``linux`` finds.
GRUB_FILES: Final[Mapping[str, str]] = {
    "/": "lost+found/ bin@ boot/ dev/ etc/ home/ initrd.img@ lib@ lib64@ media/ mnt/ opt/ proc/ root/ run/ sbin@ srv/ "
    "sys/ tmp/ usr/ var/ vmlinuz@",
    "/boot": f"config-{RELEASE} grub/ initrd.img-{RELEASE} System.map-{RELEASE} vmlinuz-{RELEASE}",
    "/boot/grub": "fonts/ grub.cfg grubenv i386-pc/ locale/",
}
#: What ``linux`` and ``initrd`` can load.
LOADABLE: Final = frozenset((KERNEL_PATH, INITRD_PATH, "/vmlinuz", "/initrd.img"))
