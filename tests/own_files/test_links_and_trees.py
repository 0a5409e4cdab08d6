"""Links that we make and take back; trees that are removed, but for what is mounted in them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from uartsim.own_files import trees
from uartsim.own_files.links import is_link, make_link, remove_link
from uartsim.own_files.trees import remove_tree


def test_a_link_is_ours_while_it_leads_where_we_made_it_lead(tmp_path: Path) -> None:
    link = str(tmp_path / "link")
    make_link("/dev/pts/7", link)
    assert os.readlink(link) == "/dev/pts/7"
    assert is_link(link, "/dev/pts/7")
    assert not is_link(link, "/dev/pts/8")
    remove_link(link, "/dev/pts/8")
    assert os.path.lexists(link)
    remove_link(link, "/dev/pts/7")
    assert not os.path.lexists(link)
    assert not is_link(link, "/dev/pts/7")
    remove_link(link, "/dev/pts/7")
    assert not is_link("a\0b", "c")


def test_a_link_is_not_made_over_anything(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError):
        make_link("/dev/pts/7", str(tmp_path / "mine"))


@pytest.mark.needs("root")
def test_a_strangers_link_is_not_ours(tmp_path: Path) -> None:
    link = str(tmp_path / "link")
    make_link("/dev/pts/7", link)
    os.lchown(link, 12345, 12345)
    assert not is_link(link, "/dev/pts/7")
    remove_link(link, "/dev/pts/7")
    assert os.path.lexists(link)


def mounts(monkeypatch: pytest.MonkeyPatch, *places: str) -> None:
    """What /proc/self/mountinfo says, with these places mounted."""
    lines = [f"36 35 98:0 /of/{number} {place} rw - ext3 /dev/root rw" for number, place in enumerate(places)]
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self: "\n".join(lines) if str(self) == "/proc/self/mountinfo" else read(self)
    )


def tree(folder: Path) -> Path:
    (folder / "a tree" / "deep").mkdir(parents=True)
    (folder / "a tree" / "deep" / "file").write_text("")
    return folder / "a tree"


@pytest.mark.parametrize("inside", ["", "/deep", "/deep/er"])
def test_a_tree_in_which_something_is_mounted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    doomed = tree(tmp_path)
    mounts(monkeypatch, "/", f"{doomed}{inside}".replace(" ", "\\040"))
    with pytest.raises(OSError, match="something is mounted in it") as caught:
        remove_tree(str(doomed))
    assert caught.value.errno == errno.EBUSY
    assert caught.value.filename == str(doomed)
    assert (doomed / "deep" / "file").exists()


def test_a_mount_beside_it_does_not_keep_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    doomed = tree(tmp_path)
    mounts(monkeypatch, "/", str(tmp_path), f"{doomed}2".replace(" ", "\\040"), f"{tmp_path}/a")
    remove_tree(str(doomed))
    assert os.listdir(tmp_path) == []


def test_where_mounts_cannot_be_read_a_tree_goes_and_where_they_make_no_sense_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(self: Path) -> str:
        raise FileNotFoundError

    def senseless(self: Path) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")

    doomed = tree(tmp_path)
    monkeypatch.setattr(Path, "read_text", senseless)
    with pytest.raises(OSError, match="something is mounted"):
        remove_tree(str(doomed))
    monkeypatch.setattr(Path, "read_text", unreadable)
    remove_tree(str(doomed))
    assert os.listdir(tmp_path) == []


def test_a_tree_is_removed_by_its_name_in_an_open_folder(tmp_path: Path) -> None:
    files = len(os.listdir("/proc/self/fd"))
    doomed = tree(tmp_path)
    fd = os.open(tmp_path, os.O_RDONLY)
    remove_tree(str(doomed), doomed.name, fd)
    os.close(fd)
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == files


def test_a_tree_that_is_too_deep_is_an_error_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_deep(name: str, dir_fd: int | None) -> None:
        raise RecursionError

    monkeypatch.setattr(trees, "_remove_tree", too_deep)
    with pytest.raises(OSError, match="nested too deeply") as caught:
        remove_tree(str(tmp_path))
    assert caught.value.errno == errno.ELOOP
    assert caught.value.filename == str(tmp_path)


def test_a_pipe_is_not_a_tree(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotADirectoryError):
        remove_tree(str(tmp_path / "pipe"))
