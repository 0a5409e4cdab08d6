"""Saving a running QEMU guest with its port, continuing from what was saved, and going back in place.

In all of these the guest is stopped, and the order matters: the chip's state is taken when the processor has stopped and
all its accesses have been served, and is put back when the guest is about to run.  It cannot be put back earlier, because
QEMU resets the machine, and with it the chip, before it loads its own state.
"""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio

from uartsim.guest.checkpoints import Checkpoint, MomentStore
from uartsim.guest.drives import replaceable_names
from uartsim.guest.port_bridge import BridgeServer
from uartsim.guest.qemu_saving import load_memory, savable_disks, save_disks, save_memory
from uartsim.guest.qmp import QmpClient
from uartsim.guest.snapshot import PortSnapshot, SavedFiles
from uartsim.guest.snapshot_folder import SaveError, SnapshotDraft, SnapshotFiles
from uartsim.machine.port_moment import PortMoment


class QemuSnapshots:
    """The snapshots of one run of QEMU.

    Args:
        bridge: serves its COM1.
        qmp: its monitor.
        store: its checkpoints.
        build: the build of QEMU, see :func:`uartsim.guest.bridge_build.build_id`.
        command: its command line.
        restored: whether it was started from a snapshot.
    """

    def __init__(
        self,
        bridge: BridgeServer,
        qmp: QmpClient,
        store: MomentStore,
        build: str,
        command: list[str],
        *,
        restored: bool,
    ) -> None:
        self._bridge = bridge
        self._qmp = qmp
        self._store = store
        self._build = build
        self._command = command
        self._restored = restored

    @asynccontextmanager
    async def _stopped(self) -> AsyncIterator[PortSnapshot]:
        """A block in which the guest is stopped; yields the state of its port."""
        async with self._store.lock:
            await self._qmp.ready.wait()
            was_paused = not self._bridge.running
            await self._qmp.execute("stop")
            try:
                await self._bridge.wait_stopped()
                yield PortSnapshot.of(self._bridge.com1, self._build, self._command)
            finally:
                if not was_paused:
                    with trio.CancelScope(shield=True):
                        await self._qmp.execute("cont")

    async def save(self, folder: Path, note: Callable[[], dict[str, Any]]) -> None:
        """Save the guest in a folder; see :meth:`uartsim.guest.qemu.QemuGuest.save`."""
        try:
            await self._qmp.ready.wait()
            written, read_only = await savable_disks(
                self._qmp, replaceable_names(self._command), restored=self._restored
            )
            with SnapshotDraft(folder) as draft:
                async with self._stopped() as port:
                    console = note()
                    disks = await save_disks(self._qmp, written, draft)
                    machine = await save_memory(self._qmp, draft)
                files = SavedFiles(machine, disks, read_only=read_only)
                await trio.to_thread.run_sync(draft.commit, replace(port, files=files, console=console).content())
        except OSError as error:
            raise SaveError(folder, error) from error

    async def load(self, snapshot: PortSnapshot, files: SnapshotFiles) -> None:
        """Let a new QEMU that was started with ``-incoming defer`` continue from a folder, which is then released."""
        self._bridge.on_run = functools.partial(
            _once, self._bridge, functools.partial(snapshot.put_into, self._bridge.com1)
        )
        fd = files.open(snapshot.files.machine)
        try:
            await load_memory(self._qmp, fd)
        finally:
            os.close(fd)
            files.close()  # QEMU has all of them open
        await self._qmp.execute("cont")  # the guest was saved while it was stopped, and would stay stopped
        await self._bridge.wait_running()

    async def keep(self, note: Callable[[], None]) -> Checkpoint:
        """Keep the present moment; see :meth:`uartsim.guest.qemu.QemuGuest.checkpoint`."""
        async with self._stopped() as port:
            note()
            far = PortMoment.of(self._bridge.com1)
            tag, nodes = await self._store.save()
        return Checkpoint(self._store, tag, nodes, port, far)

    async def go_back(self, checkpoint: Checkpoint, note: Callable[[], None]) -> None:
        """Go back to a moment; see :meth:`uartsim.guest.qemu.QemuGuest.go_back`."""
        bridge = self._bridge

        def restore() -> None:
            checkpoint.far.put_into(bridge.com1)
            note()
            checkpoint.port.put_into(bridge.com1)

        async with self._store.lock:
            await self._qmp.ready.wait()
            await self._qmp.execute("stop")
            await bridge.wait_stopped()
            bridge.on_run = functools.partial(_once, bridge, restore)
            try:
                await self._store.load(checkpoint)
            except BaseException:
                bridge.on_run = None  # QEMU is left stopped: what its guest would do is not known
                raise
            await self._qmp.execute("cont")
            await bridge.wait_running()


def _once(bridge: BridgeServer, restore: Callable[[], None]) -> None:
    """Restore the chip when the guest begins to run for the first time."""
    bridge.on_run = None
    restore()
