"""A partition of a disk image, taken out into a file without a name, and the blocks of it that were changed put back."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.images.host_tools import run_tool
from uartsim.images.nbd_client import INSTALL, Disk
from uartsim.printable import printable_line

#: How long taking a partition out may take, in seconds.
TIMEOUT_S: Final = 1800.0
#: What is compared, and written if it is different, in bytes.
BLOCK_BYTES: Final = 1 << 16
_PORTION_BYTES: Final = 1 << 23


@contextmanager
def partition_copy(image: Path, image_format: str, offset: int, size: int) -> Iterator[int]:
    """A sparse copy of a partition for this block, beside the image; yields its descriptor, open for reading and writing.

    The copy has no name, so that nothing of it is left if this process is killed.

    Args:
        image: the disk image.
        image_format: its format, as QEMU names it.
        offset: where the partition begins on the disk, in bytes.
        size: its size, in bytes.

    Raises:
        UartsimError: there is no room for the copy, or the image cannot be read.
    """
    try:
        with tempfile.TemporaryFile(dir=image.parent) as file:
            file.truncate(size)
            _convert(image, image_format, offset, size, file.fileno())
            yield file.fileno()
    except OSError as error:
        raise UartsimError(f"no copy of a partition can be made in {image.parent}: {error.strerror}") from None


def _convert(image: Path, image_format: str, offset: int, size: int, fd: int) -> None:
    disk = {"driver": image_format, "file": {"driver": "file", "filename": os.path.abspath(image)}}
    source = "json:" + json.dumps({"driver": "raw", "offset": offset, "size": size, "file": disk})
    command = ["qemu-img", "convert", "-n", "--target-is-zero", "-O", "raw", source, f"/proc/self/fd/{fd}"]
    done = run_tool(command, INSTALL, timeout_s=TIMEOUT_S, pass_fds=(fd,))
    if done.status:
        why = printable_line(done.complaints.rpartition("\n")[2])
        if os.strerror(errno.ENOSPC) in done.complaints:
            why = "no room is left there; make room, or set XDG_STATE_HOME to a folder on a larger disk"
        raise UartsimError(f"no copy of a partition can be made in {image.parent}: {why}")


def put_back(fd: int, disk: Disk, offset: int) -> int:
    """Write to a disk the blocks in which a copy of its partition is different.

    Args:
        fd: the copy.
        disk: the disk, open for writing.
        offset: where the partition begins, in bytes.

    Returns: how many bytes were written.

    Raises:
        UartsimError: the disk cannot be read or written.
    """
    written = 0
    for start, end in _data(fd):
        for place in range(start, end, _PORTION_BYTES):
            new = os.pread(fd, min(_PORTION_BYTES, end - place), place)
            old = disk.read(offset + place, len(new))
            for at in range(0, len(new), BLOCK_BYTES):
                block = new[at : at + BLOCK_BYTES]
                if block != old[at : at + BLOCK_BYTES]:
                    disk.write(offset + place + at, block)
                    written += len(block)
    disk.flush()
    return written


def _data(fd: int) -> Iterator[tuple[int, int]]:
    """The ranges of a sparse file that are not holes, in bytes.  Where there are holes, nothing has been written."""
    end = 0
    while True:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, end
