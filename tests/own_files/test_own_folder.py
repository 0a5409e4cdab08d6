"""A folder of ours: whose it has to be, what its mark says, and what is done in it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.folder import MARK, OwnFolder, open_own

STRANGER = 12345


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnFolder]:
    with open_own(str(tmp_path / "ours"), "cache", "give another") as folder:
        yield folder


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_folder_is_made_with_those_above_it_for_this_user_alone(tmp_path: Path) -> None:
    with open_own(str(tmp_path / "a" / "b" / "c"), "cache", "x") as own:
        assert own.is_marked()
        assert not os.get_inheritable(own.fd)
        assert own.path == str(tmp_path / "a" / "b" / "c")
        assert own.what == "cache"
        assert os.path.samestat(os.fstat(own.fd), os.stat(own.path))
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_leaving_lets_go_of_the_folder_once(tmp_path: Path) -> None:
    before = open_files()
    with open_own(str(tmp_path / "ours"), "cache", "x") as own:
        assert open_files() == before + 1
    assert open_files() == before
    assert own.fd < 0
    own.close()


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_own(str(tmp_path / "none"), "cache", "x", reading=True)
    (tmp_path / "empty").mkdir()
    with open_own(str(tmp_path / "empty"), "cache", "x", reading=True) as own:
        assert not own.is_marked()
    assert sorted(os.listdir(tmp_path)) == ["empty"]
    assert os.listdir(tmp_path / "empty") == []


def test_what_cannot_be_made_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"the cache folder .*/file/a cannot be made \(.*\): give another"):
        open_own(str(tmp_path / "file" / "a"), "cache", "give another")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EDQUOT])
@pytest.mark.parametrize("function", ["mkdir", "open", "write"])
def test_a_full_disk_is_not_the_folders_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "no more")

    before = open_files()
    monkeypatch.setattr(os, function, refuse)
    with pytest.raises(OSError, match="no more") as caught:
        open_own(str(tmp_path / "ours"), "cache", "x")
    monkeypatch.undo()
    assert not isinstance(caught.value, UsageError)
    assert open_files() == before


def test_a_refusal_to_write_the_mark_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(UsageError, match=r"the cache folder .*ours cannot be written \(Read-only file system\): x"):
        open_own(str(tmp_path / "ours"), "cache", "x")


@pytest.mark.parametrize(
    ("make", "why"),
    [(Path.symlink_to, r"it is a link or a file|it is a symbolic link"), (Path.write_text, "it is a link or a file")],
)
def test_a_link_or_a_file_is_not_a_folder_of_ours(tmp_path: Path, make: object, why: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    make(tmp_path / "ours", str(tmp_path / "elsewhere"))  # type: ignore[operator]
    with pytest.raises(UsageError, match=rf"the cache folder .* \(({why})\): give another"):
        open_own(str(tmp_path / "ours"), "cache", "give another")
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.needs("root")
def test_another_users_folder_is_not_ours(tmp_path: Path) -> None:
    before = open_files()
    (tmp_path / "his").mkdir(mode=0o755)
    os.chown(tmp_path / "his", STRANGER, STRANGER)
    with pytest.raises(UsageError, match=r"the cache folder .* \(it belongs to user 12345\): give another"):
        open_own(str(tmp_path / "his"), "cache", "give another")
    assert open_files() == before


@pytest.mark.parametrize("wide", [0o720, 0o702])
def test_a_folder_that_others_can_write_to_is_refused_and_left_as_it_is(tmp_path: Path, wide: int) -> None:
    before = open_files()
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours").chmod(wide)
    with pytest.raises(UsageError, match=rf"others can write to the cache folder .* \(mode {wide:04o}\).*chmod go-w"):
        open_own(str(tmp_path / "ours"), "cache", "x")
    assert mode(tmp_path / "ours") == wide
    assert open_files() == before


def test_what_is_not_ours_is_named_up_to_three(tmp_path: Path) -> None:
    before = open_files()
    for name, said in (
        ("a", r"\(a\)"),
        ("b", r"\(a, b\)"),
        ("c\n", r"\(a, b, 'c\\n'\)"),
        ("d", r"\(a, b, 'c\\n' and 1 more\)"),
        ("e", r"\(a, b, 'c\\n' and 2 more\)"),
    ):
        (tmp_path / name).write_text("")
        with pytest.raises(UsageError, match=said):
            open_own(str(tmp_path), "cache", "x")
    assert open_files() == before


def test_what_an_earlier_version_made_gets_its_mark(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("")
    with open_own(str(tmp_path), "cache", "x", earlier=lambda folder: set(folder.names()) - {"old"}) as own:
        assert own.is_marked()
        assert own.names() == ["old"]


def test_a_mark_of_another_users_or_open_to_others_is_not_one(own: OwnFolder) -> None:
    mark = Path(own.path) / MARK
    mark.chmod(0o620)
    assert not own.is_marked()
    mark.chmod(0o640)
    assert own.is_marked()
    mark.rename(mark.with_name("moved"))
    mark.symlink_to("moved")
    assert not own.is_marked()


@pytest.mark.needs("root")
def test_a_mark_that_a_stranger_owns_is_not_one(own: OwnFolder) -> None:
    mark = Path(own.path) / MARK
    os.chown(mark, STRANGER, -1)
    assert not own.is_marked()
    mark.write_bytes(b"")
    with pytest.raises(FileExistsError):
        own.mark()


def test_the_mark_says_what_the_folder_is_for(own: OwnFolder) -> None:
    mark = Path(own.path) / MARK
    assert mark.read_text() == "uartsim cache folder\nuartsim removes and replaces files of its own here.\n"
    before = mark.stat()
    own.mark()
    assert mark.stat() == before
    files = open_files()
    assert own.is_marked()
    assert open_files() == files


def test_the_mark_goes_only_with_the_last_file(own: OwnFolder) -> None:
    own.write_new("file", b"")
    own.unmark_if_empty()
    assert own.is_marked()
    own.remove("file")
    own.unmark_if_empty()
    assert os.listdir(own.path) == []
    own.unmark_if_empty()


def test_a_file_is_made_for_this_user_alone_and_never_through_a_link(own: OwnFolder) -> None:
    files = open_files()
    own.write_new("file", b"x" * 100_000)
    assert (Path(own.path) / "file").read_bytes() == b"x" * 100_000
    assert mode(Path(own.path) / "file") == 0o600
    with pytest.raises(FileExistsError):
        own.write_new("file", b"y")
    os.symlink("file", "link", dir_fd=own.fd)
    with pytest.raises(OSError, match="symbolic link"):
        own.open("link", os.O_RDONLY)
    assert stat.S_ISLNK(own.state("link").st_mode)
    assert own.names() == ["file", "link"]
    fd = own.open("file", os.O_RDONLY)
    assert not os.get_inheritable(fd)
    os.close(fd)
    assert open_files() == files


def test_a_write_in_pieces_is_whole_and_one_that_fails_leaves_nothing(
    own: OwnFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:3])))
    own.write_new("file", b"0123456789")
    assert (Path(own.path) / "file").read_bytes() == b"0123456789"

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    files = open_files()
    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(OSError, match="no space"):
        own.write_new("other", b"0")
    assert own.names() == ["file"]
    assert open_files() == files


def test_what_replaces_a_file_is_on_the_disk_first(own: OwnFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    files = open_files()
    own.write_new("file", b"old")
    own.write_new("draft", b"new")
    synced: list[tuple[os.stat_result, list[str]]] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append((os.fstat(fd), own.names())))
    own.replace("draft", "file")
    assert (Path(own.path) / "file").read_bytes() == b"new"
    draft, folder = synced
    assert os.path.samestat(draft[0], own.state("file"))
    assert draft[1] == ["draft", "file"]
    assert os.path.samestat(folder[0], os.fstat(own.fd))
    assert folder[1] == ["file"]
    assert open_files() == files


def test_a_use_is_noted_on_the_file_and_not_on_what_a_link_leads_to(own: OwnFolder) -> None:
    own.write_new("file", b"")
    os.symlink("file", "link", dir_fd=own.fd)
    for name in ("file", "link"):
        os.utime(name, (1, 1), dir_fd=own.fd, follow_symlinks=False)
    own.note_use("link")
    assert own.state("link").st_mtime > 1_000_000
    assert own.state("file").st_mtime == 1


def test_a_file_that_another_program_made_becomes_private(own: OwnFolder) -> None:
    files = open_files()
    own.write_new("file", b"")
    (Path(own.path) / "file").chmod(0o666)
    own.make_private("file")
    assert mode(Path(own.path) / "file") == 0o600
    assert open_files() == files


def test_a_pipe_of_our_files_name_does_not_hold_us_up(own: OwnFolder) -> None:
    files = open_files()
    os.unlink(MARK, dir_fd=own.fd)
    for name in ("pipe", MARK):
        os.mkfifo(name, dir_fd=own.fd)
    with pytest.raises(OSError, match="Invalid argument"):
        own.sync("pipe")
    own.make_private("pipe")
    assert not own.is_marked()
    with pytest.raises(FileExistsError):
        own.mark()
    assert open_files() == files


def test_a_folder_in_which_something_is_mounted_is_not_removed(own: OwnFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path(own.path) / "tree").mkdir()
    place = os.path.realpath(os.path.join(own.path, "tree"))
    monkeypatch.setattr(Path, "read_text", lambda self: f"36 35 98:0 / {place}/inside rw - ext3 /dev/root rw\n")
    with pytest.raises(OSError, match="something is mounted in it") as caught:
        own.remove("tree")
    assert caught.value.filename == os.path.join(own.path, "tree")
    monkeypatch.undo()
    own.remove("tree")
    assert own.names() == []


def test_an_entry_is_removed_whatever_it_is_and_a_folder_only_if_empty(own: OwnFolder) -> None:
    path = Path(own.path)
    (path / "tree" / "deep").mkdir(parents=True)
    (path / "tree" / "deep" / "file").write_text("")
    own.write_new("file", b"")
    os.symlink("tree", "link", dir_fd=own.fd)
    own.remove("link")
    assert (path / "tree" / "deep" / "file").exists()
    with pytest.raises(OSError, match="not empty"):
        own.remove_folder("tree")
    own.remove("tree")
    own.remove("file")
    (path / "empty").mkdir()
    own.remove_folder("empty")
    assert own.names() == []


def test_a_folder_inside_is_made_entered_and_refused_where_it_is_strange(own: OwnFolder) -> None:
    with own.enter("inner", "snapshot", lambda folder: False, "remove it") as inner:
        assert (inner.path, inner.what) == (os.path.join(own.path, "inner"), "snapshot")
        assert mode(inner.path) == 0o700
        inner.write_new("file", b"")
    files = open_files()
    with pytest.raises(UsageError, match=r"the snapshot folder .*/inner holds .* \(file\).*: remove it$"):
        own.enter("inner", "snapshot", lambda folder: False, "remove it")
    assert open_files() == files
    with own.enter("inner", "snapshot", lambda folder: folder.names() == ["file"], "x") as inner:
        assert inner.names() == ["file"]
    (Path(own.path) / "inner").chmod(0o702)
    with pytest.raises(UsageError, match=r"others can write to the snapshot folder .*/inner .*; if not, remove it"):
        own.enter("inner", "snapshot", lambda folder: True, "remove it")


def test_of_two_that_work_in_a_folder_one_waits_and_says_so(own: OwnFolder) -> None:
    with open_own(own.path, "cache", "x") as other:
        with (
            own.locked(),
            pytest.raises(UartsimError, match=r"the cache folder .* is in use by another process"),
            other.locked(0.0),
        ):
            pass
        with other.locked(0.0):
            pass
        with own.locked(shared=True), other.locked(0.0, shared=True):
            pass
        with own.locked(shared=True), pytest.raises(UartsimError, match="in use"), other.locked(0.01):
            pass
        with own.locked(), pytest.raises(UartsimError, match="in use"):
            open_own(own.path, "cache", "x", timeout_s=0.0)


def test_a_lock_is_taken_as_soon_as_it_is_free(own: OwnFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_own(own.path, "cache", "x") as other:
        fcntl.flock(other.fd, fcntl.LOCK_EX)
        waits = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                fcntl.flock(other.fd, fcntl.LOCK_UN)

        monkeypatch.setattr("time.sleep", sleep)
        with own.locked(60):
            pass
        assert len(waits) == 3
        assert 0 < max(waits) < 0.1


def test_a_file_system_without_locks_goes_without(own: OwnFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(fd: int, how: int) -> None:
        asked.append(how)
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with own.locked():
        pass
    assert asked == [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN]
