"""Removing images from the store: on demand, and when they take more room than they may."""

from __future__ import annotations

import time
from typing import Final

from uartsim.errors import UartsimError
from uartsim.file_cache import Progress
from uartsim.images.disk_room import LIMIT_VARIABLE, bytes_text, size_limit
from uartsim.images.image_check import Finding, look_over
from uartsim.images.image_locks import free_name_lock, unused
from uartsim.images.image_records import StoredImage, draft_of, files_of
from uartsim.own_files.folder import OwnFolder

#: An image that was used within this time, in seconds, is not removed to make room: it may be about to be used.
RECENTLY_S: Final = 600.0


def remove_drafts(own: OwnFolder, name: str) -> None:
    """Remove what a process has left that was killed while it made an image.  The lock of ``name`` is held.

    Drafts of other names go too, unless an image of that name is being made.
    """
    drafts = {file: draft for file in own.names() if (draft := draft_of(file)) is not None}
    for other in sorted({draft.name for draft in drafts.values()}):
        if other == name:
            _remove_files(own, [file for file, draft in drafts.items() if draft.name == other])
            continue
        with free_name_lock(own, other) as free:
            if free:
                _remove_files(own, [file for file, draft in drafts.items() if draft.name == other])


def _remove_files(own: OwnFolder, files: list[str]) -> None:
    for file in files:
        try:
            own.remove(file)
        except FileNotFoundError:
            pass


def remove_stem(own: OwnFolder, finding: Finding) -> int:
    """Remove the files of an image, the lock of whose name is held; returns how much room they took, in bytes.

    Raises:
        UartsimError: a machine runs from it.
    """
    files = files_of(own, finding.stem)
    size = sum(own.state(file).st_blocks * 512 for file in files)
    for file in files:
        if not file.endswith(".json"):
            with unused(own, file) as free:
                if not free:
                    raise UartsimError(
                        f"the image {finding.name} is in use by a running machine: 'uartsim list' names it, "
                        "'uartsim stop' ends it"
                    )
                own.remove(file)
    if f"{finding.stem}.json" in files:
        own.remove(f"{finding.stem}.json")
    return size


def keep_to_limit(own: OwnFolder, kept: str, progress: Progress) -> None:
    """Remove built images, the least recently used first, until the images take no more room than they may.

    Images that are in use, that were used a short while ago, or that were imported or fetched, stay.

    Args:
        own: the store.
        kept: the stem of an image that stays in any case; the lock of its name is held.
        progress: told what is removed, and if the rest is still too much.
    """
    limit = size_limit()
    findings = look_over(own)
    images = [finding.image for finding in findings if finding.image is not None]
    total = sum(image.disk_bytes for image in images)
    if limit is None or total <= limit:
        return
    by_use = sorted(findings, key=lambda finding: finding.image.used_at if finding.image else 0)
    for finding in by_use:
        image = finding.image
        if total <= limit:
            return
        if image is not None and finding.stem != kept and _may_go(image) and _remove_if_free(own, finding, kept):
            total -= image.disk_bytes
            progress(
                f"the image {image.name} of {bytes_text(image.disk_bytes)}, last used {age_text(image.used_at)}, is removed: "
                f"all images may take {bytes_text(limit)} ({LIMIT_VARIABLE})"
            )
    if total > limit:
        progress(
            f"the images take {bytes_text(total)}, more than the {bytes_text(limit)} that they may ({LIMIT_VARIABLE}): "
            "remove some with 'uartsim images remove NAME'"
        )


def _may_go(image: StoredImage) -> bool:
    return image.kind == "built" and time.time() - image.used_at > RECENTLY_S


def _remove_if_free(own: OwnFolder, finding: Finding, kept: str) -> bool:
    if finding.name == kept[:-33]:
        return _try_to_remove(own, finding)
    with free_name_lock(own, finding.name) as free:
        return free and _try_to_remove(own, finding)


def _try_to_remove(own: OwnFolder, finding: Finding) -> bool:
    try:
        remove_stem(own, finding)
    except (UartsimError, OSError):
        return False
    return True


def remove_unused(own: OwnFolder, days: float, progress: Progress) -> list[str]:
    """Remove built images that have not been used for a number of days; returns their names.

    Images that are in use, being made, imported or fetched stay.
    """
    removed = []
    for finding in look_over(own):
        image = finding.image
        if image is None or image.kind != "built" or time.time() - image.used_at < days * 86400:
            continue
        with free_name_lock(own, finding.name) as free:
            if free and _try_to_remove(own, finding):
                removed.append(finding.name)
                progress(f"removed {finding.name}, {bytes_text(image.disk_bytes)}, last used {age_text(image.used_at)}")
            else:
                progress(f"kept {finding.name}: it is in use")
    return removed


def age_text(at: float) -> str:
    """How long ago a time was, in seconds since 1970, for people."""
    ago = max(time.time() - at, 0)
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if ago >= seconds:
            count = int(ago // seconds)
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"
