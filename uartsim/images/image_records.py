"""What is recorded of an image in the store: a JSON file beside it.

An image's files are ``NAME-KEY.FORMAT`` and the record ``NAME-KEY.json``.  A record is data that somebody may have
changed: it is read with a limit of its size, every value is checked, and no path is taken from it.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.own_files.folder import OwnFolder
from uartsim.printable import quoted

#: The formats of images, which are also the suffixes of their files: those that :mod:`uartsim.images.image_format` tells apart.
FORMATS: Final = ("qcow2", "raw", "vmdk", "vhd", "vhdx", "iso")
#: Where an image in the store can come from.
KINDS: Final = ("built", "imported", "fetched")

_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
_STEM: Final = rf"({_NAME})-([0-9a-f]{{32}})"
_RECORD_NAME: Final = re.compile(rf"{_STEM}\.json")
_DRAFT_NAME: Final = re.compile(rf"\.{_STEM}\.([0-9]{{1,10}})(?:\..*)?")
_IMAGE_NAME: Final = re.compile(rf"{_STEM}\.({'|'.join(FORMATS)})")
#: The version of the records' format.
_VERSION: Final = 1
#: No record is longer than this, in bytes.
_LONGEST_RECORD: Final = 1 << 16


#: The latest time that a record may have, in seconds since 1970: the year 9999.
_LATEST_S: Final = 253402300799


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the store.

    Attributes:
        name: its name, such as ``"debian-12"``.
        key: a hash of its inputs (32 hexadecimal digits); of its content if it was imported or fetched.
        format: one of :data:`FORMATS`.
        kind: one of :data:`KINDS`.
        source: where it comes from: the recipe, path or URL, as text.
        path: where it is.  Nothing may write to it.
        size_bytes: the size of the disk that a guest sees (the virtual size).
        disk_bytes: what the file takes on the host's disk.
        sha256: the SHA-256 of the file, in hexadecimal.
        made_at: when it was made, in seconds since 1970.
        file_bytes: the length of the file.
        mtime_ns: the file's time of change when it was last found whole, in nanoseconds since 1970.
        used_at: when it was last used, in seconds since 1970.
    """

    name: str
    key: str
    format: str
    kind: str
    source: str
    path: Path = Path()
    size_bytes: int = 0
    disk_bytes: int = 0
    sha256: str = ""
    made_at: float = 0
    file_bytes: int = 0
    mtime_ns: int = 0
    used_at: float = 0

    @property
    def stem(self) -> str:
        """The beginning of the names of its files."""
        return f"{self.name}-{self.key}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What the name of a file says that belongs to an image in the making.

    Attributes:
        name: the image's name.
        key: the hash of its inputs.
        pid: the process that makes it.
    """

    name: str
    key: str
    pid: int


class BadRecordError(ValueError):
    """A record is damaged, foreign, or of another version; the text says in what way."""


def check_name(name: str) -> str:
    """``name``, if an image can be called that.

    Raises:
        UsageError: it cannot.
    """
    if not re.fullmatch(_NAME, name) or name.endswith((".part", ".lock", ".json")):
        raise UsageError(
            f"{quoted(name)} cannot be the name of an image: use up to 64 lower-case letters, digits and '-', '_', '.', "
            "beginning with a letter or digit"
        )
    return name


def draft_of(file: str) -> Draft | None:
    """What a file's name says, if it is that of a draft: ``.NAME-KEY.PID``, or one that begins with that and a dot."""
    match = _DRAFT_NAME.fullmatch(file)
    return Draft(match[1], match[2], int(match[3])) if match else None


def stems(own: OwnFolder) -> Iterator[str]:
    """The stem of every image that has a file or a record in the store."""
    found = (_RECORD_NAME.fullmatch(name) or _IMAGE_NAME.fullmatch(name) for name in own.names())
    yield from sorted({f"{match[1]}-{match[2]}" for match in found if match})


