"""Names in a FAT file system, as far as finding boot loaders in an EFI system partition needs it.

Only short names (8.3) are read, because the loaders' names are of that form.  Source: Microsoft's "FAT: General Overview of
On-Disk Format", 1.03.
"""

from __future__ import annotations

import struct
from typing import Final

from uartsim.images.partition_table import Read

#: A folder is read up to this many bytes.
LONGEST_FOLDER: Final = 1 << 18

_FOLDER: Final = 0x10
_VOLUME: Final = 0x08


class FatReader:
    """A FAT12, FAT16 or FAT32 file system.

    Args:
        read: reads from the disk.
        start: the file system's first byte.

    Raises:
        ValueError: there is no FAT file system.
    """

    def __init__(self, read: Read, start: int) -> None:
        self._read = read
        sector = read(start, 512)
        if len(sector) < 512:
            raise ValueError("too short")
        in_sector, per_cluster, reserved, fats, root_entries, total, fat_sectors = struct.unpack_from(
            "<HBHBHHxH", sector, 11
        )
        total = total or struct.unpack_from("<I", sector, 32)[0]
        fat_sectors = fat_sectors or struct.unpack_from("<I", sector, 36)[0]
        if in_sector not in (512, 1024, 2048, 4096) or not per_cluster or not fats or not fat_sectors:
            raise ValueError("no FAT file system")
        self._cluster = in_sector * per_cluster
        self._fat = start + reserved * in_sector
        self._root = self._fat + fats * fat_sectors * in_sector
        self._root_bytes = root_entries * 32
        self._data = self._root + -(-self._root_bytes // in_sector) * in_sector
        clusters = (total * in_sector - (self._data - start)) // self._cluster
        self._bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
        self._root_cluster = struct.unpack_from("<I", sector, 44)[0] if self._bits == 32 else 0

    def names(self, *folders: str) -> list[str]:
        """The names in a folder, in upper case; empty if there is no such folder.

        Args:
            folders: the path of the folder from the root, in upper case.
        """
        entries = self._root_folder()
        for folder in folders:
            cluster = next((at for name, is_folder, at in _entries(entries) if is_folder and name == folder), None)
            if cluster is None:
                return []
            entries = self._content(cluster)
        return [name for name, _, _ in _entries(entries)]

    def _root_folder(self) -> bytes:
        if self._bits == 32:
            return self._content(self._root_cluster)
        return self._read(self._root, min(self._root_bytes, LONGEST_FOLDER))

    def _content(self, cluster: int) -> bytes:
        """The content of a folder: its clusters, one after another, up to a limit that also ends a chain in a circle."""
        content = b""
        while 2 <= cluster < 0x0FFFFFF7 and len(content) < LONGEST_FOLDER:
            part = self._read(self._data + (cluster - 2) * self._cluster, self._cluster)
            if not part:
                break
            content += part
            cluster = self._next(cluster)
        return content

    def _next(self, cluster: int) -> int:
        """The cluster that follows in a file; a number of no cluster at its end."""
        if self._bits == 32:
            return int.from_bytes(self._read(self._fat + cluster * 4, 4), "little") & 0x0FFFFFFF
        if self._bits == 16:
            found = int.from_bytes(self._read(self._fat + cluster * 2, 2), "little")
            return found if found < 0xFFF0 else 0
        found = int.from_bytes(self._read(self._fat + cluster * 3 // 2, 2), "little")
        found = found >> 4 if cluster & 1 else found & 0xFFF
        return found if found < 0xFF0 else 0


def _entries(content: bytes) -> list[tuple[str, bool, int]]:
    """The name, whether it is a folder, and the first cluster of each entry of a folder."""
    found = []
    for at in range(0, len(content) - 31, 32):
        entry = content[at : at + 32]
        if entry[0] == 0:
            break
        if entry[0] == 0xE5 or entry[11] & _VOLUME:
            continue
        base, extension = (part.decode("ascii", "replace").rstrip() for part in (entry[:8], entry[8:11]))
        high, low = struct.unpack_from("<H", entry, 20)[0], struct.unpack_from("<H", entry, 26)[0]
        name = f"{base}.{extension}" if extension else base
        found.append((name.upper(), bool(entry[11] & _FOLDER), high << 16 | low))
    return found
