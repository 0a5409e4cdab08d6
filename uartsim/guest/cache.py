"""Files that are made once and kept in the user's cache, under a name that is a hash of all that went into them.

Two processes that want the same file make it once: one makes it, the other waits.  A file appears under its name only
when it is whole, and ``NAME.sum`` beside it says its size and SHA-256: what is cut short, changed or from somebody else is
noticed before it is used, and made anew.  Files of the same sort that nobody has used for long go when a new one is made.
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

from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.own_files.places import cache_place, user_name

#: How long one waiter looks at the lock before it looks at its cancellation, in seconds.
LOCK_POLL_S: Final = 0.1
#: A file of other inputs that was not used for so long may go, in seconds.
UNUSED_S: Final = 7 * 86400.0

#: Called with what is being done, and about ten times a second while another process does it; may raise to give up.
Progress = Callable[[str], None]

#: What an earlier version has made in a cache without a mark.
_EARLIER: Final = re.compile(r"\.?[a-z]+(-[a-z]+)*-[0-9a-f]{32}(\.[a-z0-9]+)*|run|tmp[a-z0-9_]{8}")
_REMEDY: Final = "set XDG_CACHE_HOME to another folder"
#: Folders that are not used because they are another user's, and which the user has been told of.
_told: set[str] = set()


def cache_folder(progress: Progress = lambda text: None) -> Path:
    """Where they are kept: never in a folder of another user's, such as that of a person who has become root.

    Args:
        progress: told, once, of a folder that is not used.
    """
    import platformdirs  # neither this nor filelock is needed to start a guest that has nothing in the cache

    wanted = str(platformdirs.user_cache_path("uartsim"))
    place = cache_place(wanted)
    if place != wanted and wanted not in _told:
        _told.add(wanted)
        progress(f"{wanted} {_whose(wanted)}: what is built is kept in {place}")
    return Path(place)


def _whose(path: str) -> str:
    """Why a path is not used."""
    if not os.path.isabs(path):
        return "is not an absolute path"
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    owner = os.lstat(path).st_uid
    return "is in another user's folder" if owner in (0, os.geteuid()) else f"belongs to user {user_name(owner)}"


def content_hash(*parts: bytes) -> str:
    """A name for what is made of ``parts``."""
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
    """The path of a kept file, made if it is not there or not whole.

    Args:
        sort: what its name begins with.
        key: a hash of what goes into it.
        suffix: what its name ends with, such as ``".iso"``.
        make: writes the file to the path that it is given.
        progress: see :data:`Progress`.
        folder: where it is kept; the user's cache by default.

    Raises:
        OSError: the cache cannot be written.
        UsageError: the cache is not ours, or others can write to it.
    """
    import filelock

    place = os.path.realpath(folder or cache_folder(progress))
    name = f"{sort}-{key}{suffix}"
    file = Path(place, name)
    with contextlib.suppress(FileNotFoundError), open_own(place, "cache", _REMEDY, reading=True, earlier=_any) as own:
        if _is_whole(own, name):
            with contextlib.suppress(OSError):  # a file system that we may only read
                own.note_use(name)
            return file
    with open_own(place, "cache", _REMEDY, earlier=_strange) as own:
        lock = filelock.FileLock(f"{file}.lock")
        while True:
            try:
                lock.acquire(timeout=LOCK_POLL_S)
                break
            except filelock.Timeout:
                progress(f"waiting for another process that makes {name}")
        try:
            if not _is_whole(own, name):
                if name in own.names():
                    progress(f"{file} is damaged, or not of this version: it is rebuilt")
                _make(own, name, make)
                _remove_unused(own, name, sort, suffix)
        finally:
            lock.release()
    return file


def _any(own: OwnFolder) -> Iterator[str]:
    """For reading a file whose sum is right, the folder needs no mark."""
    return iter(())


def _strange(own: OwnFolder) -> Iterator[str]:
    """What, in a cache without a mark, a uartsim without marks has not made."""
    return (name for name in own.names() if not _EARLIER.fullmatch(name))


def _is_whole(own: OwnFolder, name: str) -> bool:
    """Whether a kept file is a file of this user's alone, and what its sum says."""
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
    """A kept file, open; PermissionError if it is not a file of this user's alone."""
    fd = own.open(name, os.O_RDONLY | os.O_NONBLOCK)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        os.close(fd)
        raise PermissionError(f"{name} is not a file of ours alone")
    return fd


def _make(own: OwnFolder, name: str, make: Callable[[Path], None]) -> None:
    """Make a file and its sum; its lock is held.  What a process that was killed had begun goes too."""
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
    """Remove what was made of other inputs, once it is old: another program's uartsim may still use it."""
    same_sort = re.compile(f"{re.escape(sort)}-[0-9a-z]+{re.escape(suffix)}")
    there = own.names()
    for other in filter(same_sort.fullmatch, there):
        if other != name and time.time() - own.state(other).st_mtime > UNUSED_S:
            for part in (other, f"{other}.sum", f"{other}.lock"):
                if part in there:
                    own.remove(part)
