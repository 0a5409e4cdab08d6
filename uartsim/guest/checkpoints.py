"""Checkpoints: moments of a running QEMU to which that very QEMU can go back, in a fraction of a second.

QEMU's jobs ``snapshot-save`` and ``snapshot-load`` (QEMU 6.0) keep the guest's memory and devices in one qcow2 image, and
a snapshot inside each qcow2 disk.  The memory goes into an image of ours, which no device uses, so that a guest without
any disk has checkpoints as well.  It is a temporary file without a name: whatever happens, nothing of it is left when QEMU
has ended.

A disk that the guest can write to must be qcow2, or have ``snapshot=on``, by which QEMU writes to a temporary qcow2 image.
The contents of flash memory (UEFI's variables) are a part of the machine's state.
"""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass
from typing import Any, Final

import trio

from uartsim.errors import UartsimError
from uartsim.guest.qemu_jobs import do_job
from uartsim.guest.qmp import QmpClient, QmpError
from uartsim.guest.snapshot import PortSnapshot
from uartsim.guest.snapshot_folder import check_file_size
from uartsim.machine.port_moment import PortMoment

_FILE_NODE: Final = "uartsim-moments-file"
_NODE: Final = "uartsim-moments"
_FD_SET: Final = 0x7561  # any number that nobody else uses
#: How the paths of a PC's flash memory begin among QEMU's devices.
_FLASH: Final = "/machine/system.flash"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A moment of a running guest.

    Attributes:
        store: where it is kept.
        tag: its name there.
        nodes: the block nodes that have it.
        port: the chip, and the frames on the line.
        far: the far end's side of the port.
    """

    store: MomentStore
    tag: str
    nodes: tuple[str, ...]
    port: PortSnapshot
    far: PortMoment


class MomentStore:
    """Keeps the moments of one run of QEMU, while the guest is stopped.

    Args:
        qmp: QEMU's monitor.

    Attributes:
        lock: held by whoever stops the guest.
    """

    def __init__(self, qmp: QmpClient) -> None:
        self._qmp = qmp
        self._is_open = False
        self._count = 0
        self.lock = trio.Lock()

    async def save(self) -> tuple[str, tuple[str, ...]]:
        """Keep the present moment of a stopped guest; returns its name, and the block nodes that have it.

        Raises:
            UartsimError: the guest can write to a disk that has no snapshots, or there is no room for the moment.
        """
        nodes = (_NODE, *_snapshot_nodes(await self._qmp.execute("query-block")))
        memory = await self._qmp.execute("query-memory-size-summary")
        try:
            check_file_size((self._count + 1) * int(memory["base-memory"]))
            await self._open()
        except OSError as error:
            raise UartsimError(
                f"the guest's memory cannot be kept in {tempfile.gettempdir()}: {error.strerror}; set TMPDIR to another "
                "folder, or raise the limit ('ulimit -f') if the file is too large"
            ) from None
        self._count += 1
        tag = f"uartsim-{self._count}"
        try:
            await do_job(self._qmp, "snapshot-save", tag=tag, vmstate=_NODE, devices=list(nodes))
        except QmpError as error:
            if os.strerror(errno.ENOSPC) in str(error):
                raise UartsimError(
                    f"no room for the guest's memory in {tempfile.gettempdir()}: make room there, or set TMPDIR"
                ) from None
            raise UartsimError(f"the guest's present moment cannot be kept: {error}") from None
        return tag, nodes

    async def load(self, checkpoint: Checkpoint) -> None:
        """Give a stopped guest its memory, devices and disks of a moment.

        Raises:
            QmpError: QEMU cannot do that.
        """
        nodes = list(checkpoint.nodes)
        await do_job(self._qmp, "snapshot-load", tag=checkpoint.tag, vmstate=_NODE, devices=nodes)

    async def _open(self) -> None:
        """Add the image for the memory to QEMU's block nodes."""
        if self._is_open:
            return
        with tempfile.TemporaryFile(prefix="uartsim-") as file:
            await self._qmp.execute("add-fd", file.fileno(), fdset_id=_FD_SET)
        await self._qmp.execute("blockdev-add", node_name=_FILE_NODE, driver="file", filename=f"/dev/fdset/{_FD_SET}")
        await do_job(self._qmp, "blockdev-create", options={"driver": "qcow2", "file": _FILE_NODE, "size": 0})
        await self._qmp.execute("blockdev-add", node_name=_NODE, driver="qcow2", file=_FILE_NODE)
        self._is_open = True


def _snapshot_nodes(devices: list[dict[str, Any]]) -> list[str]:
    """The block nodes that a checkpoint must include.

    Args:
        devices: the answer to ``query-block``.

    Raises:
        UartsimError: a disk that the guest can write to has no snapshots.
    """
    nodes = []
    for device in devices:
        inserted = device.get("inserted")
        if inserted is None or inserted["ro"] or device.get("qdev", "").startswith(_FLASH):
            continue
        if inserted["drv"] != "qcow2":
            raise UartsimError(
                f"the guest can write to disk {device['device']!r} ({inserted['file']}), whose format {inserted['drv']} has "
                "no snapshots, so that it could not go back: use a qcow2 image, or add snapshot=on to the drive"
            )
        nodes.append(str(inserted["node-name"]))
    return nodes
