"""Saving and loading a guest through QEMU's monitor: its memory, and its disks at the time of saving.

A backup job of QEMU copies each disk while the guest is stopped, so that the copy has everything that the guest has
written, for any kind of image: a raw file, qcow2, or one with ``snapshot=on``.  Of a disk that is an overlay on another image
only the overlay is copied: the copy names that image, which must not change.  The disks of a restored guest are these
copies, and QEMU writes changes to temporary files: a restored guest changes neither a snapshot nor a user's image.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from uartsim.errors import UartsimError
from uartsim.file_cache import cache_folder
from uartsim.guest.qemu_jobs import do_job
from uartsim.guest.qmp import QmpClient, QmpError
from uartsim.guest.snapshot_folder import SnapshotDraft, check_file_size

#: QEMU's limit for the speed of saving; it is too high to have an effect.
MIGRATION_BYTES_PER_S: Final = 1 << 40

_DESCRIPTOR: Final = "uartsim-snapshot"
_NODE: Final = "uartsim-save"
_PIPE_BYTES: Final = 1 << 20
_POLL_S: Final = 0.005
#: The overhead of a qcow2 image at most: one part in this many of the disk's size, and this many bytes.
_OVERHEAD: Final = (1 << 10, 1 << 22)


async def save_memory(qmp: QmpClient, draft: SnapshotDraft) -> str:
    """Save the memory and the devices of a stopped guest.

    Returns:
        The name of the file in the snapshot.

    Raises:
        OSError: the file cannot be written.
        QmpError: QEMU cannot save this machine.
    """
    name, fd = draft.new_file("machine")
    try:
        ours, theirs = os.pipe()
        with contextlib.suppress(OSError):  # the size exceeds this user's limit
            fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        trouble: list[OSError] = []
        refused: list[QmpError] = []
        async with trio.lowlevel.FdStream(ours) as stream:
            try:
                await qmp.execute("migrate-set-parameters", max_bandwidth=MIGRATION_BYTES_PER_S)
                await qmp.pass_descriptor(_DESCRIPTOR, theirs)
            finally:
                os.close(theirs)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_write, stream, fd, trouble)
                try:
                    await _migrate(qmp, "migrate")  # QEMU then closes its end of the pipe
                except QmpError as error:
                    refused.append(error)
                    with contextlib.suppress(QmpError):
                        await qmp.execute("closefd", fdname=_DESCRIPTOR)
                    nursery.cancel_scope.cancel()
        if trouble or refused:
            raise [*trouble, *refused][0]
    finally:
        os.close(fd)
    return name


async def _write(stream: trio.lowlevel.FdStream, fd: int, trouble: list[OSError]) -> None:
    """Write a stream to a file.  After a failure the stream is closed, which makes QEMU stop."""
    try:
        async for data in stream:
            await trio.to_thread.run_sync(_write_all, fd, data)
        await trio.to_thread.run_sync(os.fsync, fd)
    except OSError as error:
        trouble.append(error)
        await stream.aclose()


def _write_all(fd: int, data: bytes | bytearray) -> None:
    done = 0
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])


async def load_memory(qmp: QmpClient, fd: int) -> None:
    """Load the memory and the devices that :func:`save_memory` saved, from the descriptor ``fd``.

    Raises:
        QmpError: the file is of another machine, or damaged.
    """
    await qmp.pass_descriptor(_DESCRIPTOR, fd)
    await _migrate(qmp, "migrate-incoming")


async def _migrate(qmp: QmpClient, command: str) -> None:
    """Let QEMU save or load its machine, and wait until that is done.

    Raises:
        QmpError: QEMU failed to do so.
    """
    await qmp.execute(command, uri=f"fd:{_DESCRIPTOR}")
    while True:
        answer = await qmp.execute("query-migrate")
        status = answer.get("status")
        if status == "completed":
            return
        if status in ("failed", "cancelled"):
            raise QmpError(f"QMP {command}: {status}: {answer.get('error-desc', 'QEMU does not say why')}")
        await trio.sleep(_POLL_S)  # QEMU sends events about migrations only on request


@dataclass(frozen=True, slots=True)
class WrittenDisk:
    """A disk that the guest can write to.

    Attributes:
        size: its size in bytes.
        base: the image on which it is an overlay, and the format of that; None if it is none.
    """

    size: int
    base: tuple[str, str] | None


async def savable_disks(
    qmp: QmpClient, replaceable: Collection[str], *, restored: bool
) -> tuple[dict[str, WrittenDisk], dict[str, tuple[int, int]]]:
    """The disks that have to be saved with the guest, and those that need not be.

    Args:
        qmp: the monitor.
        replaceable: the names of the drives that a restored guest can have as copies.
        restored: whether the guest's disks are overlays on a snapshot, on which no other snapshot may depend.

    Returns:
        The disks that the guest can write to, by the names of their drives.  For the others, and the images below overlays,
        by their files, the size in bytes and the time of the last change in nanoseconds.

    Raises:
        UartsimError: the guest can write to a disk that cannot be replaced by a copy.
        QmpError: QEMU has ended.
    """
    written: dict[str, WrittenDisk] = {}
    read: dict[str, tuple[int, int]] = {}
    for device in await qmp.execute("query-block"):
        inserted = device.get("inserted")
        if inserted is None:
            continue
        if inserted["ro"]:
            read |= _as_it_is(inserted["file"])
        elif device["device"] in replaceable:
            image, base = inserted["image"], None
            below = image.get("backing-image")
            if below is not None and "backing-image" not in below and not restored:
                base = (below["filename"], below["format"])
                read |= _as_it_is(below["filename"])
            written[device["device"]] = WrittenDisk(image["virtual-size"], base)
        else:
            what = device["device"] or device.get("qdev") or inserted.get("node-name", "")
            raise UartsimError(
                f"the guest can write to disk {what!r} ({inserted['file']}), which cannot be saved with it: write it in the "
                "manifest under 'drives' as \"file=PATH,...\" with an id if it is if=none, or add readonly=on"
            )
    return written, read


def _as_it_is(image: str) -> dict[str, tuple[int, int]]:
    """The size and the time of the last change of an image; empty for one in the cache, which has its own checksum."""
    file = os.path.realpath(image)
    if os.path.dirname(file) == os.path.realpath(cache_folder()):
        return {}
    try:
        found = os.stat(file)
    except (OSError, ValueError):  # it is not a file
        return {}
    return {file: (found.st_size, found.st_mtime_ns)}


async def save_disks(qmp: QmpClient, disks: dict[str, WrittenDisk], draft: SnapshotDraft) -> dict[str, str]:
    """Copy the disks of a stopped guest.

    Args:
        qmp: the monitor.
        disks: the disks, by the names of their drives.
        draft: the snapshot.

    Returns:
        The names of the copies in the snapshot, by the names of the drives.

    Raises:
        OSError: a copy cannot be written.
        QmpError: QEMU cannot copy a disk.
    """
    files = {}
    for number, (drive, disk) in enumerate(disks.items()):
        check_file_size(disk.size + disk.size // _OVERHEAD[0] + _OVERHEAD[1])
        files[drive], fd = draft.new_file(f"disk-{number}.qcow2")
        os.close(fd)
        await _back_up(qmp, drive, disk, draft.path(files[drive]))
    return files


async def _back_up(qmp: QmpClient, drive: str, disk: WrittenDisk, file: Path) -> None:
    """Copy a disk to an existing, empty file.  (``drive-backup`` would remove the copy of a temporary image.)"""
    raw, image, sync = f"{_NODE}-file", f"{_NODE}-image", "full" if disk.base is None else "top"
    try:
        await qmp.execute("blockdev-add", node_name=raw, driver="file", filename=str(file))
        options = {"driver": "qcow2", "file": raw, "size": disk.size}
        if disk.base is not None:
            options |= {"backing-file": disk.base[0], "backing-fmt": disk.base[1]}
        await do_job(qmp, "blockdev-create", options=options)
        await qmp.execute("blockdev-add", node_name=image, driver="qcow2", file=raw)
        await do_job(qmp, "blockdev-backup", device=drive, target=image, sync=sync, auto_dismiss=False)
    except QmpError as error:
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO):
            if os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number)) from None
        raise QmpError(f"disk {drive!r} cannot be copied: {error}") from None
    finally:
        with trio.CancelScope(shield=True):
            for node in (image, raw):
                with contextlib.suppress(QmpError):
                    await qmp.execute("blockdev-del", node_name=node)
