"""A service for the tests of the management REST."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.served import Served


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Served]:
    """A service for all tests of a module: they leave nothing behind that another would see."""
    state = Path(shutil.copytree(keys, tmp_path_factory.mktemp("service") / "state"))
    served = Served(state)
    yield served
    served.close()


@pytest.fixture
def owner(service: Served) -> httpx.Client:
    """A client with the token of an Owner."""
    return service.client("owner")


@pytest.fixture
def reader(service: Served) -> httpx.Client:
    """A client with the token of a Reader."""
    return service.client("reader")
