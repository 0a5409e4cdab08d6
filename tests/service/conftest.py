"""What tests of the service get."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.serve_process import ServeProcess
from tests.service.served import MACHINES, TENANT, Served
from uartsim.service.identity.tokens import new_key
from uartsim.service.serving.certificate import provide_certificate
from uartsim.service.serving.state_folder import TOKEN_KEY, StateFolder


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with keys and a certificate and nothing else: making them takes time."""
    folder = tmp_path_factory.mktemp("keys") / "state"
    with StateFolder(str(folder)) as state:
        state.write(TOKEN_KEY, new_key())
        provide_certificate(state, lambda text: None)
    return folder


@pytest.fixture
def state_folder(tmp_path: Path, keys: Path) -> Path:
    """A state folder of the test's own, with keys and a certificate."""
    return Path(shutil.copytree(keys, tmp_path / "state"))


@pytest.fixture
def serve(tmp_path: Path, keys: Path) -> Iterator[Callable[..., Served]]:
    """Starts services, each with a state of its own: ``serve(tenant_text)``; they end with the test."""
    started: list[Served] = []

    def start(tenant: str = TENANT + MACHINES, *, state: Path | None = None, tls: bool = True) -> Served:
        folder = state or Path(shutil.copytree(keys, tmp_path / f"state{len(started)}"))
        started.append(Served(folder, tenant, tls=tls))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A service with the tenant of :mod:`tests.service.served`."""
    return serve()


@pytest.fixture
def start_process(tmp_path: Path, keys: Path) -> Iterator[Callable[..., ServeProcess]]:
    """Starts `uartsim serve`, each time with the same state: ``start_process(tenant_text, *options)``."""
    started: list[ServeProcess] = []

    def start(tenant: str | None = None, *options: str, **more: Any) -> ServeProcess:
        if not (tmp_path / "state").exists():
            shutil.copytree(keys, tmp_path / "state")
        started.append(ServeProcess(tmp_path, tenant, *options, **more))
        return started[-1]

    yield start
    for one in started:
        one.close()
