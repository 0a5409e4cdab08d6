"""The drives on QEMU's command line: naming them, finding those that can be saved, and replacing them by copies.

A value of ``-drive`` is ``KEY=VALUE,...``, with a comma in a value doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

#: The beginning of the names that uartsim gives to drives.
NAME_PREFIX: Final = "uartsim-drive-"

_FLAGS: Final = ("-drive", "--drive")
#: Keys with a dot that do not affect the choice of the image.
_HARMLESS: Final = ("cache.", "throttling.")


def read_options(text: str) -> dict[str, str]:
    """Parse a value of ``-drive``; a key without a value gets the value ``"on"``."""
    options = {}
    for part in text.replace(",,", "\0").split(","):
        key, equals, value = part.replace("\0", ",").partition("=")
        options[key] = value if equals else "on"
    return options


def write_options(options: Mapping[str, str]) -> str:
    """Format keys and values as a value of ``-drive``."""
    return ",".join(f"{key}={value}".replace(",", ",,") for key, value in options.items())


def with_drives(words: Sequence[str], change: Callable[[str], str]) -> list[str]:
    """The command line with ``change`` applied to the value of each drive."""
    return [change(word) if before in _FLAGS else word for before, word in zip(["", *words], words, strict=False)]


def with_names(words: Sequence[str]) -> list[str]:
    """The command line with a name (``id``) for each drive that has none.

    A drive with ``if=none`` keeps the name that QEMU gives it, because a device may refer to that name.
    """
    count = 0

    def name(text: str) -> str:
        nonlocal count
        count += 1
        options = read_options(text)
        if "id" in options or options.get("if") == "none":
            return text
        return f"{text},id={NAME_PREFIX}{count}"

    return with_drives(words, name)


def replaceable_names(words: Sequence[str]) -> set[str]:
    """The names of the drives that :func:`with_images` can replace: those whose image is given by ``file`` alone."""
    found: set[str] = set()

    def look(text: str) -> str:
        options = read_options(text)
        strange = [key for key in options if key == "driver" or ("." in key and not key.startswith(_HARMLESS))]
        if "id" in options and "file" in options and not strange:
            found.add(options["id"])
        return text

    with_drives(words, look)
    return found


def writable_drives(words: Sequence[str]) -> list[str]:
    """The values of the drives that are not declared read-only."""
    found: list[str] = []

    def look(text: str) -> str:
        options = read_options(text)
        read_only = {options.get("readonly"), options.get("read-only")} & {"on", "yes", "true"}
        if not read_only and options.get("media") != "cdrom":
            found.append(text)
        return text

    with_drives(words, look)
    return found


def with_images(words: Sequence[str], images: Mapping[str, Path]) -> list[str]:
    """The command line with some drives replaced by images.  QEMU does not change these: it writes to temporary files.

    Args:
        words: the command line.
        images: the paths of qcow2 images, by the names of the drives.
    """

    def replace(text: str) -> str:
        options = read_options(text)
        image = images.get(options.get("id", ""))
        if image is None:
            return text
        return write_options({**options, "file": str(image), "format": "qcow2", "snapshot": "on"})

    return with_drives(words, replace)
