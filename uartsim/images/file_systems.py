"""File systems and the like, recognised by their marks.

Sources: the marks are those of libblkid's superblock probes and of file(1); each is documented by its file system.
"""

from __future__ import annotations

from typing import Final

from uartsim.images.partition_table import Read

#: The name of each, and its marks: where they are in bytes, and what is there.
_MARKS: Final = (
    ("BitLocker", 3, b"-FVE-FS-"),
    ("LUKS", 0, b"LUKS\xba\xbe"),
    ("ext", 0x438, b"\x53\xef"),
    ("XFS", 0, b"XFSB"),
    ("btrfs", 0x10040, b"_BHRfS_M"),
    ("NTFS", 3, b"NTFS    "),
    ("exFAT", 3, b"EXFAT   "),
    ("FAT", 82, b"FAT32"),
    ("FAT", 54, b"FAT1"),
    ("LVM", 0, b"LABELONE"),
    ("LVM", 512, b"LABELONE"),
    ("LVM", 1024, b"LABELONE"),
    ("LVM", 1536, b"LABELONE"),
    ("swap", 4086, b"SWAPSPACE2"),
    ("squashfs", 0, b"hsqs"),
    ("EROFS", 1024, b"\xe2\xe1\xf5\xe0"),
    ("F2FS", 1024, b"\x10\x20\xf5\xf2"),
    ("RAID", 4096, b"\xfc\x4e\x2b\xa9"),
    ("RAID", 0, b"\xfc\x4e\x2b\xa9"),
    ("ISO 9660", 0x8001, b"CD001"),
    ("APFS", 32, b"NXSB"),
    ("HFS+", 1024, b"H+\0\x04"),
    ("UFS", 0x1055C, b"\x19\x01\x54\x19"),
)
#: Those that need a key.
ENCRYPTED: Final = ("LUKS", "BitLocker")
#: Those on which a Linux system may be installed.
LINUX: Final = ("ext", "XFS", "btrfs", "F2FS", "EROFS", "squashfs")
_LONGEST: Final = 0x10600


def file_system(read: Read, start: int, size: int) -> str | None:
    """The name of what is in a partition, such as ``"ext"`` or ``"LUKS"``; None if it has no known mark.

    Args:
        read: reads from the disk.
        start: the partition's first byte.
        size: its size in bytes.
    """
    head = read(start, min(size, _LONGEST))
    return next((name for name, at, mark in _MARKS if head[at : at + len(mark)] == mark), None)
