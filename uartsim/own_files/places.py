"""The places of this user's own files: the folders of the XDG Base Directory Specification, if they belong to this user.

Root may run with another user's environment (``sudo -E``).  Files of root in that user's folders would be in that user's
way, and root must not run files that another user can replace.  A variable that names another user's folder therefore
counts as not set.  So does a relative path, as the specification demands.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator


def user_name(uid: int) -> str:
    """The name of a user, or ``user UID`` if the user has none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def runtime_place() -> str:
    """The runtime folder: ``uartsim`` in ``$XDG_RUNTIME_DIR``, ``/run/user/UID`` or, for root, ``/run``; else in the cache."""
    uid = os.geteuid()
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}", "/run" * (uid == 0)):
        place = os.path.join(base, "uartsim")
        if os.path.isdir(base) and is_ours(place) and _is_private(base):
            return place
    return os.path.join(cache_place(), "run")


def cache_place(first: str | None = None) -> str:
    """The folder for files that can be made again: ``uartsim`` in ``$XDG_CACHE_HOME``, or in ``.cache`` of the user's home.

    Args:
        first: a path to prefer to these, if it is this user's.
    """
    places = list(_cache_places())
    return next(filter(is_ours, [*([first] if first else []), *places]), places[-1])


def state_place() -> str:
    """The folder for what outlives a process: ``uartsim`` in ``$XDG_STATE_HOME``, or in ``.local/state`` of the home.

    A relative path in the variable is ignored, as its specification says.  The folder may be another user's: see
    :func:`is_ours`.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "uartsim")


def config_file() -> tuple[str, bool]:
    """Where a person's settings are: ``$UARTSIM_CONFIG``, or ``uartsim/config.toml`` in ``$XDG_CONFIG_HOME`` or ``~/.config``.

    Returns:
        the absolute path, which is empty if there are to be none, and whether the variable names it.  The file may be
        missing, and its folder another user's: see :func:`is_ours`.
    """
    named = os.environ.get("UARTSIM_CONFIG")
    if named is not None:
        return os.path.abspath(os.path.expanduser(named)) if named else "", True
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "uartsim", "config.toml"), False


def _cache_places() -> Iterator[str]:
    if base := os.environ.get("XDG_CACHE_HOME", ""):
        yield os.path.join(base, "uartsim")
    if home := os.environ.get("HOME", ""):
        yield os.path.join(home, ".cache", "uartsim")
    yield os.path.join(_home(), ".cache", "uartsim")


def _home() -> str:
    """The user's home from the password database, regardless of the environment."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"


def is_ours(path: str) -> bool:
    """Whether an absolute path is, or can become, a folder of this user, with no folder above it owned by a third user."""
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
    """The user ID of a file's owner; None if the file does not exist or is not accessible."""
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _is_private(folder: str) -> bool:
    """Whether a folder belongs to this user and no other user can write to it."""
    found = os.stat(folder)
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _unknown_owners() -> set[int]:
    """The overflow user's ID inside a user namespace, where files of unmapped users, mostly root, appear as that user's."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            if file.read().split() == ["0", "0", "4294967295"]:
                return set()
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            return {int(file.read())}
    except (OSError, ValueError):
        return set()
