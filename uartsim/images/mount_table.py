"""Which file systems a guest mounts where, from its ``/etc/fstab`` (fstab(5)) and the partitions of its disk."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from uartsim.images.file_systems import file_system
from uartsim.images.nbd_client import Disk
from uartsim.images.partition_table import read_partition_table

#: A partition by a device's name, whichever controller the disk is on.
_DEVICE: Final = re.compile(r"/dev/(?:sda|vda|xvda|hda|nvme0n1p|mmcblk0p)(\d+)")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system on a disk.

    Attributes:
        number: the partition's, from 1; 0 if the disk has no partition table.
        kind: what it is, as :mod:`uartsim.images.file_systems` names it, such as ``"ext"`` or ``"XFS"``.
        offset: where it begins, in bytes.
        size: its size, in bytes.
        uuid: its own UUID, or the serial number of a FAT, as ``UUID=`` names it; empty if it is not known.
        label: its own label; empty if it has none, or it is not known.
        partition_uuid: that of the partition, as ``PARTUUID=`` names it; empty if it is not known.
    """

    number: int
    kind: str
    offset: int
    size: int
    uuid: str = ""
    label: str = ""
    partition_uuid: str = ""

    @property
    def what(self) -> str:
        """What messages call it."""
        return f"partition {self.number}" if self.number else "the disk"


def read_file_systems(disk: Disk) -> list[FileSystem]:
    """The file systems on a disk, and what else is in its partitions that can be told by its mark."""
    table = read_partition_table(disk.read, disk.size)
    places = [(part.number, part.start, part.size) for part in table.partitions] or [(0, 0, disk.size)]
    signature = int.from_bytes(disk.read(440, 4), "little") if table.kind == "mbr" else 0
    volumes = []
    for number, start, size in places:
        kind = file_system(disk.read, start, size)
        if kind is not None:
            name, label = _names(disk, kind, start)
            part = f"{signature:08x}-{number:02x}" if signature else ""
            volumes.append(FileSystem(number, kind, start, size, name, label, part))
    return volumes


def _names(disk: Disk, kind: str, start: int) -> tuple[str, str]:
    """The UUID and the label of a file system, as far as they are read here."""
    if kind == "ext":
        name, label = struct.unpack("16s16s", disk.read(start + 1024 + 0x68, 32))
        return str(uuid.UUID(bytes=name)), label.rstrip(b"\0").decode(errors="replace")
    if kind == "FAT":
        head = disk.read(start, 512)
        at = 67 if head[82:87] == b"FAT32" else 39
        serial = f"{int.from_bytes(head[at : at + 4], 'little'):08X}"
        return f"{serial[:4]}-{serial[4:]}", head[at + 4 : at + 15].decode(errors="replace").rstrip()
    return "", ""


def mount_points(fstab: str) -> Iterator[tuple[str, str, str]]:
    """The source, mount point and type of every line of an fstab that mounts something in the tree."""
    for line in fstab.split("\n"):
        fields = line.split()
        if len(fields) >= 3 and not fields[0].startswith("#") and fields[1].startswith("/"):
            source, point, kind = (_unescaped(field) for field in fields[:3])
            yield source, point.rstrip("/") or "/", kind


def mounted_file_system(source: str, volumes: Sequence[FileSystem]) -> FileSystem | None:
    """The file system that the first field of a line in fstab names; None if it is on none of these."""
    key, equals, value = source.partition("=")
    value = value.strip('"')
    if source.startswith("/dev/disk/by-"):
        by, _, value = source.removeprefix("/dev/disk/by-").partition("/")
        key, equals = by.upper(), "="
    if equals:
        if key == "LABEL":
            return next((volume for volume in volumes if volume.label == value != ""), None)
        names = {"UUID": "uuid", "PARTUUID": "partition_uuid"}
        attribute = names.get(key)
        matching = (
            volume for volume in volumes if attribute and getattr(volume, attribute).lower() == value.lower() != ""
        )
        return next(matching, None)
    device = _DEVICE.fullmatch(source)
    return next((volume for volume in volumes if device and volume.number == int(device[1])), None)


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
