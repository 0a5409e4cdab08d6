"""What the images may take in all, which ones make room for others, and which ones never do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.images.store_rig import MBR, entries, kept, python, store
from tests.patience import patience
from uartsim.errors import UartsimError, UsageError
from uartsim.images.disk_room import DEFAULT_LIMIT, bytes_text, size_limit
from uartsim.images.image_import import import_image
from uartsim.images.image_locks import ImageHold
from uartsim.images.image_removal import age_text, remove_unused
from uartsim.images.image_store import StoredImage, list_images, open_store, remove_image

__all__ = ["store"]

pytestmark = pytest.mark.needs("qemu-img")

LARGE = b"x" * 100_000


def make_large(draft: Path) -> None:
    draft.write_bytes(MBR + LARGE)


def unused_for(image: StoredImage, days: float) -> StoredImage:
    """The image, last used so many days ago."""
    at = time.time() - days * 86400
    os.utime(image.path.with_suffix(".json"), (at, at))
    return image


def names() -> list[str]:
    return [image.name for image in list_images()]


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    """Two images of 100 kB, and not three."""
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", "250K")


def test_the_least_recently_used_image_makes_room(store: Path) -> None:
    unused_for(kept(make=make_large, name="older"), 3)
    unused_for(kept(make=make_large, name="old"), 4)
    said: list[str] = []
    kept(said, make_large, name="new")
    assert names() == ["new", "older"]
    assert said[-1].startswith("the image old of 10")
    assert said[-1].endswith(" kB, last used 4 days ago, is removed: all images may take 250 kB (UARTSIM_IMAGES_LIMIT)")
    assert len(entries(store)) == 4


def test_an_image_that_is_in_use_stays_until_it_is_not(store: Path) -> None:
    image = unused_for(kept(make=make_large, name="used"), 9)
    unused_for(kept(make=make_large, name="old"), 3)
    with ImageHold(image.path):
        kept(make=make_large, name="new")
        assert names() == ["new", "used"]
        with pytest.raises(UartsimError, match="the image used is in use by a running machine: 'uartsim list'"):
            remove_image("used")
        assert names() == ["new", "used"]
    remove_image("used")
    assert names() == ["new"]


def test_an_image_in_use_by_another_process_is_free_when_that_is_killed(store: Path) -> None:
    image = kept(make=make_large)
    user = python(
        store,
        "import sys; from pathlib import Path; from uartsim.images.image_locks import ImageHold;"
        f"hold = ImageHold(Path({str(image.path)!r})); print('held', flush=True); sys.stdin.read()",
    )
    assert user.stdout is not None
    assert user.stdout.readline() == "held\n"
    with ImageHold(image.path), pytest.raises(UartsimError, match="in use"):  # several may use it
        remove_image("box")
    with pytest.raises(UartsimError, match="in use"):
        remove_image("box")
    user.kill()
    user.communicate(timeout=patience(30))
    remove_image("box")


def test_holding_an_image_that_is_gone_is_an_error_and_other_files_need_no_hold(store: Path, tmp_path: Path) -> None:
    image = kept()
    remove_image("box")
    with pytest.raises(UartsimError, match="has just been removed"):
        ImageHold(image.path)
    mine = tmp_path / "mine.img"
    mine.touch()
    with ImageHold(mine):
        pass
    hold = ImageHold(kept().path)
    hold.close()
    hold.close()


def test_recently_used_and_imported_images_stay_and_the_excess_is_said(store: Path, tmp_path: Path) -> None:
    make_large(tmp_path / "mine.img")
    unused_for(import_image(tmp_path / "mine.img", "mine", print), 9)
    unused_for(kept(make=make_large, name="recent"), 0.001)
    said: list[str] = []
    kept(said, make_large, name="new")
    assert names() == ["mine", "new", "recent"]
    assert said[-1].startswith("the images take 3")
    assert said[-1].endswith("remove some with 'uartsim images remove NAME'")


def test_without_a_limit_all_stay(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", "none")
    for name in "abcd":
        unused_for(kept(make=make_large, name=name), 9)
    assert names() == list("abcd")


def test_images_unused_for_some_days_are_removed_on_demand_but_not_those_in_use_or_imported(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", "none")
    make_large(tmp_path / "mine.img")
    unused_for(import_image(tmp_path / "mine.img", "mine", print), 9)
    unused_for(kept(name="old"), 8)
    unused_for(kept(name="new"), 6)
    used = unused_for(kept(name="used"), 8)
    said: list[str] = []
    with ImageHold(used.path), open_store() as own:
        assert remove_unused(own, 7, said.append) == ["old"]
    assert names() == ["mine", "new", "used"]
    assert said == [said[0], "kept used: it is in use"]
    assert said[0].startswith("removed old, ")


@pytest.mark.parametrize(
    ("text", "limit"),
    [("", DEFAULT_LIMIT), ("none", None), ("5", 5), ("1.5k", 1500), ("20 GB", 20 * 10**9), ("2T", 2 * 10**12)],
)
def test_the_limit_is_a_number_with_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, limit: int | None) -> None:
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", text)
    assert size_limit() == limit


@pytest.mark.parametrize("text", ["much", "-1G", "1e9", "5X", "G", "١G", "1" * 5000])
def test_another_limit_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", text)
    with pytest.raises(UsageError, match=r"UARTSIM_IMAGES_LIMIT=.* is not a size: use a number"):
        size_limit()


@given(st.integers(0, 10**15 - 10**12))
def test_sizes_for_people_are_right_to_three_digits(count: int) -> None:
    number, unit = bytes_text(count).split()
    value = float(number) * {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    assert abs(value - count) <= 0.0051 * count
    assert 0 <= float(number) < 1000
    assert len(number) <= 4


def test_ages_for_people() -> None:
    now = time.time()
    ages = [age_text(now - seconds) for seconds in (-5, 30, 60, 7200, 86400, 200_000)]
    assert ages == ["just now", "just now", "1 minute ago", "2 hours ago", "1 day ago", "2 days ago"]
