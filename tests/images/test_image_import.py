"""A user's own disk is copied into the store, exactly, and is only read."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.images.store_rig import DISK, entries, kept, store
from uartsim.errors import UartsimError, UsageError
from uartsim.images.image_copy import copy_disk, hash_disk, ignore_moved
from uartsim.images.image_import import import_image
from uartsim.images.image_store import StoredImage, find_image, list_images

__all__ = ["store"]

pytestmark = pytest.mark.needs("qemu-img")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A user's disk, of which nothing may be changed."""
    path = tmp_path / "my.img"
    path.write_bytes(DISK)
    path.chmod(0o444)
    return path


def imported(path: Path, said: list[str] | None = None, name: str = "mine") -> StoredImage:
    return import_image(path, name, (said if said is not None else []).append)


def test_a_disk_is_copied_exactly_and_only_read(store: Path, disk: Path) -> None:
    before = disk.stat()
    moved: list[tuple[int, int | None]] = []
    image = import_image(disk, "mine", print, lambda *far: moved.append(far))
    assert image.path.read_bytes() == DISK
    assert (image.kind, image.format, image.source) == ("imported", "raw", str(disk))
    assert image.sha256 == hashlib.sha256(DISK).hexdigest()
    assert image.key == image.sha256[:32]
    assert len(entries(store)) == 2
    assert moved[-1] == (len(DISK), len(DISK))
    after = disk.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (before.st_mode, before.st_mtime_ns, before.st_size)
    found = find_image("mine")
    assert found is not None
    assert found.path == image.path


def test_holes_stay_holes(store: Path, disk: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.img"
    large.write_bytes(DISK)
    os.truncate(large, 1 << 28)
    image = imported(large)
    assert image.file_bytes == 1 << 28
    assert image.disk_bytes <= 1 << 20


def test_the_same_disk_again_is_found_and_another_of_the_name_is_refused(store: Path, disk: Path) -> None:
    image = imported(disk)
    said: list[str] = []
    assert imported(disk, said).path == image.path
    assert said[-1] == f"the same disk is in the store already, as {image.path}"
    disk.chmod(0o600)
    disk.write_bytes(DISK + b"newer")
    with pytest.raises(UsageError) as refused:
        imported(disk)
    assert str(refused.value) == (
        f"another image is called mine (imported from {disk}): give another name with --name, "
        "or remove that one with 'uartsim images remove mine'"
    )
    kept(name="built")
    with pytest.raises(UsageError, match="another image is called built"):
        imported(disk, name="built")
    assert len(list_images()) == 2


def test_a_damaged_copy_is_made_again_from_the_same_disk(store: Path, disk: Path) -> None:
    image = imported(disk)
    os.truncate(image.path, 1000)
    with pytest.raises(UartsimError, match=r"remove it with .*, and import it again from"):
        find_image("mine")
    said: list[str] = []
    assert imported(disk, said).path.read_bytes() == DISK
    assert any("is damaged" in text and text.endswith("it is copied again") for text in said)


def test_what_is_no_disk_is_refused(store: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for name, content, what in (
        ("empty", b"", "is empty: copy or download it again"),
        ("zeros", bytes(10_000), "is not a disk: it has no partition table, no boot code and no file system"),
        ("text", b"a text\n" * 1000, "is not a disk"),
        ("xz", b"\xfd7zXZ\0" * 100, "unpack it first"),
        ("half", b"QFI\xfb\0\0\0\3", "is truncated"),
        ("vhdx", b"vhdxfile" + bytes(1000), "vhdx"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UartsimError, match=what):
            imported(tmp_path / name)
    for path, what in (
        (tmp_path / "none", "there is no file"),
        (tmp_path, "is a folder, not an image file"),
        (fifo, "is a FIFO, not an image file"),
        (Path("/dev/null"), "is a device, not an image file"),
        (Path("a\0b"), "there is no file"),
        (Path("x" * 300), "cannot be read: File name too long"),
    ):
        with pytest.raises(UsageError, match=what):
            imported(path)
    assert list_images() == []


def test_a_disk_that_changes_meanwhile_is_refused(store: Path, disk: Path) -> None:
    def change(done: int, total: int | None) -> None:
        os.utime(disk, (0, 0))

    with pytest.raises(UsageError, match="has been changed while it was copied: end the program that uses it first"):
        import_image(disk, "mine", print, change)
    assert entries(store) == []


def test_without_room_nothing_is_copied(store: Path, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uartsim.images.disk_room.free_bytes", lambda own: 1000)
    with pytest.raises(UartsimError, match=r"importing .* needs about .* has 1 kB free"):
        imported(disk)
    assert entries(store) == []


@pytest.mark.needs("qemu-img")
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("qcow2", ["-O", "qcow2"]),
        ("qcow2", ["-O", "qcow2", "-o", "compat=0.10"]),
        ("vmdk", ["-O", "vmdk"]),
        ("vmdk", ["-O", "vmdk", "-o", "subformat=streamOptimized"]),
        ("vhd", ["-O", "vpc", "-o", "force_size=on"]),
        ("vhd", ["-O", "vpc", "-o", "subformat=fixed,force_size=on"]),
        ("vhdx", ["-O", "vhdx"]),
    ],
)
def test_disks_of_other_formats_are_recognised_with_their_size(
    store: Path, disk: Path, tmp_path: Path, suffix: str, options: list[str]
) -> None:
    even = tmp_path / "even.img"
    even.write_bytes(DISK)
    os.truncate(even, 1 << 21)
    other = tmp_path / "other"
    subprocess.run(["qemu-img", "convert", "-f", "raw", *options, even, other], check=True)
    image = imported(other)
    assert (image.format, image.size_bytes) == (suffix, 1 << 21)
    assert image.path.read_bytes() == other.read_bytes()


@pytest.mark.needs("qemu-img")
def test_a_disk_that_is_only_a_part_of_one_is_refused(store: Path, disk: Path, tmp_path: Path) -> None:
    over, outside, base = tmp_path / "over", tmp_path / "outside", tmp_path / "outside.raw"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", disk, over], check=True)
    outside_options = f"data_file={base},data_file_raw=on"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", outside_options, outside, "1M"], check=True)
    with pytest.raises(UsageError, match=r"a part of its content in other files \(.*my\.img\): make one image of them"):
        imported(over)
    with pytest.raises(UsageError, match=r"a part of its content in other files \(.*outside\.raw\)"):
        imported(outside)


pieces = st.lists(st.tuples(st.booleans(), st.integers(1, 9000)), max_size=8)


@given(pieces)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_any_content_is_copied_exactly(tmp_path: Path, pieces: list[tuple[bool, int]]) -> None:
    content = b"".join((b"\x07" if full else b"\0") * count for full, count in pieces)
    (tmp_path / "source").write_bytes(content)
    (tmp_path / "target").write_bytes(b"")
    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("r+b") as target:
        assert copy_disk(source.fileno(), target.fileno(), ignore_moved) == hashlib.sha256(content).hexdigest()
        assert hash_disk(target.fileno(), ignore_moved) == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "target").read_bytes() == content
