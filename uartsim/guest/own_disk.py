"""A disk image as a guest: any file that a user has, or an image that the store keeps, without a manifest.

What the image is, and how it boots, is found out by looking at it when it starts (:mod:`uartsim.images.disk_look`).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition, Need
from uartsim.guest.manifest import MANIFEST_NAME
from uartsim.guest.port_forwards import read_forwards

#: The memory of a machine that is given as an image only, in MiB.
MEMORY_MB: Final = 1024
#: The limits of the options ``memory`` (in MiB) and ``cores``.
MEMORY_LIMITS_MB: Final = (16, 1 << 20)
CORES_LIMITS: Final = (1, 64)
#: The choices of the options of a machine in QEMU.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "firmware": ("auto", "bios", "uefi"),
    "net": ("none", "user"),
    "disk": ("virtio", "ide", "scsi", "nvme"),
}
#: The options that only a guest with a disk image has.
OF_DISKS: Final = ("firmware", "disk", "writable")

_NEEDS: Final = (
    Need("program", "qemu-system-x86_64", "apt-get install qemu-system-x86"),
    Need("program", "qemu-img", "apt-get install qemu-utils"),
    Need("program", "qemu-nbd", "apt-get install qemu-utils"),
)
_SUFFIXES: Final = (".qcow2", ".raw", ".img", ".vmdk", ".vhd", ".vhdx", ".iso")


def disk_guest(text: str) -> GuestDefinition | None:
    """The guest that the path of a disk image stands for, or the name of an image in the store; None if it is neither.

    Raises:
        UsageError: it is a file that cannot be a disk image, such as a block device or a named pipe.
        UartsimError: an image of the store is damaged.
    """
    try:
        mode = os.stat(Path(text).expanduser()).st_mode if text else 0
    except FileNotFoundError:
        return _stored(text)
    except (OSError, RuntimeError, ValueError):
        return None
    if stat.S_ISREG(mode):
        return _guest_of(Path(os.path.abspath(Path(text).expanduser())), "")
    if stat.S_ISBLK(mode):
        raise UsageError(
            f"{text} is a block device: copy it into a file first, such as with 'qemu-img convert -O qcow2 {text} disk.qcow2', "
            "and run that"
        )
    if stat.S_ISFIFO(mode):
        raise UsageError(f"{text} is a named pipe, not a disk image: write what comes from it to a file, and run that")
    is_guest = os.path.isfile(os.path.join(text, MANIFEST_NAME))
    return None if is_guest else _stored(text)  # a folder of the same name does not hide an image of the store


def _stored(name: str) -> GuestDefinition | None:
    """The guest that an image in the store stands for."""
    from uartsim.images.image_store import find_image

    image = None if os.sep in name else find_image(name)
    if image is not None:
        return _guest_of(Path(image.path), name)
    if name.lower().endswith(_SUFFIXES):
        raise UsageError(
            f"there is no file {name}" + ("" if os.sep in name else ", and no image of that name in the store")
        )
    return None


def _guest_of(path: Path, name: str) -> GuestDefinition:
    """The guest of an image.

    Args:
        path: the absolute path of the image.
        name: its name in the store; empty for a user's own file.
    """
    plain = re.sub(r"[^A-Za-z0-9_.+-]+", "-", name or path.stem)[:48].strip(".+-")
    return GuestDefinition(
        name=plain if plain and not plain[0].isdigit() else f"disk-{plain}".rstrip("-"),
        kind="qemu",
        description=f"the image {name} of the store" if name else f"the disk image {path}",
        folder=path.parent,
        needs=_NEEDS,
        settings=MappingProxyType({}),
        options=MappingProxyType({"image": str(path).replace("{", "{{").replace("}", "}}"), "memory_mb": MEMORY_MB}),
    )


def with_machine(definition: GuestDefinition, **given: Any) -> GuestDefinition:
    """A guest with options of its machine in QEMU changed.

    Args:
        definition: the guest.
        given: ``firmware``, ``net`` and ``disk`` (see :data:`CHOICES`), ``memory`` in MiB, ``cores``, ``writable``, with
            which the guest writes to the image itself, and ``forward`` (:mod:`uartsim.guest.port_forwards`), which needs
            ``net="user"`` and implies it; None for the guest's own.

    Raises:
        UsageError: the guest has no such option, or a value is not possible.
    """
    given = {name: value for name, value in given.items() if value is not None and value is not False and value != ()}
    for name, value in given.items():
        if definition.kind != "qemu":
            raise UsageError(
                f"guest {definition.name!r} is of kind {definition.kind}: only a guest in QEMU has the option {name!r}"
            )
        if name in OF_DISKS and not definition.has_disk:
            raise UsageError(f"guest {definition.name!r} does not boot from a disk image, so it has no option {name!r}")
        _check(name, value)
    if not given:
        return definition
    if "forward" in given:
        if given.setdefault("net", "user") == "none":
            raise UsageError("forward leads into the network of QEMU, and net is 'none': leave one of them out")
        given["forward"] = tuple(
            f"{here}:{there}" if here else str(there) for here, there in read_forwards(given["forward"])
        )
    settings, options = dict(definition.settings), dict(definition.options)
    if (memory := given.pop("memory", None)) is not None:
        (settings if "memory_mb" in settings else options)["memory_mb"] = memory
    if given.get("writable") and definition.image is not None:
        raise UsageError(
            f"the image of guest {definition.name!r} belongs to the store, and is never written to: copy the file that "
            f"'uartsim images path {definition.name}' names, and run the copy"
        )
    options |= given
    return replace(definition, settings=MappingProxyType(settings), options=MappingProxyType(options))


def _check(name: str, value: object) -> None:
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise UsageError(f"{name} is {value!r}: use {' or '.join(CHOICES[name])}")
    elif name == "writable":
        if value is not True:
            raise UsageError(f"{name} is {value!r}: use True or False")
    elif name == "forward":
        read_forwards(value)
    else:
        least, most = MEMORY_LIMITS_MB if name == "memory" else CORES_LIMITS
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            unit = " (in MiB)" if name == "memory" else ""
            raise UsageError(f"{name} is {value!r}: use a whole number from {least} to {most}{unit}")
