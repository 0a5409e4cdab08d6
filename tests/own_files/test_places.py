"""Where this user's own files are, whatever the environment says, and whose folders are trusted on the way."""

from __future__ import annotations

import io
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from uartsim.own_files import places
from uartsim.own_files.places import cache_place, is_ours, runtime_place, user_name

STRANGER = 12345
HOME = os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, ".cache", "uartsim")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)


def test_a_user_is_called_by_name_or_by_number() -> None:
    assert user_name(0) == "root"
    assert user_name(STRANGER) == "user 12345"


def test_the_cache_is_where_the_environment_says_and_else_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_place() == HOME
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_place() == str(tmp_path / ".cache" / "uartsim")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_place() == str(tmp_path / "xdg" / "uartsim")
    assert cache_place(str(tmp_path / "first")) == str(tmp_path / "first")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_place() == str(tmp_path / ".cache" / "uartsim")
    assert cache_place("relative") == str(tmp_path / ".cache" / "uartsim")


def test_where_no_place_is_ours_the_users_home_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("HOME", "/home")
    monkeypatch.setattr(places, "is_ours", lambda path: False)
    assert cache_place() == HOME


def test_a_user_without_an_entry_has_the_root_for_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    monkeypatch.setattr(places, "is_ours", lambda path: True)
    assert cache_place() == "/.cache/uartsim"


def test_what_runs_is_where_the_session_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert runtime_place() == str(tmp_path / "uartsim")


def only(monkeypatch: pytest.MonkeyPatch, *folders: str) -> None:
    """A system with these folders only, all of this user's."""
    monkeypatch.setattr(os.path, "isdir", lambda path: path in folders)
    monkeypatch.setattr(places, "is_ours", lambda path: True)
    monkeypatch.setattr(places, "_is_private", lambda path: True)


def test_without_a_session_it_is_the_users_folder_in_run(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, f"/run/user/{os.geteuid()}", "/run")
    assert runtime_place() == f"/run/user/{os.geteuid()}/uartsim"


@pytest.mark.parametrize(("uid", "place"), [(0, "/run/uartsim"), (STRANGER, "/.cache/uartsim/run")])
def test_run_itself_is_for_root_alone(monkeypatch: pytest.MonkeyPatch, uid: int, place: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    only(monkeypatch, "/run")
    assert runtime_place() == place


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_session_folder_that_others_can_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    tmp_path.chmod(mode)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert not runtime_place().startswith(str(tmp_path))


@pytest.mark.needs("root")
def test_another_users_session_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "his").mkdir(mode=0o700)
    os.chown(tmp_path / "his", STRANGER, STRANGER)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "his"))
    assert not runtime_place().startswith(str(tmp_path))
    assert not places._is_private(str(tmp_path / "his"))


def owned(monkeypatch: pytest.MonkeyPatch, owners: dict[str, int], uid: int = STRANGER) -> None:
    """A system in which these folders exist, and everything is written /a/b/c."""
    monkeypatch.setattr(places, "_owner", owners.get)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os.path, "realpath", lambda path: path)
    monkeypatch.setattr(os, "access", lambda path, how: how == os.W_OK and path == "/writable")
    monkeypatch.setattr(places, "_unknown_owners", set)


@pytest.mark.parametrize(
    ("path", "owners", "found"),
    [
        ("a/b", {"a": STRANGER, "a/b": STRANGER}, False),  # not absolute
        ("/a/b", {"/": 0, "/a": STRANGER, "/a/b": STRANGER}, True),
        ("/a/b", {"/": 0, "/a": 0, "/a/b": STRANGER}, True),
        ("/a/b", {"/": 0, "/a": STRANGER}, True),  # to be made
        ("/a/b/c", {"/": 0, "/a": STRANGER}, True),
        ("/a/b", {"/": 0, "/a": 0}, False),  # cannot be made: root's
        ("/writable/b", {"/": 0, "/writable": 0}, True),
        ("/a/b", {"/": 0, "/a": STRANGER, "/a/b": 0}, False),  # root's
        ("/a/b", {"/": 0, "/a": 7, "/a/b": STRANGER}, False),  # within somebody else's
        ("/a/b/c", {"/": 0, "/a": 7, "/a/b": STRANGER, "/a/b/c": STRANGER}, False),
        ("/a/b", {"/": 7, "/a": 0, "/a/b": STRANGER}, False),
        ("/a/b/c", {"/": 0, "/a": 7}, False),
    ],
)
def test_a_folder_is_ours_if_nobody_but_root_owns_one_above(
    monkeypatch: pytest.MonkeyPatch, path: str, owners: dict[str, int], found: bool
) -> None:
    owned(monkeypatch, owners)
    assert is_ours(path) is found


def test_for_root_only_root_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    owned(monkeypatch, {"/": 0, "/a": 0, "/a/b": 0, "/his": 7, "/his/b": 0}, uid=0)
    assert is_ours("/a/b")
    assert not is_ours("/his/b")


@pytest.mark.needs("root")
def test_a_place_in_another_users_folder_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "his").mkdir()
    assert is_ours(str(tmp_path / "his" / "uartsim"))
    os.chown(tmp_path / "his", STRANGER, STRANGER)
    assert not is_ours(str(tmp_path / "his" / "uartsim"))
    assert not is_ours(str(tmp_path / "his"))


def test_a_link_is_followed_before_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real").mkdir()
    assert is_ours(str(tmp_path / "link" / "uartsim"))


@pytest.mark.parametrize(
    ("uid_map", "overflow", "trusted"),
    [
        ("         0          0 4294967295\n", "65534\n", set()),
        ("      1000       1000          1\n", "65534\n", {65534}),
        ("      1000       1000          1\n", "no number", set()),
    ],
)
def test_in_a_user_namespace_the_overflow_user_may_be_root(
    monkeypatch: pytest.MonkeyPatch, uid_map: str, overflow: str, trusted: set[int]
) -> None:
    files = {"/proc/self/uid_map": uid_map, "/proc/sys/kernel/overflowuid": overflow}
    opened: Callable[..., io.StringIO] = lambda path, encoding: io.StringIO(files[path])  # noqa: E731
    monkeypatch.setattr("builtins.open", opened)
    assert places._unknown_owners() == trusted


def test_a_folder_of_the_overflow_users_is_trusted_there(monkeypatch: pytest.MonkeyPatch) -> None:
    owned(monkeypatch, {"/": 65534, "/a": 65534, "/a/b": STRANGER})
    assert not is_ours("/a/b")
    monkeypatch.setattr(places, "_unknown_owners", lambda: {65534})
    assert is_ours("/a/b")
