"""The disk image that a guest of kind ``qemu`` boots from, as QEMU arguments.

Keys of the table ``[qemu]``, which the options of ``uartsim run`` of the same names replace:

============  ===========================================================================================================
``image``     the path of a disk image; nothing is written to it, because the guest runs on an overlay
              (:mod:`uartsim.images.overlay`)
``firmware``  ``"bios"`` (SeaBIOS), ``"uefi"`` (OVMF), or ``"auto"``, the default: what the image boots with, BIOS if both
``disk``      what the disk is connected to: ``"virtio"`` (by default), ``"ide"``, ``"scsi"`` or ``"nvme"``
``writable``  true: the guest writes to the image itself
``cores``     the number of processor cores; 1 by default
``net``       ``"none"`` (by default), or ``"user"``: QEMU's own network, from which the guest reaches what this machine does
============  ===========================================================================================================

On the command line that :meth:`ImageDrive.arguments` returns, and that a snapshot keeps, the disk's file is the image;
:meth:`ImageDrive.placed` puts the overlay in its place.  The drive's name is :data:`DRIVE_NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from uartsim.errors import UsageError
from uartsim.guest.before_boot import BeforeBoot
from uartsim.guest.drives import read_options, with_drives, write_options
from uartsim.images.image_locks import ImageHold
from uartsim.images.overlay import Overlay, base_of_kept, make_overlay

#: The name of the drive with the image.
DRIVE_NAME: Final = "uartsim-image"
#: The name of the drive with the private copy of the firmware's variables.
VARIABLES_NAME: Final = "uartsim-firmware"
#: The devices of each kind of disk.
DISKS: Final[Mapping[str, tuple[str, ...]]] = {
    "virtio": (f"virtio-blk-pci,drive={DRIVE_NAME}",),
    "ide": (f"ide-hd,drive={DRIVE_NAME}",),
    "scsi": ("virtio-scsi-pci,id=uartsim-scsi", f"scsi-hd,bus=uartsim-scsi.0,drive={DRIVE_NAME}"),
    "nvme": (f"nvme,drive={DRIVE_NAME},serial=uartsim",),
}
#: The firmware of UEFI machines, and the command that installs it.
OVMF_CODE: Final = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARIABLES: Final = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
OVMF_INSTALL: Final = "apt-get install ovmf"


def check_firmware() -> None:
    """Check that the UEFI firmware is there.

    Raises:
        UsageError: it is missing.
    """
    if not (OVMF_CODE.is_file() and OVMF_VARIABLES.is_file()):
        raise UsageError(f"the UEFI firmware {OVMF_CODE} is missing: {OVMF_INSTALL}")


class ImageDrive:
    """The image of one guest, from before QEMU starts until after it has ended.

    Args:
        name: the guest's name.
        path: the image.
        image_format: its format, as QEMU names it.
        firmware: ``"bios"`` or ``"uefi"``.
        disk: a key of :data:`DISKS`, or ``"cd"``.
        writable: the guest writes to the image itself.
        first: the machine starts from the image; not if QEMU loads a kernel itself.
        before: what is done to the overlay before the guest boots.

    Raises:
        UsageError: there are changes to be made before the boot, and no overlay to make them on.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        image_format: str,
        *,
        firmware: str,
        disk: str = "virtio",
        writable: bool = False,
        first: bool = True,
        before: BeforeBoot | None = None,
    ) -> None:
        self._name = name
        self._path = path
        self._format = image_format
        self._firmware = firmware
        self._disk = disk
        self._writable = writable
        self._order = ",bootindex=0" if first else ""
        self._before = before or BeforeBoot()
        if self._before.changes and (writable or disk == "cd"):
            what = "a CD" if disk == "cd" else "an image that the guest writes to itself"
            raise UsageError(f"edit and grub change a private overlay, and {what} has none: change a copy of the image")
        self._overlay: Overlay | None = None
        self._hold: ImageHold | None = None
        self._places: dict[str, dict[str, str]] = {}
        self._words: dict[str, str] = {}

    def arguments(self) -> list[str]:
        """The arguments with the image itself as the disk."""
        file = {"file": str(self._path), "format": self._format, "if": "none", "id": DRIVE_NAME}
        words = []
        if self._disk == "cd":
            words += ["-drive", write_options({**file, "media": "cdrom", "readonly": "on"})]
            words += ["-device", f"ide-cd,drive={DRIVE_NAME}"]
        else:
            words += ["-drive", write_options(file)]
            words += [word for device in DISKS[self._disk] for word in ("-device", device)]
        words[-1] += self._order
        if self._firmware == "uefi":
            flash = {"if": "pflash", "format": "raw"}
            code = {**flash, "unit": "0", "readonly": "on", "file": str(OVMF_CODE)}
            variables = {**flash, "unit": "1", "file": str(OVMF_VARIABLES), "id": VARIABLES_NAME}
            words += ["-drive", write_options(code), "-drive", write_options(variables)]
        return [*words, *self._before.arguments()]

    def prepare(self, progress: Callable[[str], None] = lambda text: None) -> None:
        """Make what the guest writes to, the overlay and the firmware's variables; change the overlay as it was asked for.

        Args:
            progress: told what takes long, and each change.

        Raises:
            UsageError: a program or the firmware is missing, or a change is not possible.
            UartsimError: there is no room.
        """
        if self._firmware == "uefi":
            check_firmware()
        overlay: Overlay | None = None
        hold = ImageHold(self._path)  # until the machine has ended, an image of the store is not removed
        try:
            overlay = make_overlay(self._name, self._path, self._format, progress)
            self._words = self._before.prepare(overlay, progress)
        except BaseException:
            if overlay is not None:
                overlay.remove()
            hold.close()
            raise
        self._overlay, self._hold = overlay, hold
        if not self._writable and self._disk != "cd":
            self._places[DRIVE_NAME] = {"file": str(overlay.path), "format": "qcow2"}
        if self._firmware == "uefi":
            earlier = self._path.with_name("variables.fd")  # of the machine whose overlay was kept
            of_kept = base_of_kept(self._path) is not None and earlier.is_file()
            copy = overlay.add_file("variables.fd", earlier if of_kept else OVMF_VARIABLES)
            self._places[VARIABLES_NAME] = {"file": str(copy)}

    def placed(self, words: list[str]) -> list[str]:
        """The command line with the overlay in place of the image, and a private copy of the firmware's variables."""

        def place(text: str) -> str:
            options = read_options(text)
            return write_options({**options, **self._places.get(options.get("id", ""), {})})

        return with_drives([self._words.get(word, word) for word in words], place)

    @property
    def folder(self) -> Path:
        """The folder of what the guest writes."""
        return self._path.parent if self._overlay is None or self._writable else self._overlay.path.parent

    def where(self) -> str | None:
        """What there is to say about the overlay once it is kept; None if the guest writes to none."""
        return None if DRIVE_NAME not in self._places or self._overlay is None else self._overlay.how_to_use()

    def reserve(self, owner: str) -> Path | None:
        """Keep the overlay for as long as its owner needs it; returns the path of its image, None if there is none."""
        return None if DRIVE_NAME not in self._places or self._overlay is None else self._overlay.reserve(owner)

    def release(self, *, keep: bool) -> str | None:
        """Remove the overlay, or keep it; returns what there is to say about one that is kept."""
        if self._hold is not None:
            self._hold.close()
        overlay, self._overlay = self._overlay, None
        if overlay is None:
            return None
        if keep and DRIVE_NAME in self._places:
            return overlay.keep()
        overlay.remove()
        return None
