"""Changing a disk image while nothing runs from it: files of the guest, and settings of its GRUB.

No root, no loop device and no mount is needed.  The guest's ext file systems are taken out of the image, edited and checked
there, and only then are the blocks that are different put back.  Whatever fails before that leaves the image as it was.
Guests on XFS, btrfs or LVM are edited by libguestfs (Debian's package guestfs-tools) where it is installed.

The image is one that nobody needs in its old state: a private overlay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from uartsim.errors import UsageError
from uartsim.images.ext_files import ExtFiles
from uartsim.images.grub_edit import change_grub
from uartsim.images.grub_settings import check_grub_settings
from uartsim.images.guest_tree import GuestTree
from uartsim.images.mount_table import Volume, mount_points, mounted_volume
from uartsim.images.nbd_client import open_disk
from uartsim.images.partition_copy import partition_copy, put_back
from uartsim.printable import printable, quoted

#: The largest file that can be put into a guest, in bytes.
LARGEST_FILE_BYTES: Final = 256 << 20
#: The file systems that debugfs edits.
_EXT: Final = ("ext2", "ext3", "ext4")

#: Told what has been changed, line by line.
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file that is to be in the guest.

    Attributes:
        path: its absolute path in the guest.
        content: what is to be in it.
    """

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImageChanges:
    """What is to be changed in an image.

    Attributes:
        edits: files, in the order in which they are written.
        grub: settings of GRUB, as in ``/etc/default/grub``.
    """

    edits: tuple[FileEdit, ...] = ()
    grub: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.edits or self.grub)


def read_changes(
    edit: str | Sequence[str] | Mapping[str, object] | None, grub: str | Sequence[str] | Mapping[str, object] | None
) -> ImageChanges:
    """The changes that the options ``edit`` and ``grub`` name.

    Args:
        edit: ``GUESTPATH=FILE`` or ``GUESTPATH=:TEXT``, one or several of them, or a mapping of paths in the guest to
            ``FILE`` or ``:TEXT``.
        grub: ``KEY=VALUE``, one or several of them, or a mapping.

    Raises:
        UsageError: one is not of that form, a file cannot be read, or GRUB has no such setting.
    """
    edits = tuple(_file_edit(path, str(source)) for path, source in _pairs("edit", edit, "GUESTPATH=FILE"))
    settings = {key: str(value) for key, value in _pairs("grub", grub, "KEY=VALUE")}
    check_grub_settings(settings)
    return ImageChanges(edits, settings)


def _pairs(
    option: str, value: str | Sequence[str] | Mapping[str, object] | None, form: str
) -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        return [(str(key), item) for key, item in value.items()]
    pairs: list[tuple[str, object]] = []
    for text in [value] if isinstance(value, str) else value or ():
        key, equals, rest = text.partition("=") if isinstance(text, str) else ("", "", "")
        if not key or not equals:
            raise UsageError(f"--{option} {quoted(text)}: write it as {form}")
        pairs.append((key, rest))
    return pairs


def _file_edit(path: str, source: str) -> FileEdit:
    if not path.startswith("/") or path.endswith("/") or not path.isprintable():
        raise UsageError(
            f"--edit {quoted(path)}: give the absolute path of a file in the guest, without control characters, such as "
            "/etc/issue"
        )
    if source.startswith(":"):
        return FileEdit(path, (source[1:] + "\n").encode(errors="surrogateescape") if source[1:] else b"")
    if not source:
        raise UsageError(f"--edit {path}=: name the file whose content it gets, or write :TEXT for a line of text")
    try:
        file = Path(source).expanduser()
        if file.is_dir():
            raise UsageError(f"--edit {path}: {printable(source)} is a folder: name a file")
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"--edit {path}: {printable(source)} cannot be read: {why}") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise UsageError(f"--edit {path}: {printable(source)} is larger than {LARGEST_FILE_BYTES >> 20} MiB")
    return FileEdit(path, content)


