"""Removing a folder with everything in it."""

from __future__ import annotations

import errno
import os


def remove_tree(path: str, name: str | None = None, dir_fd: int | None = None) -> None:
    """Remove a folder of ours with everything in it.  If something is mounted in it, remove nothing.

    Args:
        path: the path of the folder.
        name: its name in ``dir_fd``, if that is given, so that no part of the path is looked up again.
        dir_fd: a descriptor of the folder that contains it.

    Raises:
        OSError: the folder, or something in it, cannot be removed.
    """
    if _has_mount(os.path.realpath(path)):
        raise OSError(errno.EBUSY, "something is mounted in it", path)
    try:
        _remove_tree(path if name is None else name, dir_fd)
    except RecursionError:
        raise OSError(errno.ELOOP, "folders are nested too deeply in it", path) from None


def _has_mount(place: str) -> bool:
    import re  # imported here to keep the start-up of uartsim fast
    from pathlib import Path

    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return False  # /proc is not mounted
    except UnicodeDecodeError:
        return True
    for line in lines:
        mounted_on = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), line.split()[4])
        if mounted_on == place or mounted_on.startswith(f"{place}/"):
            return True
    return False


def _remove_tree(name: str, dir_fd: int | None) -> None:
    """Remove a folder and its entries (``shutil.rmtree`` takes too long to import)."""
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        with os.scandir(fd) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for entry, is_folder in found:
            if is_folder:
                _remove_tree(entry, fd)
            else:
                os.unlink(entry, dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=dir_fd)
