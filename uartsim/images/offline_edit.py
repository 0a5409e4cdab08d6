"""Changing a disk image while nothing runs from it: files of the guest, and settings of its GRUB.

No root, no loop device and no mount is needed.  The guest's ext file systems are taken out of the image, edited and checked
there, and only then are the blocks that are different put back.  Whatever fails before that leaves the image as it was.
Guests on XFS, btrfs or LVM are edited by libguestfs where its shell guestfish is installed; it writes to the image at once.

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
from uartsim.images.file_systems import ENCRYPTED
from uartsim.images.grub_edit import change_grub
from uartsim.images.grub_settings import check_grub_settings
from uartsim.images.guest_tree import ElsewhereError, GuestTree
from uartsim.images.guestfs_files import INSTALL, is_installed, open_guestfs
from uartsim.images.image_steps import Damage, ImageStep
from uartsim.images.mount_table import FileSystem, mount_points, mounted_file_system, read_file_systems
from uartsim.images.nbd_client import open_disk
from uartsim.images.partition_copy import partition_copy, put_back
from uartsim.printable import printable, quoted

#: The largest file that can be put into a guest, in bytes.
LARGEST_FILE_BYTES: Final = 256 << 20
#: What is on a partition that debugfs edits: ext2, ext3 or ext4.
_EXT: Final = "ext"
#: What libguestfs edits, as the messages name it.
_GUESTFS: Final = ("XFS", "btrfs", "LVM", "F2FS", "RAID")
#: Types in fstab that are on no disk.
_NOT_ON_A_DISK: Final = ("proc", "sysfs", "tmpfs", "devpts", "swap")

#: An option that may be given several times: ``NAME=VALUE``, some of them, or a mapping of names to values.
Texts = str | Sequence[str] | Mapping[str, object]
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
        steps: further changes of its files, which come first.
        damage: what is done at last to the file system with the root directory, which is not checked after that.
    """

    edits: tuple[FileEdit, ...] = ()
    grub: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[ImageStep, ...] = ()
    damage: tuple[Damage, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.edits or self.grub or self.steps or self.damage)


def read_changes(edit: Texts | None, grub: Texts | None) -> ImageChanges:
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


def _pairs(option: str, value: Texts | None, form: str) -> list[tuple[str, object]]:
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
        if file.exists() and not file.is_file():
            raise UsageError(f"--edit {path}: {printable(source)} is a FIFO or a device: name a file")
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"--edit {path}: {printable(source)} cannot be read: {why}") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise UsageError(f"--edit {path}: {printable(source)} is larger than {LARGEST_FILE_BYTES >> 20} MiB")
    return FileEdit(path, content)


def change_image(image: Path, image_format: str, changes: ImageChanges, progress: Progress) -> list[str]:
    """Change a disk image from which nothing runs.

    If this fails before anything was written the image is as it was; if it fails later (the disk is full, or the process is
    killed) the image must not be used any more.

    Args:
        image: the image, such as an overlay.
        image_format: its format, as QEMU names it.
        changes: what is to be changed.
        progress: told what is being done, and each change.

    Returns: what was changed, as lines for the user.

    Raises:
        UsageError: a change is not possible in this guest, or a program is missing; the message says what to do.
        UartsimError: a file system is damaged, or there is no room for the work.
    """
    with open_disk(image, image_format) as disk:
        volumes = read_file_systems(disk)
    try:
        done = _change_ext(image, image_format, volumes, changes, progress)
    except ElsewhereError:  # nothing has been written
        if not is_installed():
            raise
        done = None
    if done is None:
        if changes.damage:
            raise UsageError("only an ext file system can be damaged, and the guest's root directory is on another one")
        progress("starting libguestfs, which takes a minute")
        with open_guestfs(image, image_format) as files:
            done = _apply(changes, GuestTree({"/": files}))
    for line in done:
        progress(line)
    return done


