"""Files that the user names as outputs: new ones, and those that replace one of ours."""

from __future__ import annotations

import errno
import os
import resource
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from uartsim.errors import UsageError
from uartsim.own_files.outputs import NewFile, check_distinct, check_outputs, replace_output, write_new_output


def ours(content: bytes) -> bool:
    return content.startswith(b"ours")


def write_new(file: BinaryIO) -> None:
    file.write(b"ours: new")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_new_file_has_the_mode_it_is_given(tmp_path: Path) -> None:
    for mode in (0o600, 0o640):
        file = NewFile(str(tmp_path / f"{mode:o}"), "trace", mode)
        assert stat.S_IMODE(os.fstat(file.fd).st_mode) == mode
        assert not os.get_inheritable(file.fd)
        os.write(file.fd, b"x")
        os.close(file.fd)
        assert (tmp_path / f"{mode:o}").read_bytes() == b"x"


def test_what_is_there_or_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(UsageError, match=r"^the trace .*/there exists: remove it or give another file$"):
        NewFile(str(tmp_path / "there"), "trace")
    with pytest.raises(UsageError, match=r"^the trace shown exists: "):
        NewFile(str(tmp_path / "there"), "trace", shown="shown")
    with pytest.raises(UsageError, match=r"^the trace .*/none/file cannot be made \(No such file or directory\)"):
        NewFile(str(tmp_path / "none" / "file"), "trace")
    assert (tmp_path / "there").read_text() == "mine"


def test_a_discarded_file_is_gone(tmp_path: Path) -> None:
    file = NewFile(str(tmp_path / "file"), "trace")
    file.discard()
    os.close(file.fd)
    assert os.listdir(tmp_path) == []


def test_an_output_is_checked_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_outputs({"trace": str(tmp_path / "file"), "record": "other"})
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UsageError, match="the trace link exists: remove it"):
        check_outputs({"record": "other", "trace": "link"})
    with pytest.raises(UsageError, match=r"the trace none/file cannot be made \(there is no folder none\)"):
        check_outputs({"trace": "none/file"})
    with pytest.raises(UsageError, match=r"--record and --vcd are the same file, file: give each a file of its own"):
        check_outputs({"record": str(tmp_path / "file"), "trace": "other", "vcd": "file"})
    assert os.listdir(tmp_path) == ["link"]


def test_one_file_by_two_names_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    check_distinct({"a": tmp_path / "one", "b": tmp_path / "two"})
    with pytest.raises(UsageError, match="--a and --b are the same file"):
        check_distinct({"a": tmp_path / "real", "b": tmp_path / "link"})


def test_an_output_is_written_where_there_is_none_with_the_users_mode(tmp_path: Path) -> None:
    files = open_files()
    for umask, mode in ((0o027, 0o640), (0, 0o666)):
        before = os.umask(umask)
        try:
            replace_output(str(tmp_path / "picture"), "picture", ours, write_new)
        finally:
            os.umask(before)
        assert (tmp_path / "picture").read_bytes() == b"ours: new"
        assert stat.S_IMODE((tmp_path / "picture").stat().st_mode) == mode
    assert os.listdir(tmp_path) == ["picture"]
    assert open_files() == files


def test_one_of_ours_is_replaced_and_a_link_to_it_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "picture").write_bytes(b"ours: old")
    (tmp_path / "link").symlink_to("real/picture")
    replace_output(str(tmp_path / "link"), "picture", ours, write_new)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "picture").read_bytes() == b"ours: new"
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]
    assert os.listdir(tmp_path / "real") == ["picture"]


def test_what_is_not_ours_is_not_replaced(tmp_path: Path) -> None:
    files = open_files()
    (tmp_path / "mine").write_bytes(b"mine")
    os.mkfifo(tmp_path / "pipe")
    for name, is_ours in (("mine", ours), ("pipe", lambda content: True)):
        with pytest.raises(UsageError, match=rf"/{name} exists and is not a picture .*: remove it"):
            replace_output(str(tmp_path / name), "picture", is_ours, write_new)
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(UsageError, match=r"the picture .*/dangling cannot be replaced \(No such file"):
        replace_output(str(tmp_path / "dangling"), "picture", ours, write_new)
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert len(os.listdir(tmp_path)) == 3
    assert open_files() == files


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_an_output_that_fails_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    files = open_files()
    (tmp_path / "picture").write_bytes(b"ours: old")

    def fail(file: BinaryIO) -> None:
        file.write(b"ours: ne")
        raise error

    with pytest.raises((UsageError, KeyboardInterrupt)) as caught:
        replace_output(str(tmp_path / "picture"), "picture", ours, fail)
    if isinstance(error, OSError):
        assert "picture cannot be written (No space left): give another file" in str(caught.value)
    assert (tmp_path / "picture").read_bytes() == b"ours: old"
    assert os.listdir(tmp_path) == ["picture"]
    assert open_files() == files


def test_an_output_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append((os.fstat(fd).st_size, os.listdir(tmp_path))))
    replace_output(str(tmp_path / "picture"), "picture", ours, write_new)
    assert synced == [(9, [f".picture.{os.getpid()}"])]


def test_new_output_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write_new_output(str(path), "picture", b"x" * 300_000)
    assert path.read_bytes() == b"x" * 300_000
    with pytest.raises(UsageError, match=f"the picture {path} exists: remove it or give another file"):
        write_new_output(str(path), "picture", b"y")
    assert path.read_bytes() == b"x" * 300_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(UsageError, match=r"cannot be written \(File too large\): give another file"):
            write_new_output(str(tmp_path / "large"), "picture", b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "large").exists()
