"""Whether the page that is served was built before its sources were changed.

Only a checkout has the sources beside the page: an editable installation builds the page once, and goes on serving that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from uartsim.service.portal.page_files import MANIFEST, PAGE_FOLDER


def why_outdated(page: Path = PAGE_FOLDER) -> str | None:
    """Why the page is not that of its sources, and what to do, in one sentence; None where it is, or has none here.

    Args:
        page: the folder of the page; its sources are in ``web/`` beside it.
    """
    web = page.parent / "web"
    try:
        built_at = os.stat(page / MANIFEST).st_mtime_ns
        newest = max(_changed_at(str(web)), default=0)
    except OSError:  # there is no page, or a source has just gone
        return None
    if newest <= built_at:
        return None
    return f"the page was built before its sources were last changed: run 'npm ci && npm run build' in {web}"


def _changed_at(folder: str) -> Iterator[int]:
    """When the sources below a folder were changed, in ns of the epoch: all that a build reads."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "node_modules":
                    yield from _changed_at(entry.path)
            elif not entry.name.endswith(".test.ts"):
                yield entry.stat().st_mtime_ns
