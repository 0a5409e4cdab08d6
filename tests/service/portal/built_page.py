"""The page that the service under test serves: built from the sources of this checkout, once for all workers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from tests.patience import patience
from uartsim.service.portal.page_files import PAGE_FOLDER

WEB = PAGE_FOLDER.parent / "web"
#: What is in ``web/`` and not a source.
_NOT_SOURCES = {"node_modules"}


def ensure_page_is_built(lock: Path) -> None:
    """Build the page if it is missing, or older than its sources.

    Args:
        lock: a file for the workers of one run to wait at.

    Skips the test, with the remedy, where the page can neither be found nor built.
    """
    with filelock.FileLock(lock):
        page = PAGE_FOLDER / "index.html"
        if page.exists() and page.stat().st_mtime >= max(_changed_at(WEB), default=0):
            return
        if not (WEB / "node_modules").is_dir():
            _npm("ci")
        _npm("run", "build")


def _changed_at(folder: Path) -> Iterator[float]:
    """When the sources below a folder were changed; nothing for a folder that is not there, as in a wheel."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name in _NOT_SOURCES:
            continue
        if path.is_dir():
            yield from _changed_at(path)
        else:
            yield path.stat().st_mtime


def _npm(*arguments: str) -> None:
    done = subprocess.run(
        ["npm", *arguments], cwd=WEB, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience(300)
    )
    if done.returncode != 0:
        pytest.skip(f"npm {' '.join(arguments)} in {WEB} fails: {(done.stderr or done.stdout).strip()[-500:]}")
