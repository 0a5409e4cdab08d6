"""The catalogue of guests: folders with a ``guest.toml``, ours and the user's.

Our guests are in ``guests/`` at the top of a checkout, and in ``uartsim/_guests`` in a wheel.  A user's own folder of
the same layout is named by its path.  :mod:`uartsim.guest.manifest` describes the manifest.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.guest.distribution import Distribution
from uartsim.guest.manifest import DEFAULT_UART, MANIFEST_NAME, Manifest, near_matches, read_manifest
from uartsim.images.recipe import Recipe

_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")
#: The folders of administrators' programs, such as agetty, which an ordinary user's PATH lacks.
_SYSTEM_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a guest needs on the machine that it runs on.

    Attributes:
        kind: ``"program"``, ``"file"``, ``"root"`` or ``"python"``.
        value: the program's name or path, the file's path or glob, or the module's name; ``"root"`` for root.
        install: the command that installs it.
    """

    kind: str
    value: str
    install: str = ""

    def missing(self) -> str | None:
        """A sentence that says what is missing and how to get it, or None if nothing is missing."""
        if _PRESENT[self.kind](self.value):
            return None
        if self.kind == "root":
            return f"root is needed: {self.install or 'run the same command as root, such as with sudo'}"
        what = {"program": "the program", "file": "the file", "python": "the Python module"}[self.kind]
        return f"{what} {self.value} is missing: {self.install}"


def find_program(name: str) -> str | None:
    """The path of a program, looked up by name or path in PATH and in administrators' folders; None if not found."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS)))


def _has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a parent is missing, or a module without a spec
        return False


_PRESENT: Final[Mapping[str, Callable[[str], bool]]] = {
    "program": lambda value: find_program(value) is not None,
    "file": lambda value: bool(glob.glob(value)),
    "root": lambda value: os.geteuid() == 0,
    "python": _has_module,
}


@dataclass(frozen=True, slots=True)
class GuestDefinition:
    """A guest as its folder defines it.

    Attributes:
        name: the folder's name.
        kind: a key of :data:`uartsim.guest.manifest.OPTIONS`.
        description: one line of text.
        folder: the absolute path of the folder with the guest's files: of a guest that extends another one, that one's.
        needs: what the machine must have.
        settings: the guest's settings by name; each value has the type of its default.
        options: the manifest's table for the kind, checked.
        uart: the chip, a key of :data:`uartsim.registers.VARIANTS`.
        distribution: the distribution that the guest is for, if its manifest describes one.
        image: what the disk is built from that the guest boots from, if it is built here.
    """

    name: str
    kind: str
    description: str
    folder: Path
    needs: tuple[Need, ...]
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    uart: str = DEFAULT_UART
    distribution: Distribution | None = None
    image: Recipe | None = None

    @property
    def has_disk(self) -> bool:
        """Whether it boots from a disk image, one that is built or one that it names."""
        return self.image is not None or "image" in self.options

    def with_settings(self, overrides: Mapping[str, str]) -> GuestDefinition:
        """The same guest with some settings changed.

        Args:
            overrides: the new values as text; each is converted to the type of the setting's default.

        Raises:
            UsageError: the guest does not have such a setting, or a value cannot be converted.
        """
        changed = dict(self.settings)
        for key, text in overrides.items():
            if key not in self.settings:
                hint = near_matches(key, self.settings.keys()) or "; it has no settings"
                raise UsageError(f"guest {self.name!r} has no setting {key!r}{hint}")
            changed[key] = _converted(key, text, self.settings[key])
        return replace(self, settings=MappingProxyType(changed))

    def with_registers(self, registers: str) -> GuestDefinition:
        """The same guest with another value of the option ``registers``.

        Args:
            registers: ``"auto"``, ``"require"`` or ``"off"``, as in the manifest of a guest of kind qemu.

        Raises:
            UsageError: the guest is not of kind qemu, and has no such option.
        """
        if self.kind != "qemu":
            raise UsageError(
                f"guest {self.name!r} is of kind {self.kind}: only a guest of kind qemu has the option 'registers'"
            )
        return replace(self, options=MappingProxyType({**self.options, "registers": registers}))

    def check_needs(self) -> None:
        """Check that this machine has everything that the guest needs.

        Raises:
            UsageError: something is missing; the message names all of it, and the commands that install it.
        """
        missing = [sentence for need in self.needs if (sentence := need.missing()) is not None]
        if self.distribution is not None and self.settings.get("image") == "":
            missing.append(
                f"it boots an image of your own: give one with --set image=PATH, such as {self.distribution.image}"
            )
        if missing:
            separator = "\n  " if len(missing) > 1 else " "
            raise UsageError(separator.join([f"guest {self.name!r} cannot start here:", *missing]))


def _converted(key: str, text: str, default: object) -> object:
    try:
        match default:
            case bool():
                lowered = text.lower()
                if lowered not in _TRUE + _FALSE:
                    raise ValueError
                return lowered in _TRUE
            case int():
                return int(text, 0)
            case float():
                return float(text)
            case _:
                return text
    except ValueError:
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(default)]
        raise UsageError(f"setting {key!r} is {kind} (by default {default}), not {text!r}") from None


def catalogue_folder() -> Path:
    """The folder that holds our guests: inside an installed package, or else at the top of the checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_guests"
    return installed if installed.is_dir() else package.parent / "guests"


