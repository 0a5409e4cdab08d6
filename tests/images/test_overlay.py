"""Private overlays: whom they belong to, how long they stay, and what becomes of them when their base changes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.images.nbd_client import open_disk
from uartsim.images.overlay import MOST_KEPT, base_of_kept, make_overlay, overlays_folder

pytestmark = pytest.mark.needs("qemu-img")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A raw disk; the state folder is the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "base,=: disk.img"
    path.write_bytes(b"base" * 4096)
    return path


def kept() -> list[str]:
    """The names of the overlays' folders."""
    return sorted(name for name in os.listdir(overlays_folder()) if name != ".uartsim")


def test_what_is_written_goes_to_the_overlay_and_the_base_stays(base: Path) -> None:
    before = base.read_bytes()
    made = make_overlay("guest", base, "raw")
    with open_disk(made.path, "qcow2", writable=True) as disk:
        assert disk.read(0, 8) == b"basebase"
        disk.write(0, b"ours")
        assert disk.read(0, 8) == b"oursbase"
    assert base.read_bytes() == before
    for path, mode in ((made.path, 0o600), (made.path.parent, 0o700), (Path(overlays_folder()), 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    made.remove()
    assert kept() == []


def test_kept_overlay_knows_its_base_and_says_how_to_use_it(base: Path) -> None:
    made = make_overlay("a guest/..", base, "raw")
    said = made.keep()
    assert f"uartsim run {made.path}" in said
    assert f"rm -r {made.path.parent}" in said
    found = base_of_kept(made.path)
    assert found is not None
    assert (found.path, found.format) == (str(base.resolve()), "raw")
    assert base_of_kept(base) is None


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_overlay_whose_base_has_changed_is_refused(base: Path, how: str) -> None:
    made = make_overlay("guest", base, "raw")
    if how == "changed":
        base.write_bytes(b"another")
    else:
        base.unlink()
    said = made.keep()
    assert str(base) in said
    assert "uartsim run" not in said
    with pytest.raises(UsageError, match=r"does not fit it any more.*rm -r"):
        base_of_kept(made.path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"{" * 9999, b'{"version": 1, "path": 3}', b"\xff"])
def test_damaged_overlay_is_a_sentence(base: Path, content: bytes) -> None:
    made = make_overlay("guest", base, "raw")
    made.keep()
    (made.path.parent / "base.json").write_bytes(content)
    with pytest.raises(UsageError, match="is damaged"):
        base_of_kept(made.path)
    make_overlay("guest", base, "raw").remove()  # the damaged one is not in the way


def test_only_the_newest_are_kept_but_none_in_use_and_none_that_another_is_made_on(base: Path) -> None:
    in_use = make_overlay("used", base, "raw")
    below = make_overlay("below", base, "raw")
    below.keep()
    make_overlay("upper", below.path, "qcow2").keep()
    os.utime(below.path.parent, (1, 1))
    os.utime(in_use.path.parent, (1, 1))
    said: list[str] = []
    for number in range(MOST_KEPT + 2):
        made = make_overlay(f"guest{number}", base, "raw", said.append)
        os.utime(made.path.parent, (100 + number, 100 + number))
        made.keep()
    names = [name.split("-")[0] for name in kept()]
    assert {"used", "below", "upper"} <= set(names)
    assert "guest0" not in names
    assert f"guest{MOST_KEPT + 1}" in names
    assert said
    assert all("is removed" in text for text in said)
    in_use.remove()


def test_folder_of_a_user_beside_the_overlays_stays(base: Path) -> None:
    made = make_overlay("guest", base, "raw")
    made.keep()
    (made.path.parent / "notes.txt").write_text("mine")
    os.utime(made.path.parent, (1, 1))
    for _ in range(MOST_KEPT + 1):
        make_overlay("guest", base, "raw").keep()
    assert (made.path.parent / "notes.txt").read_text() == "mine"


def test_no_room_is_said_before_anything_is_made(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = SimpleNamespace(f_bavail=100, f_frsize=4096)
    monkeypatch.setattr("uartsim.images.overlay.os.statvfs", lambda _: room)
    with pytest.raises(UartsimError, match=r"0 MB free.*make room"):
        make_overlay("guest", base, "raw")
    assert kept() == []


def test_failure_of_qemu_img_leaves_nothing(base: Path) -> None:
    with pytest.raises(UartsimError, match="cannot be made: "):
        make_overlay("guest", base, "qcow2")  # it is raw
    assert kept() == []


def test_missing_program_is_named_with_what_installs_it(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match=r"qemu-img is missing.*apt-get install qemu-utils"):
        make_overlay("guest", base, "raw")
