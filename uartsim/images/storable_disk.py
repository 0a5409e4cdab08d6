"""Whether a file is a whole disk by itself, so that a copy of it is worth keeping."""

from __future__ import annotations

from pathlib import Path

from uartsim.errors import UartsimError, UsageError
from uartsim.images.disk_look import DiskReport, look_at


def storable_disk(path: Path, shown: str = "") -> DiskReport:
    """Look at a disk that is to be kept.

    Args:
        path: the file.
        shown: how messages call it, if not by its path.

    Raises:
        UsageError: it is not a disk, is damaged, or has a part of its content in other files; the message says what to do.
        UartsimError: QEMU cannot open it.
    """
    shown = shown or str(path)
    try:
        report = look_at(path)
    except UartsimError as error:
        kind = UsageError if isinstance(error, UsageError) else UartsimError
        raise kind(str(error).replace(str(path), shown)) from None
    if report.reads:
        raise UsageError(
            f"{shown} has a part of its content in other files ({', '.join(report.reads)}): "
            "make one image of them with 'qemu-img convert -O qcow2 FILE NEW.qcow2'"
        )
    if report.table == "none" and not report.boots and not any(volume.holds for volume in report.volumes):
        raise UsageError(
            f"{shown} is not a disk: it has no partition table, no boot code and no file system that is known"
        )
    return report
