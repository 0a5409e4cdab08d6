"""Snapshots of guests at their login prompt: made once, kept in the user's cache, and started from in seconds.

A guest is booted for one when it is asked for the first time; processes that want the same one wait for each other.  When
another is made, those that have not been used for a week are removed, and so is what exceeds :data:`MOST_KEPT`.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import trio

from uartsim.error_groups import first_error
from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import UNUSED_S, Progress, content_hash, open_cache
from uartsim.guest.boot_files import boot_file, boot_source
from uartsim.guest.bridge_build import build_id
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.guest_disk import named_image
from uartsim.guest.placeholders import fill_in
from uartsim.guest.qemu_system import system_of
from uartsim.guest.snapshot import SavedFiles
from uartsim.guest.snapshot_folder import PORT_FILE, SaveError, SnapshotFiles
from uartsim.images.build import build_image
from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.own_files.trees import remove_tree
from uartsim.scenarios.scenario import Start

#: How many snapshots are kept; one of a machine with 512 MB takes 100 to 300 MB.
MOST_KEPT: Final = 24
#: One that was used so short a time ago may be about to be used again, and stays, in seconds.
FRESH_S: Final = 900.0
#: How long a process waits for another that boots the same guest, in seconds.
BOOT_TIMEOUT_S: Final = 900.0
#: How often it looks, in seconds.
POLL_S: Final = 0.2

_SNAPSHOT: Final = "snapshot"
_REMEDY: Final = "set XDG_CACHE_HOME to another folder"
_FULL_REMEDY: Final = "make room there, or set XDG_CACHE_HOME to a folder on another disk"

#: Boots a guest up to its login prompt, and saves it in a folder.
Boot = Callable[[GuestDefinition, Path], Awaitable[None]]


async def login_snapshot(start: Start, definition: GuestDefinition, boot: Boot, progress: Progress) -> Path:
    """The folder of a snapshot of a guest at its login prompt, which is made if it is not kept yet.

    Args:
        start: where it is to be: ``"login"`` or ``"shell"``.
        definition: the guest, with what is changed before it boots.
        boot: boots it for that.
        progress: told what takes long.

    Raises:
        UsageError: the guest cannot start, or the cache is not ours.
        UartsimError: the guest could not be booted.
    """
    key = await trio.to_thread.run_sync(functools.partial(_key, definition, progress))
    folder = _folder(progress)
    path = Path(folder, f"{definition.name}-{start}-{key}")
    async with _alone(path, progress) as own:
        snapshot = path / _SNAPSHOT
        if (snapshot / PORT_FILE).is_file() and (damage := await trio.to_thread.run_sync(_damage, snapshot)):
            progress(f"{definition.name} is booted again, for what was kept of it is of no use: {damage}")
            own.remove(_SNAPSHOT)
        if not (snapshot / PORT_FILE).is_file():
            progress(f"{definition.name} is booted once up to its {start}; the next time it goes on from there")
            await trio.to_thread.run_sync(_remove_old, folder, path)
            try:
                await boot(definition, snapshot)
            except BaseException as error:
                if _SNAPSHOT in own.names():
                    own.remove(_SNAPSHOT)
                cause = first_error(error)
                if isinstance(cause, SaveError) and cause.is_full:
                    raise UartsimError(
                        f"{definition.name} at its {start} cannot be kept in {path}: {cause.reason}; {_FULL_REMEDY}"
                    ) from error
                raise
        try:
            own.note_use(_SNAPSHOT)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise  # where nothing can be written, nothing is removed by its age either
    return snapshot


def _damage(snapshot: Path) -> str | None:
    """What is wrong with a snapshot; None if it is whole."""
    try:
        content = json.loads((snapshot / PORT_FILE).read_bytes())
        with SnapshotFiles(snapshot) as files:
            SavedFiles.of(content).check(files)
    except UartsimError as error:
        return str(error).removesuffix("; save again")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{snapshot / PORT_FILE} is damaged ({error})"
    return None


def _key(definition: GuestDefinition, progress: Progress) -> str:
    """What tells one snapshot from another: the guest, the files that it boots from, and the QEMU that it runs in.

    Raises:
        UsageError: one of these files is missing, or cannot be booted.
    """
    files = [_boot_file(definition, name, progress) for name in ("kernel", "initrd") if name in definition.options]
    if definition.image is not None:
        files.append((str(build_image(definition.image, definition.folder, progress).path),))
    elif definition.has_disk:
        files.append(_identity(named_image(definition).path))
    text = repr(
        (
            definition.kind,
            str(definition.folder),
            definition.uart,
            sorted(definition.settings.items()),
            sorted(definition.options.items()),
            files,
            build_id(system_of(definition.name, definition.options).find()),
        )
    )
    return content_hash(text.encode())


def _boot_file(definition: GuestDefinition, option: str, progress: Progress) -> tuple[object, ...]:
    values = {**definition.settings, "folder": definition.folder}
    name = fill_in(definition.options[option], values, f"guest {definition.name!r}, {option}")
    if name == "tiny":
        return (str(boot_file(name, definition.folder, progress)),)
    return _identity(boot_source(name, definition.folder))


def _identity(file: Path) -> tuple[object, ...]:
    """What changes when a file is written again, or replaced by another of the same name.

    It is not for files of the cache, whose time is that of their last use, and whose names say what is in them.
    """
    state = file.stat()
    return str(file), state.st_size, state.st_mtime_ns, state.st_ino


def _folder(progress: Progress) -> str:
    with open_cache(progress) as cache:
        path = os.path.join(cache.path, "snapshots")
    with open_own(path, "snapshots", _REMEDY) as folder:
        return folder.path


@contextlib.asynccontextmanager
async def _alone(path: Path, progress: Progress) -> AsyncIterator[OwnFolder]:
    """A block during which no other process makes the same snapshot."""
    give_up_at = time.monotonic() + BOOT_TIMEOUT_S
    waits = False
    while True:
        with contextlib.ExitStack() as stack:
            try:  # opening it takes its lock too, and must not wait either: nothing else would run meanwhile
                own = stack.enter_context(open_own(str(path), "prepared machine", _REMEDY, timeout_s=0))
                stack.enter_context(own.locked(0))
            except UsageError:
                raise
            except UartsimError:
                if time.monotonic() > give_up_at:
                    raise
                if not waits:
                    progress("another process boots this guest: waiting for it")
                waits = True
            else:
                yield own
                return
        await trio.sleep(POLL_S)


def _remove_old(folder: str, wanted: Path) -> None:
    """Remove snapshots that have not been used for long, and the oldest of too many; one that is in use stays."""
    paths = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
    found = sorted(((_used_at(path), path) for path in paths), reverse=True)
    oldest, fresh = time.time() - UNUSED_S, time.time() - FRESH_S
    for number, (used_at, path) in enumerate(found, 1):
        if path == wanted or used_at > fresh or (number < MOST_KEPT and used_at > oldest):
            continue
        with (
            contextlib.suppress(UartsimError, OSError),
            open_own(str(path), "prepared machine", _REMEDY, reading=True, timeout_s=0) as own,
            own.locked(0),
        ):
            snapshot = path / _SNAPSHOT
            if snapshot.is_dir():
                fd = os.open(snapshot, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                with OwnFolder(str(snapshot), "snapshot", fd) as used, used.locked(0):
                    pass
            remove_tree(str(path))


def _used_at(path: Path) -> float:
    """When a snapshot was used last, in seconds since 1970; 0 if there is none in its folder."""
    try:
        return (path / _SNAPSHOT).stat().st_mtime
    except OSError:
        return 0.0
