"""The build backend of uartsim (PEP 517 and PEP 660): setuptools', with the portal page built first.

A wheel carries the page; an editable install serves it from the checkout.  A source distribution carries the page's
sources instead, and the page is built when it is installed.  Where the page cannot be built, the installation succeeds
without it (see :mod:`build_backend.page_builder`).

For wheels, setuptools works in a folder of the build's own: builds at the same time do not meet, nothing of an earlier
build gets into a wheel, and a checkout that cannot be written to will do.
"""

from __future__ import annotations

import configparser
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setuptools import build_meta

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
    with _folder_of_its_own() as folder, page_of(_PORTAL.absolute(), folder) as page:
        if not page.is_relative_to(_PORTAL.absolute()):
            # setuptools packs what lies here beside what it puts here.
            shutil.copytree(page, folder / "build" / "lib" / _PORTAL / "page")
        return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(wheel_directory: str, config_settings: _Given = None, metadata_directory: str | None = None) -> str:
    """Build the page, where it is served from, and a wheel that points to the checkout; the name of the wheel."""
    with _folder_of_its_own() as folder, page_of(_PORTAL.absolute(), folder):
        return str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))


get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
build_sdist = build_meta.build_sdist


@contextmanager
def _folder_of_its_own() -> Iterator[Path]:
    """A temporary folder in which setuptools keeps what it otherwise leaves in the checkout."""
    before = os.environ.get(_SETTINGS)
    with tempfile.TemporaryDirectory(prefix="uartsim-build-") as name:
        folder = Path(name)
        settings = configparser.RawConfigParser()
        settings.read(before or ())
        settings.read_dict({"egg_info": {"egg_base": name}, "build": {"build_base": str(folder / "build")}})
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