def _apply(changes: ImageChanges, tree: GuestTree) -> list[str]:
    done = [line for step in changes.steps for line in step(tree)]
    done += [line for edit in changes.edits for line in tree.write(edit.path, edit.content)]
    return done + change_grub(tree, changes.grub) if changes.grub else done


def _change_ext(
    image: Path, image_format: str, volumes: Sequence[FileSystem], changes: ImageChanges, progress: Progress
) -> list[str] | None:
    """Change a guest whose root directory is on an ext file system; None if it is on another that libguestfs knows.

    Raises:
        ElsewhereError: a change is on another file system.
    """
    with ExitStack() as stack:
        copies: dict[int, int] = {}
        files: dict[int, ExtFiles] = {}
        for volume in volumes:
            if volume.kind == _EXT:
                progress(f"looking into the file system of {volume.what}")
                copies[volume.number] = stack.enter_context(
                    partition_copy(image, image_format, volume.offset, volume.size)
                )
                files[volume.number] = ExtFiles(copies[volume.number], volume.what)
        root = _root(volumes, files)
        if root is None:
            return None
        mounts, elsewhere = _mounts(root, volumes, files)
        used = {volume.number: volume for volume in mounts.values()}
        for number, volume in used.items():
            if files[number].prepare():
                progress(f"{volume.what} was not unmounted: its file system has been repaired as at a boot")
        done = _apply(changes, GuestTree({point: files[volume.number] for point, volume in mounts.items()}, elsewhere))
        for number in used:
            files[number].check()
        root = mounts["/"]
        done += [line for damage in changes.damage for line in damage(copies[root.number], root.what)]
        with open_disk(image, image_format, writable=True) as disk:
            for number, volume in used.items():
                put_back(copies[number], disk, volume.offset)
    return done


def _root(volumes: Sequence[FileSystem], files: Mapping[int, ExtFiles]) -> FileSystem | None:
    """The volume that holds the guest's root directory; None if that is on a file system that only libguestfs knows.

    Raises:
        UsageError: there is none, or more than one, or it needs a key.
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
    there = ", ".join(f"{volume.what}: {volume.kind}" for volume in volumes) or "nothing that is known"
    if locked := [volume for volume in volumes if volume.kind in ENCRYPTED]:
        raise UsageError(
            f"{locked[0].what} is encrypted ({locked[0].kind}), so --edit and --grub cannot change it: change it in the "
            "running guest"
        )
    if any(volume.kind in _GUESTFS for volume in volumes):
        return None
    if files:
        raise UsageError(
            f"no file system of the image holds a system, with /etc and passwd, fstab or os-release in it ({there}): --edit "
            "and --grub have nothing to change"
        )
    raise UsageError(f"--edit and --grub change Linux file systems, such as ext4, and the image has none ({there})")


def _is_root(files: ExtFiles) -> bool:
    folder = files.state("/etc")
    if folder is None or folder.kind != "folder":
        return False
    return any(files.state(f"/etc/{name}") is not None for name in ("passwd", "fstab", "os-release"))


def _mounts(
    root: FileSystem, volumes: Sequence[FileSystem], files: Mapping[int, ExtFiles]
) -> tuple[dict[str, FileSystem], dict[str, str]]:
    """The volumes by their mount points; and for other mount points, why debugfs cannot change what is below them."""
    mounts, elsewhere = {"/": root}, {}
    fstab = GuestTree({"/": files[root.number]}).read("/etc/fstab") or b""
    for source, point, kind in mount_points(fstab.decode(errors="surrogateescape")):
        if point == "/" or kind in _NOT_ON_A_DISK:
            continue
        volume = mounted_file_system(source, volumes)
        if volume is None:
            elsewhere[point] = (
                f"{printable(point)} is {printable(source)} in the guest's fstab, which is not found on its disk: change it in "
                "the running guest"
            )
        elif volume.number in files:
            mounts[point] = volume
        else:
            elsewhere[point] = (
                f"{printable(point)} is on {volume.what}, {volume.kind}, which only libguestfs can change: {INSTALL}"
            )
    return mounts, elsewhere
