"""Seeds: what a stock cloud image is told at its first boot, such as which user may log in.

- A NoCloud disk for cloud-init: a file system with the label ``CIDATA`` that holds ``user-data`` and ``meta-data``
  (cloud-init's documentation, "NoCloud").  It is made of a user and a password, or of a folder with these files.
- An Ignition file for CoreOS, which QEMU hands over as ``opt/com.coreos/config`` (Ignition's documentation, "Supported
  platforms", QEMU).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.images.iso_writer import iso_image
from uartsim.images.password_hash import password_hash
from uartsim.printable import quoted

#: The files of a NoCloud disk; the first is required.
NOCLOUD_FILES: Final = ("user-data", "meta-data", "network-config", "vendor-data")
#: No file of a seed is larger, in bytes.
LARGEST_FILE_BYTES: Final = 16 << 20

_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
#: What user-data may begin with; cloud-init ignores any other (its documentation, "User data formats").
_USER_DATA_STARTS: Final = (
    *(b"#cloud-config", b"#!", b"#include", b"#cloud-boothook", b"#part-handler", b"## template: jinja"),
    *(b"Content-Type:", b"MIME-Version:", b"\x1f\x8b", b"#cloud-config-archive"),
)
_USES: Final = "USER:PASSWORD, a folder with user-data, or an Ignition file that ends in .ign"


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed.

    Attributes:
        kind: ``"nocloud"`` or ``"ignition"``.
        content: the disk's image, or the Ignition file.  It may hold secrets, and is not shown.
        user: the user who can log in, if the seed was made of one.
        password: that user's password; not shown.
    """

    kind: str
    content: bytes = field(repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def arguments(self, path: Path) -> list[str]:
        """The arguments that give QEMU this seed, whose content is in the file ``path``."""
        file = str(path).replace(",", ",,")
        if self.kind == "ignition":
            return ["-fw_cfg", f"name=opt/com.coreos/config,file={file}"]
        return ["-drive", f"file={file},if=virtio,format=raw,readonly=on,id=uartsim-seed"]


def read_seed(text: str) -> Seed:
    """The seed that an option names.

    Args:
        text: ``USER:PASSWORD``, the path of a folder with ``user-data``, or the path of an Ignition file.

    Raises:
        UsageError: it is none of these, or a file of it is missing or wrong.
    """
    try:
        path = Path(text).expanduser() if text else None
        is_folder, is_file = (path is not None and path.is_dir()), (path is not None and path.is_file())
    except (OSError, RuntimeError, ValueError):  # too long, of an unknown ~user, or with a NUL: not a path
        path, is_folder, is_file = None, False, False
    try:
        if path is not None and text.endswith(".ign"):
            return Seed("ignition", _ignition(path))
        if path is not None and is_folder:
            return Seed("nocloud", _nocloud(_files_of(path)))
    except OSError as error:
        raise UsageError(f"--seed: {error.filename} cannot be read: {error.strerror}") from None
    user, colon, password = text.partition(":")
    if not colon or "/" in user:
        where = f"{path} is a file" if is_file else f"there is no such folder as {quoted(text)}"
        raise UsageError(f"--seed: {where}; use {_USES}")
    if not _USER.fullmatch(user):
        raise UsageError(
            f"--seed: {quoted(user)} cannot be the name of a user: use up to 32 letters, digits and '_', '.', '-', beginning "
            "with a letter"
        )
    if not password or not password.isprintable():
        raise UsageError(f"--seed: the password of {user} must not be empty, and have printable characters only")
    return Seed("nocloud", _nocloud({"user-data": _user_data(user, password)}), user, password)


def _user_data(user: str, password: str) -> bytes:
    """A cloud-config (in JSON, which is YAML too) for a user who may log in, and become root."""
    account: dict[str, Any] = {
        "name": user,
        "lock_passwd": False,
        "hashed_passwd": password_hash(password, user),
    }
    if user != "root":
        account |= {"shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL"}
    return b"#cloud-config\n" + json.dumps({"users": [account]}, indent=1).encode() + b"\n"


def _nocloud(files: Mapping[str, bytes]) -> bytes:
    """The image of a NoCloud disk.  Without ``meta-data``, another ``user-data`` is another instance, and is applied."""
    instance = hashlib.sha256(files["user-data"]).hexdigest()[:16]
    made = {"meta-data": f"instance-id: uartsim-{instance}\n".encode()}
    return iso_image("CIDATA", made | dict(files))


def _files_of(folder: Path) -> dict[str, bytes]:
    names = sorted(entry.name for entry in folder.iterdir())
    if strange := [name for name in names if name not in NOCLOUD_FILES]:
        raise UsageError(
            f"--seed: cloud-init does not read {quoted(strange[0])} in {folder}: a seed has {', '.join(NOCLOUD_FILES)}"
        )
    if "user-data" not in names:
        raise UsageError(
            f"--seed: {folder} has no user-data: write one that begins with #cloud-config, or give USER:PASSWORD"
        )
    files = {name: _content(folder / name) for name in names}
    if not files["user-data"].startswith(_USER_DATA_STARTS):
        first = files["user-data"].split(b"\n", 1)[0].decode(errors="replace")
        raise UsageError(
            f"--seed: {folder / 'user-data'} begins with {quoted(first)}, so cloud-init would ignore it: the first line of a "
            "configuration is #cloud-config"
        )
    return files


def _ignition(path: Path) -> bytes:
    content = _content(path)
    try:
        config = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--seed: {path} is not JSON ({error}): an Ignition file is, and butane makes one of a Butane configuration"
        ) from None
    version = config.get("ignition") if isinstance(config, dict) else None
    if not isinstance(version, dict) or not isinstance(version.get("version"), str):
        raise UsageError(f'--seed: {path} is not an Ignition file: it lacks {{"ignition": {{"version": ...}}}}')
    return content


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise UsageError(f"--seed: {path} is a FIFO or a device: name a file")
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise UsageError(f"--seed: {path} is larger than {LARGEST_FILE_BYTES >> 20} MiB")
    return content
