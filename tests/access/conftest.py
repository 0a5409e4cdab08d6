"""What every test of access gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import make_guest_folder


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runtime folder of its own; its path is short, because sockets lie in it."""
    return tmp_path_factory.mktemp("r")


@pytest.fixture
def guest_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Makes the folder of a guest from the source of its script."""

    def make(source: str) -> Path:
        return make_guest_folder(tmp_path / "guest", source)

    return make
