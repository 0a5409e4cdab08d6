"""Taking a copy of the user's own disk into the store."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from uartsim.errors import UsageError
from uartsim.file_cache import Progress
from uartsim.images.disk_room import check_room, full_disk_said
from uartsim.images.image_copy import Moved, copy_disk, hash_disk, ignore_moved
from uartsim.images.image_format import open_image
from uartsim.images.image_locks import name_lock
from uartsim.images.image_records import StoredImage, check_name
from uartsim.images.image_removal import keep_to_limit
from uartsim.images.image_store import keep_draft, new_draft, open_store, same_image
from uartsim.images.storable_disk import storable_disk
from uartsim.own_files.folder import OwnFolder
from uartsim.printable import quoted

#: The key of a draft whose content is not known yet.
_UNKNOWN_KEY: Final = "0" * 32


def import_image(path: Path, name: str, progress: Progress, moved: Moved = ignore_moved) -> StoredImage:
    """Copy a disk into the store.

    Args:
        path: the disk: a file in one of the formats of :data:`uartsim.images.image_records.FORMATS`.  It is only read.
        name: what the image is to be called.
        progress: told what is being done.
        moved: told how many bytes are done, see :data:`uartsim.images.image_copy.Moved`.

    Raises:
        UsageError: there is no such file, it is not a disk, it is only a part of one, or another image has that name.
        UartsimError: there is no room for it, or the store cannot be written.
    """
    check_name(name)
    doing = f"importing {path}"
    with _opened(path) as file, open_store(progress) as own:
        source = file.fileno()
        before = os.fstat(source)
        report = storable_disk(path)
        with full_disk_said(own, doing), name_lock(own, name, progress):
            there = same_image(own, name, lambda image: image.sha256 == hash_disk(source, moved), progress)
            if there is not None:
                progress(f"the same disk is in the store already, as {there.path}")
                return there
            progress(check_room(own, doing, before.st_blocks * 512))
            image = StoredImage(name, _UNKNOWN_KEY, report.format, "imported", report.path, size_bytes=report.size)
            with new_draft(own, image, progress) as draft:
                image = _copied(own, draft, image, source, moved)
                if _changes(before) != _changes(os.fstat(source)):
                    raise UsageError(f"{path} has been changed while it was copied: end the program that uses it first")
                image = keep_draft(own, draft, image)
            keep_to_limit(own, image.stem, progress)
            return image


def _copied(own: OwnFolder, draft: str, image: StoredImage, source: int, moved: Moved) -> StoredImage:
    target = own.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        sha256 = copy_disk(source, target, moved)
    finally:
        os.close(target)
    return replace(image, key=sha256[:32], sha256=sha256)


def _changes(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _opened(path: Path) -> BinaryIO:
    try:
        return open_image(str(path))
    except ValueError:
        raise UsageError(f"there is no file {quoted(str(path))}") from None
