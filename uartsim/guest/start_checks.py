"""Checking that a guest can start here, before its machine becomes visible to anyone.

A guest lists its needs in its manifest.  This module checks the further needs that follow from its other tables: the
program of a process, QEMU's boot files and drives, and the cache for files that are built.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.file_cache import cache_folder
from uartsim.guest.catalogue import GuestDefinition, find_program
from uartsim.guest.placeholders import fill_in
from uartsim.guest.qemu_system import system_of

#: The image in a value of QEMU's option -drive; a comma in a name is doubled.
_DRIVE_FILE: Final = re.compile(r"(?:^|,)file=((?:[^,]|,,)*)")
_READ_ONLY: Final = re.compile(r"(?:^|,)(?:readonly|snapshot)(?:=on)?(?:,|$)")
#: A drive that is not a plain file, such as nbd://host or json:{}.
_PROTOCOL: Final = re.compile(r"[a-z][a-z0-9+_-]*:")


def check_start(definition: GuestDefinition) -> None:
    """Check that the guest can be started.

    Raises:
        UsageError: a program or a file is missing or cannot be used; the message says what to do.
        UartsimError: a file must be built, but the cache cannot be written.
    """
    if definition.kind == "process":
        _check_process(definition)
    elif definition.kind == "qemu":
        _check_qemu(definition)


def _values(definition: GuestDefinition) -> dict[str, Any]:
    return {**definition.settings, "folder": definition.folder}


def _check_process(definition: GuestDefinition) -> None:
    where = f"guest {definition.name!r}, command"
    values = {**_values(definition), "tty": "/dev/pts/0", "tty_name": "pts/0", "private": "/"}
    word = definition.options["command"][0]
    program = fill_in(word, values, where)
    if "{private}" in word:
        return  # the folder, and so the program, is made when the guest starts
    if os.sep not in program:
        if find_program(program) is None:
            raise UsageError(f"{where}: the program {program} is not in PATH: install it, or give its path")
        return
    if not os.path.lexists(program):
        raise UsageError(f"{where}: the program {program} is missing")
    if os.path.isdir(program):
        raise UsageError(f"{where}: {program} is a folder, not a program")
    if not os.access(program, os.X_OK):
        raise UsageError(f"{where}: the program {program} cannot be run by this user: chmod +x {program}")


def _check_qemu(definition: GuestDefinition) -> None:
    system_of(definition.name, definition.options).find()
    builds = False
    for name in _boot_names(definition):
        builds = _check_boot_file(name, definition.folder) or builds
    if (builds or "cd" in definition.options) and not _can_write(cache_folder()):
        _build_all(definition)  # this succeeds if all files are in the cache already
    for text in definition.options.get("drives", []):
        _check_drive(definition, fill_in(text, _values(definition), f"guest {definition.name!r}, drives"))


def _boot_names(definition: GuestDefinition) -> Iterator[str]:
    options = definition.options

    def filled(key: str, text: str) -> str:
        return fill_in(text, _values(definition), f"guest {definition.name!r}, {key}")

    if "kernel" in options:
        yield filled("kernel", options["kernel"])
    if options.get("modules"):
        for text in options["modules"]:
            yield filled("modules", text).partition(" ")[0]
    elif "initrd" in options:
        yield filled("initrd", options["initrd"])
    for line in options.get("cd", []):
        path, separator, name = filled("cd", line).partition("=")
        if path and separator:
            yield name


def _check_boot_file(name: str, folder: Path) -> bool:
    """Check that a boot file exists; returns whether a file has to be built for it.

    Raises:
        UsageError: the file is missing.
    """
    from uartsim.guest.boot_files import boot_source
    from uartsim.guest.tiny_initramfs import check_tiny

    if name == "tiny":
        check_tiny()
        return True
    file = boot_source(name, folder)
    if file.is_dir():
        raise UsageError(f"{file} is a folder: a guest boots from a file")
    return file.suffix == ".gz"


def _can_write(folder: Path) -> bool:
    """Whether a file can be made in ``folder``, which may have to be made first."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _build_all(definition: GuestDefinition) -> None:
    from uartsim.guest.boot_files import boot_cd, boot_file

    for name in _boot_names(definition):
        boot_file(name, definition.folder, lambda text: None)
    if "cd" in definition.options:
        where = f"guest {definition.name!r}, cd"
        lines = [fill_in(text, _values(definition), where) for text in definition.options["cd"]]
        boot_cd(lines, definition.folder, lambda text: None)


def _check_drive(definition: GuestDefinition, drive: str) -> None:
    match = _DRIVE_FILE.search(drive)
    if match is None or not match[1] or _PROTOCOL.match(match[1]):
        return
    file = match[1].replace(",,", ",")
    where = f"guest {definition.name!r}, drives"
    if not os.path.exists(file):
        raise UsageError(
            f"{where}: the image {file} is missing (a relative path starts at the current directory; {{folder}} is the "
            "guest's folder)"
        )
    if os.path.isdir(file):
        raise UsageError(f"{where}: {file} is a folder, not an image")
    needed, word = (os.R_OK, "read") if _READ_ONLY.search(drive) else (os.R_OK | os.W_OK, "read and written")
    if not os.access(file, needed):
        raise UsageError(
            f"{where}: the image {file} cannot be {word} by this user: change its mode, or add readonly=on"
        )
