"""A file that keeps the last stretch of a stream of bytes.

The file begins with a header of :data:`HEADER_BYTES`: a line that names the format, then the size of the ring, the offset
of the oldest byte that may be read and the number of bytes ever written.  Byte N of the stream is at position N modulo
size behind the header.  Data is written before the header that counts it, so that a process that is killed in between
loses that one piece only.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Final

from uartsim.errors import UartsimError
from uartsim.own_files.folder import OwnFolder

HEADER_BYTES: Final = 128
_HEADER: Final = re.compile(rb"uartsim ring 1\n(\d{10}) (\d{20}) (\d{20})\n")


def _header(size: int, first: int, end: int) -> bytes:
    return b"uartsim ring 1\n%010d %020d %020d\n" % (size, first, end)


def _not_a_ring(path: str) -> UartsimError:
    return UartsimError(f"{path} is not a serial log of uartsim, or it is damaged: move it out of the way")


class RingFile:
    """An open ring.

    Args:
        folder: the folder of ours that it is in.
        name: its name there; it is made if it is missing.
        size: how many bytes it keeps.  A ring of another size is replaced by one of this size with the same content.
        make: whether a missing file is made.

    Raises:
        UartsimError: the file is not a ring.
        OSError: the system refuses an operation.

    Attributes:
        size: how many bytes it keeps.
        end: how many bytes have ever been written.
    """

    def __init__(self, folder: OwnFolder, name: str, size: int, *, make: bool = True) -> None:
        self.size = size
        self.end = 0
        self._first = 0
        self._fd = folder.open(name, os.O_RDWR | (os.O_CREAT if make else 0) | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                raise _not_a_ring(os.path.join(folder.path, name))
            if header := os.pread(self._fd, HEADER_BYTES, 0):
                self._load(header, os.path.join(folder.path, name))
                if self.size != size:
                    self._resize(folder, name, size)
            else:
                self._count(0)
        except BaseException:
            self.close()
            raise

    def _load(self, header: bytes, path: str) -> None:
        found = _HEADER.match(header)
        if found is None or not int(found[1]):
            raise _not_a_ring(path)
        self.size, self._first, self.end = map(int, found.groups())

    def _resize(self, folder: OwnFolder, name: str, size: int) -> None:
        kept = self.read()[-size:]
        draft = f"{name}.new"
        if draft in folder.names():  # a process was killed here
            folder.remove(draft)
        header = _header(size, 0, len(kept))
        folder.write_new(draft, header.ljust(HEADER_BYTES, b"\0") + kept)
        folder.replace(draft, name)
        self.close()
        self._fd = folder.open(name, os.O_RDWR)
        self.size, self._first, self.end = size, 0, len(kept)

    @property
    def start(self) -> int:
        """The offset in the stream of the oldest byte that is kept."""
        return max(self._first, self.end - self.size)

    def write(self, data: bytes) -> None:
        """Append to the stream; the oldest bytes go.

        Raises:
            OSError: the system refuses it.  Then nothing has been appended, although old bytes may be spoilt.
        """
        kept = memoryview(data)[-self.size :]
        at = self.end + len(data) - len(kept)
        while kept:
            place = at % self.size
            done = os.pwrite(self._fd, kept[: self.size - place], HEADER_BYTES + place)
            kept = kept[done:]
            at += done
        self._count(self.end + len(data))

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        """What is kept of the stream from the offset ``start`` on, before the offset ``end`` if that is given."""
        end = self.end if end is None else min(end, self.end)
        at = max(start, self.start)
        parts = []
        while at < end:
            place = at % self.size
            wanted = min(end - at, self.size - place)
            part = os.pread(self._fd, wanted, HEADER_BYTES + place).ljust(
                wanted, b"\0"
            )  # somebody may have cut it short
            parts.append(part)
            at += wanted
        return b"".join(parts)

    def clear(self) -> None:
        """Forget what is kept; the count of bytes goes on."""
        self._first = self.end
        self._count(self.end)

    def _count(self, end: int) -> None:
        os.pwrite(self._fd, _header(self.size, self._first, end), 0)
        self.end = end

    def close(self) -> None:
        """Close the file.  Closing again does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
