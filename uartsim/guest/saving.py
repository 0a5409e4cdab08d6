"""Saving and loading a guest by QEMU's monitor: its memory, and its disks as they are at that moment.

A disk is copied by a backup job of QEMU's while the guest stands still, so that all that the guest has written is in it,
whatever the image is: a raw file, qcow2, or one with ``snapshot=on``.  A restored guest has copies as its disks, and QEMU
keeps what it writes to them in files of its own that go when it ends: neither a snapshot nor a user's image is ever
changed by a guest that was restored.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import trio

from uartsim.guest.cache import cache_folder
from uartsim.guest.qmp import QmpClient, QmpError
from uartsim.guest.snapshot_folder import SnapshotDraft, check_file_size
from uartsim.line_format import UartsimError

#: How fast QEMU may save a machine: it waits for nobody.
MIGRATION_BYTES_PER_S: Final = 1 << 40

_DESCRIPTOR: Final = "uartsim-snapshot"
_JOB: Final = "uartsim-save"
_PIPE_BYTES: Final = 1 << 20
_POLL_S: Final = 0.005
#: What a qcow2 image holds besides the disk, at most: one part in so many, and something at the start.
_OVERHEAD: Final = (1 << 10, 1 << 22)


async def save_memory(qmp: QmpClient, draft: SnapshotDraft) -> str:
    """Save the guest's memory and devices; the guest stands still.

    Returns:
        The name of the file.

    Raises:
        OSError: it cannot be written.
        QmpError: QEMU cannot save this machine.
    """
    name, fd = draft.new_file("machine")
    try:
        ours, theirs = os.pipe()
        with contextlib.suppress(OSError):  # more than this user may have
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
                    await _migrate(qmp, "migrate")  # then comes the end of the stream
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
    """Write what comes to a file until its end.  At a failure QEMU is told by the end of the stream."""
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
    """Load what :func:`save_memory` has saved.

    Raises:
        QmpError: it is not from this machine, or damaged.
    """
    await qmp.pass_descriptor(_DESCRIPTOR, fd)
    await _migrate(qmp, "migrate-incoming")


async def _migrate(qmp: QmpClient, command: str) -> None:
    """Let QEMU save or load its machine, and wait until it has."""
    await qmp.execute(command, uri=f"fd:{_DESCRIPTOR}")
    while True:
        answer = await qmp.execute("query-migrate")
        status = answer.get("status")
        if status == "completed":
            return
        if status in ("failed", "cancelled"):
            raise QmpError(f"QMP {command}: {status}: {answer.get('error-desc', 'QEMU does not say why')}")
        await trio.sleep(_POLL_S)  # QEMU tells of migrations only if asked


async def savable_disks(
    qmp: QmpClient, replaceable: Collection[str]
) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """The disks of the guest.

    Args:
        qmp: the monitor.
        replaceable: the names of the drives that a restored guest can have a copy of.

    Returns:
        The sizes of those that it can write to, by the names of their drives; and of the others, by their files, size and
        time of the last change (in nanoseconds).

    Raises:
        UartsimError: it can write to one that cannot be replaced.
    """
    written: dict[str, int] = {}
    read: dict[str, tuple[int, int]] = {}
    for device in await qmp.execute("query-block"):
        inserted = device.get("inserted")
        if inserted is None:
            continue
        if inserted["ro"]:
            read |= _as_it_is(inserted["file"])
        elif device["device"] in replaceable:
            written[device["device"]] = inserted["image"]["virtual-size"]
        else:
            what = device["device"] or device.get("qdev") or inserted.get("node-name", "")
            raise UartsimError(
                f"the guest can write to disk {what!r} ({inserted['file']}), which cannot be saved with it: write it in the "
                "manifest under 'drives' as \"file=PATH,...\" with an id if it is if=none, or add readonly=on"
            )
    return written, read


def _as_it_is(image: str) -> dict[str, tuple[int, int]]:
    """Size and time of the last change of an image; nothing of one in the cache, which has a sum of its own."""
    file = os.path.realpath(image)
    if os.path.dirname(file) == os.path.realpath(cache_folder()):
        return {}
    try:
        found = os.stat(file)
    except (OSError, ValueError):  # it is not a file
        return {}
    return {file: (found.st_size, found.st_mtime_ns)}


async def save_disks(qmp: QmpClient, sizes: dict[str, int], draft: SnapshotDraft) -> dict[str, str]:
    """Copy the disks; the guest stands still.

    Returns:
        The files' names by those of the drives.

    Raises:
        OSError: one cannot be written.
        QmpError: QEMU cannot copy it.
    """
    files = {}
    for number, (drive, size) in enumerate(sizes.items()):
        check_file_size(size + size // _OVERHEAD[0] + _OVERHEAD[1])
        files[drive], fd = draft.new_file(f"disk-{number}.qcow2")
        os.close(fd)
        await _back_up(qmp, drive, size, draft.path(files[drive]))
    return files


async def _back_up(qmp: QmpClient, drive: str, size: int, file: Path) -> None:
    """Copy a disk to a file that is there and empty.  (``drive-backup`` would remove the copy of a temporary image.)"""
    raw, image = f"{_JOB}-file", f"{_JOB}-image"
    try:
        await qmp.execute("blockdev-add", node_name=raw, driver="file", filename=str(file))
        await _do_job(qmp, "blockdev-create", options={"driver": "qcow2", "file": raw, "size": size})
        await qmp.execute("blockdev-add", node_name=image, driver="qcow2", file=raw)
        await _do_job(qmp, "blockdev-backup", device=drive, target=image, sync="full", auto_dismiss=False)
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


async def _do_job(qmp: QmpClient, command: str, **arguments: Any) -> None:
    """Let QEMU do a job, and wait until it has.

    Raises:
        QmpError: it has not.
    """
    await qmp.execute(command, job_id=_JOB, **arguments)
    job: dict[str, Any] = {}
    try:
        while job.get("status") != "concluded":
            await trio.sleep(_POLL_S)
            (job,) = (job for job in await qmp.execute("query-jobs") if job["id"] == _JOB)
    finally:
        with trio.CancelScope(shield=True), contextlib.suppress(QmpError):
            if job.get("status") != "concluded":
                await qmp.execute("job-cancel", id=_JOB)
            else:
                await qmp.execute("job-dismiss", id=_JOB)
    if "error" in job:
        raise QmpError(f"QMP {command}: {job['error']}")
