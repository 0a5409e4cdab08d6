"""Which file systems a guest mounts where, from its ``/etc/fstab`` (fstab(5)) and the partitions of its disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

#: A partition by a device's name, whichever controller the disk is on.
_DEVICE: Final = re.compile(r"/dev/(?:sda|vda|xvda|hda|nvme0n1p|mmcblk0p)(\d+)")


@dataclass(frozen=True, slots=True)
class Volume:
    """A file system on a disk.

    Attributes:
        number: the partition's, from 1; 0 if the disk has no partition table.
        kind: what it is: ``"ext4"``, ``"xfs"``, ``"vfat"`` and so on.
        offset: where it begins, in bytes.
        size: its size, in bytes.
        uuid: its own UUID; empty if it has none.
        label: its own label; empty if it has none.
        partition_uuid: that of the partition, as ``PARTUUID=`` names it; empty if it has none.
        partition_name: that of the partition in a GPT; empty if it has none.
    """

    number: int
    kind: str
    offset: int
    size: int
    uuid: str = ""
    label: str = ""
    partition_uuid: str = ""
    partition_name: str = ""

    @property
    def what(self) -> str:
        """What messages call it."""
        return f"partition {self.number}" if self.number else "the disk"


def mount_points(fstab: str) -> Iterator[tuple[str, str, str]]:
    """The source, mount point and type of every line of an fstab that mounts something in the tree."""
    for line in fstab.split("\n"):
        fields = line.split()
        if len(fields) >= 3 and not fields[0].startswith("#") and fields[1].startswith("/"):
            source, point, kind = (_unescaped(field) for field in fields[:3])
            yield source, point.rstrip("/") or "/", kind


def mounted_volume(source: str, volumes: Sequence[Volume]) -> Volume | None:
    """The file system that the first field of a line in fstab names; None if it is on none of these."""
    key, equals, value = source.partition("=")
    value = value.strip('"')
    if source.startswith("/dev/disk/by-"):
        by, _, value = source.removeprefix("/dev/disk/by-").partition("/")
        key, equals = by.upper(), "="
    if equals and not source.startswith("/dev/sd"):
        names = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partition_uuid", "PARTLABEL": "partition_name"}
        if key not in names:
            return None
        fold = key.endswith("UUID")
        matching = (
            volume
            for volume in volumes
            if value
            and (
                getattr(volume, names[key]) == value or (fold and getattr(volume, names[key]).lower() == value.lower())
            )
        )
        return next(matching, None)
    device = _DEVICE.fullmatch(source)
    return next((volume for volume in volumes if device and volume.number == int(device[1])), None)


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
