"""The store of disk images: the folder ``images`` in the user's cache.

An image appears under its name only when it is complete, with a record beside it (:mod:`uartsim.images.image_records`).
Nothing ever writes to it afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import LOCK_POLL_S, Progress, cache_folder, open_cache
from uartsim.images.image_records import (
    BadRecordError,
    StoredImage,
    check_name,
    check_ours,
    files_of,
    name_of,
    read_record,
    stems,
    write_record,
)
from uartsim.own_files.folder import OwnFolder, open_own

__all__ = ["StoredImage", "find_image", "list_images", "remove_image", "stored_image"]

_REMEDY: Final = "set XDG_CACHE_HOME to another folder"


def images_folder() -> Path:
    """The folder that holds the images."""
    return Path(os.path.realpath(cache_folder()), "images")


def open_store(progress: Progress = lambda text: None) -> OwnFolder:
    """Open the store for changing it; make it if it is missing.

    Raises:
        UsageError: the folder is not ours, or cannot be made.
    """
    with open_cache(progress) as cache:
        return open_own(os.path.join(cache.path, "images"), "images", _REMEDY)


def stored_image(
    name: str,
    key: str,
    make: Callable[[Path], None],
    progress: Progress,
    *,
    format: str,  # noqa: A002 - the word that everybody uses for it
    source: str,
    expected_bytes: int,
    rebuild: bool = False,
) -> StoredImage:
    """An image in the store, which is made if it is missing or damaged.

    Args:
        name: its name, such as ``"debian-12"``.
        key: a hash of everything that it is made of, see :func:`uartsim.file_cache.content_hash`.
        make: writes the image to the path that it is given.  Other files that it needs have names in the same folder that
            begin with that of this path; they are removed afterwards.
        progress: called with a text that says what is being done, and about ten times a second while another process
            makes the same image.  It may raise an exception to give up.
        format: ``"qcow2"``, ``"raw"`` or another of :data:`uartsim.images.image_records.FORMATS`.
        source: where it comes from, as text.
        expected_bytes: what it takes on the disk, with all that is needed to make it.
        rebuild: make it even if it is there.

    Raises:
        UartsimError: it cannot be kept, for lack of room on the disk for example.
        UsageError: the store's folder is not ours.
    """
    check_name(name)
    if not re.fullmatch(r"[0-9a-f]{32}", key):
        raise ValueError(f"{key!r} is not a hash of 32 hexadecimal digits")
    import filelock

    stem = f"{name}-{key}"
    with open_store(progress) as own:
        lock = filelock.FileLock(os.path.join(own.path, f"{name}.lock"))
        while True:
            try:
                lock.acquire(timeout=LOCK_POLL_S)
                break
            except filelock.Timeout:
                progress(f"waiting for another process to make the image {name}")
        try:
            with contextlib.suppress(BadRecordError):
                if not rebuild:
                    return read_record(own, stem)
            draft = f".{stem}.{os.getpid()}"
            try:
                make(Path(own.path, draft))
                own.make_private(draft)
                return _keep(own, draft, name=name, key=key, format=format, kind="built", source=source)
            finally:
                for left in own.names():
                    if left.startswith(f".{stem}."):
                        own.remove(left)
        finally:
            lock.release()


def _keep(own: OwnFolder, draft: str, *, name: str, key: str, format: str, kind: str, source: str) -> StoredImage:  # noqa: A002
    """Turn a complete draft into an image of the store."""
    with open(own.open(draft, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        header = file.read(32)
    own.sync(draft)
    found = own.state(draft)
    check_ours(found)
    image = StoredImage(
        name=name,
        path=Path(own.path, f"{name}-{key}.{format}"),
        format=format,
        size_bytes=int.from_bytes(header[24:32], "big") if format == "qcow2" else found.st_size,
        disk_bytes=found.st_blocks * 512,
        sha256=sha256,
        source=source,
        made_at=time.time(),
        key=key,
        kind=kind,
        file_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        used_at=time.time(),
    )
    own.replace(draft, image.path.name)
    write_record(own, image)
    return image


def list_images() -> list[StoredImage]:
    """The images in the store, by name, the newest of a name first."""
    try:
        own = open_own(str(images_folder()), "images", _REMEDY, reading=True)
    except FileNotFoundError:
        return []
    found = []
    with own:
        for stem in stems(own):
            with contextlib.suppress(BadRecordError):
                found.append(read_record(own, stem))
    return sorted(found, key=lambda image: (image.name, -image.made_at))


def find_image(name: str) -> StoredImage | None:
    """The newest image of that name in the store, or None."""
    return next((image for image in list_images() if image.name == name), None)


def remove_image(name: str) -> None:
    """Remove all images of a name.

    Raises:
        UsageError: there is none.
    """
    removed = False
    with open_store() as own:
        for stem in stems(own):
            if name_of(stem) == name:
                for file in files_of(own, stem):
                    own.remove(file)
                    removed = True
    if not removed:
        raise UsageError(f"there is no image {name!r} in the store: 'uartsim images list' shows what there is")


def import_image(path: Path, name: str, progress: Progress) -> StoredImage:
    """Copy a disk of the user's into the store."""
    raise UartsimError("import is not there yet")


def fetch_image(url: str, sha256: str, name: str, progress: Progress) -> StoredImage:
    """Download an image into the store."""
    raise UartsimError("fetch is not there yet")
