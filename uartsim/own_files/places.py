"""Where this user's own files are: folders of the XDG Base Directory Specification, if they are this user's.

Root may well run with another user's environment (``sudo -E``).  Files of root's in that user's folders would be in his
way, and nothing of his may be run as root: such a variable counts as not set.  So does a relative path, as the
specification says.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator


def user_name(uid: int) -> str:
    """A user as a person calls him."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def runtime_place() -> str:
    """The folder for what runs: ``uartsim`` in ``$XDG_RUNTIME_DIR``, ``/run/user/UID``, (root) ``/run``, or the cache."""
    uid = os.geteuid()
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}", "/run" * (uid == 0)):
        place = os.path.join(base, "uartsim")
        if os.path.isdir(base) and is_ours(place) and _is_private(base):
            return place
    return os.path.join(cache_place(), "run")


def cache_place(first: str | None = None) -> str:
    """The folder for what can be made again: ``uartsim`` in ``$XDG_CACHE_HOME``, or in ``.cache`` of the user's home.

    Args:
        first: a place that comes before these.
    """
    places = list(_cache_places())
    return next(filter(is_ours, [*([first] if first else []), *places]), places[-1])


def _cache_places() -> Iterator[str]:
    if base := os.environ.get("XDG_CACHE_HOME", ""):
        yield os.path.join(base, "uartsim")
    if home := os.environ.get("HOME", ""):
        yield os.path.join(home, ".cache", "uartsim")
    yield os.path.join(_home(), ".cache", "uartsim")


def _home() -> str:
    """The user's home, whatever the environment says."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"


def is_ours(path: str) -> bool:
    """Whether an absolute path is a folder of this user's, or can become one: nobody but root owns a folder above it."""
    if not os.path.isabs(path):
        return False
    place = os.path.realpath(path)
    uid = os.geteuid()
    owner = _owner(place)
    if owner not in (uid, None):
        return False
    trusted = {uid, 0} | _unknown_owners()
    found = owner is not None
    while place != (above := os.path.dirname(place)):
        place = above
        owner = _owner(place)
        if owner is None:
            continue
        if owner not in trusted or not (found or owner == uid or os.access(place, os.W_OK)):
            return False
        found = True
    return True


def _owner(path: str) -> int | None:
    """Whose a file is; None where there is none, or none that can be looked at."""
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _is_private(folder: str) -> bool:
    """Whether a folder is this user's, and nobody else can write to it."""
    found = os.stat(folder)
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _unknown_owners() -> set[int]:
    """In a user namespace, files of users who are not in it, root mostly, look like the overflow user's."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            if file.read().split() == ["0", "0", "4294967295"]:
                return set()
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            return {int(file.read())}
    except (OSError, ValueError):
        return set()
