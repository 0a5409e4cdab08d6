"""The page that the service under test serves: built from the sources of this checkout, once for all workers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import filelock
import pytest

from build_backend.page_builder import CI
from tests.patience import patience
from uartsim.service.portal.page_age import why_outdated
from uartsim.service.portal.page_files import PAGE_FOLDER, why_missing

WEB = PAGE_FOLDER.parent / "web"


def ensure_page_is_built(lock: Path) -> None:
    """Build the page if it is missing, or older than its sources.

    Skips the test where npm cannot install the page's tools, as without a network, and fails it where the sources do not
    build.

    Args:
        lock: a file for the workers of one run to wait at.
    """
    with filelock.FileLock(lock):
        if why_missing() is None and why_outdated() is None:
            return
        if not (WEB / "node_modules").is_dir() and (why := _npm_fails(*CI)) is not None:
            pytest.skip(why)
        if (why := _npm_fails("run", "build")) is not None:
            pytest.fail(why)


def _npm_fails(*arguments: str) -> str | None:
    """Run npm in the page's sources; returns what it says if it fails."""
    done = subprocess.run(
        ["npm", *arguments], cwd=WEB, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience(300)
    )
    if done.returncode == 0:
        return None
    return f"npm {' '.join(arguments)} in {WEB} fails: {(done.stderr or done.stdout).strip()[-500:]}"
