"""What has come of a download: a partial file in the store, and beside it what it is a part of.

The files are ``NAME.part`` and ``NAME.part.json``.  A partial file never becomes an image before its SHA-256 is right.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from uartsim.images.image_copy import Moved, hash_disk
from uartsim.images.image_records import BadRecordError, check_ours
from uartsim.own_files.folder import OwnFolder

_LONGEST_NOTE: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class PartNote:
    """What a partial file is a part of.

    Attributes:
        source: the URL without its query.
        url_sha256: the SHA-256 of the whole URL.
        sha256: the checksum that the whole file is to have.
        total: the length of the whole file in bytes, or None if unknown.
        validator: what the server called this version of the file; empty if it did not say.
    """

    source: str
    url_sha256: str
    sha256: str
    total: int | None = None
    validator: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """What has come of a download.

    Attributes:
        name: the name that the image is to get.
        path: where it is.
        length: how many bytes there are.
        note: what it is a part of, or None if that is unknown.
    """

    name: str
    path: Path
    length: int
    note: PartNote | None


class PartialFile:
    """The partial file of an image's name, open for writing; the lock of the name is held.

    Args:
        own: the store.
        name: the image's name.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, own: OwnFolder, name: str) -> None:
        self._own = own
        self.name = f"{name}.part"
        self.path = Path(own.path, self.name)
        self._note_name = f"{self.name}.json"
        self.note = read_part_note(own, name)
        try:
            self.fd = self._opened()
        except BadRecordError:  # not a file of ours alone: nothing in it is used
            own.remove(self.name)
            self.fd = self._opened()
        if self.note is None:
            self.start_over()

    def _opened(self) -> int:
        fd = self._own.open(self.name, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK)
        try:
            check_ours(os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
        return fd

    @property
    def length(self) -> int:
        """How many bytes are there."""
        return os.fstat(self.fd).st_size

    def start_over(self) -> None:
        """Forget what is there."""
        os.ftruncate(self.fd, 0)

    def set_note(self, note: PartNote) -> None:
        """Write down what the partial file is a part of."""
        if note == self.note:
            return
        with contextlib.suppress(FileNotFoundError):
            self._own.remove(self._note_name)
        values = {word: getattr(note, word) for word in PartNote.__slots__}
        self._own.write_new(self._note_name, json.dumps(values).encode())
        self.note = note

    def write(self, piece: bytes) -> None:
        """Append to the file."""
        at, done = self.length, 0
        while done < len(piece):
            done += os.pwrite(self.fd, piece[done:], at + done)

    def sha256(self, moved: Moved) -> str:
        """The SHA-256 of what is there, in hexadecimal."""
        return hash_disk(self.fd, moved)

    def close(self) -> None:
        """Close the file; what is there stays, unless it is nothing at all or has become an image."""
        if self.length == 0 or self.name not in self._own.names():
            self.discard()
        os.close(self.fd)

    def discard(self) -> None:
        """Remove the file and what is known of it."""
        for name in (self.name, self._note_name):
            with contextlib.suppress(FileNotFoundError):
                self._own.remove(name)


def url_hash(url: str) -> str:
    """The SHA-256 of a URL, in hexadecimal: what is kept of one that may hold a secret."""
    return hashlib.sha256(url.encode()).hexdigest()


def read_part_note(own: OwnFolder, name: str) -> PartNote | None:
    """What the partial file of an image's name is a part of; None if that is missing or damaged."""
    try:
        with open(own.open(f"{name}.part.json", os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            check_ours(os.fstat(file.fileno()))
            text = file.read(_LONGEST_NOTE + 1)
        values: Any = json.loads(text) if len(text) <= _LONGEST_NOTE else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or set(values) != set(PartNote.__slots__):
        return None
    total = values.pop("total")
    if total is not None and (type(total) is not int or total < 0):
        return None
    if not all(isinstance(value, str) and value.isprintable() for value in values.values()):
        return None
    return PartNote(**values, total=total)


def partial_downloads(own: OwnFolder) -> list[Partial]:
    """What has come of downloads that have stopped."""
    names = [file.removesuffix(".part") for file in own.names() if file.endswith(".part") and not file.startswith(".")]
    return [
        Partial(name, Path(own.path, f"{name}.part"), own.state(f"{name}.part").st_size, read_part_note(own, name))
        for name in names
    ]
