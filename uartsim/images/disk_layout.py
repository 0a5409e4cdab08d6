"""Where things are on the disks that are built here: a partition table of sfdisk's, and GRUB for BIOS in front.

A disk with a GPT has the partitions of Debian's cloud images: 14 for GRUB's core image, 15 for EFI's files, and 1, the
root file system, behind them, so that it can grow.  A disk with an MBR has the root file system alone, and GRUB's core
image lies in the gap before it.
"""

from __future__ import annotations

import os
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.images.host_tools import run_tool
from uartsim.images.recipe import Recipe

SECTOR: Final = 512
#: The command that installs sfdisk.
INSTALL: Final = "apt-get install fdisk"
#: How long sfdisk may take, in seconds.
TIMEOUT_S: Final = 60.0

_MIB: Final = 1 << 20
#: The EFI system partition's size: a boot loader takes 1 MiB, and FAT16 needs 4085 clusters.
_ESP_BYTES: Final = 32 * _MIB
#: Room for the second copy of the GPT.
_GPT_END: Final = _MIB
_GPT_TYPES: Final = {
    "root": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",  # Linux root (x86-64)
    "grub": "21686148-6449-6E6F-744E-656564454649",  # BIOS boot
    "esp": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",  # EFI system
}
_NUMBERS: Final = {"root": 1, "grub": 14, "esp": 15}
#: Where the MBR's code ends, and where GRUB's boot.img has the sector of the core image (its boot.h).
_BOOT_CODE_BYTES: Final = 440
_BOOT_CORE_SECTOR: Final = 0x5C
#: Where the core image's first sector has the sector of the rest (its diskboot.S).
_CORE_NEXT_SECTOR: Final = SECTOR - 12


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition.

    Attributes:
        use: ``"root"``, ``"grub"`` (BIOS boot) or ``"esp"``.
        start: where it begins, in bytes.
        size: its size in bytes.
    """

    use: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """The layout of a disk.

    Attributes:
        table: ``"mbr"`` or ``"gpt"``.
        size: the size of the disk in bytes.
        partitions: its partitions, in the order of their places.
        identity: the disk's identifier; those of partitions are derived from it.
    """

    table: str
    size: int
    partitions: tuple[Partition, ...]
    identity: uuid.UUID

    def partition(self, use: str) -> Partition | None:
        """The partition of that use, or None."""
        return next((partition for partition in self.partitions if partition.use == use), None)

    @property
    def root(self) -> Partition:
        """The partition of the root file system."""
        return self.partitions[-1]


def layout_of(recipe: Recipe, identity: uuid.UUID) -> DiskLayout:
    """The layout of the disk that a recipe describes.

    Args:
        recipe: the recipe.
        identity: the disk's identifier.
    """
    sizes = {}
    if recipe.layout == "gpt":
        if recipe.firmware != "uefi":
            sizes["grub"] = _MIB
        if recipe.firmware != "bios":
            sizes["esp"] = _ESP_BYTES
    size, start = recipe.size_mb * _MIB, _MIB
    partitions = []
    for use, length in sizes.items():
        partitions.append(Partition(use, start, length))
        start += length
    end = size - (_GPT_END if recipe.layout == "gpt" else 0)
    return DiskLayout(recipe.layout, size, (*partitions, Partition("root", start, end - start)), identity)


def write_table(disk: Path, layout: DiskLayout) -> None:
    """Make the file of a disk, sparse, with its partition table.

    Args:
        disk: the path of the new file.
        layout: the layout.

    Raises:
        UsageError: sfdisk is missing.
        UartsimError: it failed.
    """
    with disk.open("xb") as file:
        os.truncate(file.fileno(), layout.size)
    lines = ["unit: sectors"]
    if layout.table == "gpt":
        lines += ["label: gpt", f"label-id: {layout.identity}"]
    else:
        lines += ["label: dos", f"label-id: 0x{layout.identity.int & 0xFFFFFFFF or 1:08x}"]
    for part in layout.partitions:
        place = f"start={part.start // SECTOR}, size={part.size // SECTOR}"
        if layout.table == "gpt":
            part_id = uuid.uuid5(layout.identity, part.use)
            lines.append(f"{_NUMBERS[part.use]} : {place}, type={_GPT_TYPES[part.use]}, uuid={part_id}")
        else:
            lines.append(f"1 : {place}, type=83, bootable")
    command = ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--lock=no", str(disk)]
    done = run_tool(command, INSTALL, timeout_s=TIMEOUT_S, given="\n".join([*lines, ""]).encode())
    if done.status:
        raise UartsimError(f"sfdisk failed (status {done.status}): {done.complaints[-300:]}")


def write_grub(disk: Path, layout: DiskLayout, boot_image: bytes, core_image: bytes) -> None:
    """Write GRUB for BIOS in front of the root file system, as ``grub-install`` does.

    Args:
        disk: the disk, with its partition table.
        layout: its layout.
        boot_image: GRUB's ``boot.img``, whose code goes into the first sector.
        core_image: GRUB's ``core.img``.

    Raises:
        UartsimError: the core image does not fit.
    """
    place = layout.partition("grub")
    start, room = (place.start, place.size) if place is not None else (SECTOR, layout.root.start - SECTOR)
    if len(core_image) > room:
        raise UartsimError(f"GRUB's core image has {len(core_image)} bytes: there is room for {room}")
    code = bytearray(boot_image[:_BOOT_CODE_BYTES])
    struct.pack_into("<Q", code, _BOOT_CORE_SECTOR, start // SECTOR)
    core = bytearray(core_image)
    struct.pack_into("<Q", core, _CORE_NEXT_SECTOR, start // SECTOR + 1)
    with disk.open("r+b") as file:
        file.write(code)
        file.seek(start)
        file.write(core)
