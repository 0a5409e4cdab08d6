"""Which files are in the system on a disk image: what is installed there, found out by looking.

Only ext2, ext3 and ext4 are read.  The image may have been made by a stranger: what makes no sense is taken for absent.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Collection
from typing import Final

from uartsim.images.disk_look import DiskReport
from uartsim.images.ext_reader import ExtReader
from uartsim.images.nbd_client import open_disk

#: The folder of the boot loader's files, which may be a file system of its own.
_BOOT: Final = "/boot"


def installed_files(report: DiskReport, wanted: Collection[str]) -> frozenset[str] | None:
    """Those of the wanted files that are in the system on an image.

    Args:
        report: what :func:`uartsim.images.disk_look.look_at` has said of the image.
        wanted: absolute paths.

    Returns: those that are there; None if no file system that can be read has a system in it, as where only /boot is one.
    """
    starts = [volume.partition.start for volume in report.volumes if volume.holds == "ext"]
    if not starts:
        return None
    with open_disk(report.path, report.driver) as disk:
        found: set[str] = set()
        has_system = False
        for start in starts:
            try:
                reader = ExtReader(disk.read, start)
                has_system = has_system or "etc" in reader.names("/")
                found |= {path for path in wanted if _has(reader, path)}
            except (ValueError, struct.error):
                continue
    return frozenset(found) if has_system else None


def _has(reader: ExtReader, path: str) -> bool:
    places = [path]
    if path.startswith(f"{_BOOT}/"):
        places.append(path.removeprefix(_BOOT))
    return any(posixpath.basename(place) in reader.names(posixpath.dirname(place)) for place in places)
