"""Files in the cache: used only if they are whole and ours, and never in the way of another user."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.file_cache import cache_folder, kept_file
from uartsim.own_files.folder import MARK
from uartsim.own_files.places import is_ours

CONTENT = "what it takes\n" * 100
NOBODY = 65534


def make(draft: Path) -> None:
    draft.write_text(CONTENT)


def never(draft: Path) -> None:
    raise AssertionError("it is there")


def kept(folder: Path, said: list[str] | None = None, make: Callable[[Path], None] = make) -> Path:
    return kept_file("sort", "0" * 32, ".so", make, (said if said is not None else []).append, folder)


def cut(file: Path) -> None:
    os.truncate(file, 64)


def empty(file: Path) -> None:
    file.write_text("")


def change(file: Path) -> None:
    file.write_text(CONTENT.replace("what", "that", 1))


def lengthen(file: Path) -> None:
    file.write_text(CONTENT + "x")


def give_away(file: Path) -> None:
    os.chown(file, NOBODY, NOBODY)


def open_to_others(file: Path) -> None:
    file.chmod(0o666)


def replace_by_link(file: Path) -> None:
    file.unlink()
    (file.parent.parent / "foreign").write_text(CONTENT)
    file.symlink_to(file.parent.parent / "foreign")


def replace_by_fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def lose_the_sum(file: Path) -> None:
    Path(f"{file}.sum").unlink()


def cut_the_sum(file: Path) -> None:
    os.truncate(f"{file}.sum", 10)


@pytest.mark.parametrize(
    "damage",
    [
        *(cut, empty, change, lengthen, open_to_others, replace_by_link, replace_by_fifo, lose_the_sum, cut_the_sum),
        pytest.param(give_away, marks=pytest.mark.needs("root")),
    ],
)
def test_what_is_damaged_or_foreign_is_noticed_made_anew_and_said_once(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    file = kept(tmp_path / "cache")
    assert kept(tmp_path / "cache", make=never) == file
    damage(file)
    said: list[str] = []
    assert kept(tmp_path / "cache", said) == file
    assert said == [f"{file} is damaged, or not of this version: it is rebuilt"]
    assert file.read_text() == CONTENT
    assert (file.is_symlink(), file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (False, os.geteuid(), 0o600)
    kept(tmp_path / "cache", said, never)
    assert len(said) == 1
    if damage is replace_by_link:
        assert (tmp_path / "foreign").read_text() == CONTENT


def test_what_a_killed_process_had_begun_goes(tmp_path: Path) -> None:
    file = kept(tmp_path / "cache")
    (file.parent / f".{file.name}.4711").write_text("half")
    (file.parent / f".{file.name}.4711.abcd").mkdir()
    (file.parent / f".{file.name}.4711.abcd" / "boot").write_text("half")
    cut(file)
    kept(tmp_path / "cache")
    assert sorted(os.listdir(file.parent)) == [MARK, file.name, f"{file.name}.lock", f"{file.name}.sum"]


def test_an_old_file_of_other_inputs_goes_with_all_that_is_its_own_and_nothing_else(tmp_path: Path) -> None:
    old = kept(tmp_path)
    (tmp_path / "sort-thesis.txt").write_text("ten years")
    (tmp_path / "sort-00.so.txt").write_text("ten years")
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    new = kept_file("sort", "1" * 32, ".so", make, print, tmp_path)
    assert not old.exists()
    assert sorted(os.listdir(tmp_path)) == sorted(
        [MARK, "sort-00.so.txt", "sort-thesis.txt", new.name, f"{new.name}.lock", f"{new.name}.sum"]
    )


def test_many_at_once_after_damage_make_it_once(tmp_path: Path) -> None:
    cut(kept(tmp_path / "cache"))
    made = []

    def slowly(draft: Path) -> None:
        made.append(draft)
        make(draft)

    threads = [threading.Thread(target=kept, args=(tmp_path / "cache", [], slowly)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_a_cache_of_an_earlier_version_is_taken_over_and_its_files_made_anew(tmp_path: Path) -> None:
    (tmp_path / f"port-bridge-{'a' * 32}.so").write_text("of an earlier version")
    (tmp_path / f"sort-{'0' * 32}.so").write_text("of an earlier version")
    (tmp_path / f"sort-{'0' * 32}.so.lock").touch()
    (tmp_path / "run").mkdir()
    assert kept(tmp_path).read_text() == CONTENT
    assert (tmp_path / MARK).is_file()


def test_a_folder_with_a_users_files_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years")
    with pytest.raises(
        UsageError, match=r"cache folder .* holds files that uartsim did not make \(thesis.txt\).*XDG_CACHE"
    ):
        kept(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_a_cache_that_others_can_write_to_is_refused_even_if_the_file_is_there(tmp_path: Path) -> None:
    kept(tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match=f"others can write .*chmod go-w {tmp_path}"):
        kept(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o777


def test_a_cache_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "disk")
    assert kept(tmp_path / "cache").parent == tmp_path / "disk"


@pytest.mark.parametrize("home", ["relative", "./here", "."])
def test_a_relative_variable_counts_as_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    assert cache_folder() == tmp_path / "home" / ".cache" / "uartsim"
    monkeypatch.setenv("HOME", home)
    assert cache_folder().is_absolute()
    assert tmp_path not in cache_folder().parents


@pytest.mark.needs("root")
def test_the_home_of_root_is_not_that_of_a_user_who_has_it_in_his_environment(tmp_path: Path) -> None:
    """As after ``su`` without ``-``."""
    (tmp_path / "roots").mkdir()
    (tmp_path / "his").mkdir()
    os.chown(tmp_path / "his", NOBODY, NOBODY)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)  # pytest's, which he has to pass through
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        found = [is_ours(str(tmp_path / name)) for name in ("roots", "roots/new", "his", "his/new", "new")]
        os.write(write, repr([*found, is_ours("/tmp/uartsim-new")]).encode())
        os._exit(0)
    os.waitpid(process, 0)
    assert os.read(read, 100) == b"[False, False, True, True, False, True]"


@pytest.mark.needs("root")
class TestAnotherUsersCache:
    @pytest.fixture(autouse=True)
    def his(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The home of another user, as it is in root's environment after ``sudo -E``."""
        his = tmp_path / "his"
        his.mkdir()
        os.chown(his, NOBODY, NOBODY)
        monkeypatch.setenv("HOME", str(his))
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        return his

    def test_his_home_stays_as_it_is(self, his: Path) -> None:
        assert his not in cache_folder().parents
        assert list(his.iterdir()) == []

    def test_what_is_to_be_made_in_his_home_is_not(self, his: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(his / "new" / "cache"))
        assert his not in cache_folder().parents

    def test_a_folder_of_roots_that_he_could_replace_is_not_trusted(self, his: Path) -> None:
        (his / ".cache").mkdir()
        assert his not in cache_folder().parents

    def test_it_is_said_once(self, his: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(his))
        monkeypatch.setattr("uartsim.own_files.places._home", lambda: str(tmp_path / "ours"))
        monkeypatch.setattr("uartsim.file_cache._told", set())
        said: list[str] = []
        for _ in range(2):
            kept_file("sort", "0" * 32, ".so", make, said.append)
        ours = tmp_path / "ours" / ".cache" / "uartsim"
        assert said == [f"{his}/uartsim belongs to user nobody: files that are built are kept in {ours}"]
        assert stat.S_IMODE(ours.stat().st_mode) == 0o700

    def test_a_library_of_his_is_not_used(self, his: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("uartsim.own_files.places._home", lambda: str(tmp_path / "ours"))
        file = kept_file("sort", "0" * 32, ".so", make, print, tmp_path / "made")
        (his / ".cache").mkdir()
        file.parent.rename(his / ".cache" / "uartsim")
        for path in (his / ".cache", *(his / ".cache").rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        assert kept_file("sort", "0" * 32, ".so", make, print).is_relative_to(tmp_path / "ours")
        with pytest.raises(UsageError, match=re.escape("(it belongs to nobody)")):
            kept_file("sort", "0" * 32, ".so", make, print, his / ".cache" / "uartsim")
