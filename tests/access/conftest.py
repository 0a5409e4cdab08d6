"""What every test of access gets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.access.attached import Attached
from tests.access.rig import make_guest_folder
from tests.access.tmux import Terminal


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


@pytest.fixture
def open_terminal(tmp_path: Path, runtime: Path) -> Iterator[Callable[[str], Terminal]]:
    """Opens terminals in tmux, each with a command in it."""
    terminals: list[Terminal] = []

    def make(command: str) -> Terminal:
        folder = tmp_path / f"t{len(terminals)}"
        folder.mkdir()
        terminals.append(Terminal(folder, runtime, command))
        return terminals[-1]

    yield make
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def attach(runtime: Path) -> Iterator[Callable[..., Attached]]:
    """Attaches to a machine."""
    there: list[Attached] = []

    def make(*arguments: str) -> Attached:
        there.append(Attached(runtime, sys.executable, "-m", "uartsim", "attach", *arguments))
        return there[-1]

    yield make
    for attached in there:
        attached.close()
