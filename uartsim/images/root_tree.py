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
from collections.abc import Mapping
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
    tree.mkdir(0o700)
    unpacked: dict[str, RootEntry] = {}
    try:
        with tarfile.open(tar, errorlevel=1) as archive:
            for count, member in enumerate(archive):
                if count % _TOLD_EACH == 0:
                    progress("unpacking the root directory")
                path = _path_in_root(member.name)
                if not path.startswith("dev/"):
                    _check_path(path, unpacked)
                    _unpack(archive, member, path, tree, unpacked)
    except tarfile.TarError as error:
        raise UartsimError(f"the tar of the root directory is damaged: {error}") from None
    return list(unpacked.values())


def _path_in_root(name: str) -> str:
    """A name in the tar as a path from the root directory, without a slash at the beginning."""
    path = os.path.normpath(name).lstrip("/")
    return "" if path == "." else path


def _check_path(path: str, unpacked: Mapping[str, RootEntry]) -> None:
    """Check that a path is new, and in a folder that has been unpacked: it then leads through no link and no ``..``."""
    folder = os.path.dirname(path)
    in_folder = folder == "" or (folder in unpacked and stat.S_ISDIR(unpacked[folder].mode))
    if path in unpacked or path == ".." or not in_folder:
        raise UartsimError(f"the tar of the root directory has a name that cannot be used: {path!r}")


def _unpack(
    archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, tree: Path, unpacked: dict[str, RootEntry]
) -> None:
    place = tree / path
    if member.islnk():
        linked = unpacked.get(_path_in_root(member.linkname))
        if linked is None or not stat.S_ISREG(linked.mode):
            raise UartsimError(f"the tar of the root directory links {path!r} to a file that is not there")
        os.link(tree / linked.path, place)
        return
    if member.type not in _TYPES:
        raise UartsimError(f"the root directory has a special file outside /dev: /{path}")
    capability = member.pax_headers.get(_CAPABILITY, "").encode("utf-8", "surrogateescape")
    mode = _TYPES[member.type] | (0o777 if member.issym() else member.mode)
    unpacked[path] = RootEntry(path, mode, member.uid, member.gid, int(member.mtime), capability)
    if member.issym():
        place.symlink_to(member.linkname)
    elif member.isdir():
        place.mkdir(0o700, exist_ok=path == "")
    else:
        source = archive.extractfile(member)
        assert source is not None
        with place.open("xb") as file:
            shutil.copyfileobj(source, file, _COPY_BYTES)
