"""What a guest's image is built from: the table ``[image]`` of its ``guest.toml``.

    [image]
    builder = "debian"                     # who builds it, see uartsim.images.build
    suite = "bookworm"
    packages = ["linux-image-cloud-amd64", "systemd-sysv"]
    layout = "mbr"
    firmware = "bios"
    size_mb = 1024
    files = "root"                         # a folder beside guest.toml, copied over the root directory
    customize = "customize.sh"             # a shell script beside guest.toml, run as root in the finished root directory
    hostname = "debian"
    password = "toor"
    users = ["user:user"]
    cmdline = "console=tty0 console=ttyS0,115200"
    grub = ["GRUB_TIMEOUT=5", "GRUB_TERMINAL=serial"]

A key that a builder has no use for (:data:`KEYS`) is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

#: The builders, see :mod:`uartsim.images.build`.
BUILDER_NAMES: Final = ("debian", "alpine", "debian-installer")
#: The keys that the builders have a use for; the builder ``debian`` has one for all of them.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "alpine": ("builder", "cmdline", "hostname", "password"),
    "debian-installer": ("builder", "cmdline"),
}
#: The partition tables that an image can have.
LAYOUTS: Final = ("mbr", "gpt")
#: The firmware that an image can be booted by.
FIRMWARE: Final = ("bios", "uefi", "both")
#: The sizes that a disk can have, in MiB.
SIZES_MB: Final = range(16, 65537)

#: What the texts of each key look like, and what they are, for messages.
_FORMS: Final = {
    "suite": (re.compile(r"[a-z0-9][a-z0-9.-]*"), "the name of a release, such as 'bookworm'"),
    "packages": (re.compile(r"[a-z0-9][a-z0-9+.:-]*(?:=[A-Za-z0-9.+:~-]+)?"), "a package (NAME or NAME=VERSION)"),
    "hostname": (re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"), "a host name: up to 63 of a-z, 0-9 and '-'"),
    "password": (re.compile(r"[^:\n]+"), "a password, which has neither a colon nor a line feed"),
    "users": (re.compile(r"[a-z_][a-z0-9_-]{0,31}:[^:\n]+"), "NAME:PASSWORD"),
    "cmdline": (re.compile(r"[^\"'$`\\\n]*"), "a command line without quotation marks, '$', '`' and backslashes"),
    "grub": (re.compile(r"[A-Z][A-Z0-9_]*=[^\n]*"), "a line of /etc/default/grub, such as 'GRUB_TIMEOUT=5'"),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an image is built from; every value has been checked to be of its type.

    Attributes:
        builder: who builds it, one of :data:`BUILDER_NAMES`.
        suite: the distribution's release, such as ``"bookworm"``.
        packages: packages beyond the builder's own, a kernel and an init system among them.
        layout: the partition table, one of :data:`LAYOUTS`.
        firmware: what can boot it, one of :data:`FIRMWARE`.
        size_mb: the size of the disk in MiB.
        files: a folder beside ``guest.toml`` whose files are copied over the root directory; or empty.
        customize: a shell script beside ``guest.toml``, run as root in the finished root directory; or empty.
        hostname: the machine's name.
        password: root's password.
        users: further accounts, ``NAME:PASSWORD`` each.
        cmdline: the kernel's command line (``GRUB_CMDLINE_LINUX``).
        grub: further lines of ``/etc/default/grub``, ``KEY=VALUE`` each.
    """

    builder: str
    suite: str = "bookworm"
    packages: tuple[str, ...] = ()
    layout: str = "mbr"
    firmware: str = "bios"
    size_mb: int = 1024
    files: str = ""
    customize: str = ""
    hostname: str = "debian"
    password: str = "toor"
    users: tuple[str, ...] = ()
    cmdline: str = "console=tty0 console=ttyS0,115200"
    grub: tuple[str, ...] = ()

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Recipe:
        """The recipe of a table whose keys and types have been checked."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
        }
        return cls(**values)

    def mistakes(self, given: Collection[str]) -> Iterator[tuple[str, str]]:
        """What cannot be built: the key of each wrong value, and a sentence about it.

        Args:
            given: the keys that the table has.
        """
        for key in given:
            if key not in KEYS.get(self.builder, (key,)):
                uses = ", ".join(KEYS[self.builder])
                yield key, f"the builder {self.builder!r} has no use for {key!r}; it uses {uses}"
        for key, (form, what) in _FORMS.items():
            value = getattr(self, key)
            for text in (value,) if isinstance(value, str) else value:
                if not form.fullmatch(text):
                    yield key, f"{text!r} is not {what}"
        if self.size_mb not in SIZES_MB:
            yield "size_mb", f"size_mb is {self.size_mb}: use {SIZES_MB[0]} to {SIZES_MB[-1]}"
        if self.firmware != "bios" and self.layout == "mbr":
            yield "firmware", f'firmware {self.firmware!r} needs layout "gpt", whose partitions UEFI reads'


def recipe_key(recipe: Recipe, folder: Path, builder_version: str) -> str:
    """A hash of all that an image is built from, but for the versions of packages.

    It is computed offline and at once.  A security update therefore does not make a kept image stale; the image's notes say
    when it was made, of which packages, and ``uartsim images build NAME --rebuild`` makes it again.

    Args:
        recipe: the recipe.
        folder: the guest's folder, for the files that the recipe names.
        builder_version: changes when the builder makes something else of the same recipe.
    """
    from uartsim.file_cache import content_hash  # manifests are read at each start, and keys are not needed then

    parts = [builder_version, *(f"{field.name}={getattr(recipe, field.name)!r}" for field in fields(recipe))]
    content = [part.encode() for part in parts]
    if recipe.customize:
        content.append((folder / recipe.customize).read_bytes())
    if recipe.files:
        for file in files_of(folder / recipe.files):
            state = file.lstat()
            content += [str(file.relative_to(folder)).encode(), b"x" if state.st_mode & 0o100 else b"-"]
            content.append(str(file.readlink()).encode() if file.is_symlink() else file.read_bytes())
    return content_hash(*content)


def files_of(folder: Path) -> list[Path]:
    """The files and symbolic links in a folder and the folders below it, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
