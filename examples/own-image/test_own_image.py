"""The image that make-image.sh builds, booted once."""

from collections.abc import Callable

import pytest

from uartsim.blocking import Console


@pytest.fixture(scope="module")
def board(uartsim_factory: Callable[..., Console], pytestconfig: pytest.Config) -> Console:
    """The image at its shell's prompt, by the second entry of its menu."""
    console = uartsim_factory(timeout=120)
    assert console.grub.wait_for_menu() == ["Own Linux", "Own Linux, quiet"]
    console.grub.select("Own Linux, quiet")
    console.grub.boot()
    console.expect(r"own-image: up, release (\S+)\n", not_matching=["Kernel panic", "not found"])
    return console


def test_release(board: Console) -> None:
    assert "release 1.0" in board.text


def test_kernel_has_its_console(board: Console) -> None:
    assert "console=ttyS0,115200 quiet" in board.run("cat /proc/cmdline").output


def test_file_survives_the_line(board: Console) -> None:
    data = bytes(range(256)) * 16
    board.put_file(data, "/tmp-file")
    assert board.get_file("/tmp-file") == data
