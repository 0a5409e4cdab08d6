"""The folder of the state: whose it is, and what is said of what cannot be used."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from uartsim.errors import UartsimError
from uartsim.service.serving.state_folder import AUTHORITY, DATABASE, TOKEN_KEY, StateFolder


def test_a_second_user_of_the_folder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    place = str(tmp_path / "state")
    with (
        StateFolder(place),
        pytest.raises(UartsimError, match=r"another 'uartsim serve' \(process \d+\) uses the state"),
    ):
        StateFolder(place)
    StateFolder(place).close()


def test_what_it_holds_is_for_this_user_only(tmp_path: Path) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        state.database()
        state.write(TOKEN_KEY, b"key")
        state.announce("https://localhost:1")
        assert state.read(TOKEN_KEY) == b"key"
        assert state.read(AUTHORITY) is None
    folder = tmp_path / "state"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert not (folder / "connection.toml").exists()


def test_what_is_written_replaces_what_was_there_and_a_draft_that_was_left(tmp_path: Path) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        (tmp_path / "state" / f".{TOKEN_KEY}.new").write_bytes(b"half")
        state.write(TOKEN_KEY, b"first")
        state.write(TOKEN_KEY, b"second")
        assert state.read(TOKEN_KEY) == b"second"


def test_a_folder_or_a_link_in_the_place_of_a_file_is_said(tmp_path: Path) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        (tmp_path / "state" / DATABASE).mkdir()
        (tmp_path / "elsewhere").write_bytes(b"precious")
        (tmp_path / "state" / TOKEN_KEY).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(
            UartsimError, match=r"state.sqlite cannot be opened \(Is a directory\): give another folder"
        ):
            state.database()
        with pytest.raises(UartsimError, match=r"token-key.pem cannot be read \(it is a symbolic link\)"):
            state.read(TOKEN_KEY)
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_each_reset_sets_the_state_aside_under_a_new_name(tmp_path: Path) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        assert state.reset() is None
        for number in (1, 2):
            state.database().write_bytes(b"%d" % number)
            (tmp_path / "state" / f"{DATABASE}-wal").write_bytes(b"w%d" % number)
            assert state.reset() == f"{tmp_path}/state/{DATABASE}.{number}"
            assert (tmp_path / "state" / f"{DATABASE}.{number}").read_bytes() == b"%d" % number
            assert (tmp_path / "state" / f"{DATABASE}.{number}-wal").read_bytes() == b"w%d" % number
            assert not state.has(DATABASE)


def test_a_pipe_in_the_place_of_the_lock_is_said_and_left(tmp_path: Path) -> None:
    StateFolder(str(tmp_path / "state")).close()
    lock = tmp_path / "state" / "lock"
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(UartsimError, match="lock is not a regular file: move it out of the way"):
        StateFolder(str(tmp_path / "state"))
    assert lock.is_fifo()


def test_a_full_disk_is_said_with_the_remedy_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with StateFolder(str(tmp_path / "state")) as state:
        monkeypatch.setattr(state.folder, "write_new", full)
        with pytest.raises(UartsimError, match=r"cannot be written \(No space left on device\): give another folder"):
            state.write(TOKEN_KEY, b"key")
