"""Symbolic links to ptys, at paths that the user chooses."""

from __future__ import annotations

import contextlib
import os


def make_link(target: str, link: str) -> None:
    """Make a symbolic link at a path that does not exist yet.

    Raises:
        OSError: the path exists, or the link cannot be made.
    """
    os.symlink(target, link)


def is_link(link: str, target: str) -> bool:
    """Whether ``link`` is a symbolic link to ``target`` that belongs to this user."""
    try:
        return os.readlink(link) == target and os.lstat(link).st_uid == os.geteuid()
    except (OSError, ValueError):
        return False


def remove_link(link: str, target: str) -> None:
    """Remove a link, if it is still the one that we made; otherwise do nothing."""
    with contextlib.suppress(OSError):
        if is_link(link, target):
            os.unlink(link)
