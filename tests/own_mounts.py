"""Mounts that only one command sees."""

from __future__ import annotations

from pathlib import Path


def unshare_mounts() -> list[str]:
    """The beginning of a command line whose mounts are its own; it takes root.

    In a chroot whose root is no mount point, unshare cannot make the mounts private, and leaves them as they are.
    """
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return ["unshare", "--mount", *([] if "/" in points else ["--propagation", "unchanged"])]
