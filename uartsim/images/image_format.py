"""The format of an image file, by its content, and the other files that it reads.

A format is found here, and QEMU is then told it: QEMU's own guess would also follow whatever the image names.  A qcow2 or
VMDK image can name other files (a backing file, an external data file, the extents of a descriptor), and a raw disk can be
made to look like such an image by the guest that owned it: its first sector then names, say, ``/etc/shadow``.  Such a file
is therefore only read if it lies in the image's own folder, or below it, and if its format is stated.

Sources: QEMU's ``docs/interop/qcow2.txt``; VMware's "Virtual Disk Format 5.0"; Microsoft's "Virtual Hard Disk Image Format
Specification" and [MS-VHDX]; ECMA-119 (ISO 9660).
"""

from __future__ import annotations

import array
import os
import re
import stat
import struct
import sys
import uuid
from dataclasses import dataclass
from typing import BinaryIO, Final

from uartsim.errors import UsageError
from uartsim.images.overlay import base_of_kept
from uartsim.printable import printable_line

#: How much of a file's beginning is read, in bytes: a whole cluster of qcow2 with the default size, and the CD's first
#: volume descriptor.
HEAD_BYTES: Final = 1 << 16
#: So many files below one another are followed.
DEEPEST_CHAIN: Final = 8

_VOLUME_DESCRIPTOR: Final = 16 * 2048
_QCOW2_CORRUPT, _QCOW2_DATA_FILE, _QCOW2_EXTENDED_TABLES = 2, 4, 16
_QCOW2_BACKING_FORMAT, _QCOW2_DATA_FILE_NAME = 0xE2792ACA, 0x44415441
#: The largest cluster of a qcow2 image, in bytes; its header has at most one.
_MOST_EXTENSIONS_BYTES: Final = 1 << 21
#: So many L2 tables of a qcow2 image are read, those at the end of the file.
_MOST_TABLES: Final = 64
#: The first region table of a VHDX image, the GUIDs in it and in the metadata, and the states of blocks that are there.
_VHDX_REGIONS: Final = 192 * 1024
_VHDX_METADATA: Final = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
_VHDX_PARAMETERS: Final = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
_VHDX_TABLE: Final = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08").bytes_le
_VHDX_PRESENT: Final = (6, 7)
#: What QEMU takes for an extent and a parent in a VMDK descriptor, which is more than VMware writes (its ``block/vmdk.c``).
_VMDK_EXTENT: Final = re.compile(rb'RW\s++\S++\s++\S++\s*+"([^"\r\n]*+)"')
_VMDK_PARENT: Final = re.compile(rb'parentFileNameHint..([^"]*+)"', re.DOTALL)
#: Where QEMU looks for the parent in an image with a header, whatever the header says; and how much of a descriptor it reads.
_VMDK_PARENT_AT: Final = slice(0, 512 + 20 * 512)
_VMDK_DESCRIPTOR_BYTES: Final = 1 << 20
#: What is no disk that this QEMU is given: where its mark is, the mark, and the end of a sentence.
_NO_DISKS: Final = (
    (0, b"\xfd7zXZ\0", "is compressed with xz: unpack it first: xz -dk"),
    (0, b"\x1f\x8b", "is compressed with gzip: unpack it first: gzip -dk"),
    (0, b"BZh", "is compressed with bzip2: unpack it first: bzip2 -dk"),
    (0, b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first: zstd -dk"),
    (0, b"PK\x03\x04", "is a zip archive: unpack it first: unzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first: 7z x"),
    (257, b"ustar", "is a tar archive (an OVA file is one): unpack it first: tar -xf"),
    (0x40, b"\x7f\x10\xda\xbe", "is in the format VDI: convert it first: qemu-img convert -f vdi -O qcow2"),
    (0, b"QED\0", "is in the format QED: convert it first: qemu-img convert -f qed -O qcow2"),
    (0, b"QFI\xfb\0\0\0\x01", "is in the format qcow, version 1: convert it first: qemu-img convert -f qcow -O qcow2"),
    (0, b"WithoutFreeSpace", "is in the format Parallels: convert it first: qemu-img convert -f parallels -O qcow2"),
    (0, b"WithouFreSpacExt", "is in the format Parallels: convert it first: qemu-img convert -f parallels -O qcow2"),
    (0, b"\x7fELF", "is a program (ELF), not a disk image; give the disk of the machine, not"),
    (
        514,
        b"HdrS",
        "is a Linux kernel, not a disk image: name it as 'kernel' in a guest's manifest (docs/images.md), not",
    ),
    (0, b"%PDF", "is a document, not a disk image; give the disk of the machine, not"),
)


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """What an image file is.

    Attributes:
        name: ``"qcow2"``, ``"raw"``, ``"vmdk"``, ``"vhd"``, ``"vhdx"`` or ``"iso"``.
        driver: QEMU's name for it.
        reads: the paths of the other files that it consists of, or is made on.
    """

    name: str
    driver: str
    reads: tuple[str, ...] = ()


def open_image(path: str) -> BinaryIO:
    """Open an image file for reading.

    Raises:
        UsageError: it is not a regular file, is empty, or cannot be read; the message says what to do.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a FIFO must not wait for a writer
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except OSError as error:
        raise UsageError(f"the image {path} cannot be read: {error.strerror}") from None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_size:
        return os.fdopen(fd, "rb")
    os.close(fd)
    if stat.S_ISREG(found.st_mode):
        raise UsageError(f"the image {path} is empty: copy or download it again")
    if stat.S_ISBLK(found.st_mode):
        raise UsageError(
            f"{path} is a block device, not an image file, and a guest is never given a disk of this machine: copy it "
            f"first: qemu-img convert -f raw -O qcow2 {path} disk.qcow2"
        )
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device"}
    what = kinds.get(stat.S_IFMT(found.st_mode), "a special file")
    raise UsageError(f"{path} is {what}, not an image file: give the path of a disk image")


def image_format(path: str) -> ImageFormat:
    """Find the format of an image, and check its header and the files that it reads.

    Raises:
        UsageError: the image is truncated or corrupt, is not a disk, is encrypted, or reads a file that is missing or that
            it may not read.
    """
    return _checked(os.path.realpath(path), [])


def _checked(path: str, above: list[str]) -> ImageFormat:
    if path in above or len(above) >= DEEPEST_CHAIN:
        raise UsageError(f"the images {', '.join([*above, path])} are made on one another without an end")
    with open_image(path) as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(0, os.fstat(file.fileno()).st_size - 512))
        tail = file.read(512)
        name = format_of_content(head, tail)
        for offset, mark, sentence in _NO_DISKS:
            if name == "raw" and head[offset : offset + len(mark)] == mark:
                raise UsageError(f"{path} {sentence} {os.path.basename(path)}")
        named = _named(path, name, file, head, tail)
    driver = {"vhd": "vpc", "iso": "raw"}.get(name, name)
    reads: list[str] = []
    kept_base = base_of_kept(path)
    for other, its_format in named:
        place = _followed(path, other) if kept_base is None or kept_base.path != other else other
        reads.append(place)
        if name == "qcow2" and its_format == "raw":
            open_image(place).close()
        elif name == "qcow2":
            if its_format is None:
                raise UsageError(
                    f"{path} is made on {place} without saying in which format that is: say it once with "
                    f"'qemu-img rebase -u -b {other} -F qcow2 {path}' (or -F raw)"
                )
            below = _checked(place, [*above, path])
            if below.driver != its_format:
                raise UsageError(f"{path} is made on {place} in the format {its_format}, but that is {below.name}")
            reads += below.reads
        else:
            reads += _checked_part(place, [*above, path])
    return ImageFormat(name, driver, tuple(reads))


def _checked_part(place: str, above: list[str]) -> tuple[str, ...]:
    """Check a file that a VMDK image names; returns what it reads itself: QEMU follows a descriptor in an extent, too."""
    with open_image(place) as file:
        is_vmdk = format_of_content(file.read(HEAD_BYTES), b"") == "vmdk"
    return _checked(place, above).reads if is_vmdk else ()


def _named(path: str, name: str, file: BinaryIO, head: bytes, tail: bytes) -> list[tuple[str, str | None]]:
    """The files that an image names, with their formats, after a check of what its format says of itself."""
    size = os.fstat(file.fileno()).st_size
    if name == "qcow2":
        return _check_qcow2(path, file, head, size)
    if name == "vmdk":
        return _named_by_vmdk(path, file, head)
    if name == "vhd":
        _check_vhd(path, head, tail)
    elif name == "vhdx":
        _check_vhdx(path, file, size)
    return []


def format_of_content(head: bytes, tail: bytes) -> str:
    """The name of a format.

    Args:
        head: the first :data:`HEAD_BYTES` of the file, or all of it.
        tail: its last 512 bytes.
    """
    if head[:4] == b"QFI\xfb" and head[4:8] in (b"\0\0\0\x02", b"\0\0\0\x03"):
        return "qcow2"
    if head[:4] in (b"KDMV", b"COWD") or head.startswith(b"# Disk DescriptorFile"):
        return "vmdk"
    if head.startswith(b"vhdxfile"):
        return "vhdx"
    if head.startswith(b"conectix") or tail.startswith(b"conectix"):
        return "vhd"
    if head[_VOLUME_DESCRIPTOR + 1 : _VOLUME_DESCRIPTOR + 6] == b"CD001":
        return "iso"
    return "raw"


def _followed(image: str, name: str) -> str:
    """The path of a file that an image names, if the image may read it.

    Raises:
        UsageError: it lies outside the image's folder, or is not a plain path.
    """
    folder = os.path.dirname(image)
    shown = printable_line(name)
    if "\0" in name or re.match(r"[A-Za-z][A-Za-z0-9+_-]*:", name):
        raise UsageError(f"{image} reads from {shown}, which is not a plain file: {_join(image)}")
    place = os.path.realpath(os.path.join(folder, name))
    if not place.startswith(os.path.join(folder, "")):
        raise UsageError(
            f"{image} reads from another file, {shown}, outside its own folder. An image from a stranger can name any file "
            f"of yours. If you trust it, put both into one folder, or {_join(image)}"
        )
    if not os.path.exists(place):
        raise UsageError(f"{image} reads from another file, {shown}, which is missing: put it at {place}")
    return place


def _join(image: str) -> str:
    return f"make one image of them: qemu-img convert -O qcow2 {image} whole.qcow2"


def _check_qcow2(path: str, file: BinaryIO, head: bytes, size: int) -> list[tuple[str, str | None]]:
    """Check the header and tables of a qcow2 image; returns the files that it names, with their formats."""
    if len(head) < 104:
        raise _truncated(path, "its header is incomplete")
    version, backing_at, backing_length, cluster_bits = struct.unpack_from(">IQII", head, 4)
    encryption, l1_count, l1_at = struct.unpack_from(">IIQ", head, 32)
    features, length = (0, 72)
    if version == 3:
        features, length = struct.unpack_from(">Q20xI", head, 72)
    if not 9 <= cluster_bits <= 21 or length > len(head) or l1_count > 1 << 22:
        raise UsageError(f"{path} is corrupt: its qcow2 header makes no sense; copy or download it again")
    if encryption:
        raise UsageError(
            f"the content of {path} is encrypted, and its key would be needed to read it: decrypt it with 'qemu-img convert "
            "--object secret,id=key,data=PASSWORD --image-opts driver=qcow2,encrypt.key-secret=key,file.filename="
            f"{path} -O qcow2 plain.qcow2'"
        )
    if features & _QCOW2_CORRUPT:
        raise UsageError(f"{path} is marked as corrupt: repair a copy of it with 'qemu-img check -r all {path}'")
    if not features & (_QCOW2_DATA_FILE | _QCOW2_EXTENDED_TABLES):
        _check_tables(path, file, size, l1_at, l1_count)
    extensions = _extensions(path, file, length, backing_at or 1 << cluster_bits)
    named: list[tuple[str, str | None]] = []
    if backing_at:
        if backing_length > 1023 or not backing_at + backing_length <= len(head):
            raise UsageError(f"{path} is corrupt: the name of its backing file makes no sense")
        backing = head[backing_at : backing_at + backing_length].decode(errors="replace")
        kind = extensions.get(_QCOW2_BACKING_FORMAT)
        named.append((backing, None if kind is None else kind.decode(errors="replace")))
    if features & _QCOW2_DATA_FILE:
        named.append((extensions.get(_QCOW2_DATA_FILE_NAME, b"").decode(errors="replace"), "raw"))
    return named


def _extensions(path: str, file: BinaryIO, at: int, end: int) -> dict[int, bytes]:
    """The header extensions of a qcow2 image, by their types.

    They end where QEMU lets them end: at a type of 0, at the name of the backing file, or with the first cluster.

    Raises:
        UsageError: they go on beyond that, or one comes twice.
    """
    area = os.pread(file.fileno(), min(end, _MOST_EXTENSIONS_BYTES), 0)
    found: dict[int, bytes] = {}
    while at + 8 <= len(area):
        kind, length = struct.unpack_from(">II", area, at)
        if kind == 0:
            break
        if at + 8 + length > len(area) or kind in found:
            raise UsageError(
                f"{path} is corrupt: the extensions of its qcow2 header make no sense; copy or download it again"
            )
        found[kind] = area[at + 8 : at + 8 + length]
        at += 8 + (length + 7 & ~7)
    return found


def _check_tables(path: str, file: BinaryIO, size: int, l1_at: int, l1_count: int) -> None:
    """Check that what the tables of a qcow2 image point to is in the file.

    Of the L2 tables only those are read that are nearest to the file's end, because a truncated file lacks its end.
    """
    tables = [entry for entry in _entries(file, l1_at, l1_count) if entry]
    last = max([l1_at + 8 * l1_count, *tables])
    if last <= size:
        cluster = 1 << int.from_bytes(os.pread(file.fileno(), 4, 20), "big")
        for table in sorted(tables)[-_MOST_TABLES:]:
            for entry in _entries(file, table, min(cluster // 8, max(0, size - table) // 8), compressed=True):
                last = max(last, entry)
    if last > size:
        raise _truncated(path, f"it points to byte {last}, and the file has {size}")


def _entries(file: BinaryIO, at: int, count: int, *, compressed: bool = False) -> array.array[int]:
    """The offsets in a table of a qcow2 image; with ``compressed``, zero in place of those of compressed clusters."""
    entries = array.array("Q")
    data = os.pread(file.fileno(), 8 * count, at) if at < 1 << 62 else b""
    entries.frombytes(data[: len(data) // 8 * 8])
    if sys.byteorder == "little":
        entries.byteswap()
    offset = 0x00FFFFFFFFFFFE00
    if not compressed:
        return array.array("Q", [entry & offset for entry in entries])
    return array.array("Q", [entry & offset for entry in entries if not entry >> 62 & 1])


def _truncated(path: str, why: str) -> UsageError:
    return UsageError(f"{path} is truncated ({why}): copy or download it again")


def _named_by_vmdk(path: str, file: BinaryIO, head: bytes) -> list[tuple[str, str | None]]:
    """The files that a VMDK image names in its descriptor: its extents, and the image that it is made on."""
    capacity, sector = 0, 0
    if head.startswith(b"KDMV"):
        if len(head) < 512:
            raise _truncated(path, "its header is incomplete")
        capacity, _, sector = struct.unpack_from("<QQQ", head, 12)
        if sector > 1 << 40:
            raise UsageError(f"{path} is corrupt: its VMDK header makes no sense; copy or download it again")
    descriptor = os.pread(file.fileno(), _VMDK_DESCRIPTOR_BYTES, sector * 512)
    parents = _VMDK_PARENT.findall(descriptor) + _VMDK_PARENT.findall(head[_VMDK_PARENT_AT])
    extents = _VMDK_EXTENT.findall(descriptor) if not capacity and not head.startswith(b"COWD") else []
    return [(name.decode(errors="replace"), None) for name in [*parents, *extents]]


def _check_vhd(path: str, head: bytes, tail: bytes) -> None:
    """Check that a VHD image has its end.

    A dynamic image begins with a copy of the footer that is its end; a fixed one has only the footer.
    """
    if not tail.startswith(b"conectix"):
        raise _truncated(path, "a VHD image ends with its footer, and this one does not")
    if tail[60:64] == b"\0\0\0\x04":
        raise UsageError(f"{path} holds only what differs from another VHD image: merge the two where they were made")


def _check_vhdx(path: str, file: BinaryIO, size: int) -> None:
    """Check that the blocks of a VHDX image are in the file ([MS-VHDX] 2.2.3, 2.5 and 2.6)."""
    table, metadata = (_region(file, guid) for guid in (_VHDX_TABLE, _VHDX_METADATA))
    block = 1 << 20
    for at in range(32, len(metadata) - 31, 32):
        if metadata[at : at + 16] == _VHDX_PARAMETERS:
            place = struct.unpack_from("<I", metadata, at + 16)[0]
            block = int.from_bytes(metadata[place : place + 4], "little")
    entries = struct.unpack(f"<{len(table) // 8}Q", table[: len(table) // 8 * 8])
    last = max((entry >> 20 for entry in entries if entry & 7 in _VHDX_PRESENT), default=0) << 20
    if not table or not metadata or (last and last + block > size):
        raise _truncated(path, f"it needs {last + block} bytes, and the file has {size}")


def _region(file: BinaryIO, guid: bytes) -> bytes:
    """A region of a VHDX image, up to 8 MiB of it; empty if it is not in the file."""
    regions = os.pread(file.fileno(), 64 * 1024, _VHDX_REGIONS)
    for at in range(16, len(regions) - 31, 32):
        if regions[at : at + 16] == guid:
            place, length = struct.unpack_from("<QI", regions, at + 16)
            return os.pread(file.fileno(), min(length, 1 << 23), place) if place < 1 << 62 else b""
    return b""
