"""Snapshots: a QEMU guest and its chip, saved together, so that the guest can continue later where it was stopped.

A snapshot is a folder.  ``machine`` is QEMU's own migration stream; ``disk-N.qcow2`` is a copy of each disk that the guest
can write to; ``port.json`` is the state of our side of the port when the guest was stopped: the whole chip (the FIFOs, a
character that is partly sent, SCR and so on) and the frames on the line.  Its times are those of the process that saved it;
they are shifted to the present when the guest first runs.

A snapshot can be restored only by the QEMU build that made it and with the same command line; both are checked.
Characters that the far end had queued but not sent are not saved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from uartsim.chip.part_states import LoopState
from uartsim.chip.state import UartState
from uartsim.errors import UartsimError, UsageError
from uartsim.guest.snapshot_folder import PORT_FILE, SnapshotFiles, is_file_name
from uartsim.line_format import LineFormat
from uartsim.machine import Com1

#: The version of the layout of ``port.json``.
VERSION: Final = 2
#: The version before snapshots had disks, without the names and sizes of files.
VERSION_WITHOUT_FILES: Final = 1


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """The files of a snapshot.

    Attributes:
        machine: the name of the file with the guest's memory and devices.
        disks: the names of the copies of the disks that the guest can write to, by the names of their drives.
        sizes: the size of each of these files in bytes, by its name.
        read_only: for the images that the guest only reads, by their paths, the size in bytes and the time of the last
            change in nanoseconds.
    """

    machine: str = "machine"
    disks: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    read_only: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> SavedFiles:
        """The files that ``port.json`` names.

        Args:
            content: the parsed content of ``port.json``.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: the content is damaged.
        """
        if content["version"] == VERSION_WITHOUT_FILES:
            return cls()
        disks = {str(drive): name for drive, name in content["disks"].items()}
        sizes = {str(name): int(size) for name, size in content["sizes"].items()}
        for name in (content["machine"], *disks.values()):
            if not is_file_name(name) or name not in sizes:
                raise ValueError(f"{name!r} is not a file of a snapshot")
        read_only = {str(file): (int(size), int(at)) for file, (size, at) in content["read_only"].items()}
        return cls(content["machine"], disks, sizes, read_only)

    def check(self, files: SnapshotFiles) -> None:
        """Check that all files are complete, and that the images that the guest only reads are unchanged.

        Raises:
            UsageError: a file is damaged or changed; the message names it.
        """
        for name in (self.machine, *self.disks.values()):
            files.check(name, self.sizes.get(name))
        for image, (size, at) in self.read_only.items():
            try:
                found = os.stat(image)
            except OSError as error:
                raise UsageError(f"the guest's image {image} cannot be read: {error.strerror}") from None
            if (found.st_size, found.st_mtime_ns) != (size, at):
                raise UsageError(
                    f"{image} has been changed since the snapshot was made, so the guest would find another disk: "
                    "boot the guest without the snapshot"
                )


@dataclass(frozen=True, slots=True)
class PortSnapshot:
    """The content of ``port.json``: the state of our side of the port.

    Attributes:
        qemu: the build of QEMU, see :func:`uartsim.guest.bridge_build.build_id`.
        command: QEMU's command line.
        uart: the state of the chip.
        line: the frames on the line, as runs of frames: the start of the first in ticks, the characters, their format.
        files: the other files of the snapshot.
        console: what the console that saved it knew, as plain values; empty if there was none.
    """

    qemu: str
    command: tuple[str, ...]
    uart: UartState
    line: tuple[tuple[int, bytes, LineFormat], ...]
    files: SavedFiles = field(default_factory=SavedFiles)
    console: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, com1: Com1, qemu: str, command: list[str]) -> PortSnapshot:
        """The snapshot of a port in its present state; its files are added later."""
        com1.advance(com1.clock.now())
        com1.settle()
        return cls(qemu, tuple(command), com1.uart.state(), tuple(com1.cable.on_line()))

    def put_into(self, com1: Com1) -> None:
        """Give a port the state of the snapshot, with all times shifted to the port's present."""
        by = com1.uart.now - self.uart.now
        com1.restore(moved(self.uart, by), [(start + by, data, fmt) for start, data, fmt in self.line])

    def content(self) -> dict[str, Any]:
        """The content of ``port.json`` without the sizes of the files, as plain values."""
        line = [
            [start, data.hex(), fmt.bit_ticks, fmt.data_bits, fmt.parity, fmt.stop_halves]
            for start, data, fmt in self.line
        ]
        return {
            "version": VERSION,
            "qemu": self.qemu,
            "command": list(self.command),
            "uart": self.uart.to_json_value(),
            "line": line,
            "machine": self.files.machine,
            "disks": dict(self.files.disks),
            "read_only": self.files.read_only,
            "console": self.console,
        }

    @classmethod
    def read(cls, file: Path) -> PortSnapshot:
        """Read ``port.json``.

        Raises:
            UsageError: the file cannot be read, is damaged, or is of another version.
        """
        try:
            content: Any = json.loads(file.read_text())
            if content["version"] not in (VERSION, VERSION_WITHOUT_FILES):
                raise ValueError(f"version {content['version']!r} is not {VERSION}")
            line = tuple((int(start), bytes.fromhex(data), LineFormat(*fmt)) for start, data, *fmt in content["line"])
            uart = UartState.from_json_value(content["uart"])
            files = SavedFiles.of(content)
            console = content.get("console", {})
            return cls(str(content["qemu"]), tuple(map(str, content["command"])), uart, line, files, console)
        except FileNotFoundError:
            raise UsageError(
                f"{file.parent} holds no snapshot: give a folder in which 'uartsim save NAME FOLDER' has made one"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise UsageError(f"{file} is not the snapshot of a port: {error}") from None

    def check(self, qemu: str, command: list[str], com1: Com1) -> None:
        """Check that a guest can continue from this snapshot.

        Args:
            qemu: the build of QEMU, see :func:`uartsim.guest.bridge_build.build_id`.
            command: QEMU's command line.
            com1: the port.

        Raises:
            UartsimError: the snapshot was made with another build, another command line or another chip.
        """
        uart = com1.uart
        chip = (uart.variant.name, uart.unlimited, uart.transmitter.delay_circuit)
        if chip != (self.uart.variant, self.uart.unlimited, self.uart.thre_delay):
            raise UartsimError(
                "the snapshot is of another port: run it with the same chip, rate and strictness of the line "
                f"({self.uart.variant}, {'unlimited' if self.uart.unlimited else 'line'} rate)"
            )
        if qemu != self.qemu:
            raise UartsimError("the snapshot was made by another build of QEMU: boot the guest without the snapshot")
        if tuple(command) != self.command:
            differing = sorted(set(command) ^ set(self.command))
            raise UartsimError(
                f"the snapshot is of another machine: the command lines of QEMU differ in {' '.join(differing)}; "
                "run the same guest with the same settings"
            )


def read_snapshot(folder: Path) -> PortSnapshot:
    """Read a snapshot and check that its files are complete.

    Raises:
        UsageError: they are not.
    """
    snapshot = PortSnapshot.read(folder / PORT_FILE)
    with SnapshotFiles(folder) as files:
        snapshot.files.check(files)
    return snapshot


def moved(state: UartState, by: int) -> UartState:
    """The state of the chip with every time in it shifted by ``by`` ticks."""

    def later(at: int | None) -> int | None:
        return None if at is None else at + by

    def past(at: int) -> int:
        return max(0, at + by)  # the clock may have been restarted since then

    transmitter, loop = state.transmitter, state.loop
    return replace(
        state,
        now=state.now + by,
        break_changes=tuple((past(at), on) for at, on in state.break_changes),
        receiver=replace(state.receiver, timeout_at=later(state.receiver.timeout_at)),
        transmitter=replace(
            transmitter,
            frame_end=past(transmitter.frame_end),
            start_at=later(transmitter.start_at),
            thre_at=later(transmitter.thre_at),
            sent=tuple(replace(run, start=past(run.start)) for run in transmitter.sent),
        ),
        loop=loop
        if loop == LoopState()
        else replace(
            loop,
            arrivals=tuple((at + by, character) for at, character in loop.arrivals),
            break_at=later(loop.break_at),
            space_since=past(loop.space_since),
            space_until=loop.space_until if loop.space_until < 0 else past(loop.space_until),
        ),
    )
