"""The accounts of the machine, which are in /etc/shadow.

The file has the form of shadow(5), with a hash that no other system uses: SHA-256 without salt.
"""

from __future__ import annotations

import hashlib

from ..kernel.vfs import FileSystem

_SHADOW = "/etc/shadow"


def _hashed(password: str) -> str:
    return f"$demo${hashlib.sha256(password.encode()).hexdigest()}"


def has_account(files: FileSystem, name: str) -> bool:
    """Whether ``name`` can log in."""
    return name in _hashes(files)


def set_password(files: FileSystem, name: str, password: str) -> None:
    """Give ``name`` an account with this password, or change it."""
    hashes = {**_hashes(files), name: _hashed(password)}
    files.write_text(_SHADOW, "".join(f"{each}:{text}:19763:0:99999:7:::\n" for each, text in hashes.items()))
    files.find(_SHADOW).mode = 0o640


def check_password(files: FileSystem, name: str, password: str) -> bool:
    """Whether ``name`` may log in with ``password``."""
    return _hashes(files).get(name) == _hashed(password)


def _hashes(files: FileSystem) -> dict[str, str]:
    lines = [line.split(":") for line in files.read_text(_SHADOW).splitlines()]
    return {fields[0]: fields[1] for fields in lines if len(fields) > 1}
