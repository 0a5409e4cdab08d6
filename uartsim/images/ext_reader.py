"""Files in an ext2, ext3 or ext4 file system, as far as finding a kernel and the name of a system needs it.

Source: the kernel's ``Documentation/filesystems/ext4``.  Folders are read from their first blocks entry by entry, as a kernel
without ``dir_index`` reads them.
"""

from __future__ import annotations

import struct
from typing import Final

from uartsim.images.partition_table import Read

#: So much of a folder or a file is read, in bytes.
LONGEST_FILE: Final = 1 << 20

_ROOT_INODE: Final = 2
_EXTENTS_FLAG: Final = 0x80000
_INLINE_FLAG: Final = 0x10000000
_64BIT: Final = 0x80
_EXTENT_MAGIC: Final = 0xF30A
_FOLDER, _LINK = 0x4000, 0xA000
_MOST_LINKS: Final = 8
#: So many blocks of extents are read for one file.
_MOST_NODES: Final = 64


class ExtReader:
    """An ext file system.

    Args:
        read: reads from the disk.
        start: the file system's first byte.

    Raises:
        ValueError: there is no ext file system.
    """

    def __init__(self, read: Read, start: int) -> None:
        self._read = read
        self._start = start
        block = read(start + 1024, 1024)
        if len(block) < 1024 or block[56:58] != b"\x53\xef":
            raise ValueError("no ext file system")
        first, log_size = struct.unpack_from("<II", block, 20)
        self._in_group: int = struct.unpack_from("<I", block, 40)[0]
        revision, self._inode_bytes = struct.unpack_from("<I", block, 76)[0], struct.unpack_from("<H", block, 88)[0]
        features: int = struct.unpack_from("<I", block, 96)[0]
        if log_size > 6 or not self._in_group:
            raise ValueError("no ext file system")
        self._block = 1024 << log_size
        self._inode_bytes = self._inode_bytes if revision else 128
        self._descriptors = (first + 1) * self._block
        wide = bool(features & _64BIT)
        self._descriptor_bytes = max(64, struct.unpack_from("<H", block, 254)[0]) if wide else 32

    def names(self, path: str) -> list[str]:
        """The names in a folder; empty if there is no such folder."""
        inode = self._find(path)
        return [] if inode is None else list(self._entries(inode))

    def content(self, path: str) -> bytes:
        """The first :data:`LONGEST_FILE` bytes of a file; empty if there is no such file."""
        inode = self._find(path)
        return b"" if inode is None else self._content(inode)

    def _find(self, path: str, links: int = 0) -> bytes | None:
        """The inode of a path; symbolic links are followed."""
        inode = self._inode(_ROOT_INODE)
        done = ""
        parts = [part for part in path.split("/") if part]
        for index, part in enumerate(parts):
            number = self._entries(inode).get(part)
            if number is None:
                return None
            inode = self._inode(number)
            if len(inode) >= 128 and struct.unpack_from("<H", inode)[0] & 0xF000 == _LINK:
                if links >= _MOST_LINKS:
                    return None
                target = self._link(inode)
                base = "" if target.startswith("/") else done
                return self._find("/".join([base, target, *parts[index + 1 :]]), links + 1)
            done = f"{done}/{part}"
        return inode

    def _link(self, inode: bytes) -> str:
        size = min(struct.unpack_from("<I", inode, 4)[0], 4096)
        data = inode[40 : 40 + size] if size < 60 else self._content(inode)
        return data.decode(errors="replace")

    def _inode(self, number: int) -> bytes:
        group, index = divmod(number - 1, self._in_group)
        descriptor = self._read(
            self._start + self._descriptors + group * self._descriptor_bytes, self._descriptor_bytes
        )
        if len(descriptor) < 32:
            return b""
        table = struct.unpack_from("<I", descriptor, 8)[0]
        if len(descriptor) >= 64:
            table |= struct.unpack_from("<I", descriptor, 40)[0] << 32
        return self._read(self._start + table * self._block + index * self._inode_bytes, self._inode_bytes)

    def _entries(self, inode: bytes) -> dict[str, int]:
        """The inode numbers in a folder by their names; empty if it is not a folder."""
        found: dict[str, int] = {}
        if len(inode) < 128 or struct.unpack_from("<H", inode)[0] & 0xF000 != _FOLDER:
            return found
        content = self._content(inode)
        at = 0
        while at + 8 <= len(content):
            number, length, name_length = struct.unpack_from("<IHB", content, at)
            if length < 8:
                break
            if number and name_length:
                found[content[at + 8 : at + 8 + name_length].decode(errors="replace")] = number
            at += length
        return found

    def _content(self, inode: bytes) -> bytes:
        if len(inode) < 128:
            return b""
        size = min(struct.unpack_from("<I", inode, 4)[0], LONGEST_FILE)
        flags = struct.unpack_from("<I", inode, 32)[0]
        if flags & _INLINE_FLAG:
            return inode[40 : 40 + min(size, 60)]
        blocks = self._extents(inode[40:100], [_MOST_NODES]) if flags & _EXTENTS_FLAG else self._direct(inode)
        parts = []
        have = 0
        for at, count in blocks:
            if have >= size:
                break
            part = self._read(self._start + at * self._block, min(count * self._block, size - have))
            parts.append(part)
            have += len(part)
        return b"".join(parts)[:size]

    def _direct(self, inode: bytes) -> list[tuple[int, int]]:
        """The blocks of a file of ext2: those that the inode names, and those of the first indirect block."""
        blocks = list(struct.unpack_from("<13I", inode, 40))
        indirect = self._read(self._start + blocks.pop() * self._block, self._block)
        blocks += struct.unpack(f"<{len(indirect) // 4}I", indirect[: len(indirect) // 4 * 4])
        return [(block, 1) for block in blocks if block]

    def _extents(self, node: bytes, left: list[int]) -> list[tuple[int, int]]:
        """The blocks that a node of an extent tree leads to; ``left`` counts how many more nodes are read."""
        magic, count, _, depth = struct.unpack_from("<HHHH", node) if len(node) >= 12 else (0, 0, 0, 0)
        if magic != _EXTENT_MAGIC or depth > 5:
            return []
        found: list[tuple[int, int]] = []
        for at in range(12, min(12 + count * 12, len(node) - 11), 12):
            if depth == 0:
                length, high, low = struct.unpack_from("<HHI", node, at + 4)
                found.append((high << 32 | low, length if length <= 0x8000 else length - 0x8000))
            elif left[0] > 0:
                left[0] -= 1
                low, high = struct.unpack_from("<IH", node, at + 4)
                found += self._extents(self._read(self._start + (high << 32 | low) * self._block, self._block), left)
        return found
