"""Whether an image in the store is still what was put there.

Size and time of change are compared at each use; if they differ, or on demand, the SHA-256 is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass, replace

from uartsim.file_cache import Progress
from uartsim.images.image_records import (
    BadRecordError,
    StoredImage,
    check_ours,
    files_of,
    name_of,
    read_record,
    stems,
    write_record,
)
from uartsim.own_files.folder import OwnFolder


@dataclass(frozen=True, slots=True)
class Finding:
    """An image in the store, or what is left of one.

    Attributes:
        name: its name.
        stem: the beginning of the names of its files.
        image: its record, or None if that is damaged.
        problem: what is wrong with it, or an empty text.
    """

    name: str
    stem: str
    image: StoredImage | None
    problem: str = ""


def looks_whole(own: OwnFolder, image: StoredImage) -> bool:
    """Whether the size and the time of change of an image's file are those recorded."""
    try:
        found = own.state(image.path.name)
        check_ours(found)
    except (OSError, BadRecordError):
        return False
    return (found.st_size, found.st_mtime_ns) == (image.file_bytes, image.mtime_ns)


def check_content(own: OwnFolder, image: StoredImage, progress: Progress) -> StoredImage:
    """Compare the SHA-256 of an image's file with the one recorded, and record the file's time of change.

    The lock of the image's name is held meanwhile.

    Raises:
        BadRecordError: it differs, or the file cannot be read.
    """
    try:
        with open(own.open(image.path.name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            found = os.fstat(file.fileno())
            check_ours(found)
            if found.st_size != image.file_bytes:
                raise BadRecordError(f"it has {found.st_size} bytes instead of {image.file_bytes}")
            progress(f"checking the SHA-256 of {image.path}")
            if hashlib.file_digest(file, "sha256").hexdigest() != image.sha256:
                raise BadRecordError("its content has changed")
    except OSError as error:
        raise BadRecordError(f"it cannot be read: {error.strerror}") from None
    if found.st_mtime_ns != image.mtime_ns:
        image = replace(image, mtime_ns=found.st_mtime_ns)
        with contextlib.suppress(OSError):  # then it is checked again next time
            write_record(own, image)
    return image


def look_over(own: OwnFolder, name: str | None = None) -> list[Finding]:
    """All images in the store, or all of a name, sorted by name and then by age, the newest first.

    Damaged ones are last of their name.
    """
    found = []
    for stem in stems(own):
        if name in (None, name_of(stem)):
            try:
                image = read_record(own, stem)
                problem = "" if looks_whole(own, image) else "its size or time of change is not the one recorded"
                found.append(Finding(name_of(stem), stem, image, problem))
            except BadRecordError as error:
                if files_of(own, stem):  # another process has not just removed it
                    found.append(Finding(name_of(stem), stem, None, str(error)))
    return sorted(found, key=lambda finding: (finding.name, -(finding.image.made_at if finding.image else 0)))
