"""A root directory as a folder on this machine, made of a tar, and the attributes that the folder does not have.

The files in the folder belong to the user that runs this, and nobody else can read them; no file is set-user-ID, and
there are no device nodes.  Owners, modes, times and capabilities are in the list of :class:`RootEntry`, from which
:mod:`uartsim.images.ext4_partition` gives them to the image's files.  The same tar therefore gives the same image whoever
builds it.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.file_cache import Progress

_COPY_BYTES: Final = 1 << 20
#: Progress is told after this many entries.
_TOLD_EACH: Final = 500
_CAPABILITY: Final = "SCHILY.xattr.security.capability"
_TYPES: Final = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.REGTYPE: stat.S_IFREG, tarfile.SYMTYPE: stat.S_IFLNK}


@dataclass(frozen=True, slots=True)
class RootEntry:
    """A file, folder or symbolic link in a root directory.

    Attributes:
        path: its path from the root directory, without a slash at the beginning; empty for the root directory.
        mode: type and permissions, as in ``st_mode``.
        uid: the owner.
        gid: the group.
        time: when its content was changed, in seconds since 1970.
        capability: the extended attribute ``security.capability``, or empty.
    """

    path: str
    mode: int
    uid: int
    gid: int
    time: int
    capability: bytes = b""


def unpack_root(tar: Path, tree: Path, progress: Progress) -> list[RootEntry]:
    """Unpack the tar of a root directory into a new folder.

    What is in ``/dev`` is left out: the kernel makes it.  Names never lead out of the folder.

    Args:
        tar: the tar, in the format of POSIX.1-2001 (pax) or GNU's.
        tree: the path of the folder to make.
        progress: called now and then; it may raise an exception to give up.

    Raises:
        UartsimError: the tar is damaged, or holds a name that leads out of the folder.
        OSError: there is no room.
    """
    entries: list[RootEntry] = []
    tree.mkdir(0o700)
    folders: list[RootEntry] = []
    try:
        with tarfile.open(tar, errorlevel=1) as archive:
            for count, member in enumerate(archive):
                if count % _TOLD_EACH == 0:
                    progress("unpacking the root directory")
                path = os.path.normpath(member.name).lstrip("/").removeprefix(".")
                if path.startswith("dev/"):
                    continue
                _check_path(path, tree)
                place = tree / path
                if member.islnk():
                    os.link(tree / os.path.normpath(member.linkname), place, follow_symlinks=False)
                    continue
                if member.type not in _TYPES:
                    raise UartsimError(f"the root directory has a special file outside /dev: /{path}")
                capability = member.pax_headers.get(_CAPABILITY, "").encode("utf-8", "surrogateescape")
                mode = _TYPES[member.type] | (0o777 if member.issym() else member.mode)
                entry = RootEntry(path, mode, member.uid, member.gid, int(member.mtime), capability)
                entries.append(entry)
                if member.isdir():
                    place.mkdir(0o700, exist_ok=True)
                    folders.append(entry)
                elif member.issym():
                    place.symlink_to(member.linkname)
                else:
                    _write(archive, member, place)
    except tarfile.TarError as error:
        raise UartsimError(f"the tar of the root directory is damaged: {error}") from None
    return entries


def _check_path(path: str, tree: Path) -> None:
    """Check that a path has no ``..`` and does not lead through a symbolic link."""
    above = tree / os.path.dirname(path)
    if (
        ".." in path.split("/")
        or "\n" in path
        or os.path.realpath(above)
        != os.path.realpath(tree) + (f"/{os.path.dirname(path)}" if os.path.dirname(path) else "")
    ):
        raise UartsimError(f"the tar of the root directory has a name that cannot be used: {path!r}")


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    source = archive.extractfile(member)
    assert source is not None
    with place.open("xb") as file:
        shutil.copyfileobj(source, file, _COPY_BYTES)
