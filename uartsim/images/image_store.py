"""The store of disk images: the folder ``images`` in the user's cache.

An image appears under its name only when it is complete, with a record beside it (:mod:`uartsim.images.image_records`).
Nothing writes to it afterwards: a guest runs on an overlay.  While a process makes an image it holds the lock of the
image's name (:mod:`uartsim.images.image_locks`), and works on a *draft*, a file with a name that begins with a dot.  The
draft is removed when that fails or is interrupted; what a killed process has left is removed by the next one that makes
an image.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import Progress, cache_folder, open_cache
from uartsim.images.disk_room import bytes_text, check_room, full_disk_said
from uartsim.images.image_check import Finding, check_content, look_over, looks_whole
from uartsim.images.image_locks import name_lock
from uartsim.images.image_records import (
    FORMATS,
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
from uartsim.images.image_removal import keep_to_limit, remove_drafts, remove_stem
from uartsim.own_files.folder import OwnFolder, open_own

__all__ = [
    "StoredImage",
    "find_image",
    "findings",
    "images_folder",
    "keep_draft",
    "list_images",
    "new_draft",
    "open_store",
    "read_store",
    "remove_image",
    "same_image",
    "stored_image",
]

_REMEDY: Final = "set XDG_CACHE_HOME to another folder"


def images_folder() -> Path:
    """The folder that holds the images."""
    return Path(os.path.realpath(cache_folder()), "images")


def open_store(progress: Progress = lambda text: None) -> OwnFolder:
    """Open the store for changing it; it is made if it is missing.

    Args:
        progress: told if a folder of another user is not used.

    Raises:
        UsageError: the folder is not ours, or cannot be made.
    """
    with open_cache(progress) as cache:
        return open_own(os.path.join(cache.path, "images"), "images", _REMEDY)


def read_store() -> OwnFolder | None:
    """Open the store for reading it; None if there is none.

    Raises:
        UsageError: the folder is not ours.
    """
    try:
        return open_own(str(images_folder()), "images", _REMEDY, reading=True)
    except FileNotFoundError:
        return None


def stored_image(
    name: str,
    key: str,
    make: Callable[[Path], str | None],
    progress: Progress,
    *,
    format: str,  # noqa: A002 - the word that everybody uses for it
    source: str,
    expected_bytes: int,
    rebuild: bool = False,
) -> StoredImage:
    """A built image in the store, which is made if it is missing or damaged.

    Args:
        name: its name, such as ``"debian-12"``.
        key: a hash of everything that it is made of, see :func:`uartsim.file_cache.content_hash`.
        make: writes the image to the path that it is given.  Other files that it needs are in the same folder, with the
            name of this path, a dot, and anything; they are removed afterwards.  It may return a better ``source``.
        progress: called with a text that says what is being done, and about ten times a second while another process
            makes the same image.  It may raise an exception to give up.
        format: ``"qcow2"``, ``"raw"`` or another of :data:`uartsim.images.image_records.FORMATS`.
        source: what it is made of, as text.
        expected_bytes: what it takes on the disk, with all that is needed to make it.
        rebuild: make it even if it is there.

    Raises:
        UartsimError: there is no room for it, or the store cannot be written.
        UsageError: the store's folder is not ours.
    """
    check_name(name)
    if not re.fullmatch(r"[0-9a-f]{32}", key) or format not in FORMATS:
        raise ValueError(f"an image of the key {key!r} and the format {format!r} cannot be kept")
    stem = f"{name}-{key}"
    if not rebuild and (image := _ready(stem)) is not None:
        return image
    doing = f"building the image {name}"
    with open_store(progress) as own, full_disk_said(own, doing), name_lock(own, name, progress) as waited:
        if not rebuild or waited:
            image = _still_whole(own, stem, progress)
            if image is not None:
                return _noted(own, image)
            if waited:
                progress(f"the other process has not made the image {name}: it is built here")
        progress(check_room(own, doing, expected_bytes))
        image = StoredImage(name, key, format, "built", source)
        with new_draft(own, image, progress) as draft:
            found = make(Path(own.path, draft))
            image = keep_draft(own, draft, replace(image, source=found or source))
        keep_to_limit(own, stem, progress)
        return image


@contextlib.contextmanager
def new_draft(own: OwnFolder, image: StoredImage, progress: Progress) -> Iterator[str]:
    """Yields the name of a draft of an image, which is removed at the end together with all that was left of others.

    The lock of the image's name is held.  ``progress`` is told if something cannot be removed.
    """
    remove_drafts(own, image.name)
    try:
        yield f".{image.stem}.{os.getpid()}"
    finally:
        try:
            remove_drafts(own, image.name)
        except OSError as error:
            progress(
                f"what was begun of {image.name} stays until the next build removes it: {error.strerror} ({own.path})"
            )


def _ready(stem: str) -> StoredImage | None:
    """An image that is there and looks whole, without waiting for anybody."""
    own = read_store()
    if own is None:
        return None
    with own, contextlib.suppress(BadRecordError):
        image = read_record(own, stem)
        if looks_whole(own, image):
            return _noted(own, image)
    return None


def _noted(own: OwnFolder, image: StoredImage) -> StoredImage:
    """The same image, whose use has been noted."""
    with contextlib.suppress(OSError):  # the file system is read-only
        own.note_use(f"{image.stem}.json")
    return replace(image, used_at=time.time())


def _still_whole(own: OwnFolder, stem: str, progress: Progress) -> StoredImage | None:
    """An image that is there and whole, while the lock of its name is held; what is wrong with it otherwise is said."""
    if not files_of(own, stem):
        return None
    try:
        image = read_record(own, stem)
        return image if looks_whole(own, image) else check_content(own, image, progress)
    except BadRecordError as error:
        progress(f"the image {Path(own.path, stem)} is damaged ({error}): it is built again")
        return None


def keep_draft(own: OwnFolder, draft: str, image: StoredImage) -> StoredImage:
    """Turn a complete draft into an image of the store.

    Args:
        own: the store; the lock of the image's name is held.
        draft: the name of the draft.
        image: what is known of it: name, key, format, kind, source, and its size and SHA-256 if they are known.

    Raises:
        OSError: it cannot be kept.
        UsageError: the draft is not a disk of that format.
    """
    from uartsim.images.storable_disk import storable_disk  # names are read for completion, without looking into disks

    own.make_private(draft)
    own.sync(draft)
    with open(own.open(draft, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        check_ours(found)
        sha256 = image.sha256 or hashlib.file_digest(file, "sha256").hexdigest()
    plain = found.st_size if image.format == "raw" else None
    image = replace(
        image,
        path=Path(own.path, f"{image.stem}.{image.format}"),
        size_bytes=image.size_bytes or plain or storable_disk(Path(own.path, draft), f"the image {image.name}").size,
        disk_bytes=found.st_blocks * 512,
        sha256=sha256,
        made_at=int(time.time()),
        used_at=time.time(),
        file_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
    )
    write_record(own, image, draft)
    for file_name in files_of(own, image.stem):  # of an earlier one in another format
        if file_name not in (image.path.name, f"{image.stem}.json"):
            own.remove(file_name)
    return image


def same_image(
    own: OwnFolder, name: str, is_same: Callable[[StoredImage], bool], progress: Progress
) -> StoredImage | None:
    """The image of a name that was imported or fetched before, if it is the one that is wanted now, and whole.

    Args:
        own: the store; the lock of the name is held.
        name: the name.
        is_same: tells whether an image is the one that is wanted.
        progress: told if it is, but is damaged.

    Raises:
        UsageError: another image has that name.
    """
    there = look_over(own, name)
    for finding in there:
        if finding.image is not None and finding.image.kind != "built" and is_same(finding.image):
            try:
                return _noted(own, check_content(own, finding.image, progress))
            except BadRecordError as error:
                progress(f"the image {finding.image.path} is damaged ({error}): it is copied again")
                return None
    if there:
        source = f" ({there[0].image.kind} from {there[0].image.source})" if there[0].image else ""
        raise UsageError(
            f"another image is called {name}{source}: give another name with --name, "
            f"or remove that one with 'uartsim images remove {name}'"
        )
    return None


def findings(*, check: bool = False, progress: Progress = lambda text: None) -> list[Finding]:
    """All images in the store with what is wrong with them, by name, the newest of a name first.

    Args:
        check: compare the SHA-256 of all of them, which reads them; otherwise only of those whose size or time of change
            has changed is it needed, and they are reported so.
        progress: told which is being read.
    """
    own = read_store()
    if own is None:
        return []
    with own:
        found = look_over(own)
        return [_checked(own, finding, progress) if check and finding.image else finding for finding in found]


def _checked(own: OwnFolder, finding: Finding, progress: Progress) -> Finding:
    with name_lock(own, finding.name, progress):
        try:
            return replace(finding, image=check_content(own, read_record(own, finding.stem), progress), problem="")
        except BadRecordError as error:
            return replace(finding, problem=str(error))


def list_images() -> list[StoredImage]:
    """The images in the store that are not damaged as far as their sizes tell, by name, the newest of a name first."""
    return [finding.image for finding in findings() if finding.image is not None and not finding.problem]


def find_image(name: str, progress: Progress = lambda text: None) -> StoredImage | None:
    """The newest image of a name in the store, or None if there is none.  Its use is noted.

    Args:
        name: its name.
        progress: told if the image has to be read because its time of change is not the one recorded.

    Raises:
        UartsimError: it is damaged; the message says what to do.
    """
    own = read_store()
    if own is None:
        return None
    with own:
        found = look_over(own, name)
        if not found:
            return None
        if found[0].problem:
            with name_lock(own, name, progress):
                image = _whole_or_error(own, look_over(own, name)[0], progress)
        else:
            assert found[0].image is not None
            image = found[0].image
        return _noted(own, image)


def _whole_or_error(own: OwnFolder, finding: Finding, progress: Progress) -> StoredImage:
    try:
        if finding.image is None:
            raise BadRecordError(finding.problem)
        return check_content(own, finding.image, progress)
    except BadRecordError as error:
        again = f"remove it with 'uartsim images remove {finding.name}'"
        if finding.image is None:
            remedy = f"{again}, and get it again as you got it"
        elif finding.image.kind == "built":
            remedy = f"make it again with 'uartsim images build {finding.name} --rebuild'"
        else:
            how = "import" if finding.image.kind == "imported" else "fetch"
            remedy = f"{again}, and {how} it again from {finding.image.source}"
        where = finding.image.path if finding.image else Path(own.path, finding.stem)
        raise UartsimError(f"the image {finding.name} is damaged ({error}; {where}): {remedy}") from None


def remove_image(name: str, progress: Progress = lambda text: None) -> int:
    """Remove all images of a name, and what has been downloaded of one; returns the room that they took, in bytes.

    Raises:
        UsageError: there is none.
        UartsimError: a machine runs from one of them.
    """
    check_name(name)
    own = read_store()
    parts = (f"{name}.part", f"{name}.part.json")
    if own is not None:
        with own, name_lock(own, name, progress):
            found = [Finding(name, stem, None) for stem in stems(own) if name_of(stem) == name]
            there = [part for part in parts if part in own.names()]
            freed = sum(remove_stem(own, finding) for finding in found)
            freed += sum(own.state(part).st_blocks * 512 for part in there)
            for part in there:
                own.remove(part)
            if found or there:
                progress(f"removed {name}, {bytes_text(freed)}")
                return freed
    raise UsageError(f"there is no image {name!r} in the store: 'uartsim images list' shows what there is")
