"""The EFI system partition of a disk that is built here: mkfs.vfat and mtools, without root, the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.images.host_tools import run_tool

#: The commands that install mkfs.vfat and mtools.
INSTALL: Final = {"mkfs.vfat": "apt-get install dosfstools", "mmd": "apt-get install mtools"}
#: How long each program may take, in seconds.
TIMEOUT_S: Final = 60.0


def write_esp(disk: Path, offset: int, size: int, loader: Path, *, serial: int, time: int) -> None:
    """Make a FAT file system in a part of a disk, with a boot loader where UEFI looks for one on any disk.

    Args:
        disk: the file that holds the disk.
        offset: where the file system begins, in bytes.
        size: its size in bytes.
        loader: the boot loader, an EFI program for x86-64.
        serial: the volume's serial number, 32 bits.
        time: the time of its files, in seconds since 1970.

    Raises:
        UsageError: a program is missing.
        UartsimError: a program failed.
    """
    place = f"{disk}@@{offset}"
    # --invariant sets a serial number of its own, so that it has to come before -i.
    format_it = [
        "mkfs.vfat",
        "--invariant",
        "-F",
        "16",
        "-n",
        "EFI",
        "-i",
        f"{serial:08x}",
        "--offset",
        str(offset // 512),
    ]
    for command in (
        [*format_it, str(disk), str(size // 1024)],
        ["mmd", "-i", place, "::/EFI", "::/EFI/BOOT"],
        ["mcopy", "-i", place, str(loader), "::/EFI/BOOT/BOOTX64.EFI"],
    ):
        variables = {"SOURCE_DATE_EPOCH": str(time), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
        install = INSTALL.get(command[0], INSTALL["mmd"])
        done = run_tool(command, install, timeout_s=TIMEOUT_S, variables=variables)
        if done.status:
            raise UartsimError(f"{command[0]} failed (status {done.status}): {done.complaints[-300:]}")
