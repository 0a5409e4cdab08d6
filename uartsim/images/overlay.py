"""Private overlays: what a guest writes to its disk goes into a qcow2 file of ours, and the image stays as it is.

An overlay is a folder of its own in ``uartsim/overlays`` in the user's state folder: ``disk.qcow2``, whose backing file is
the base image, ``base.json``, which says what the base was like when the overlay was made, and further files of the same
machine, such as the variables of its firmware.  It is removed when the machine has ended well, and kept when it has failed
(:meth:`Overlay.keep`).  A process that is killed leaves its overlay behind too.  When another overlay is made, all but the
newest :data:`MOST_KEPT` of those that are not in use are removed.

The format of a base is always stated, never guessed: QEMU would otherwise take a raw disk into whose first sector a guest
has written the header of another format for an image of that format.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UartsimError, UsageError
from uartsim.images.nbd_client import INSTALL
from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.own_files.places import is_ours, state_place
from uartsim.printable import printable_line

#: The name of the image in an overlay's folder.
DISK_NAME: Final = "disk.qcow2"
#: So many overlays of machines that failed are kept.
MOST_KEPT: Final = 5
#: An overlay is not begun with less free space than this, in bytes.
LEAST_ROOM_BYTES: Final = 1 << 26

_BASE_NAME: Final = "base.json"
_FOLDER_NAME: Final = re.compile(r"[\w.-]*-\d{8}-\d{6}-\d+(-\d+)?")
_OWNER_NAME: Final = "owner.txt"
_FILE_NAMES: Final = re.compile(r"disk\.qcow2|base\.json|owner\.txt|[a-z][a-z0-9-]*\.(fd|ign|img|iso|qcow2)")
_REMEDY: Final = "set XDG_STATE_HOME to another folder"
_VERSION: Final = 1
_CREATE_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class BaseImage:
    """An image that an overlay is made on, as it was at that time.

    Attributes:
        path: its absolute path.
        format: its format, as QEMU names it.
        size_bytes: the size of the file.
        changed_ns: the time of its last change, in nanoseconds since 1970.
    """

    path: str
    format: str
    size_bytes: int
    changed_ns: int

    @classmethod
    def of(cls, path: str | os.PathLike[str], image_format: str) -> BaseImage:
        """An image as it is now.

        Raises:
            OSError: it cannot be found.
        """
        place = os.path.realpath(path)
        found = os.stat(place)
        return cls(place, image_format, found.st_size, found.st_mtime_ns)

    def change(self) -> str | None:
        """What has happened to the image since, as the end of a sentence that begins with its path; None if nothing."""
        try:
            found = os.stat(self.path)
        except OSError as error:
            return f"cannot be found any more ({error.strerror})"
        if (found.st_size, found.st_mtime_ns) == (self.size_bytes, self.changed_ns):
            return None
        return "has been changed since the overlay on it was made"


class Overlay:
    """An overlay in use; :func:`make_overlay` makes these objects.  It ends with :meth:`remove` or :meth:`keep`.

    Attributes:
        base: the image below it.
        path: the overlay's own image, in the format qcow2.
    """

    def __init__(self, base: BaseImage, folder: OwnFolder, lock: contextlib.ExitStack) -> None:
        self.base = base
        self.path = Path(folder.path, DISK_NAME)
        self._folder = folder
        self._lock = lock

    def add_file(self, name: str, source: Path) -> Path:
        """Copy a file of the machine into the overlay's folder; returns the path of the copy.

        Raises:
            OSError: it cannot be read or written.
        """
        return self.add_content(name, source.read_bytes())

    def add_content(self, name: str, content: bytes) -> Path:
        """Write a file of the machine into the overlay's folder, which only this user can read; returns its path.

        Raises:
            OSError: it cannot be written.
        """
        assert _FILE_NAMES.fullmatch(name)
        self._folder.write_new(name, content)
        return Path(self._folder.path, name)

    def reserve(self, owner: str) -> Path:
        """Keep the overlay until :func:`discard_overlay` removes it, however many others come; returns :attr:`path`.

        Args:
            owner: who needs it, for people that find it.

        Raises:
            OSError: the owner cannot be noted.
        """
        if _OWNER_NAME not in self._folder.names():
            self._folder.write_new(_OWNER_NAME, f"{owner}\n".encode())
        return self.path

    def remove(self) -> None:
        """Remove the overlay with everything in its folder."""
        with contextlib.suppress(OSError, UartsimError), open_own(*_place()) as own:
            own.remove(os.path.basename(self._folder.path))
        self._release()

    def keep(self) -> str:
        """Keep the overlay; returns sentences that say where it is, how to run it again, and how to remove it."""
        change = self.base.change()
        self._release()
        folder = self.path.parent
        if change is not None:
            return f"the guest's disk is kept in {folder}, but its base {self.base.path} {change}; remove it: rm -r {folder}"
        return self.how_to_use()

    def how_to_use(self) -> str:
        """Sentences about an overlay that is kept: where it is, how to run it again, and how to remove it."""
        return f"the guest's disk is kept: boot it again with 'uartsim run {self.path}', or remove it: rm -r {self.path.parent}"

    def _release(self) -> None:
        self._lock.close()
        self._folder.close()


def make_overlay(
    name: str, path: str | os.PathLike[str], image_format: str, progress: Callable[[str], None] = lambda text: None
) -> Overlay:
    """Make an overlay.

    Args:
        name: the guest's name, for the name of its folder.
        path: the base image.
        image_format: the format of the base.
        progress: is called with a sentence for each older overlay that is removed.

    Raises:
        UsageError: ``qemu-img`` is missing, or the state folder is not ours.
        UartsimError: there is no room, or ``qemu-img`` fails.
    """
    from shutil import which

    program = which("qemu-img")
    if program is None:
        raise UsageError(f"the program qemu-img is missing, which makes the guest's private disk: {INSTALL}")
    try:
        base = BaseImage.of(path, image_format)
        with open_own(*_place()) as own, own.locked():
            _check_room(own)
            _remove_oldest(own, progress)
            folder, lock = _new_folder(own, name)
        overlay = Overlay(base, folder, lock)
        try:
            folder.write_new(_BASE_NAME, json.dumps({"version": _VERSION, **asdict(base)}).encode())
            _create(program, base, overlay.path)
            folder.make_private(DISK_NAME)
        except BaseException:
            overlay.remove()
            raise
        return overlay
    except OSError as error:
        raise UartsimError(
            f"the private disk on {path} cannot be made ({error.strerror or error}): make room in {overlays_folder()}, "
            f"or {_REMEDY}"
        ) from None


def discard_overlay(path: str | os.PathLike[str]) -> None:
    """Remove an overlay that is not in use, by the path of its image; nothing happens if it is none of ours."""
    folder, name = os.path.split(os.path.realpath(path))
    if name == DISK_NAME and os.path.dirname(folder) == os.path.realpath(overlays_folder()):
        with contextlib.suppress(OSError, UartsimError), open_own(*_place()) as own:
            own.remove(os.path.basename(folder))


def overlays_folder() -> str:
    """The folder in which the folders of the overlays are."""
    return os.path.join(state_place(), "overlays")


def base_of_kept(path: str | os.PathLike[str]) -> BaseImage | None:
    """The base of an image that is one of our kept overlays; None for any other image.

    Raises:
        UsageError: the base has changed, so that the overlay does not fit it any more, or the overlay is damaged.
    """
    place = os.path.realpath(path)
    folder, name = os.path.split(place)
    if name != DISK_NAME or os.path.dirname(folder) != os.path.realpath(overlays_folder()):
        return None
    try:
        with open_own(*_place(), reading=True) as own, own.enter(os.path.basename(folder), *_inner()) as inner:
            content = _read_base(inner)
        if content.pop("version") != _VERSION:
            raise ValueError
        base = BaseImage(**content)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise UsageError(f"the overlay {path} is damaged ({_BASE_NAME} in its folder cannot be read)") from None
    if change := base.change():
        raise UsageError(
            f"{base.path} {change}, so {path} does not fit it any more: put the earlier image back, or remove the overlay: "
            f"rm -r {folder}"
        )
    return base


def _place() -> tuple[str, str, str]:
    """The arguments of :func:`open_own` for the folder of the overlays.

    Raises:
        UsageError: it is in another user's folder.
    """
    folder = overlays_folder()
    if not is_ours(folder):
        raise UsageError(f"the overlays folder {folder} is in another user's folder: {_REMEDY}")
    return folder, "overlays", _REMEDY


def _inner() -> tuple[str, Callable[[OwnFolder], bool], str]:
    """The arguments of :meth:`OwnFolder.enter` for the folder of one overlay."""
    return "overlay", lambda folder: all(map(_FILE_NAMES.fullmatch, folder.names())), _REMEDY


def _read_base(folder: OwnFolder) -> Any:
    """What an overlay's folder says about its base, as it was parsed."""
    with open(folder.open(_BASE_NAME, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        return json.loads(file.read(1 << 16))


def _new_folder(own: OwnFolder, guest: str) -> tuple[OwnFolder, contextlib.ExitStack]:
    """Make the folder of an overlay, and lock it for as long as it is in use."""
    stem = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', guest)[:60]}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    there = own.names()
    count = 0
    while (name := f"{stem}-{count}" if count else stem) in there:
        count += 1
    folder = own.enter(name, *_inner())
    lock = contextlib.ExitStack()
    lock.enter_context(folder.locked())
    return folder, lock


def _check_room(own: OwnFolder) -> None:
    room = os.statvfs(own.fd)
    free = room.f_bavail * room.f_frsize
    if free < LEAST_ROOM_BYTES:
        raise UartsimError(
            f"{own.path} has {free >> 20} MB free, and what a guest writes to its disk goes there: make room (at least "
            f"{LEAST_ROOM_BYTES >> 20} MB), or {_REMEDY}"
        )


def _remove_oldest(own: OwnFolder, progress: Callable[[str], None]) -> None:
    """Remove all but the newest overlays, but none that is in use, or that another overlay is made on."""
    unused = []
    bases = set()
    for name in filter(_FOLDER_NAME.fullmatch, own.names()):
        try:
            with own.enter(name, *_inner()) as folder:
                if _OWNER_NAME in folder.names():
                    continue
                with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                    bases.add(_read_base(folder)["path"])
                with folder.locked(0):
                    unused.append((own.state(name).st_mtime_ns, name))
        except UartsimError:
            continue  # it is in use, or there are files in it that are not ours
    for _, name in sorted(unused)[:-MOST_KEPT]:
        if os.path.join(os.path.realpath(own.path), name, DISK_NAME) not in bases:
            progress(f"the older overlay {os.path.join(own.path, name)} is removed: the newest {MOST_KEPT} are kept")
            with contextlib.suppress(OSError):
                own.remove(name)


def _create(program: str, base: BaseImage, path: Path) -> None:
    command = [program, "create", "-q", "-f", "qcow2", "-F", base.format, "-b", base.path, str(path)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CREATE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UartsimError(f"qemu-img has not made an overlay on {base.path} within {_CREATE_TIMEOUT_S:g} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = printable_line(said[-1].removeprefix("qemu-img: "))[:400] if said else f"status {done.returncode}"
        raise UartsimError(f"the private disk on {base.path} cannot be made: {reason}")
