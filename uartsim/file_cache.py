"""Files that are made once and kept in the user's cache, under a name that is a hash of their inputs.

If two processes want the same file, one makes it and the other waits.  A file appears under its name only when it is
complete, and ``NAME.sum`` beside it holds its size and SHA-256: a file that is truncated, changed or another user's is
noticed before it is used, and made again.  When a new file is made, files of the same sort that have not been used for a
week are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.own_files.places import cache_place, user_name

#: How long to wait for a lock before calling :data:`Progress` again, in seconds.
LOCK_POLL_S: Final = 0.1
#: A file of other inputs is removed when it has not been used for this long, in seconds.
UNUSED_S: Final = 7 * 86400.0

#: Called with a text that says what is being done, and about ten times a second while another process does it.  It may
#: raise an exception to give up.
Progress = Callable[[str], None]

#: The names that an earlier version made in a cache without a mark.
_EARLIER: Final = re.compile(r"\.?[a-z]+(-[a-z]+)*-[0-9a-f]{32}(\.[a-z0-9]+)*|run|tmp[a-z0-9_]{8}")
_REMEDY: Final = "set XDG_CACHE_HOME to another folder"
#: Folders of other users that are not used, and that the user has been told about.
_told: set[str] = set()


def cache_folder(progress: Progress = lambda text: None) -> Path:
    """The folder for cached files, which never belongs to another user, as it could after ``sudo -E``.

    Args:
        progress: called once for each folder that is not used, with the reason.
    """
    import platformdirs  # neither this nor filelock is needed to start a guest that has nothing in the cache

    wanted = str(platformdirs.user_cache_path("uartsim"))
    place = cache_place(wanted)
    if place != wanted and wanted not in _told:
        _told.add(wanted)
        progress(f"{wanted} {_whose(wanted)}: files that are built are kept in {place}")
    return Path(place)


def open_cache(progress: Progress = lambda text: None) -> OwnFolder:
    """Open the cache folder for making files in it; it is made, with its mark, if it is missing.

    Args:
        progress: see :func:`cache_folder`.

    Raises:
        UsageError: the folder is not ours, other users can write to it, or it cannot be made.
    """
    return open_own(os.path.realpath(cache_folder(progress)), "cache", _REMEDY, earlier=_strange)


def _whose(path: str) -> str:
    """The reason why a path is not used, as the end of a sentence."""
    if not os.path.isabs(path):
        return "is not an absolute path"
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    owner = os.lstat(path).st_uid
    return "is in another user's folder" if owner in (0, os.geteuid()) else f"belongs to user {user_name(owner)}"


def content_hash(*parts: bytes) -> str:
    """A hash of ``parts`` in hexadecimal, for the name of a file that is made of them."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:32]


def kept_file(
    sort: str,
    key: str,
    suffix: str,
    make: Callable[[Path], None],
    progress: Progress,
    folder: Path | None = None,
) -> Path:
    """The path of a cached file, which is made if it is missing or damaged.

    Args:
        sort: the beginning of its name.
        key: a hash of its inputs, see :func:`content_hash`.
        suffix: the end of its name, such as ``".iso"``.
        make: writes the file to the path that it is given.
        progress: see :data:`Progress`.
        folder: the folder to keep it in; the user's cache by default.

    Raises:
        OSError: the cache cannot be written.
        UsageError: the cache folder is not ours, or other users can write to it.
    """
    import filelock

    place = os.path.realpath(folder or cache_folder(progress))
    name = f"{sort}-{key}{suffix}"
    file = Path(place, name)
    with contextlib.suppress(FileNotFoundError), open_own(place, "cache", _REMEDY, reading=True, earlier=_any) as own:
        if _is_whole(own, name):
            with contextlib.suppress(OSError):  # the file system is read-only
                own.note_use(name)
            return file
    with open_own(place, "cache", _REMEDY, earlier=_strange) as own:
        lock = filelock.FileLock(f"{file}.lock")
        while True:
            try:
                lock.acquire(timeout=LOCK_POLL_S)
                break
            except filelock.Timeout:
                progress(f"waiting for another process to make {name}")
        try:
            if not _is_whole(own, name):
                if name in own.names():
                    progress(f"{file} is damaged, or not of this version: it is rebuilt")
                _make(own, name, make)
                _remove_unused(own, name, sort, suffix)
        finally:
            lock.release()
    return file


def built_file(
    sort: str, key: str, suffix: str, make: Callable[[Path], None], progress: Progress, folder: Path | None = None
) -> Path:
    """The path of a cached file, with an error that says what to do if the cache cannot be written.

    Args: those of :func:`kept_file`.

    Raises:
        UartsimError: the cache cannot be written.
        UsageError: the cache folder is not ours, or other users can write to it.
    """
    try:
        return kept_file(sort, key, suffix, make, progress, folder)
    except OSError as error:
        raise UartsimError(
            f"cannot keep a file in {folder or cache_folder()}: {error.strerror or error}; "
            "make room there, or set XDG_CACHE_HOME to another folder"
        ) from None


def _any(own: OwnFolder) -> Iterator[str]:
    """No names: a folder needs no mark for reading a file whose checksum is right."""
    return iter(())


def _strange(own: OwnFolder) -> Iterator[str]:
    """The names in a cache without a mark that an earlier version of uartsim did not make."""
    return (name for name in own.names() if not _EARLIER.fullmatch(name))


def _is_whole(own: OwnFolder, name: str) -> bool:
    """Whether a cached file and its checksum belong to this user alone, and match."""
    try:
        return _content(own, f"{name}.sum", 200) == _sum(own, name)
    except OSError:
        return False


def _content(own: OwnFolder, name: str, most: int) -> bytes:
    with open(_opened(own, name), "rb") as file:
        return file.read(most)


def _sum(own: OwnFolder, name: str) -> bytes:
    with open(_opened(own, name), "rb") as file:
        return f"{os.fstat(file.fileno()).st_size} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()


def _opened(own: OwnFolder, name: str) -> int:
    """Open a cached file for reading; returns its descriptor.

    Raises:
        PermissionError: it belongs to another user, or other users can write to it.
    """
    fd = own.open(name, os.O_RDONLY | os.O_NONBLOCK)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        os.close(fd)
        raise PermissionError(f"{name} is not a file that only this user can write")
    return fd


def _make(own: OwnFolder, name: str, make: Callable[[Path], None]) -> None:
    """Make a file and its checksum, while the file's lock is held.  Drafts of a process that was killed are removed."""
    draft, draft_sum = f".{name}.{os.getpid()}", f".{name}.sum.{os.getpid()}"
    _remove_drafts(own, name)
    try:
        make(Path(own.path, draft))
        own.make_private(draft)
        own.write_new(draft_sum, _sum(own, draft))
        own.replace(draft_sum, f"{name}.sum")
        own.replace(draft, name)
    finally:
        _remove_drafts(own, name)


def _remove_drafts(own: OwnFolder, name: str) -> None:
    for draft in own.names():
        if draft.startswith(f".{name}."):
            own.remove(draft)


def _remove_unused(own: OwnFolder, name: str, sort: str, suffix: str) -> None:
    """Remove files of the same sort that were made of other inputs, but only old ones: another uartsim may use them."""
    same_sort = re.compile(f"{re.escape(sort)}-[0-9a-z]+{re.escape(suffix)}")
    there = own.names()
    for other in filter(same_sort.fullmatch, there):
        if other != name and time.time() - own.state(other).st_mtime > UNUSED_S:
            for part in (other, f"{other}.sum", f"{other}.lock"):
                if part in there:
                    own.remove(part)
