"""Files that are made once and kept in the user's cache, under a name that is a hash of all that went into them.

Two processes that want the same file make it once: one makes it, the other waits.  A file appears under its name only
when it is whole.  Files of the same sort that nobody has used for long go when a new one is made.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import filelock
import platformdirs

#: How long one waiter looks at the lock before it looks at its cancellation, in seconds.
LOCK_POLL_S: Final = 0.1
#: A file of other inputs that was not used for so long may go, in seconds.
UNUSED_S: Final = 7 * 86400.0

#: Called with what is being done, and about ten times a second while another process does it; may raise to give up.
Progress = Callable[[str], None]


def cache_folder() -> Path:
    """Where they are kept."""
    return platformdirs.user_cache_path("uartsim")


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
    """The path of a kept file, made if it is not there.

    Args:
        sort: what its name begins with.
        key: a hash of what goes into it.
        suffix: what its name ends with, such as ``".iso"``.
        make: writes the file to the path that it is given.
        progress: see :data:`Progress`.
        folder: where it is kept; the user's cache by default.

    Raises:
        OSError: the cache cannot be written.
    """
    folder = folder or cache_folder()
    file = folder / f"{sort}-{key}{suffix}"
    if file.is_file():
        with contextlib.suppress(OSError):  # somebody else's cache that we may only read
            file.touch()
        return file
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = filelock.FileLock(f"{file}.lock")
    while True:
        try:
            lock.acquire(timeout=LOCK_POLL_S)
            break
        except filelock.Timeout:
            progress(f"waiting for another process that makes {file.name}")
    try:
        if not file.is_file():
            draft = file.with_name(f".{file.name}.{os.getpid()}")
            try:
                make(draft)
                draft.replace(file)
            finally:
                draft.unlink(missing_ok=True)
            _remove_unused(file, sort, suffix)
    finally:
        lock.release()
    return file


def _remove_unused(file: Path, sort: str, suffix: str) -> None:
    """Remove what was made of other inputs, once it is old: another program's uartsim may still use it."""
    for other in file.parent.glob(f"{sort}-*{suffix}"):
        if other != file and time.time() - other.stat().st_mtime > UNUSED_S:
            other.unlink(missing_ok=True)
            Path(f"{other}.lock").unlink(missing_ok=True)
