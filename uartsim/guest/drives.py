"""Drives on QEMU's command line: given names by which QEMU's monitor knows them, and replaced by copies of theirs.

A value of ``-drive`` is ``KEY=VALUE,...``, with a comma in a value doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

#: What the names begin with that we give.
NAME_PREFIX: Final = "uartsim-drive-"

_FLAGS: Final = ("-drive", "--drive")
#: Keys with a dot that say nothing about which image it is.
_HARMLESS: Final = ("cache.", "throttling.")


def read_options(text: str) -> dict[str, str]:
    """The keys and values of a drive; a key without a value is a switch that is on."""
    options = {}
    for part in text.replace(",,", "\0").split(","):
        key, equals, value = part.replace("\0", ",").partition("=")
        options[key] = value if equals else "on"
    return options


def write_options(options: Mapping[str, str]) -> str:
    """The same as one value of ``-drive``."""
    return ",".join(f"{key}={value}".replace(",", ",,") for key, value in options.items())


def _with_drives(words: Sequence[str], change: Callable[[str], str]) -> list[str]:
    """A command line with each drive in it changed."""
    return [change(word) if before in _FLAGS else word for before, word in zip(["", *words], words, strict=False)]


def named(words: Sequence[str]) -> list[str]:
    """The command line with a name for each drive that has none.

    A drive of ``if=none`` keeps the name that QEMU gives it, for a device may refer to that.
    """
    count = 0

    def name(text: str) -> str:
        nonlocal count
        count += 1
        options = read_options(text)
        if "id" in options or options.get("if") == "none":
            return text
        return f"{text},id={NAME_PREFIX}{count}"

    return _with_drives(words, name)


def replaceable(words: Sequence[str]) -> set[str]:
    """The names of the drives that :func:`replaced` can replace: those that say their image by ``file`` alone."""
    found: set[str] = set()

    def look(text: str) -> str:
        options = read_options(text)
        strange = [key for key in options if key == "driver" or ("." in key and not key.startswith(_HARMLESS))]
        if "id" in options and "file" in options and not strange:
            found.add(options["id"])
        return text

    _with_drives(words, look)
    return found


def writable(words: Sequence[str]) -> list[str]:
    """Those of the drives that do not say that they are only read."""
    found: list[str] = []

    def look(text: str) -> str:
        options = read_options(text)
        read_only = {options.get("readonly"), options.get("read-only")} & {"on", "yes", "true"}
        if not read_only and options.get("media") != "cdrom":
            found.append(text)
        return text

    _with_drives(words, look)
    return found


def replaced(words: Sequence[str], images: Mapping[str, Path]) -> list[str]:
    """The command line with some drives replaced by images, which are read only: QEMU keeps what is written elsewhere.

    Args:
        words: the command line.
        images: qcow2 images, by the names of the drives.
    """

    def replace(text: str) -> str:
        options = read_options(text)
        image = images.get(options.get("id", ""))
        if image is None:
            return text
        return write_options({**options, "file": str(image), "format": "qcow2", "snapshot": "on"})

    return _with_drives(words, replace)
