"""Symbolic links to ptys, which may stand wherever the user wants them."""

from __future__ import annotations

import contextlib
import os


def make_link(target: str, link: str) -> None:
    """Make a link where nothing is.

    Raises:
        OSError: something is there, or it cannot be made.
    """
    os.symlink(target, link)


def is_link(link: str, target: str) -> bool:
    """Whether this user's link with this target is there."""
    try:
        return os.readlink(link) == target and os.lstat(link).st_uid == os.geteuid()
    except (OSError, ValueError):
        return False


def remove_link(link: str, target: str) -> None:
    """Remove a link, if it still is what we made."""
    with contextlib.suppress(OSError):
        if is_link(link, target):
            os.unlink(link)
