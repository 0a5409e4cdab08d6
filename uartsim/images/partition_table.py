"""Partition tables, MBR and GPT, read from the content of a disk.

Sources: UEFI Specification 2.10, chapter 5 (GPT, and the MBR as section 5.2 describes it).
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Reads ``(offset, count)`` bytes of a disk; fewer where it ends.
Read = Callable[[int, int], bytes]

#: So many logical partitions of an MBR, and so many entries of a GPT, are read.
MOST_LOGICAL: Final = 64
MOST_ENTRIES: Final = 1024

#: The type of the GPT partition in which GRUB for a BIOS lies.
BIOS_BOOT: Final = "21686148-6449-6e6f-744e-656564454649"

_EXTENDED: Final = (0x05, 0x0F, 0x85)
_LEGACY_BOOTABLE: Final = 1 << 2


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition.

    Attributes:
        number: its number, as Linux counts.
        start: its first byte on the disk.
        size: its size in bytes.
        kind: its type: two hexadecimal digits in an MBR, a GUID in lower case in a GPT.
        active: whether it is marked for a BIOS to boot from.
    """

    number: int
    start: int
    size: int
    kind: str
    active: bool = False


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """A partition table.

    Attributes:
        kind: ``"mbr"``, ``"gpt"``, or ``"none"``: the disk has no partitions.
        partitions: its partitions, by number.
        boot_code: what a BIOS runs: the first 440 bytes of the disk, or nothing if they are zero or the sector lacks its
            signature.
    """

    kind: str
    partitions: tuple[Partition, ...] = ()
    boot_code: bytes = b""


def read_partition_table(read: Read, size: int) -> PartitionTable:
    """Read the partition table of a disk.

    Args:
        read: reads from the disk.
        size: the disk's size in bytes.
    """
    sector = read(0, 512)
    if len(sector) < 512 or sector[510:] != b"\x55\xaa":
        return PartitionTable("none")
    code = sector[:440]
    boot_code = code if any(code) else b""
    entries = [_entry(sector, 446 + 16 * index) for index in range(4)]
    if any(kind == 0xEE for _, kind, _, _ in entries):
        for block in (512, 4096):
            for at in (block, size - block):  # the second is the copy at the end
                if partitions := _gpt(read, at, block):
                    return PartitionTable("gpt", tuple(partitions), boot_code)
    if not _is_table(entries, size) or sector[82:87] == b"FAT32" or sector[54:58] in (b"FAT1", b"FAT "):
        return PartitionTable("none", boot_code=boot_code)
    found: list[Partition] = []
    for index, (active, kind, start, count) in enumerate(entries):
        if not kind or not count:
            continue
        if kind in _EXTENDED:
            found += _logical(read, start, 5)
        else:
            found.append(Partition(index + 1, start * 512, count * 512, f"{kind:02x}", active == 0x80))
    return PartitionTable("mbr", tuple(sorted(found, key=lambda part: part.number)), boot_code)


def _entry(sector: bytes, at: int) -> tuple[int, int, int, int]:
    """The status, type, first sector and number of sectors of an entry of an MBR."""
    status, kind, start, count = struct.unpack_from("<B3xB3xII", sector, at)
    return status, kind, start, count


def _is_table(entries: list[tuple[int, int, int, int]], size: int) -> bool:
    """Whether four entries are those of an MBR, and not part of a file system's boot sector."""
    if any(status not in (0, 0x80) for status, _, _, _ in entries):
        return False
    return any(kind and count and start * 512 < max(size, 1 << 41) for _, kind, start, count in entries)


def _logical(read: Read, first: int, number: int) -> list[Partition]:
    """The partitions in an extended partition, a chain of tables with one partition each."""
    found: list[Partition] = []
    at = first
    while len(found) < MOST_LOGICAL:
        sector = read(at * 512, 512)
        if sector[510:] != b"\x55\xaa":
            break
        active, kind, start, count = _entry(sector, 446)
        if kind and count:
            found.append(Partition(number + len(found), (at + start) * 512, count * 512, f"{kind:02x}", active == 0x80))
        _, kind, start, count = _entry(sector, 462)
        if kind not in _EXTENDED or not start or first + start <= at:
            break
        at = first + start
    return found


def _gpt(read: Read, at: int, block: int) -> list[Partition]:
    """The partitions of the GPT whose header is at ``at``; none if there is no valid header."""
    header = read(at, 92) if at > 0 else b""
    if len(header) < 92 or header[:8] != b"EFI PART":
        return []
    if zlib.crc32(header[:16] + bytes(4) + header[20:]) != struct.unpack_from("<I", header, 16)[0]:
        return []
    entries_at, count, length = struct.unpack_from("<QII", header, 72)
    if not 128 <= length <= 4096 or entries_at > 1 << 50:
        return []
    count = min(count, MOST_ENTRIES)
    data = read(entries_at * block, count * length)
    found = []
    for index in range(len(data) // length):
        kind, first, last, attributes = struct.unpack_from("<16s16xQQQ", data, index * length)
        if any(kind) and first <= last < 1 << 50:
            guid = str(uuid.UUID(bytes_le=kind))
            active = bool(attributes & _LEGACY_BOOTABLE)
            found.append(Partition(index + 1, first * block, (last - first + 1) * block, guid, active))
    return found
