"""Room on the disk: what is free, what the store may take, and the sentences about it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.folder import OwnFolder
from uartsim.printable import quoted

#: The variable that says how much room the images may take in all.
LIMIT_VARIABLE: Final = "UARTSIM_IMAGES_LIMIT"
#: What they may take without it, in bytes.
DEFAULT_LIMIT: Final = 20 * 10**9

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: With less room than this, in bytes, a program that has failed has probably failed for lack of it.
_NEXT_TO_NOTHING: Final = 1 << 20

#: What to do for more room, as the end of a sentence.
ROOM_REMEDY: Final = (
    "make room there, such as with 'uartsim images remove', or set XDG_CACHE_HOME to a folder on another disk"
)


def bytes_text(count: float) -> str:
    """A number of bytes for people, such as ``"1.2 GB"``; a megabyte is a million bytes."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}" if unit != "bytes" else f"{count:.0f} bytes"
        count /= 1000
    return f"{count:.3g} TB"


def size_limit() -> int | None:
    """How much the images may take in all, in bytes; None if there is no limit.

    Raises:
        UsageError: the variable has no valid value.
    """
    text = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not text:
        return DEFAULT_LIMIT
    if text.lower() == "none":
        return None
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([KMGT]?)B?", text.upper(), re.ASCII)
    if match is None:
        raise UsageError(
            f"{LIMIT_VARIABLE}={quoted(text)} is not a size: use a number with K, M, G or T, such as 20G, or none"
        )
    return int(float(match[1]) * _UNITS[match[2]])


def free_bytes(own: OwnFolder) -> int:
    """What this user can still write where the folder is, in bytes."""
    found = os.fstatvfs(own.fd)
    return found.f_bavail * found.f_frsize


def check_room(own: OwnFolder, what: str, needed: int) -> str:
    """Check that there is room for an image; returns the sentence that says so.

    Args:
        own: the store.
        what: what needs it, such as ``"building debian-12"``.
        needed: what it takes, in bytes.

    Raises:
        UartsimError: there is not enough.
    """
    free = free_bytes(own)
    if free < needed:
        raise UartsimError(
            f"{what} needs about {bytes_text(needed)}, {own.path} has {bytes_text(free)} free: {ROOM_REMEDY}"
        )
    return f"{what} needs about {bytes_text(needed)} of disk; {own.path} has {bytes_text(free)} free"


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk is full, or that a quota or limit is reached."""
    return error.errno in _FULL


@contextlib.contextmanager
def full_disk_said(own: OwnFolder, what: str) -> Iterator[None]:
    """Turn the system's errors about a full disk, a quota or a limit into a sentence; others about the store likewise.

    Args:
        own: the store.
        what: what is being done, such as ``"building debian-12"``.

    Raises:
        UartsimError: instead of OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if is_full(error):
            raise UartsimError(
                f"{what} has stopped, and nothing of it is left: {reason} in {own.path}; {ROOM_REMEDY}"
            ) from None
        where = f" ({error.filename})" if error.filename else ""
        raise UartsimError(f"{what} has failed, and nothing of it is left: {reason}{where}") from None
    except UartsimError as error:
        if isinstance(error, UsageError) or free_bytes(own) > _NEXT_TO_NOTHING:
            raise
        raise UartsimError(f"{what} has stopped because {own.path} is full: {ROOM_REMEDY} ({error})") from None