def change_image(
    image: Path, image_format: str, volumes: Sequence[Volume], changes: ImageChanges, progress: Progress
) -> list[str]:
    """Change a disk image from which nothing runs.

    If this fails before anything was written the image is as it was; if it fails later (the disk is full, or the process is
    killed) the image must not be used any more.

    Args:
        image: the image, such as an overlay.
        image_format: its format, as QEMU names it.
        volumes: the file systems on its disk.
        changes: what is to be changed.
        progress: told what is being done, and each change.

    Returns: what was changed, as lines for the user.

    Raises:
        UsageError: a change is not possible in this guest, or a program is missing; the message says what to do.
        UartsimError: a file system is damaged, or there is no room for the work.
    """
    with ExitStack() as stack:
        copies: dict[int, int] = {}
        files: dict[int, ExtFiles] = {}
        for volume in volumes:
            if volume.kind in _EXT:
                progress(f"looking into the file system of {volume.what}")
                copies[volume.number] = stack.enter_context(
                    partition_copy(image, image_format, volume.offset, volume.size)
                )
                files[volume.number] = ExtFiles(copies[volume.number], volume.what)
        root = _root(volumes, files)
        mounts, elsewhere = _mounts(root, volumes, files)
        for number in sorted({volume.number for volume in mounts.values()}):
            if files[number].prepare():
                progress(f"partition {number} was not unmounted: its journal has been replayed")
        tree = GuestTree({path: files[volume.number] for path, volume in mounts.items()}, elsewhere)
        done = [line for edit in changes.edits for line in tree.write(edit.path, edit.content)]
        if changes.grub:
            done += change_grub(tree, changes.grub)
        used = {volume.number: volume for volume in mounts.values()}
        for number in used:
            files[number].check()
        with open_disk(image, image_format, writable=True) as disk:
            for number, volume in used.items():
                put_back(copies[number], disk, volume.offset)
    for line in done:
        progress(line)
    return done


def _root(volumes: Sequence[Volume], files: Mapping[int, ExtFiles]) -> Volume:
    """The volume that holds the guest's root directory.

    Raises:
        UsageError: there is none, or more than one.
    """
    roots = [volume for volume in volumes if volume.number in files and _is_root(files[volume.number])]
    if len(roots) == 1:
        return roots[0]
    if roots:
        places = " and ".join(volume.what for volume in roots)
        raise UsageError(
            f"the image has two systems, on {places}, and --edit and --grub cannot tell which is meant: change it in the "
            "running guest"
        )
    if files:
        raise UsageError(
            f"no file system of the image holds a system: {', '.join(volume.what for volume in volumes)} have no /etc with "
            "passwd, fstab or os-release in it"
        )
    there = ", ".join(f"{volume.what}: {volume.kind}" for volume in volumes) or "nothing that is known"
    raise UsageError(f"--edit and --grub change ext2, ext3 and ext4 file systems, and the image has none ({there})")


def _is_root(files: ExtFiles) -> bool:
    folder = files.state("/etc")
    if folder is None or folder.kind != "folder":
        return False
    return any(files.state(f"/etc/{name}") is not None for name in ("passwd", "fstab", "os-release"))


def _mounts(
    root: Volume, volumes: Sequence[Volume], files: Mapping[int, ExtFiles]
) -> tuple[dict[str, Volume], dict[str, str]]:
    """The volumes by their mount points; and why nothing below other mount points can be changed."""
    mounts, elsewhere = {"/": root}, {}
    fstab = GuestTree({"/": files[root.number]}).read("/etc/fstab") or b""
    for source, point, kind in mount_points(fstab.decode(errors="surrogateescape")):
        if point == "/" or kind in ("proc", "sysfs", "swap", "devpts"):
            continue
        volume = mounted_volume(source, volumes)
        if volume is not None and volume.number in files:
            mounts[point] = volume
        else:
            where = (
                "is on no partition of this disk"
                if volume is None
                else f"is a {volume.kind} file system ({volume.what})"
            )
            elsewhere[point] = f"{printable(point)} {where}, which can only be changed in the running guest"
    return mounts, elsewhere