def load_guest(folder: Path) -> GuestDefinition:
    """Load the guest that a folder defines.

    Raises:
        UsageError: the folder has no manifest, or the manifest is wrong (``FILE:LINE: what``).
    """
    try:
        folder = Path(os.path.abspath(folder.expanduser()))
        has_manifest = (folder / MANIFEST_NAME).is_file()
    except (OSError, RuntimeError, ValueError) as error:  # the name is too long, has a NUL, or an unknown ~user
        raise UsageError(f"{str(folder)!r} is not a guest's folder: {error}") from None
    if not has_manifest:
        why = f"it has no {MANIFEST_NAME}" if folder.is_dir() else "there is no such folder"
        raise UsageError(f"{folder} is not a guest's folder: {why}")
    manifest = read_manifest(folder / MANIFEST_NAME)
    if manifest.extends:
        return _extended(manifest, folder)
    return GuestDefinition(
        name=folder.name or "guest",
        kind=manifest.kind,
        description=manifest.description,
        folder=folder,
        needs=_needs_of(manifest),
        settings=MappingProxyType(manifest.settings),
        options=MappingProxyType(manifest.options),
        uart=manifest.uart,
        distribution=_whole(manifest.distribution, folder),
        image=manifest.image,
    )


def _needs_of(manifest: Manifest) -> tuple[Need, ...]:
    return tuple(Need(kind, value, install) for kind, value, install in manifest.needs)


def _extended(manifest: Manifest, folder: Path) -> GuestDefinition:
    """The guest that a manifest extends, with the manifest's name, description, needs and settings.

    Raises:
        UsageError: there is no such guest, it is of another kind, extends a third one, or lacks a setting.
    """
    file, name = folder / MANIFEST_NAME, manifest.extends
    beside, ours = folder.parent / name, catalogue_folder() / name
    base_folder = beside if (beside / MANIFEST_NAME).is_file() else ours
    if not (base_folder / MANIFEST_NAME).is_file():
        raise UsageError(f"{file}: extends names {name!r}, which is neither beside {folder} nor in the catalogue")
    if read_manifest(base_folder / MANIFEST_NAME).extends:
        raise UsageError(f"{file}: extends names {name!r}, which extends another guest itself: name that one")
    base = load_guest(base_folder)
    if base.kind != manifest.kind:
        raise UsageError(f"{file}: kind is {manifest.kind!r}, but {name!r}, which it extends, is of kind {base.kind!r}")
    for key, value in manifest.settings.items():
        if key not in base.settings:
            raise UsageError(f"{file}: {name!r} has no setting {key!r}{near_matches(key, base.settings.keys())}")
        if type(value) is not type(base.settings[key]):
            raise UsageError(
                f"{file}: the setting {key!r} of {name!r} is {base.settings[key]!r} by default, not {value!r}"
            )
    return replace(
        base,
        name=folder.name or "guest",
        description=manifest.description,
        needs=(*base.needs, *_needs_of(manifest)),
        settings=MappingProxyType({**base.settings, **manifest.settings}),
    )


def _whole(distribution: Distribution | None, folder: Path) -> Distribution | None:
    """A distribution with the procedures of the one that it is based on, whose folder is beside ``folder``."""
    if distribution is None or not distribution.based_on:
        return distribution
    base = read_manifest(folder.parent / distribution.based_on / MANIFEST_NAME).distribution
    if base is None or base.based_on:
        raise UsageError(
            f"{folder / MANIFEST_NAME}: based_on names {distribution.based_on!r}, which has no procedures of its own"
        )
    return distribution.on(base)


def _names() -> list[str]:
    try:
        return sorted(file.parent.name for file in catalogue_folder().glob(f"*/{MANIFEST_NAME}"))
    except OSError as error:
        raise UsageError(f"cannot read the catalogue of guests {catalogue_folder()}: {error.strerror}") from None


def list_guests() -> list[GuestDefinition]:
    """All guests of the catalogue, sorted by name.

    Raises:
        UsageError: the catalogue cannot be read, or a manifest in it is wrong.
    """
    return [load_guest(catalogue_folder() / name) for name in _names()]


def find_guest(name_or_path: str) -> GuestDefinition:
    """Find a guest by its name or path.

    Args:
        name_or_path: a name in the catalogue, the path of a folder (or of the ``guest.toml`` in it), where a machine's
            serial port is (:mod:`uartsim.guest.remote_address`), or the path of a disk image or the name of one in the store
            (:mod:`uartsim.guest.own_disk`).  A name in the catalogue takes precedence over a folder or a file of that name
            in the current directory: write ``./NAME`` for these.

    Raises:
        UsageError: there is no such guest (the message suggests similar names), or its manifest is wrong.
    """
    names = _names()
    if name_or_path in names:
        return load_guest(catalogue_folder() / name_or_path)
    if (elsewhere := _remote_guest(name_or_path)) is not None:
        return elsewhere
    path = Path(name_or_path)
    if path.name != MANIFEST_NAME and (disk := _disk_guest(name_or_path)) is not None:
        return disk
    is_path = os.sep in name_or_path or name_or_path.startswith(("~", "."))
    try:
        if path.name == MANIFEST_NAME:
            return load_guest(path.parent)
        is_path = is_path or (name_or_path != "" and (path / MANIFEST_NAME).is_file())
    except (OSError, ValueError):  # not a possible file name
        is_path = False
    if is_path:
        return load_guest(path)
    raise UsageError(
        f"unknown guest {name_or_path!r}{near_matches(name_or_path, names)}"
        f" (a guest of your own is named by the path of its folder or disk image, such as ./{path.name or 'NAME'}, and an "
        "image of the store as 'uartsim images list' shows it)"
    )


def _disk_guest(text: str) -> GuestDefinition | None:
    """The guest that the path of a disk image, or an image of the store, stands for, or None."""
    from uartsim.guest.own_disk import disk_guest

    return disk_guest(text)


def _remote_guest(text: str) -> GuestDefinition | None:
    """The guest that an address or the path of a serial device stands for, or None."""
    from uartsim.guest.remote_address import remote_guest  # it needs this module

    return remote_guest(text)
