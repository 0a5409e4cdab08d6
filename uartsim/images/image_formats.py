"""What kind of disk a file is, as far as the store must know before it takes a copy: format, size, and completeness."""

from __future__ import annotations

import os
import struct
from typing import Final

from uartsim.errors import UsageError

_QCOW2: Final = b"QFI\xfb"
#: Sectors of 512 bytes whose last two bytes are these begin a disk with an MBR.
_BOOT_SIGNATURE: Final = b"\x55\xaa"
_CD: Final = b"CD001"
#: How much of a file's beginning is looked at, in bytes.
_LOOKED_AT: Final = 0x8006 + 4096


def disk_format(fd: int, shown: str) -> tuple[str, int]:
    """The format of a disk and the size that a guest sees, in bytes.

    Args:
        fd: the open file.
        shown: how messages call it.

    Raises:
        UsageError: it is not a disk, or only a part of one; the message says what to do.
    """
    size = os.lseek(fd, 0, os.SEEK_END)
    head = os.pread(fd, _LOOKED_AT, 0)
    if head.startswith(_QCOW2):
        return "qcow2", _qcow2_size(head, shown)
    if head.startswith(b"KDMV"):
        return "vmdk", int.from_bytes(head[12:20], "little") * 512
    if head.startswith(b"# Disk DescriptorFile"):
        raise UsageError(
            f"{shown} only describes a VMware disk that is in other files: "
            "make one file of it with 'qemu-img convert -O qcow2 FILE.vmdk FILE.qcow2'"
        )
    if head.startswith(b"vhdxfile"):
        return "vhdx", _vhdx_size(fd, shown)
    for at in (0, size - 512):
        footer = os.pread(fd, 512, max(at, 0))
        if footer.startswith(b"conectix") and len(footer) == 512:
            return "vpc", int.from_bytes(footer[48:56], "big")
    if head[0x8001:0x8006] == _CD:
        return "iso", size
    if _is_raw_disk(head):
        return "raw", size
    raise UsageError(f"{shown} is not a disk: {_what_else(head)}")


def _qcow2_size(head: bytes, shown: str) -> int:
    if len(head) < 72:
        raise UsageError(f"{shown} is cut off: it is the beginning of a qcow2 image of {len(head)} bytes")
    version, backing = struct.unpack(">IQ", head[4:16])
    if version not in (2, 3):
        raise UsageError(f"{shown} is a qcow2 image of the unknown version {version}: use version 2 or 3")
    external = version == 3 and int.from_bytes(head[72:80], "big") & 4
    if backing or external:
        raise UsageError(
            f"{shown} is only the difference from another image: make one file of both with "
            "'qemu-img convert -O qcow2 FILE NEW.qcow2'"
            if backing
            else f"{shown} has its data in another file: make one file of it with 'qemu-img convert -O qcow2 FILE NEW.qcow2'"
        )
    return int.from_bytes(head[24:32], "big")


def _vhdx_size(fd: int, shown: str) -> int:
    """The virtual size of a VHDX image, from its metadata region ([MS-VHDX], sections 2.2.3 and 2.6)."""
    region = os.pread(fd, 65536, 0x30000)
    metadata_id = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
    size_id = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
    if (at := region.find(metadata_id)) >= 0:
        start = int.from_bytes(region[at + 16 : at + 24], "little")
        if start < 1 << 62:
            table = os.pread(fd, 65536, start)
            if (entry := table.find(size_id)) >= 0:
                offset = int.from_bytes(table[entry + 16 : entry + 20], "little")
                return int.from_bytes(os.pread(fd, 8, start + offset), "little")
    raise UsageError(f"{shown} is a damaged VHDX image: its size is missing")


def _is_raw_disk(head: bytes) -> bool:
    """Whether a disk without a format begins like this: with an MBR or a file system."""
    return (
        len(head) >= 512
        and (
            head[510:512] == _BOOT_SIGNATURE
            or head[512:520] == b"EFI PART"
            or head[1080:1082] == b"\x53\xef"  # ext2, 3 and 4
            or head[:4] == b"XFSB"
        )
    )


def _what_else(head: bytes) -> str:
    if not head.strip(b"\0"):
        return "it is empty" if not head else "its beginning holds nothing but zeros"
    for magic, what in (
        (b"\x1f\x8b", "it is packed with gzip: unpack it with 'gunzip' first"),
        (b"\xfd7zXZ", "it is packed with xz: unpack it with 'unxz' first"),
        (b"\x28\xb5\x2f\xfd", "it is packed with zstd: unpack it with 'unzstd' first"),
        (b"BZh", "it is packed with bzip2: unpack it with 'bunzip2' first"),
        (b"PK\x03\x04", "it is a zip archive: unpack it first"),
        (b"7z\xbc\xaf", "it is a 7z archive: unpack it first"),
    ):
        if head.startswith(magic):
            return what
    if head[257:262] == b"ustar":
        return "it is a tar archive: unpack it first"
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "it is a web page"
    return "it has no partition table and no file system that is known, and is in none of the formats of QEMU's disks"
