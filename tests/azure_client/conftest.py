"""A stub service, and the command line on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.access.attached import Attached
from tests.azure_client.stub_service import SECRET, StubService
from uartsim.cli.command_group import commands


@pytest.fixture
def service(tmp_path: Path) -> Iterator[StubService]:
    """A service that runs."""
    folder = tmp_path / "service"
    folder.mkdir()
    stub = StubService(folder)
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No service and no credentials but those that a test gives."""
    for name in (
        "ARM_ENDPOINT",
        "CA_FILE",
        "SUBSCRIPTION",
        "RESOURCE_GROUP",
        "USER",
        "SECRET",
        "TOKEN",
        "TOKEN_ENDPOINT",
    ):
        monkeypatch.delenv(f"UARTSIM_{name}", raising=False)
    monkeypatch.setenv("UARTSIM_SERVE_STATE", str(tmp_path / "no-service"))


@pytest.fixture
def alice(service: StubService, monkeypatch: pytest.MonkeyPatch) -> StubService:
    """The environment names the service, the group, and alice with her secret."""
    monkeypatch.setenv("UARTSIM_ARM_ENDPOINT", service.url)
    monkeypatch.setenv("UARTSIM_CA_FILE", str(service.ca_file))
    monkeypatch.setenv("UARTSIM_RESOURCE_GROUP", "group")
    monkeypatch.setenv("UARTSIM_USER", "alice")
    monkeypatch.setenv("UARTSIM_SECRET", SECRET)
    return service


@dataclass
class Done:
    """What a command has printed, and its exit status."""

    status: int
    out: str
    err: str


@pytest.fixture
def uartsim(capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs ``uartsim console`` in this process."""

    def run(*arguments: str) -> Done:
        capfd.readouterr()
        try:
            status = commands(["console", *arguments], standalone_mode=False)
        except SystemExit as ending:
            status = ending.code
        out, err = capfd.readouterr()
        return Done(int(status or 0), out, err)

    return run


@pytest.fixture
def connected(alice: StubService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Attached]]:
    """Opens terminals with ``uartsim console connect vm1`` in them."""
    runtime = tmp_path_factory.mktemp("r")
    there: list[Attached] = []

    def connect(*options: str) -> Attached:
        there.append(Attached(runtime, sys.executable, "-m", "uartsim", "console", "connect", "vm1", *options))
        return there[-1]

    yield connect
    for attached in there:
        attached.close()
