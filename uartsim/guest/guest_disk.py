"""The disk that a guest of kind ``qemu`` boots from, if it has one, on a private overlay.

It is the image of the guest's recipe, or the image that ``image`` in the table ``[qemu]`` names.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from uartsim.errors import UsageError
from uartsim.guest.before_boot import BeforeBoot, read_before_boot
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.placeholders import fill_in
from uartsim.images.recipe import Recipe
from uartsim.machine import GuestEnd

if TYPE_CHECKING:
    from uartsim.guest.image_drive import ImageDrive


class GuestDisk:
    """The disk of one guest; a guest without one has no arguments for it.

    Args:
        definition: the guest.
        restored: whether the guest goes on from a snapshot, which has a disk of its own.

    Raises:
        UsageError: what is to be done before the boot is wrong, or is not possible with a snapshot.
    """

    def __init__(self, definition: GuestDefinition, *, restored: bool) -> None:
        self._definition = definition
        self._before = BeforeBoot()
        self._drive: ImageDrive | None = None
        if definition.image is not None or definition.options.get("image"):
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
        if self._definition.image is not None:
            drive = self._built(self._definition.image, progress)
        elif "image" in self._definition.options:
            drive = self._named(self._definition.options["image"], progress)
        else:
            return []
        drive.prepare(progress)
        self._drive = drive
        return drive.arguments()

    def _built(self, recipe: Recipe, progress: Callable[[str], None]) -> ImageDrive:
        """The image of a recipe."""
        from uartsim.guest.image_drive import ImageDrive  # guests without a disk start faster without these
        from uartsim.images.build import build_image

        stored = build_image(recipe, self._definition.folder, progress)
        firmware = "uefi" if recipe.firmware == "uefi" else "bios"
        image_format, disk = ("raw", "cd") if stored.format == "iso" else (stored.format, "virtio")
        name, path = self._definition.name, Path(stored.path)
        return ImageDrive(name, path, image_format, firmware=firmware, disk=disk, before=self._before)

    def _named(self, text: str, progress: Callable[[str], None]) -> ImageDrive:
        """An image of the user's, by its path, in which settings are filled in.

        Raises:
            UsageError: it is not a disk that this machine can start from.
        """
        from uartsim.guest.image_drive import ImageDrive
        from uartsim.images.disk_look import chosen_firmware, look_at, remarks

        values = {**self._definition.settings, "folder": self._definition.folder}
        path = fill_in(text, values, f"guest {self._definition.name!r}, image")
        report = look_at(Path(path).expanduser())
        firmware = chosen_firmware(report)
        for remark in remarks(report):
            progress(remark)
        disk = "cd" if report.format == "iso" else "virtio"
        name = self._definition.name
        return ImageDrive(name, Path(report.path), report.driver, firmware=firmware, disk=disk, before=self._before)

    def placed(self, words: list[str]) -> list[str]:
        """QEMU's command line with the overlay in place of the image."""
        return words if self._drive is None else self._drive.placed(words)

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
            if drive is not None and (kept := drive.release(failed=failed and not stopped)) is not None:
                log(kept)
