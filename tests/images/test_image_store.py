"""Images in the store: made once, whole or not there at all, and checked at each use."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.images.store_rig import DISK, KEY, entries, kept, make, never, store
from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import content_hash
from uartsim.images.image_check import look_over
from uartsim.images.image_locks import name_lock
from uartsim.images.image_records import FORMATS, BadRecordError, check_name, draft_of, name_of, read_record
from uartsim.images.image_store import find_image, findings, list_images, open_store, remove_image, stored_image
from uartsim.own_files.folder import open_own

__all__ = ["store"]

FILES = [f"box-{KEY}.json", f"box-{KEY}.raw"]


def quietly(text: str) -> None:
    pass


def test_an_image_is_made_once_and_described(store: Path) -> None:
    image = kept()
    assert entries(store) == FILES
    assert image.path == store / f"box-{KEY}.raw"
    assert image.path.read_bytes() == DISK
    assert stat.S_IMODE(image.path.stat().st_mode) == 0o600
    assert (image.name, image.format, image.kind, image.source) == ("box", "raw", "built", "a test")
    assert (image.size_bytes, image.file_bytes) == (len(DISK), len(DISK))
    assert image.disk_bytes == image.path.stat().st_blocks * 512
    assert image.sha256 == hashlib.sha256(DISK).hexdigest()
    said: list[str] = []
    again = kept(said, never)
    assert (again.path, again.sha256, again.made_at) == (image.path, image.sha256, image.made_at)
    assert said == []
    assert [found.stem for found in list_images()] == [image.stem]


def test_the_room_needed_is_said_before_it_is_made(store: Path) -> None:
    said: list[str] = []

    def making(draft: Path) -> None:
        assert len(said) == 1
        make(draft)

    kept(said, making, needs=1_234_567)
    assert said[0].startswith(f"building the image box needs about 1.23 MB of disk; {store} has ")


def test_without_room_nothing_is_begun_and_what_to_do_is_said(store: Path) -> None:
    with pytest.raises(UartsimError, match=r"needs about 900 TB, .* free: make room there.*XDG_CACHE_HOME"):
        kept(make=never, needs=9 * 10**14)
    assert entries(store) == []


@pytest.mark.parametrize("error", [UartsimError("no"), ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
@pytest.mark.parametrize("has_begun", [False, True])
def test_what_fails_leaves_nothing(store: Path, error: BaseException, has_begun: bool) -> None:
    def failing(draft: Path) -> None:
        if has_begun:
            draft.write_bytes(b"half")
            (tree := Path(f"{draft}.tree")).mkdir()
            (tree / "file").write_bytes(b"half")
        raise error

    with pytest.raises(type(error)):
        kept(make=failing)
    assert entries(store) == []
    assert find_image("box") is None


def test_a_failed_rebuild_leaves_the_image_that_was_there(store: Path) -> None:
    def failing(draft: Path) -> None:
        draft.write_bytes(b"half")
        raise UartsimError("no")

    kept()
    with pytest.raises(UartsimError, match="no"):
        kept(make=failing, rebuild=True)
    assert entries(store) == FILES
    kept(make=never)


def test_a_rebuild_replaces_the_image(store: Path) -> None:
    first = kept()
    second = kept(make=lengthen, rebuild=True)
    assert first.sha256 != second.sha256
    assert entries(store) == FILES
    assert kept(make=never).sha256 == second.sha256


def test_a_progress_that_raises_gives_up_without_a_trace(store: Path) -> None:
    class GivenUp(Exception):
        pass

    def progress(text: str) -> None:
        raise GivenUp

    with pytest.raises(GivenUp):
        stored_image("box", KEY, make, progress, format="raw", source="", expected_bytes=1)
    assert entries(store) == []


def test_what_a_killed_process_has_left_goes_even_of_other_names(store: Path) -> None:
    kept()
    (store / f".box-{KEY}.4711").write_text("half")
    (store / f".box-{content_hash(b'earlier')}.4711").write_text("half")
    (store / f".box-{KEY}.4711.tree").mkdir()
    (store / f".box-{KEY}.4711.tree" / "file").write_text("half")
    (store / f".box-2-{KEY}.4712.json").write_text("half")
    kept(name="third")
    assert entries(store) == sorted([*FILES, *(name.replace("box", "third") for name in FILES)])


def test_the_draft_of_a_process_that_still_runs_stays(store: Path) -> None:
    kept()
    draft = store / f".other-{KEY}.4711"
    draft.write_text("half")
    with open_store() as own, name_lock(own, "other", quietly):
        kept(name="third")
        assert draft.exists()
    kept(name="third", rebuild=True)
    assert not draft.exists()


def test_files_that_are_not_the_stores_stay(store: Path) -> None:
    kept()
    for name in ("thesis.txt", ".box", ".box-1.2", "box.raw", f"box-{KEY}.txt", f"box-{KEY[:-1]}.raw"):
        (store / name).write_text("ten years")
    kept(rebuild=True)
    remove_image("box")
    assert len(entries(store)) == 6


# -- damage -------------------------------------------------------------------------------------------------


def cut(file: Path) -> None:
    os.truncate(file, 600)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def change(file: Path) -> None:
    file.write_bytes(DISK[:-1] + b"!")


def lengthen(file: Path) -> None:
    file.write_bytes(DISK + b"x")


def lose(file: Path) -> None:
    file.unlink()


def open_to_others(file: Path) -> None:
    file.chmod(0o666)


def replace_by_link(file: Path) -> None:
    file.rename(file.parents[3] / "foreign")
    file.symlink_to(file.parents[3] / "foreign")


def replace_by_fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def record(file: Path) -> Path:
    return file.with_suffix(".json")


def lose_the_record(file: Path) -> None:
    record(file).unlink()


def cut_the_record(file: Path) -> None:
    os.truncate(record(file), 10)


def nest_the_record(file: Path) -> None:
    record(file).write_text("[" * 30_000)


def swell_the_record(file: Path) -> None:
    record(file).write_text(" " * 70_000 + record(file).read_text())


def link_the_record(file: Path) -> None:
    record(file).rename(file.parents[3] / "foreign.json")
    record(file).symlink_to(file.parents[3] / "foreign.json")


DAMAGE = [
    *(cut, empty, change, lengthen, lose, open_to_others, replace_by_link, replace_by_fifo),
    *(lose_the_record, cut_the_record, nest_the_record, swell_the_record, link_the_record),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_image_is_noticed_said_and_built_again(store: Path, damage: Callable[[Path], None]) -> None:
    image = kept()
    damage(image.path)
    with pytest.raises(UartsimError, match="the image box is damaged"):
        find_image("box")
    assert list_images() == []
    assert [bool(finding.problem) for finding in findings(check=True)] == [True]
    said: list[str] = []
    assert kept(said).sha256 == image.sha256
    assert next(text for text in said if "is damaged" in text).endswith("it is built again")
    assert image.path.read_bytes() == DISK
    assert not image.path.is_symlink()
    assert entries(store) == FILES
    kept(make=never)
    if damage is replace_by_link:
        assert (store.parents[2] / "foreign").read_bytes() == DISK


def test_what_to_do_about_a_damaged_image_is_said(store: Path) -> None:
    change(kept().path)
    with pytest.raises(UartsimError, match=r"its content has changed.*'uartsim images build box --rebuild'"):
        find_image("box")


def test_an_image_that_was_only_touched_is_read_once_and_kept(store: Path) -> None:
    image = kept()
    os.utime(image.path, (0, 0))
    said: list[str] = []
    assert kept(said, never).sha256 == image.sha256
    assert said == [f"checking the SHA-256 of {image.path}"]
    kept(said, never)
    assert len(said) == 1
    os.utime(image.path, (1, 1))
    found = find_image("box", said.append)
    assert found is not None
    assert found.mtime_ns == 10**9
    assert len(said) == 2


def test_the_content_is_checked_on_demand_even_if_the_times_are_right(store: Path) -> None:
    image = kept()
    times = os.stat(image.path)
    change(image.path)
    os.utime(image.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [finding.problem for finding in findings()] == [""]
    assert [finding.problem for finding in findings(check=True)] == ["its content has changed"]


# -- records that anybody may have written -------------------------------------------------------------------

WORDS = [
    "version",
    "name",
    "key",
    "format",
    "kind",
    "size_bytes",
    "file_bytes",
    "sha256",
    "source",
    "mtime_ns",
    "made_at",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(word=st.sampled_from(WORDS), value=json_values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_a_record_with_any_value_is_refused_or_names_a_file_in_the_store(store: Path, word: str, value: Any) -> None:
    kept()
    path = store / FILES[0]
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, word: value}))
    with open_own(str(store), "images", "x") as own:
        try:
            image = read_record(own, f"box-{KEY}")
        except BadRecordError:
            pass
        else:
            assert image.path.parent == store
            assert image.format == "raw"
        assert len(look_over(own)) == 1
    path.write_text(json.dumps(values))


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_a_record_of_any_bytes_is_damage_and_no_crash(store: Path, content: bytes) -> None:
    image = kept()
    record(image.path).write_bytes(content)
    assert list_images() == []
    assert len(findings()) == 1
    kept([])


# -- names --------------------------------------------------------------------------------------------------


@given(st.text(max_size=70) | st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True))
def test_a_name_that_is_allowed_is_a_file_name_and_comes_back_out_of_it(name: str) -> None:
    try:
        check_name(name)
    except UsageError:
        return
    assert Path(name).name == name
    assert not name.startswith(".")
    assert name_of(f"{name}-{KEY}") == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "A", "a b", "x" * 65, "a\n", "box.part", "box.json", "é"])
def test_a_name_that_cannot_be_is_refused(store: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of an image"):
        kept(name=name)
    with pytest.raises(UsageError):
        remove_image(name)
    assert not store.exists()


# -- finding and removing -----------------------------------------------------------------------------------


def test_reading_makes_no_store(store: Path) -> None:
    assert list_images() == []
    assert find_image("box") is None
    with pytest.raises(UsageError, match="there is no image 'box' in the store: 'uartsim images list'"):
        remove_image("box")
    assert not store.parent.exists()


def test_the_newest_image_of_a_name_is_found_and_all_are_removed(store: Path) -> None:
    kept()
    newer = kept(key=content_hash(b"another recipe"))
    os.utime(newer.path.with_suffix(".json"))
    for stem, made in ((KEY, 1), (newer.key, 2)):
        path = store / f"box-{stem}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "made_at": made}))
    kept(name="box-2")
    found = find_image("box")
    assert found is not None
    assert found.key == newer.key
    said: list[str] = []
    assert remove_image("box", said.append) > 0
    assert said[0].startswith("removed box, ")
    assert [image.name for image in list_images()] == ["box-2"]


def test_another_thread_that_wants_the_same_waits_and_takes_it(store: Path) -> None:
    made, said = [], []
    said_something = threading.Event()

    def slowly(draft: Path) -> None:
        made.append(draft)
        draft.touch()
        assert said_something.wait(30)
        make(draft)

    def wait(text: str) -> None:
        said.append(text)
        if text.startswith("waiting"):
            said_something.set()

    def want() -> None:
        stored_image("box", KEY, slowly, wait, format="raw", source="", expected_bytes=1)

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert f"waiting for another process ({os.getpid()}) that makes or removes the image box" in said


def test_a_store_in_a_foreign_folder_is_refused(store: Path) -> None:
    store.mkdir(parents=True, mode=0o700)
    (store / "thesis.txt").write_text("ten years")
    for use in (lambda: kept(), lambda: list_images(), lambda: remove_image("box")):
        with pytest.raises(UsageError, match="holds files that uartsim did not make"):
            use()
    assert os.listdir(store) == ["thesis.txt"]


def test_the_page_of_files_names_what_is_in_the_store(store: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "files.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| images |"))
    assert set(re.findall(r"`([a-z0-9]+)`", row.split("|")[3])) == set(FORMATS)
    words = {word.strip("`,;").replace("NAME", "box").replace("KEY", KEY).replace("PID", "12") for word in row.split()}
    assert set(filter(draft_of, words)) == {f".box-{KEY}.12", f".box-{KEY}.12.*"}
    assert {f"box-{KEY}.FORMAT", f"box-{KEY}.json", "box.lock", "box.part", "box.part.json"} <= words
