"""What every guest must do."""

import pytest

from uartsim.blocking import Console

pytestmark = pytest.mark.uartsim(timeout=120)


def test_shell(console: Console) -> None:
    console.login("root", "toor")
    assert console.run("id -u").output == "0\n"
    assert console.run("false").status == 1


def test_terminal(console: Console) -> None:
    console.login("root", "toor")
    console.resize(40, 132)
    assert console.run("stty size").output == "40 132\n"
