"""The locks of the store: one for making an image of a name, and one for every image that is in use.

Both are advisory locks of flock(2), so that the system releases them when their process ends in whatever way.  An image
that a machine runs from is locked as shared; whoever wants to remove it must get an exclusive lock.  QEMU's own locks are
those of fcntl(2), which do not meet these.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from uartsim.errors import UartsimError
from uartsim.file_cache import LOCK_POLL_S, Progress
from uartsim.own_files.folder import OwnFolder


@contextlib.contextmanager
def name_lock(own: OwnFolder, name: str, progress: Progress) -> Iterator[bool]:
    """Hold the lock for making and removing images of a name; yields whether another process had it before.

    Args:
        own: the store.
        name: the image's name.
        progress: called about ten times a second while another process holds the lock; it may raise to give up.

    Raises:
        OSError: the lock file cannot be made.
    """
    import filelock

    lock = filelock.FileLock(os.path.join(own.path, f"{name}.lock"), mode=0o600)
    waited = False
    while True:
        try:
            lock.acquire(timeout=LOCK_POLL_S)
            break
        except filelock.Timeout:
            waited = True
            progress(f"waiting for another process{_maker(own, name)} that makes or removes the image {name}")
    try:
        yield waited
    finally:
        lock.release()


@contextlib.contextmanager
def free_name_lock(own: OwnFolder, name: str) -> Iterator[bool]:
    """Hold the same lock if it is free; yields whether it was."""
    import filelock

    lock = filelock.FileLock(os.path.join(own.path, f"{name}.lock"), mode=0o600)
    try:
        lock.acquire(timeout=0)
    except (filelock.Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _maker(own: OwnFolder, name: str) -> str:
    """The number of the process that makes an image, as part of a sentence, if its draft tells."""
    from uartsim.images.image_records import draft_of

    for file in own.names():
        if (draft := draft_of(file)) is not None and draft.name == name and os.path.isdir(f"/proc/{draft.pid}"):
            return f" ({draft.pid})"
    return ""


class ImageHold:
    """Marks an image as in use, so that it is not removed, until it is closed or the process ends.

    A path outside the store needs no such mark, and gets none.

    Args:
        path: the image.

    Raises:
        UartsimError: the image has just been removed.
    """

    def __init__(self, path: Path) -> None:
        from uartsim.images.image_store import images_folder

        self._fd = -1
        if Path(os.path.realpath(path)).parent != images_folder():
            return
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self._fd), os.stat(path)):
                raise FileNotFoundError
        except (FileNotFoundError, BlockingIOError):
            self.close()
            raise UartsimError(f"the image {path} has just been removed by another process: try again") from None
        except OSError:  # a file system without locks
            pass

    def __enter__(self) -> ImageHold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The image is no longer in use.  Closing again does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


@contextlib.contextmanager
def unused(own: OwnFolder, file: str) -> Iterator[bool]:
    """Keep an image from being taken into use; yields whether it is not in use already."""
    try:
        fd = own.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # a link, or none at all
        yield True
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except BlockingIOError:
            free = False
        except OSError:  # a file system without locks
            free = True
        yield free
    finally:
        os.close(fd)
