"""Guests of kind ``qemu``: an unmodified QEMU, whose COM1 is served register by register or else byte by byte.

:mod:`uartsim.guest.qemu_line` describes both ways.  The option ``registers`` in the manifest chooses: ``"auto"``, the
default, serves bytes, and says why, if the port bridge cannot work (another QEMU, no compiler); ``"require"`` refuses to
run then; ``"off"`` always serves bytes.

Table ``[qemu]`` of ``guest.toml``.  In its strings ``{folder}`` is the guest's folder, and ``{NAME}`` a setting:

==============  =================================================================================================
``kernel``      a file (:mod:`uartsim.guest.boot_files` says how it is named); without it, a drive or the CD boots
``initrd``      a file
``modules``     multiboot modules instead of ``initrd``, each a file and its arguments
``append``      the kernel's command line
``cd``          the files of a CD, ``PATH=FILE`` each, the boot image first
``memory_mb``   256 by default; a setting of that name takes precedence
``image``       a disk image to boot from; this and ``firmware``, ``disk``, ``writable``, ``cores`` and ``net`` are described in
                :mod:`uartsim.guest.image_drive`
``drives``      values of ``-drive``, such as ``"file={folder}/disk.img,if=virtio,format=raw,snapshot=on"``; ``save`` saves
                these drives, and refuses a guest that can write to any other disk
``system``      ``"x86_64"``, a PC (by default), or ``"aarch64"`` (:mod:`uartsim.guest.qemu_system`)
``machine``     the value of ``-machine``; ``"pc"`` or ``"virt"`` by default
``registers``   ``"auto"`` (by default), ``"require"`` or ``"off"``
``port``        which of the guest's serial ports is ours: ``"com1"`` (by default) to ``"com4"``
``display``     true if it has a display (:mod:`uartsim.guest.qemu_display`)
``agent``       true if the guest has qemu-guest-agent: it runs commands and sets passwords; see
                :mod:`uartsim.guest.qemu_agent`
``args``        further arguments
``press``       keys that are pressed once in each boot after a text has come, such as
                ``[{ after = "Hit any key", keys = " ", when = "stop" }]``; ``when`` names a setting that enables it
==============  =================================================================================================

The processor is always emulated (TCG), because KVM may be present and still not run a guest, as in a nested virtual
machine.  Switching off kills QEMU, which is a loss of power for a disk image.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import trio

from uartsim.errors import UartsimError, UsageError
from uartsim.guest.boot_keys import BootKeys
from uartsim.guest.bridge_build import BridgeUnavailable, bridge_library, build_id
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.checkpoints import Checkpoint, MomentStore
from uartsim.guest.child import Child
from uartsim.guest.drives import with_images, with_names, writable_drives
from uartsim.guest.full_disk import FullDisk
from uartsim.guest.guest_disk import GuestDisk
from uartsim.guest.placeholders import fill_in, format_of
from uartsim.guest.port_bridge import REFUSED
from uartsim.guest.port_forwards import PortForwards
from uartsim.guest.qemu_agent import QemuAgent, cannot
from uartsim.guest.qemu_boot import boot_words, device_words, in_thread
from uartsim.guest.qemu_display import display_words, picture_of_display
from uartsim.guest.qemu_line import ByteLine, QemuLine, RegisterLine
from uartsim.guest.qemu_snapshots import QemuSnapshots
from uartsim.guest.qemu_system import system_of
from uartsim.guest.qmp import QmpClient, QmpError
from uartsim.guest.snapshot import PortSnapshot, read_snapshot
from uartsim.guest.snapshot_folder import PORT_FILE, SnapshotFiles
from uartsim.machine import CommandResult, GuestEnd, Machine
from uartsim.machine.agent_guest import COMMAND_TIMEOUT_S

#: How long the guest's last output may take to leave the chip, in seconds.
DRAIN_TIMEOUT_S: Final = 30.0
#: How long QEMU may run after it has closed its end of the line, in seconds.
FAREWELL_TIMEOUT_S: Final = 2.0

#: The arguments for QEMU's monitor, before the value of the last one.
_MONITOR: Final = ("-mon", "chardev=monitor,mode=control", "-chardev")
#: The exit statuses of a QEMU in which the bridge refused to work, or that it crashed (SIGABRT, SIGBUS, SIGSEGV).
_BRIDGE_FAILED: Final = (REFUSED, 134, 135, 139)


class QemuGuest:
    """A guest of kind ``qemu``.

    Args:
        definition: the guest as its folder defines it.
        restore: the folder of a snapshot to continue from.

    Raises:
        UsageError: a setting has an invalid value, a placeholder is unknown, or the folder does not hold a snapshot.
    """

    kind = "qemu"

    def __init__(self, definition: GuestDefinition, *, restore: Path | None = None) -> None:
        self._definition = definition
        self._line_format = format_of(definition)
        settings, options = definition.settings, definition.options
        self._system = system_of(definition.name, options)
        self._memory_mb = settings.get("memory_mb", options.get("memory_mb", 256))
        if not isinstance(self._memory_mb, int) or not 16 <= self._memory_mb <= 1 << 20:
            raise UsageError(f"guest {definition.name!r}: memory_mb is {self._memory_mb!r}: use 16 to 1048576")
        self._text("append")  # a placeholder that is unknown is refused before anything is built
        self._extra = with_names([*device_words(definition, self._filled_in), *display_words(definition, self._system)])
        self._boot_keys = BootKeys(
            [
                (press["after"].encode(), press["keys"].encode())
                for press in options.get("press", [])
                if settings.get(press.get("when"), True)
            ]
        )
        self.disk = GuestDisk(definition, restored=restore is not None)  # what it boots from
        #: The user whom the guest's seed makes, and that user's password; None if there is no such seed.
        self.account = self.disk.account
        self.has_display = options.get("display", False)
        self.forwards = PortForwards(options.get("forward"))
        self._registers = options.get("registers", "auto")
        self._port = options.get("port", "com1")
        self._restore = restore
        self._snapshot = None if restore is None else read_snapshot(restore)
        if self._snapshot is not None:
            self._registers = "require"
        self._files: SnapshotFiles | None = None
        self._command_line: list[str] = []
        self._qmp: QmpClient | None = None
        self._agent: QemuAgent | None = None
        self._store: MomentStore | None = None
        self._line: QemuLine | None = None
        self._powered_off = False
        self._log: Callable[[str], None] = lambda text: None
        self._full_disk: FullDisk | None = None

    def _filled_in(self, key: str, text: str) -> str:
        values: dict[str, Any] = {**self._definition.settings, "folder": self._definition.folder}
        return fill_in(text, values, f"guest {self._definition.name!r}, {key}")

    def _text(self, key: str, default: str = "") -> str:
        return self._filled_in(key, self._definition.options.get(key, default))

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Run QEMU on COM1 until it ends; see :class:`uartsim.machine.Guest`.

        Raises:
            UartsimError: ``registers`` is ``"require"`` and the port bridge cannot work here; or the snapshot does not
                belong to this guest.
        """
        self._log = machine.log
        return await self.disk.during(self._run(machine, task_status), machine.log)

    async def _run(self, machine: Machine, task_status: trio.TaskStatus[None]) -> GuestEnd:
        self._command_line = command = await self._command(machine)
        if self._snapshot is None or self._restore is None:
            return await self._run_as(machine, self.disk.placed(command), task_status)
        with SnapshotFiles(self._restore) as self._files:
            snapshot = self._snapshot = PortSnapshot.read(self._files.path(PORT_FILE))
            snapshot.check(build_id(self._system.find()), command, machine.com1)
            snapshot.files.check(self._files)
            if not snapshot.files.sizes and (drives := writable_drives(command)):
                raise UartsimError(
                    f"the snapshot was made by an earlier version, which did not save the guest's disk ({drives[0]}), so the "
                    "guest would find another one: boot it without the snapshot"
                )
            images = {drive: self._files.path(name) for drive, name in snapshot.files.disks.items()}
            if images:
                machine.log(
                    "the guest's disks are copies from the snapshot: whatever the guest writes to them is lost when it ends, "
                    f"unless 'uartsim save {machine.name} FOLDER' saves it"
                )
            return await self._run_as(
                machine, [*with_images(self.disk.placed(command), images), "-incoming", "defer"], task_status
            )

    async def _run_as(self, machine: Machine, command: list[str], task_status: trio.TaskStatus[None]) -> GuestEnd:
        """Run QEMU with this command line, and serve its COM1 in the best way that works."""
        if self._registers != "off" and self._system.has_com_ports:
            try:
                library = await in_thread(machine, functools.partial(bridge_library, self._system.find()))
                by_registers = RegisterLine(machine.com1, library, self._boot_keys, self._port)
                return await self._run_on(by_registers, command, task_status)
            except BridgeUnavailable as why:
                if self._registers == "require":
                    raise UartsimError(f"{machine.name} cannot be served register by register: {why}") from None
                machine.log(f"COM1 is served byte by byte, not register by register: {why}")
                machine.com1.reset()
        port = self._port if self._system.has_com_ports else None
        by_bytes = ByteLine(machine.com1, self._line_format, self._boot_keys, port)
        return await self._run_on(by_bytes, command, task_status)

    async def _run_on(self, line: QemuLine, command: list[str], task_status: trio.TaskStatus[None]) -> GuestEnd:
        """Run QEMU with its COM1 served by ``line``.

        Raises:
            BridgeUnavailable: QEMU ended, or loaded no library, before its COM1 could be served.
        """
        self._powered_off = False
        self._boot_keys.boot()
        self._line = line
        ours, theirs = socket.socketpair()
        served: list[bool] = []
        status: int | None = None
        agent = self._agent = QemuAgent(self._definition.name) if self._definition.options.get("agent") else None
        try:
            with theirs:
                whole = [*line.command(command), *_MONITOR, f"socket,id=monitor,fd={theirs.fileno()}"]
                inherited = [*line.descriptors, theirs.fileno()]
                if agent is not None:
                    whole += agent.chardev
                    inherited.append(agent.descriptor)
                child = await Child.start(whole, pass_fds=inherited)
            line.handed_over()
            async with child, trio.open_nursery() as nursery:
                self._full_disk = FullDisk(nursery, self.disk.folder, self._command_by_qmp, self._log)
                self._qmp = QmpClient(trio.SocketStream(trio.socket.from_stdlib_socket(ours)), self._on_event)
                nursery.start_soon(self._qmp.run)
                line_ended, child_ended = trio.Event(), trio.Event()
                nursery.start_soon(self._serve_line, line, line_ended, child_ended, nursery.cancel_scope)
                nursery.start_soon(self._report_ready, line, served, task_status, nursery.cancel_scope)
                status = await child.wait()
                child_ended.set()
                if isinstance(line, RegisterLine) and not line.bridge.ready.is_set() and status in _BRIDGE_FAILED:
                    served.append(False)
                else:
                    with trio.move_on_after(DRAIN_TIMEOUT_S):
                        await line_ended.wait()
                        await line.drain()
                nursery.cancel_scope.cancel()
        finally:
            self._qmp = self._line = self._store = self._agent = None
            line.close()
            if agent is not None:
                agent.close()
            ours.close()
        if False in served:
            said = child.last_output()
            raise BridgeUnavailable(said.splitlines()[-1] if said else f"QEMU with the port bridge ended ({status})")
        if self._powered_off:
            return GuestEnd("poweroff")
        if status is None:
            return GuestEnd("failed", None, child.last_output() or "QEMU has given up the serial port")
        return GuestEnd("failed", status, child.last_output())

    async def _serve_line(
        self, line: QemuLine, line_ended: trio.Event, child_ended: trio.Event, scope: trio.CancelScope
    ) -> None:
        """Serve the port; a QEMU that keeps running after it has closed the line is ended."""
        await line.run(self._command_by_qmp)
        line_ended.set()
        with trio.move_on_after(FAREWELL_TIMEOUT_S):
            await child_ended.wait()
            return
        scope.cancel()

    def keep_disk(self) -> str | None:
        """Keep what the guest has written to its disk after its end; returns where it will be, None if it has no such disk."""
        return self.disk.keep()

    def status(self) -> dict[str, Any]:
        """How the port is served, as plain values; this also updates the port's own counts of accesses."""
        still = {"stands_still": self._full_disk is not None and self._full_disk.waits, "forwards": self.forwards.ports}
        if isinstance(self._line, RegisterLine):
            self._line.bridge.count_leased()
            return {"served": "registers", **self._line.bridge.status(), **still}
        return {"served": "bytes", "running": self._qmp is None or self._qmp.running, **still}

    @property
    def restored_console(self) -> Mapping[str, Any]:
        """What the snapshot from which the guest continues says of its console; empty if it says nothing."""
        return {} if self._snapshot is None else self._snapshot.console

    async def reset(self) -> None:
        """The reset button.  QmpError: QEMU does not answer."""
        if self._line is not None:
            self._line.reset()
        await self._command_by_qmp("system_reset")

    async def save(self, folder: Path, note: Callable[[], dict[str, Any]] = dict) -> None:
        """Save the guest, its disks and its port.  The guest is stopped meanwhile, and then continues.

        Args:
            folder: the snapshot's folder, made if it is missing; an earlier snapshot in it is replaced when the new one is
                complete.
            note: called while the guest is stopped, and everything that it has sent so far is handed out or on the line;
                what it returns, as plain values, is kept in the snapshot under ``"console"``.

        Raises:
            UsageError: the folder holds other files.
            UartsimError: the guest is not served register by register, has a disk that cannot be saved, or the folder
                cannot be written.
        """
        await self._snapshots("be saved").save(folder, note)

    async def checkpoint(self, note: Callable[[], None]) -> Checkpoint:
        """Keep the present moment of guest, disks and port, to go back to in this very QEMU.

        Args:
            note: called while the guest is stopped, and everything that it has sent so far is handed out or on the line.

        Raises: UartsimError: it is served byte by byte, has a disk that cannot go back, or the moment cannot be kept.
        """
        return await self._snapshots("go back to a checkpoint").keep(note)

    async def go_back(self, checkpoint: Checkpoint, note: Callable[[], None]) -> None:
        """Go back to a checkpoint of this QEMU: guest, disks and port are as they were; what came since is lost.

        Args:
            checkpoint: the moment.
            note: called just before the guest runs again, when nothing of the time since then can come any more.

        Raises: UartsimError: the checkpoint is another QEMU's, or QEMU cannot go back.
        """
        if checkpoint.store is not self._store or self._store is None:
            raise UartsimError("the checkpoint is of another run of the guest, which has ended: take a new one")
        if self._agent is not None:
            self._agent.interrupt()
        await self._snapshots("go back to a checkpoint").go_back(checkpoint, note)

    def _snapshots(self, purpose: str) -> QemuSnapshots:
        line, qmp = self._line, self._qmp
        if not isinstance(line, RegisterLine) or qmp is None:
            raise UartsimError(f"only a running guest that is served register by register can {purpose}")
        if self._store is None:
            self._store = MomentStore(qmp)
        return QemuSnapshots(
            line.bridge,
            qmp,
            self._store,
            build_id(self._system.find()),
            self._command_line,
            restored=self._snapshot is not None,
        )

    async def nmi(self) -> None:
        """The NMI button: send an NMI to the guest.  QmpError: QEMU does not answer."""
        await self._command_by_qmp("inject-nmi")

    async def let_run(self, runs: bool) -> None:
        """Let the processor go on, or stop it.  QmpError: QEMU does not answer."""
        await self._command_by_qmp("cont" if runs else "stop")

    async def press_power_button(self) -> bool:
        """The power button: an ACPI event for the guest.  QmpError: QEMU does not answer."""
        await self._command_by_qmp("system_powerdown")
        return True

    async def screenshot(self, form: str = "png") -> bytes:
        """The picture on the display now; see :class:`uartsim.machine.DisplayGuest`."""
        return await picture_of_display(self._definition, self._qmp, form)

    async def run_command(
        self, script: str, *, shell: str = "sh", timeout_s: float | None = COMMAND_TIMEOUT_S
    ) -> CommandResult:
        """Run a script by qemu-guest-agent; see :class:`uartsim.machine.AgentGuest`."""
        return await self._asked().run_command(script, shell=shell, timeout_s=timeout_s)

    async def set_password(self, user: str, password: str) -> None:
        """Set a password by qemu-guest-agent; see :class:`uartsim.machine.AgentGuest`."""
        await self._asked().set_password(user, password)

    def _asked(self) -> QemuAgent:
        if self._agent is not None:
            return self._agent
        raise cannot(self._definition)

    async def _command_by_qmp(self, command: str, **arguments: object) -> Any:
        if self._qmp is None:
            raise QmpError(f"QMP {command}: QEMU is not running")
        await self._qmp.ready.wait()
        return await self._qmp.execute(command, **arguments)

    async def _command(self, machine: Machine) -> list[str]:
        """QEMU's command line without its serial port and monitor; boot files are built if necessary."""
        command = self._system.command(self._text("machine", self._system.machine), self._memory_mb)
        command += await boot_words(self._definition, self._filled_in, machine)
        return command + await in_thread(machine, self.disk.open) + self._extra

    async def _report_ready(
        self, line: QemuLine, served: list[bool], task_status: trio.TaskStatus[None], scope: trio.CancelScope
    ) -> None:
        """Report the start once COM1 is served.  The start is reported even if QEMU ends very soon after it."""
        assert self._qmp is not None
        with trio.CancelScope(shield=True):
            await self._qmp.ready.wait()
        if await line.wait_ready():
            if self._snapshot is not None and self._files is not None and isinstance(line, RegisterLine):
                await self._snapshots("continue").load(self._snapshot, self._files)
            await self.forwards.find(self._command_by_qmp, self._log)
            task_status.started()
        else:
            served.append(False)
            scope.cancel()

    async def _on_event(self, name: str, data: dict[str, Any]) -> None:
        if name == "RESET":
            self._boot_keys.boot()
            if self._agent is not None:
                self._agent.interrupt()
        if name == "SHUTDOWN" and data.get("guest"):
            self._powered_off = True
        if name == "BLOCK_IO_ERROR" and self._full_disk is not None:
            self._full_disk.error(data)
