"""The disk that a guest of kind ``qemu`` boots from, if it has one, on a private overlay: the image of its recipe, or a user's.

:mod:`uartsim.guest.image_drive` describes the keys of the table ``[qemu]`` that are about it.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import trio

from uartsim.errors import UsageError
from uartsim.file_cache import Progress
from uartsim.guest.before_boot import BeforeBoot, read_before_boot, without_changes
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.placeholders import fill_in
from uartsim.guest.port_forwards import PortForwards
from uartsim.machine import GuestEnd

if TYPE_CHECKING:
    from uartsim.guest.image_drive import ImageDrive


@dataclass(frozen=True, slots=True)
class DiskSource:
    """An image, and how it is to be started.

    Attributes:
        path: its absolute path.
        driver: QEMU's name for its format.
        firmware: ``"bios"`` or ``"uefi"``.
        device: what it is connected to, a key of :data:`uartsim.guest.image_drive.DISKS`, or ``"cd"``.
        remarks: what a person should know about it, as sentences.
    """

    path: Path
    driver: str
    firmware: str
    device: str
    remarks: tuple[str, ...] = ()


def named_image(definition: GuestDefinition) -> DiskSource:
    """Look at the image that a guest names.

    Raises:
        UsageError: it is not a disk that this guest can boot, or a program or the firmware is missing; the message says what
            to do.
    """
    from uartsim.guest.image_drive import check_firmware
    from uartsim.images.disk_look import chosen_firmware, look_at, remarks
    from uartsim.images.overlay import base_of_kept

    options, where = definition.options, f"guest {definition.name!r}, image"
    text = fill_in(options["image"], {**definition.settings, "folder": definition.folder}, where)
    if not text:
        raise UsageError(f"{where}: no image is given: write --set image=PATH")
    path = Path(os.path.abspath(Path(text).expanduser()))  # a relative one starts at the current directory
    kept = base_of_kept(path)  # refuses an overlay whose base has changed
    report = look_at(path)
    wanted = options.get("firmware", "auto")
    firmware = "bios" if "kernel" in options and wanted == "auto" else None
    firmware = firmware or (wanted if "kernel" in options else chosen_firmware(report, wanted))
    if firmware == "uefi":
        check_firmware()
    device = "cd" if report.format == "iso" else options.get("disk", "virtio")
    if options.get("writable"):
        _check_writable(path, device)
    return DiskSource(path, report.driver, firmware, device, tuple(remarks(report)) if kept is None else ())


def _check_writable(path: Path, device: str) -> None:
    if device == "cd":
        raise UsageError(f"{path} is a CD, which a guest cannot write to: leave writable out")
    if not os.access(path, os.W_OK):
        raise UsageError(f"{path} cannot be written by this user: leave writable out, or change the mode of the file")


def firmware_of(definition: GuestDefinition) -> str:
    """The firmware that starts the image of a guest's recipe.

    Raises:
        UsageError: the image does not boot with the firmware that was asked for.
    """
    assert definition.image is not None
    made_for, wanted = definition.image.firmware, definition.options.get("firmware", "auto")
    if wanted == "auto":
        return "bios" if made_for == "both" else made_for
    if made_for not in ("both", wanted):
        raise UsageError(
            f"the image of guest {definition.name!r} boots with firmware {made_for} only, not with {wanted}"
        )
    return str(wanted)


def _machine_arguments(definition: GuestDefinition) -> list[str]:
    """QEMU's arguments for the keys ``cores`` and ``net``, and for a processor that any image can run on.

    QEMU's default processor is older than what today's distributions are built for: RHEL 9 needs x86-64-v2, and RHEL 10 v3.
    """
    words = ["-cpu", "max"] if "image" in definition.options else []
    if (cores := definition.options.get("cores", 1)) != 1:
        words += ["-smp", str(cores)]
    if definition.options.get("net", "none") == "user":
        words += ["-nic", PortForwards(definition.options.get("forward")).network()]
    return words


def continued(definition: GuestDefinition, disk: Path) -> GuestDefinition:
    """A guest that goes on with the disk that it had before; what was to be changed on it has been changed.

    Args:
        definition: the guest.
        disk: what :meth:`GuestDisk.reserve` returned; the guest writes to it.
    """
    text = str(disk).replace("{", "{{").replace("}", "}}")
    options = {**without_changes(definition).options, "image": text, "writable": True}
    return replace(definition, image=None, options=MappingProxyType(options))


class GuestDisk:
    """The disk of one guest; a guest without one has no arguments for it.

    Args:
        definition: the guest.
        restored: whether the guest goes on from a snapshot, which has a disk of its own.

    Raises:
        UsageError: the image cannot be booted, or what is to be done before the boot is wrong, or not possible with a
            snapshot; the message says what to do.
    """

    def __init__(self, definition: GuestDefinition, *, restored: bool) -> None:
        self._definition = definition
        self._before = BeforeBoot()
        self._drive: ImageDrive | None = None
        self._kept = self._reserved = False
        self._source: DiskSource | None = None
        if definition.image is not None:
            firmware_of(definition)
        elif definition.has_disk:
            self._source = named_image(definition)
        if definition.has_disk:
            self._before = read_before_boot(definition.options, definition.settings)
        if restored and self._before.changes:
            raise UsageError(
                "edit and grub change a disk before it boots, and a snapshot goes on from a boot: leave one out"
            )

    @property
    def account(self) -> tuple[str, str] | None:
        """The user whom the guest's seed makes, and that user's password; None if there is no such seed."""
        return self._before.account

    def open(self, progress: Callable[[str], None]) -> list[str]:
        """Build the image if necessary, make an overlay on it, and change that as it was asked for.

        Args:
            progress: told what takes long, and each change.

        Returns: QEMU's arguments for the image itself, which are the same each time.

        Raises:
            UsageError: a program is missing, or a change is not possible.
            UartsimError: the image cannot be built, or there is no room.
        """
        definition, options = self._definition, self._definition.options
        words = _machine_arguments(definition)
        if not definition.has_disk:
            return words
        from uartsim.guest.image_drive import ImageDrive  # guests without a disk start faster without it

        source = self._source or self._built(progress)
        for remark in source.remarks:
            progress(remark)
        drive = ImageDrive(
            definition.name,
            source.path,
            source.driver,
            firmware=source.firmware,
            disk=source.device,
            writable=bool(options.get("writable")),
            first="kernel" not in options,
            before=self._before,
        )
        drive.prepare(progress)
        self._drive = drive
        return [*words, *drive.arguments()]

    def _built(self, progress: Progress) -> DiskSource:
        """The image of the guest's recipe, which is built if it is not kept yet."""
        from uartsim.guest.image_drive import check_firmware
        from uartsim.images.build import build_image

        definition = self._definition
        recipe = definition.image
        assert recipe is not None
        firmware = firmware_of(definition)
        if firmware == "uefi":
            check_firmware()
        stored = build_image(recipe, definition.folder, progress)
        if stored.format == "iso":
            return DiskSource(Path(stored.path), "raw", firmware, "cd")
        return DiskSource(Path(stored.path), stored.format, firmware, definition.options.get("disk", "virtio"))

    def placed(self, words: list[str]) -> list[str]:
        """QEMU's command line with the overlay in place of the image."""
        return words if self._drive is None else self._drive.placed(words)

    @property
    def folder(self) -> str:
        """The folder of what the guest writes: that of its overlay, or the system's folder for temporary files."""
        return tempfile.gettempdir() if self._drive is None else str(self._drive.folder)

    def keep(self) -> str | None:
        """Keep the overlay when the guest has ended, however it ends; returns where it will be, None if there is none."""
        if self._drive is None or (kept := self._drive.where()) is None:
            return None
        self._kept = True
        return kept

    def reserve(self, owner: str) -> Path | None:
        """Keep the overlay when the guest has ended, and for as long as its owner needs it.

        Args:
            owner: who needs it, for people that find it.

        Returns: the path of its image, for :func:`continued`; None if the guest writes to none.
        """
        if self._drive is None or (path := self._drive.reserve(owner)) is None:
            return None
        self._kept = self._reserved = True
        return path

    async def during(self, run: Awaitable[GuestEnd], log: Callable[[str], None]) -> GuestEnd:
        """Wait for the guest's end, and then remove the overlay, or keep it if the guest has failed.

        Args:
            run: the guest, from before :meth:`open`.
            log: told where an overlay is that is kept.
        """
        failed = True
        try:
            end = await run
            failed = end.reason == "failed"
            return end
        finally:
            stopped = trio.current_effective_deadline() == -math.inf  # by us: a nursery may wrap what cancels it
            drive, self._drive = self._drive, None
            kept = None if drive is None else drive.release(keep=self._kept or (failed and not stopped))
            if kept is not None and not self._reserved:  # its owner knows where it is
                log(kept)
