"""Snapshots: a QEMU guest and its chip, saved together, to go on later as if nothing had been.

A snapshot is a folder: ``machine`` is QEMU's own migration stream, ``disk-N.qcow2`` each disk that the guest can write to,
``port.json`` what our side of the port held at the moment at which the guest stood still: the chip (FIFOs, a character
that is half sent, SCR, all of it) and the frames that were on the line.  Times in it are those of the saving process;
they are moved to the present when the guest first runs.

It can be restored only by the QEMU build that made it and with the same command line; that is checked.  What the far end
had queued and not yet sent is not in it.
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
from uartsim.guest.snapshot_folder import SnapshotFiles, is_file_name
from uartsim.line_format import LineFormat, UartsimError, UsageError
from uartsim.machine import Com1

#: The layout of ``port.json``.
VERSION: Final = 2
#: The layout before snapshots had disks: no names and sizes of files.
VERSION_WITHOUT_FILES: Final = 1


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """The files of a snapshot.

    Attributes:
        machine: the guest's memory and devices.
        disks: copies of the disks that the guest can write to, by the names of their drives.
        sizes: in bytes, of each of these.
        read_only: the images that the guest only reads, where they were: their size, and when they were last changed.
    """

    machine: str = "machine"
    disks: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    read_only: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> SavedFiles:
        """Those of which ``port.json`` tells.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is damaged.
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
        """See that all are there and whole, and that the images that are only read are the same.

        Raises:
            UsageError: one is not; says which.
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
                    f"{image} has been changed since the snapshot was made, and the guest in it would find another disk: "
                    "boot the guest anew"
                )


@dataclass(frozen=True, slots=True)
class PortSnapshot:
    """What our side of the port held.

    Attributes:
        qemu: the build of QEMU.
        command: its command line.
        uart: the chip.
        line: the frames on the line: when the first began, the characters, their format.
        files: what is beside it.
    """

    qemu: str
    command: tuple[str, ...]
    uart: UartState
    line: tuple[tuple[int, bytes, LineFormat], ...]
    files: SavedFiles = field(default_factory=SavedFiles)

    @classmethod
    def of(cls, com1: Com1, qemu: str, command: list[str]) -> PortSnapshot:
        """The port as it is now."""
        com1.advance(com1.clock.now())
        com1.settle()
        return cls(qemu, tuple(command), com1.uart.state(), tuple(com1.cable.on_line()))

    def put_into(self, com1: Com1) -> None:
        """The port becomes what this says, at its present time."""
        by = com1.uart.now - self.uart.now
        com1.restore(moved(self.uart, by), [(start + by, data, fmt) for start, data, fmt in self.line])

    def content(self) -> dict[str, Any]:
        """What ``port.json`` says, but for the sizes of the files."""
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
        }

    @classmethod
    def read(cls, file: Path) -> PortSnapshot:
        """Read it from a file.

        Raises:
            UsageError: it is no such file, or of another version.
        """
        try:
            content: Any = json.loads(file.read_text())
            if content["version"] not in (VERSION, VERSION_WITHOUT_FILES):
                raise ValueError(f"version {content['version']!r} is not {VERSION}")
            line = tuple((int(start), bytes.fromhex(data), LineFormat(*fmt)) for start, data, *fmt in content["line"])
            uart = UartState.from_json_value(content["uart"])
            files = SavedFiles.of(content)
            return cls(str(content["qemu"]), tuple(map(str, content["command"])), uart, line, files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise UsageError(f"{file} is no snapshot of a port: {error}") from None

    def check(self, qemu: str, command: list[str], com1: Com1) -> None:
        """See that this QEMU and this port can go on from here.

        Raises:
            UartsimError: it is another build, another machine or another chip.
        """
        uart = com1.uart
        chip = (uart.variant.name, uart.unlimited, uart.transmitter.delay_circuit)
        if chip != (self.uart.variant, self.uart.unlimited, self.uart.thre_delay):
            raise UartsimError(
                "the snapshot is of another port: run it with the same chip, rate and strictness of the line "
                f"({self.uart.variant}, {'unlimited' if self.uart.unlimited else 'line'} rate)"
            )
        if qemu != self.qemu:
            raise UartsimError("the snapshot was made by another build of QEMU: boot the guest anew")
        if tuple(command) != self.command:
            differing = sorted(set(command) ^ set(self.command))
            raise UartsimError(
                f"the snapshot is of another machine: the command lines of QEMU differ in {' '.join(differing)}; "
                "run the same guest with the same settings"
            )


def moved(state: UartState, by: int) -> UartState:
    """The same chip ``by`` ticks later: every time in it is."""

    def later(at: int | None) -> int | None:
        return None if at is None else at + by

    def past(at: int) -> int:
        return max(0, at + by)  # the clock may have begun anew since then

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
