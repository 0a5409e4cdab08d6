"""The accounts of the machine, which are in /etc/passwd, /etc/group and /etc/shadow.

/etc/shadow has the form of shadow(5), with a hash that no other system uses: SHA-256 without salt.  As there, a user whose
hash begins with ``!`` or ``*`` has no password that could be typed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from ..kernel.credentials import Credentials
from ..kernel.vfs import FileSystem

_PASSWD: Final = "/etc/passwd"
_GROUP: Final = "/etc/group"
_SHADOW: Final = "/etc/shadow"
_SKELETON: Final = "/etc/skel"
#: The members of this group may use sudo.
ADMINISTRATORS: Final = "sudo"
#: The first number of an ordinary user.
_FIRST_UID: Final = 1000
_LAST_UID: Final = 59999
#: A name that useradd accepts, and its longest.
_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_LOCKED: Final = "!"


def is_valid_name(name: str) -> bool:
    """Whether useradd would accept it as a user's name."""
    return _NAME.fullmatch(name) is not None


def find_user(files: FileSystem, name: str) -> Credentials | None:
    """A user by name; None if there is none."""
    for fields in _rows(files, _PASSWD):
        if fields[0] == name and len(fields) >= 7:
            return Credentials(name, int(fields[2]), int(fields[3]), fields[5])
    return None


def name_of(files: FileSystem, uid: int) -> str:
    """A user's name by number; the number itself if there is no such user."""
    return next((fields[0] for fields in _rows(files, _PASSWD) if fields[2:3] == [str(uid)]), str(uid))


def groups_of(files: FileSystem, user: Credentials) -> list[tuple[int, str]]:
    """The groups of a user, number and name each, the user's own first."""
    rows = [(int(fields[2]), fields[0], fields[3].split(",")) for fields in _rows(files, _GROUP) if len(fields) > 3]
    own = [(gid, name) for gid, name, _ in rows if gid == user.gid] or [(user.gid, user.name)]
    return own + [(gid, name) for gid, name, members in rows if user.name in members and gid != user.gid]


def is_administrator(files: FileSystem, user: Credentials) -> bool:
    """Whether the user may use sudo."""
    return user.is_root or any(name == ADMINISTRATORS for _, name in groups_of(files, user))


def add_user(files: FileSystem, name: str) -> Credentials:
    """Create a user without a password, with a group and a home directory of his own."""
    taken = {int(fields[2]) for fields in _rows(files, _PASSWD) if len(fields) > 2}
    uid = next(uid for uid in range(_FIRST_UID, _LAST_UID) if uid not in taken)
    user = Credentials(name, uid, uid, f"/home/{name}")
    _append(files, _PASSWD, f"{name}:x:{uid}:{uid}::{user.home}:/bin/bash")
    _append(files, _GROUP, f"{name}:x:{uid}:")
    _set_hash(files, name, _LOCKED)
    if not files.exists(user.home):
        files.make_directory(user.home)
        for each in files.names(_SKELETON):
            files.write(f"{user.home}/{each}", files.read(f"{_SKELETON}/{each}"))
            files.find(f"{user.home}/{each}").owner = uid
        files.find(user.home).owner = uid
        files.find(user.home).mode = 0o700
    return user


def remove_user(files: FileSystem, name: str) -> None:
    """Remove a user and his group; the home directory stays."""
    for path in (_PASSWD, _SHADOW):
        _write(files, path, [fields for fields in _rows(files, path) if fields[0] != name])
    rows = []
    for fields in _rows(files, _GROUP):
        if fields[0] != name:
            members = [member for member in fields[3].split(",") if member != name]
            rows.append([*fields[:3], ",".join(members)])
    _write(files, _GROUP, rows)


def add_to_group(files: FileSystem, name: str, group: str) -> bool:
    """Make a user a member of a group; return whether there is such a group."""
    rows = _rows(files, _GROUP)
    for fields in rows:
        if fields[0] == group:
            members = [member for member in fields[3].split(",") if member]
            fields[3] = ",".join(dict.fromkeys((*members, name)))
            _write(files, _GROUP, rows)
            return True
    return False


def set_password(files: FileSystem, name: str, password: str) -> None:
    """Give a user a password, or change it."""
    _set_hash(files, name, _hashed(password))


def lock_password(files: FileSystem, name: str) -> None:
    """Leave a user without a password that could be typed."""
    _set_hash(files, name, _LOCKED)


def check_password(files: FileSystem, name: str, password: str) -> bool:
    """Whether this is the user's password; never for a user without one."""
    return _hash(files, name) == _hashed(password)


def has_password(files: FileSystem, name: str) -> bool:
    """Whether the user has a password that could be typed."""
    return not _hash(files, name).startswith(("!", "*"))


def _hashed(password: str) -> str:
    return f"$demo${hashlib.sha256(password.encode(errors='surrogateescape')).hexdigest()}"


def _hash(files: FileSystem, name: str) -> str:
    return next((fields[1] for fields in _rows(files, _SHADOW) if fields[0] == name and len(fields) > 1), _LOCKED)


def _set_hash(files: FileSystem, name: str, text: str) -> None:
    rows = [fields for fields in _rows(files, _SHADOW) if fields[0] != name]
    _write(files, _SHADOW, [*rows, [name, text, "19763", "0", "99999", "7", "", "", ""]])
    files.find(_SHADOW).mode = 0o640


def _rows(files: FileSystem, path: str) -> list[list[str]]:
    return [line.split(":") for line in files.read_text(path).splitlines() if line]


def _write(files: FileSystem, path: str, rows: list[list[str]]) -> None:
    files.write_text(path, "".join(":".join(fields) + "\n" for fields in rows))


def _append(files: FileSystem, path: str, line: str) -> None:
    files.write(path, f"{line}\n".encode(errors="surrogateescape"), append=True)
