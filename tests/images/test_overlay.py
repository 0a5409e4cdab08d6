"""Private overlays: made, used, removed or kept, and what can go wrong."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from tests.images.small_disk import small_disk
from uartsim.errors import UartsimError, UsageError
from uartsim.images import overlay
from uartsim.images.nbd_client import open_disk
from uartsim.images.overlay import MOST_KEPT, base_of_kept, make_overlay

pytestmark = pytest.mark.needs("qemu-img")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this test's overlays."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "uartsim" / "overlays"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A raw disk."""
    return small_disk(tmp_path / "base, {x}.img")


def there(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def test_what_is_written_to_an_overlay_leaves_the_base_as_it_is(folder: Path, base: Path) -> None:
    before = base.read_bytes()
    made = make_overlay("box", base, "raw")
    with open_disk(made.path, "qcow2", writable=True) as disk:
        assert disk.read(0, len(before)) == before
        disk.write(512, b"changed")
    with open_disk(made.path, "qcow2") as disk:
        assert disk.read(510, 9) == before[510:512] + b"changed"
    assert base.read_bytes() == before
    made.remove()
    assert there(folder) == []


def test_overlay_is_for_this_user_only(folder: Path, base: Path) -> None:
    made = make_overlay("box", base, "raw")
    further = made.add_content("seed.iso", b"secret")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (made.path, further, made.path.parent, folder)]
    assert modes == [0o600, 0o600, 0o700, 0o700]
    made.remove()


def test_two_overlays_at_once_have_folders_of_their_own(folder: Path, base: Path) -> None:
    first, second = (make_overlay("a b/../c", base, "raw") for _ in range(2))
    assert first.path != second.path
    assert first.path.parent.parent == second.path.parent.parent == folder
    first.remove()
    assert second.path.exists()
    second.remove()
    assert there(folder) == []


def test_kept_overlay_says_how_to_use_it_and_knows_its_base(folder: Path, base: Path) -> None:
    made = make_overlay("box", base, "raw")
    said = made.keep()
    assert said == (
        f"the guest's disk is kept: boot it again with 'uartsim run {made.path}', or remove it: rm -r {made.path.parent}"
    )
    found = base_of_kept(made.path)
    assert found is not None
    assert (found.path, found.format) == (str(base), "raw")
    assert base_of_kept(base) is None


def test_base_that_has_changed_is_said(folder: Path, base: Path) -> None:
    kept, other = make_overlay("box", base, "raw"), make_overlay("box", base, "raw")
    kept.keep()
    os.utime(base, ns=(1, 1))
    with pytest.raises(
        UsageError, match=r"has been changed since the overlay on it was made, so .* does not fit it any more"
    ):
        base_of_kept(kept.path)
    assert "has been changed since the overlay on it was made; remove it" in other.keep()
    base.unlink()
    with pytest.raises(UsageError, match=r"cannot be found any more \(No such file or directory\)"):
        base_of_kept(kept.path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 2}', b'{"version": 1, "path": "x"}', b"[" * 60_000]
)
def test_kept_overlay_whose_record_is_damaged_is_a_sentence(folder: Path, base: Path, content: bytes) -> None:
    made = make_overlay("box", base, "raw")
    made.keep()
    (made.path.parent / "base.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"is damaged \(base\.json in its folder cannot be read\)"):
        base_of_kept(made.path)


def test_newest_overlays_are_kept(folder: Path, base: Path) -> None:
    used = make_overlay("used", base, "raw")
    kept = [make_overlay(f"box{number}", base, "raw") for number in range(MOST_KEPT + 1)]
    for number, made in enumerate(kept):
        made.keep()
        os.utime(made.path.parent, ns=(number + 1, number + 1))
    said: list[str] = []
    make_overlay("next", base, "raw", said.append).keep()
    names = {re.match(r"[a-z]+\d?", name)[0] for name in there(folder)}  # type: ignore[index]
    assert names == {"next", "used", *(f"box{number}" for number in range(1, MOST_KEPT + 1))}
    assert said == [f"the older overlay {kept[0].path.parent} is removed: the newest {MOST_KEPT} are kept"]
    used.remove()


def test_overlay_that_another_is_made_on_is_not_removed(folder: Path, base: Path) -> None:
    below = make_overlay("below", base, "raw")
    below.keep()
    os.utime(below.path.parent, ns=(1, 1))
    for _ in range(MOST_KEPT + 2):
        make_overlay("above", below.path, "qcow2").keep()
    assert below.path.exists()


def test_files_of_others_in_the_folder_stay(folder: Path, base: Path) -> None:
    made = make_overlay("box", base, "raw")
    made.keep()
    (made.path.parent / "mine.txt").write_text("mine")
    os.utime(made.path.parent, ns=(1, 1))
    for _ in range(MOST_KEPT + 1):
        make_overlay("next", base, "raw").keep()
    assert (made.path.parent / "mine.txt").read_text() == "mine"


def test_no_room_is_said_before_anything_is_made(folder: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "LEAST_ROOM_BYTES", 1 << 62)
    with pytest.raises(UartsimError, match=r"MB free, and what a guest writes to its disk goes there: make room"):
        make_overlay("box", base, "raw")
    assert there(folder) == []


def test_program_that_is_missing_or_fails_leaves_nothing(
    folder: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UartsimError, match=r"the private disk on .* cannot be made: .*"):
        make_overlay("box", base, "no-such-format")
    assert there(folder) == []
    with pytest.raises(UartsimError, match="No such file"):
        make_overlay("box", tmp_path / "none", "raw")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"the program qemu-img is missing.*apt-get install qemu-utils"):
        make_overlay("box", base, "raw")
    assert there(folder) == []
