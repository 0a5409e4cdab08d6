"""The build backend of uartsim (PEP 517 and PEP 660): setuptools', with the portal page and the manual pages built first.

A wheel carries the page; an editable install serves it from the checkout.  A source distribution carries the page's
sources instead, and the page is built when it is installed.  Where the page cannot be built, the installation succeeds
without it (see :mod:`build_backend.page_builder`).

The manual pages are made of the command line's help, and are data files of every wheel, those of editable installs
included.  Where they cannot be made, as without click, the installation succeeds without them.

For wheels, setuptools works in a folder of the build's own: builds at the same time do not meet, nothing of an earlier
build gets into a wheel, and a checkout that cannot be written to will do.
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setuptools import Distribution, build_meta

from build_backend.page_builder import page_of

#: A file of settings for setuptools, beside those of the project and of the user.
_SETTINGS = "DIST_EXTRA_CONFIG"
_PORTAL = Path("uartsim", "service", "portal")

_Given = dict[str, Any] | None


def get_requires_for_build_wheel(config_settings: _Given = None) -> list[str]:
    """What setuptools needs besides itself."""
    with _folder_of_its_own():
        return list(build_meta.get_requires_for_build_wheel(config_settings))


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: _Given = None) -> str:
    """Write the metadata; the name of their folder."""
    with _folder_of_its_own():
        return str(build_meta.prepare_metadata_for_build_wheel(metadata_directory, config_settings))


def build_wheel(wheel_directory: str, config_settings: _Given = None, metadata_directory: str | None = None) -> str:
    """Build the page and a wheel with it; the name of the wheel."""
    with _folder_of_its_own(manual=True) as folder, page_of(_PORTAL.absolute(), folder) as page:
        if not page.is_relative_to(_PORTAL.absolute()):
            # setuptools packs what lies here beside what it puts here.
            shutil.copytree(page, folder / "build" / "lib" / _PORTAL / "page")
        return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(wheel_directory: str, config_settings: _Given = None, metadata_directory: str | None = None) -> str:
    """Build the page, where it is served from, and a wheel that points to the checkout; the name of the wheel."""
    with _folder_of_its_own(manual=True) as folder, page_of(_PORTAL.absolute(), folder):
        # setuptools means to install data files here too, but asks for has_data, which is called has_data_files (84.2).
        Distribution.has_data = Distribution.has_data_files
        return str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
build_sdist = build_meta.build_sdist


@contextmanager
def _folder_of_its_own(*, manual: bool = False) -> Iterator[Path]:
    """A temporary folder in which setuptools keeps what it otherwise leaves in the checkout.

    Args:
        manual: whether the manual pages are put there, and told to setuptools as data files.
    """
    before = os.environ.get(_SETTINGS)
    with tempfile.TemporaryDirectory(prefix="uartsim-build-") as name:
        folder = Path(name)
        settings = configparser.RawConfigParser()
        settings.read(before or ())
        settings.read_dict({"egg_info": {"egg_base": name}, "build": {"build_base": str(folder / "build")}})
        if manual and (pages := _manual_pages(folder / "man")):
            settings.read_dict({"options.data_files": {"share/man/man1": "\n" + "\n".join(map(str, pages))}})
        with (folder / "settings.cfg").open("w") as file:
            settings.write(file)
        os.environ[_SETTINGS] = str(folder / "settings.cfg")
        try:
            yield folder
        finally:
            if before is None:
                del os.environ[_SETTINGS]
            else:
                os.environ[_SETTINGS] = before


def _manual_pages(folder: Path) -> list[Path]:
    """Write the manual pages into a folder; none, and a note, where that is not possible."""
    done = subprocess.run(
        [sys.executable, "-B", "tools/man_pages.py", "--write", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        why = next(reversed(done.stdout.splitlines()), f"status {done.returncode}")
        print(f"uartsim: no manual pages are installed: {why}", flush=True)
        return []
    return sorted(folder.glob("*.1"))
