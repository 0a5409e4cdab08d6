"""``uartsim run`` at a person's terminal, where the guest goes on from a snapshot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.attached import Attached
from tests.access.rig import RunningMachine, running, uartsim, wait_until

BOOT_S = 120.0

pytestmark = pytest.mark.needs("gcc", guest="linux")


@pytest.fixture
def terminal(runtime: Path, saved: Path) -> Iterator[Attached]:
    """A terminal with a machine that goes on from the snapshot."""
    attached = Attached(
        runtime, sys.executable, "-m", "uartsim", "run", "linux", "--name", "again", "--restore", str(saved)
    )
    yield attached
    attached.close()


@pytest.fixture
def saved(runtime: Path, tmp_path: Path) -> Path:
    """A snapshot of a Linux at its login prompt, made by ``uartsim save``."""
    with running(runtime, "linux", "box", "--registers") as machine:
        wait_until(lambda: at_login(machine), "the login prompt", BOOT_S)
        uartsim(runtime, "save", "box", str(tmp_path / "saved"))
    return tmp_path / "saved"


def at_login(machine: RunningMachine) -> bool:
    return str(machine.ask("history")).endswith("login: ")


def test_terminal_of_a_restored_machine_shows_the_last_lines_before_anything_is_typed(
    runtime: Path, terminal: Attached
) -> None:
    terminal.expect(b"login: ", BOOT_S)
    terminal.wait_raw()
    assert uartsim(runtime, "history", "again").stdout.endswith("login: ")
    terminal.send(b"root\r")
    terminal.expect(b"Password: ")