def name_of(stem: str) -> str:
    """The image's name in a stem."""
    return stem[:-33]


def files_of(own: OwnFolder, stem: str) -> list[str]:
    """The names of the files in the store that belong to an image."""
    wanted = {f"{stem}.json", *(f"{stem}.{suffix}" for suffix in FORMATS)}
    return [name for name in own.names() if name in wanted]


def read_record(own: OwnFolder, stem: str) -> StoredImage:
    """What is recorded of an image.

    Raises:
        BadRecordError: the record, or the image's file, is missing, damaged or foreign.
    """
    try:
        fd = own.open(f"{stem}.json", os.O_RDONLY | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            check_ours(os.fstat(file.fileno()))
            used_at = os.fstat(file.fileno()).st_mtime
            text = file.read(_LONGEST_RECORD + 1)
        if len(text) > _LONGEST_RECORD:
            raise BadRecordError("its record is too long")
        values = json.loads(text)
        image = _from_values(own, stem, values, used_at)
        found = own.state(image.path.name)
    except FileNotFoundError as error:
        what = "record" if error.filename == f"{stem}.json" else "file"
        raise BadRecordError(f"its {what} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, BadRecordError):
            raise
        raise BadRecordError("its record cannot be read") from None
    check_ours(found)
    return replace(image, disk_bytes=found.st_blocks * 512)


def check_ours(found: os.stat_result) -> None:
    """Check that a file is one that only this user can write.

    Raises:
        BadRecordError: it is not.
    """
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise BadRecordError("it is not a file that only this user can write")


def _from_values(own: OwnFolder, stem: str, values: Any, used_at: float) -> StoredImage:
    if not isinstance(values, dict) or values.get("version") != _VERSION:
        raise BadRecordError("its record is of another version of uartsim")
    name, key = name_of(stem), stem[-32:]
    if (values.get("name"), values.get("key")) != (name, key):
        raise BadRecordError("its record is that of another image")
    for word, allowed in (("format", FORMATS), ("kind", KINDS)):
        if values.get(word) not in allowed:
            raise BadRecordError(f"its record has no valid {word}")
    sha256, source = values.get("sha256"), values.get("source")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256) or not isinstance(source, str):
        raise BadRecordError("its record has no valid sha256 or source")
    return StoredImage(
        name=name,
        path=Path(own.path, f"{stem}.{values['format']}"),
        format=values["format"],
        disk_bytes=0,
        sha256=sha256,
        source=source,
        key=key,
        kind=values["kind"],
        used_at=used_at,
        size_bytes=_count(values, "size_bytes"),
        file_bytes=_count(values, "file_bytes"),
        mtime_ns=_count(values, "mtime_ns"),
        made_at=_count(values, "made_at", most=_LATEST_S),
    )


def _count(values: dict[str, Any], word: str, most: int = (1 << 63) - 1) -> int:
    number = values.get(word)
    if type(number) is not int or not 0 <= number <= most:
        raise BadRecordError(f"its record has no valid {word}")
    return number


def write_record(own: OwnFolder, image: StoredImage, draft: str = "") -> None:
    """Write what is known of an image, replacing an earlier record in one step.

    Args:
        own: the store.
        image: the image.
        draft: the name of its complete file, which gets the image's name between the writing of the record and its
            appearance: with a full disk neither appears.

    Raises:
        OSError: it cannot be written; then the earlier record is as it was.
    """
    words = ("name", "key", "format", "kind", "size_bytes", "file_bytes", "sha256", "source", "mtime_ns")
    values = {"version": _VERSION, **{word: getattr(image, word) for word in words}, "made_at": int(image.made_at)}
    record = f".{image.stem}.{os.getpid()}.json"
    if record in own.names():
        own.remove(record)
    own.write_new(record, json.dumps(values, indent=1).encode() + b"\n")
    try:
        if draft:
            own.replace(draft, image.path.name)
        own.replace(record, f"{image.stem}.json")
    except BaseException:
        own.remove(record)
        raise
