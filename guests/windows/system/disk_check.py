"""What chkdsk finds and repairs on drive C, in a session and at boot.  The stages' names are Microsoft's, the rest is ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..disk.volume import Volume

FILE_SYSTEM: Final = "The type of the file system is NTFS."
_STAGES: Final = (
    "Stage 1: Examining basic file system structure ...",
    "Stage 2: Examining file name linkage ...",
    "Stage 3: Examining security descriptors ...",
)


def check(volume: Volume, repair: bool) -> Iterator[str]:
    """Check the volume, a line at a time; the repair is done by the last one.

    Args:
        volume: the volume.
        repair: whether errors are corrected.
    """
    for stage in _STAGES:
        yield stage
        if volume.damaged and stage is _STAGES[1]:
            yield (
                "Correcting errors in index $I30 for file 5." if repair else "Error detected in index $I30 for file 5."
            )
    yield ""
    if not volume.damaged:
        yield "Windows has scanned the file system and found no problems."
        yield "No further action is required."
    elif repair:
        volume.damaged = False
        yield "Windows has made corrections to the file system."
        yield "No further action is required."
    else:
        yield "Windows has checked the file system and found problems."
        yield "Please run chkdsk /f to find the problems and fix them."


def check_at_boot(volume: Volume) -> Iterator[str]:
    """What a scheduled check writes at boot; none if there is none."""
    if not volume.check_at_boot:
        return
    volume.check_at_boot = False
    yield ""
    yield "Checking file system on C:"
    yield FILE_SYSTEM
    yield ""
    yield "A disk check has been scheduled."
    yield "Windows will now check the disk."
    yield from check(volume, repair=True)
