"""What a disk image is, found out by looking at it: format, partitions, file systems, and how it boots.

The image is only read.  Everything in it may have been made by a stranger: all counts and lengths are limited, and what
makes no sense is taken for absent.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Final

from uartsim.errors import UsageError
from uartsim.images.el_torito import boot_entries
from uartsim.images.ext_reader import ExtReader
from uartsim.images.fat_reader import FatReader
from uartsim.images.file_systems import ENCRYPTED, LINUX, file_system
from uartsim.images.image_format import ImageFormat, image_format
from uartsim.images.named_files import check_named_files
from uartsim.images.nbd_client import Disk, open_disk
from uartsim.images.partition_table import BIOS_BOOT, Partition, PartitionTable, Read, read_partition_table
from uartsim.printable import printable_line

#: The processors that uartsim's QEMU emulates.
ARCHITECTURE: Final = "x86_64"
#: The architectures, by the names of the loaders that UEFI firmware starts from \EFI\BOOT (UEFI section 3.5.1.1).
LOADERS: Final = {
    "BOOTX64.EFI": "x86_64",
    "BOOTIA32.EFI": "i386 (32-bit UEFI)",
    "BOOTAA64.EFI": "arm64",
    "BOOTARM.EFI": "arm",
    "BOOTRISCV64.EFI": "riscv64",
    "BOOTRISCV32.EFI": "riscv32",
    "BOOTLOONGARCH64.EFI": "loongarch64",
}
#: Text in boot sectors: loaders that need no active partition, and stubs that only say that there is no loader.
_LOADER_TEXTS: Final = (b"GRUB", b"LILO", b"SYSLINUX", b"EXTLINUX", b"LINUX", b"Limine", b"iPXE")
_STUB_TEXTS: Final = (b"This is not a bootable disk", b"Non-System disk")
#: Where the primary volume descriptor of a CD is, in bytes (ECMA-119, section 6.7.1).
_VOLUME_DESCRIPTOR: Final = 16 * 2048
#: How far a partition or a CD may end beyond the disk before the disk is taken for truncated, in bytes.
_TOLERANCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Volume:
    """A partition, or a whole disk without partitions.

    Attributes:
        partition: the partition; with the number 0 for a whole disk.
        holds: the name of its file system, or ``"LUKS"``, ``"LVM"`` and so on; None if it is not known.
        system: the name of the system on it, such as ``"Debian GNU/Linux 12 (bookworm)"``; empty if none is found.
        kernels: the names of the Linux kernels in it.
    """

    partition: Partition
    holds: str | None
    system: str = ""
    kernels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"partition {self.partition.number}" if self.partition.number else "the disk"


@dataclass(frozen=True, slots=True)
class DiskReport:
    """What was seen of a disk image.

    Attributes:
        path: its absolute path.
        format: ``"qcow2"``, ``"raw"``, ``"vmdk"``, ``"vhd"``, ``"vhdx"`` or ``"iso"``.
        driver: QEMU's name for the format.
        reads: the other files that the image reads from.
        size: the size of the disk in bytes, as a guest sees it.
        table: ``"mbr"``, ``"gpt"`` or ``"none"``.
        volumes: its partitions; a disk without partitions is one volume.
        boots: what it can be started with: ``"bios"``, ``"uefi"``, both, or nothing.
        loaders: the architectures of the loaders for UEFI firmware.
    """

    path: str
    format: str
    driver: str
    reads: tuple[str, ...]
    size: int
    table: str
    volumes: tuple[Volume, ...]
    boots: tuple[str, ...]
    loaders: tuple[str, ...] = ()

    @property
    def encrypted(self) -> tuple[Volume, ...]:
        """The volumes that need a key."""
        return tuple(volume for volume in self.volumes if volume.holds in ENCRYPTED)

    @property
    def system(self) -> str:
        """The name of the first system that was found; empty if there is none."""
        return next((volume.system for volume in self.volumes if volume.system), "")

    @property
    def kernels(self) -> tuple[str, ...]:
        """The names of the Linux kernels that were found."""
        return tuple(kernel for volume in self.volumes for kernel in volume.kernels)


def look_at(path: str | os.PathLike[str]) -> DiskReport:
    """Look at a disk image.

    Raises:
        UsageError: it is not a disk image, is truncated, corrupt or encrypted as a whole, reads a file that it may not
            read, or ``qemu-nbd`` is missing; the message says what to do.
        DiskError: QEMU cannot open it, or it cannot be read.
    """
    place = os.path.realpath(path)
    found = image_format(place)
    check_named_files(place, found.driver, found.reads)
    with open_disk(place, found.driver) as disk:
        if found.name == "iso":
            return _look_at_cd(place, found, disk)
        return _look_at_disk(place, found, disk)


def _look_at_cd(path: str, found: ImageFormat, disk: Disk) -> DiskReport:
    descriptor = disk.read(_VOLUME_DESCRIPTOR, 2048)
    blocks, block = struct.unpack_from("<I44xH", descriptor.ljust(2048, b"\0"), 80)
    if blocks * block > disk.size + _TOLERANCE:
        raise UsageError(
            f"{path} is truncated: the CD has {blocks * block} bytes, and the file {disk.size}: copy or download it again"
        )
    entries = boot_entries(disk.read)
    loaders = [name for entry in entries if entry.platform == "uefi" for name in _loaders(disk.read, entry.start)]
    boots = ["bios"] * any(entry.platform == "bios" for entry in entries) + ["uefi"] * (ARCHITECTURE in loaders)
    volume = Volume(Partition(0, 0, disk.size, ""), "ISO 9660")
    return DiskReport(
        path, found.name, found.driver, found.reads, disk.size, "none", (volume,), tuple(boots), tuple(loaders)
    )


def _look_at_disk(path: str, found: ImageFormat, disk: Disk) -> DiskReport:
    table = read_partition_table(disk.read, disk.size)
    parts = table.partitions or (Partition(0, 0, disk.size, ""),)
    beyond = max(part.start + part.size for part in parts)
    if beyond > disk.size + _TOLERANCE:
        raise UsageError(
            f"{path} is truncated: its partitions need {beyond} bytes, and the disk has {disk.size}: copy or download it again"
        )
    volumes = tuple(_volume(disk.read, part) for part in parts)
    loaders = [
        name for volume in volumes if volume.holds == "FAT" for name in _loaders(disk.read, volume.partition.start)
    ]
    boots = ["bios"] * _boots_by_bios(table, uefi=bool(loaders)) + ["uefi"] * (ARCHITECTURE in loaders)
    return DiskReport(
        path, found.name, found.driver, found.reads, disk.size, table.kind, volumes, tuple(boots), tuple(loaders)
    )


def _volume(read: Read, part: Partition) -> Volume:
    holds = file_system(read, part.start, part.size)
    if holds != "ext":
        return Volume(part, holds)
    try:
        reader = ExtReader(read, part.start)
    except ValueError:
        return Volume(part, holds)
    names = [*reader.names("/boot"), *reader.names("/")]
    kernels = sorted({name for name in names if name.startswith(("vmlinuz-", "vmlinux-", "Image-", "bzImage"))})
    system = next(filter(None, map(_pretty_name, map(reader.content, ("/etc/os-release", "/usr/lib/os-release")))), "")
    return Volume(part, holds, system, tuple(map(printable_line, kernels)))


def _pretty_name(os_release: bytes) -> str:
    """The name of a system in its os-release(5)."""
    for line in os_release[:4096].decode(errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return printable_line(value.strip("\"' "))[:100]
    return ""


def _loaders(read: Read, start: int) -> list[str]:
    """The architectures of the loaders in a FAT file system that UEFI firmware starts by themselves."""
    try:
        names = FatReader(read, start).names("EFI", "BOOT")
    except ValueError:
        return []
    return [architecture for name, architecture in LOADERS.items() if name in names]


def _boots_by_bios(table: PartitionTable, *, uefi: bool) -> bool:
    """Whether the first sector starts something.

    A sector that starts the active partition, as partitioning programs write it, is of no use without one; where the disk has a
    loader for UEFI firmware too, it is taken for such a sector unless its text says otherwise.
    """
    code = table.boot_code
    if not code or any(text in code for text in _STUB_TEXTS):
        return False
    if any(text in code for text in _LOADER_TEXTS) or any(part.active for part in table.partitions):
        return True
    if table.kind == "gpt":
        return any(part.kind == BIOS_BOOT for part in table.partitions)
    return not uefi


def chosen_firmware(report: DiskReport, wanted: str = "auto") -> str:
    """The firmware to start a disk with.

    Args:
        report: what was seen of it.
        wanted: ``"bios"``, ``"uefi"``, or ``"auto"``: what it boots with, and BIOS if that is both.

    Raises:
        UsageError: it does not boot, or not with that firmware; the message says why and what to do.
    """
    if not report.boots:
        raise UsageError(f"{report.path} {_why_not(report)}")
    if wanted == "auto":
        return report.boots[0]
    if wanted not in report.boots:
        lacks = {"bios": "boot code for a BIOS", "uefi": r"loader for UEFI (\EFI\BOOT\BOOTX64.EFI)"}[wanted]
        raise UsageError(
            f"{report.path} cannot be started with firmware {wanted}, because it has no {lacks}: it boots with "
            f"{report.boots[0]}"
        )
    return wanted


def _why_not(report: DiskReport) -> str:
    """Why a disk does not boot, and what to do, as a sentence that begins with its path."""
    foreign = [name for name in report.loaders if name != ARCHITECTURE]
    if foreign:
        return f"is for {' and '.join(foreign)}; uartsim's QEMU is {ARCHITECTURE}: get the image for {ARCHITECTURE}"
    if report.format == "iso":
        return "is a CD from which nothing boots: give a bootable one, such as the installer's"
    if report.encrypted and len(report.encrypted) == len(report.volumes):
        kind = report.encrypted[0].holds
        return f"is encrypted ({kind}), and there is no boot loader before it: decrypt it with the system that made it"
    roots = [volume for volume in report.volumes if volume.holds in LINUX]
    if not any(volume.holds for volume in report.volumes) and report.table == "none":
        return (
            "is not a disk that a machine can start from: there is no partition table, boot code or file system in it. If it "
            "is in a format that uartsim does not know, convert it with 'qemu-img convert -O qcow2'"
        )
    if roots:
        what = report.system or f"a file system ({roots[0].holds})"
        kernel = "has a kernel, which" if report.kernels else "has no kernel that uartsim can see: one"
        return (
            f"holds {what} without a boot loader. It {kernel} can be given by itself, outside the image, with 'kernel' and "
            "'append' in a guest's manifest (docs/images.md, \"A root file system\")"
        )
    held = ", ".join(f"{volume.name}: {volume.holds or 'unknown'}" for volume in report.volumes[:8])
    return (
        f"has neither boot code for a BIOS nor a loader for UEFI ({held}): give the disk that the machine starts from"
    )


def remarks(report: DiskReport) -> list[str]:
    """What a person who starts this disk should know, as sentences."""
    found = [f"{volume.name} is encrypted ({volume.holds}): the system asks for its key" for volume in report.encrypted]
    if report.reads:
        found.append(f"{report.path} reads from {', '.join(report.reads)}, too")
    rest = [volume for volume in report.volumes if volume.holds not in ("ext", "FAT", "swap", None)]
    if report.system and not report.kernels and not rest:
        found.append(f"{report.path} holds {report.system} without a kernel: only its boot loader will run")
    return found
