"""Copying a disk into the store: as a reflink where the file system has them, else byte by byte with holes kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from typing import Final, Protocol

#: Called with the number of bytes that are done, and the number of all, which is None if unknown.  It may raise to give up.
Moved = Callable[[int, int | None], None]

#: How much is copied at a time, in bytes.
CHUNK: Final = 1 << 20
#: Blocks of zeros of this size become holes, in bytes.
_BLOCK: Final = 4096
_ZEROS: Final = bytes(_BLOCK)
#: FICLONE of ioctl_ficlonerange(2).
_FICLONE: Final = 0x40049409


class Readable(Protocol):
    """What can be read in pieces, such as a file."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        ...


def ignore_moved(done: int, total: int | None) -> None:
    """The :data:`Moved` of a caller who does not want to know."""


def copy_disk(source: int, target: int, moved: Moved) -> str:
    """Copy a file or block device to an empty file.

    Args:
        source: the descriptor of what is copied.
        target: that of the new file.
        moved: see :data:`Moved`.

    Returns:
        The SHA-256 of the source, in hexadecimal.

    Raises:
        OSError: it cannot be read or written.
    """
    size = os.lseek(source, 0, os.SEEK_END)
    try:
        fcntl.ioctl(target, _FICLONE, source)
        cloned = True
    except OSError:  # another file system, or one without reflinks
        cloned = False
    digest = hashlib.sha256()
    at = 0
    while chunk := os.pread(source, CHUNK, at):
        digest.update(chunk)
        if not cloned:
            write_sparsely(target, chunk, at)
        at += len(chunk)
        moved(at, size)
    if not cloned:
        os.ftruncate(target, at)
    return digest.hexdigest()


def hash_disk(source: int, moved: Moved) -> str:
    """The SHA-256 of a file or block device, in hexadecimal."""
    size = os.lseek(source, 0, os.SEEK_END)
    digest = hashlib.sha256()
    at = 0
    while chunk := os.pread(source, CHUNK, at):
        digest.update(chunk)
        at += len(chunk)
        moved(at, size)
    return digest.hexdigest()


def unpack(packed: Readable, target: int, most: int | None, moved: Callable[[int], None]) -> int:
    """Write what a decompressing file yields to an empty file, with holes where there are zeros.

    Args:
        packed: the decompressing file.
        target: the descriptor of the new file.
        most: how much may be written to the disk, in bytes; None for any amount.
        moved: called with the number of unpacked bytes.

    Returns:
        The number of unpacked bytes.

    Raises:
        OverflowError: it is more than ``most``.
        OSError, EOFError: it cannot be unpacked or written.
    """
    at = written = 0
    while chunk := packed.read(CHUNK):
        written += write_sparsely(target, chunk, at)
        if most is not None and written > most:
            raise OverflowError
        at += len(chunk)
        moved(at)
    os.ftruncate(target, at)
    return at


def write_sparsely(target: int, chunk: bytes, at: int) -> int:
    """Write bytes at an offset of a new file, except blocks that are all zero; returns how many were written."""
    written = 0
    start = None  # of a run of blocks that are not all zero
    for offset in range(0, len(chunk) + _BLOCK, _BLOCK):
        block = chunk[offset : offset + _BLOCK]
        if block and block != _ZEROS[: len(block)]:
            start = offset if start is None else start
        elif start is not None:
            _write(target, memoryview(chunk)[start:offset], at + start)
            written += min(offset, len(chunk)) - start
            start = None
    return written


def _write(target: int, data: memoryview, at: int) -> None:
    while data:
        done = os.pwrite(target, data, at)
        data, at = data[done:], at + done
