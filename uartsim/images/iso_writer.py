"""A small ISO 9660 file system with Rock Ridge names: a few files in one folder, as a disk for a guest.

The layout is that of ECMA-119 with one directory, and the System Use entries are those of SUSP and RRIP (IEEE P1281 and
P1282): ``SP`` and ``ER`` in the directory's own record, ``PX`` (mode and owner) and ``NM`` (the name) in every file's.
Equal files give equal bytes: all times are those of 1980.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

#: The size of a sector, in bytes.
SECTOR_BYTES: Final = 2048
#: No name is longer, in bytes, so that a record fits into its 255 bytes.
LONGEST_NAME: Final = 128

_FIRST_DIRECTORY_SECTOR: Final = 20
_FOLDER_MODE: Final = 0o040500
_FILE_MODE: Final = 0o100400
_TIME: Final = bytes([80, 1, 1, 0, 0, 0, 0])
_LONG_TIME: Final = b"1980010100000000\0"
_NO_TIME: Final = b"0" * 16 + b"\0"


def iso_image(label: str, files: Mapping[str, bytes]) -> bytes:
    """An ISO 9660 image.

    Args:
        label: the volume's name: up to 32 upper-case letters, digits and underscores.
        files: their contents by their names, which are UTF-8 of at most :data:`LONGEST_NAME` bytes without a slash.
    """
    names = sorted(files)
    records = [
        _record(f"F{index:07}.;1".encode(), 0, 0, _attributes(_FILE_MODE, name)) for index, name in enumerate(names)
    ]
    folders = [_folder_record(b"\0", 0, 0), _folder_record(b"\1", 0, 0)]
    directory_bytes = len(_in_sectors([*folders, *records]))
    sector = _FIRST_DIRECTORY_SECTOR + directory_bytes // SECTOR_BYTES
    contents, records = [], []
    for index, name in enumerate(names):
        content = files[name]
        records.append(_record(f"F{index:07}.;1".encode(), sector, len(content), _attributes(_FILE_MODE, name)))
        contents.append(_padded(content))
        sector += len(contents[-1]) // SECTOR_BYTES
    folders = [_folder_record(name, _FIRST_DIRECTORY_SECTOR, directory_bytes) for name in (b"\0", b"\1")]
    return b"".join(
        [
            bytes(16 * SECTOR_BYTES),
            _volume_descriptor(label, sector, directory_bytes),
            _padded(b"\xffCD001\1"),
            _padded(struct.pack("<BBIHB", 1, 0, _FIRST_DIRECTORY_SECTOR, 1, 0)),
            _padded(struct.pack(">BBIHB", 1, 0, _FIRST_DIRECTORY_SECTOR, 1, 0)),
            _in_sectors([*folders, *records]),
            *contents,
        ]
    )


def _volume_descriptor(label: str, sectors: int, directory_bytes: int) -> bytes:
    root = _record(b"\0", _FIRST_DIRECTORY_SECTOR, directory_bytes, b"", is_folder=True)
    return _padded(
        b"\1CD001\1\0"
        + b" " * 32
        + label.encode("ascii").ljust(32)
        + bytes(8)
        + _both32(sectors)
        + bytes(32)
        + _both16(1)
        + _both16(1)
        + _both16(SECTOR_BYTES)
        + _both32(10)  # the length of the path table
        + struct.pack("<II", 18, 0)
        + struct.pack(">II", 19, 0)
        + root
        + b" " * (4 * 128 + 3 * 37)
        + _LONG_TIME * 2
        + _NO_TIME * 2
        + b"\1"
    )


def _record(identifier: bytes, sector: int, size: int, more: bytes, *, is_folder: bool = False) -> bytes:
    """A directory record (ECMA-119, 9.1), with System Use entries after it."""
    name = identifier + b"\0" * (len(identifier) % 2 == 0)
    body = (
        b"\0"
        + _both32(sector)
        + _both32(size)
        + _TIME
        + bytes([2 * is_folder, 0, 0])
        + _both16(1)
        + bytes([len(identifier)])
    )
    whole = body + name + more
    whole += b"\0" * (len(whole) % 2 == 0)  # with its length in front, a record has an even number of bytes
    return bytes([len(whole) + 1]) + whole


def _folder_record(identifier: bytes, sector: int, size: int) -> bytes:
    first = b"SP\7\1\xbe\xef\0" + b"ER\x12\1\x0a\0\0\1RRIP_1991A" if identifier == b"\0" else b""
    return _record(identifier, sector, size, first + _attributes(_FOLDER_MODE), is_folder=True)


def _attributes(mode: int, name: str = "") -> bytes:
    links = 2 if mode == _FOLDER_MODE else 1
    encoded = name.encode()
    entry = b"PX\x24\1" + _both32(mode) + _both32(links) + _both32(0) + _both32(0)
    return entry + (b"NM" + bytes([5 + len(encoded), 1, 0]) + encoded if encoded else b"")


def _in_sectors(records: list[bytes]) -> bytes:
    """Directory records one after the other; none crosses the end of a sector."""
    whole = b""
    for record in records:
        room = -len(whole) % SECTOR_BYTES
        whole += (bytes(room) if room < len(record) and room else b"") + record
    return _padded(whole)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % SECTOR_BYTES)


def _both16(number: int) -> bytes:
    return struct.pack("<H", number) + struct.pack(">H", number)


def _both32(number: int) -> bytes:
    return struct.pack("<I", number) + struct.pack(">I", number)
