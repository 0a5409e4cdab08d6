"""The disk that a guest boots from: an overlay on its image, removed at the end and kept after a failure."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import trio

from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.guest_disk import GuestDisk, continued
from uartsim.images import build
from uartsim.images.overlay import MOST_KEPT, discard_overlay
from uartsim.machine import GuestEnd

pytestmark = pytest.mark.needs("mke2fs", "e2fsck", "debugfs", "qemu-img")


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GuestDefinition:
    """A guest whose image is a small file system instead of a Debian."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tree = tmp_path / "tree" / "etc"
    tree.mkdir(parents=True)
    (tree / "fstab").touch()
    image = tmp_path / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(tree.parent), str(image), "8M"], check=True)

    class Built:
        path, format = image, "raw"

    monkeypatch.setattr(build, "build_image", lambda recipe, folder, progress: Built())
    return find_guest("debian-12-cloud-init")


def overlays(tmp_path: Path) -> list[Path]:
    return [*(tmp_path / "state" / "uartsim" / "overlays").glob("debian-12-cloud-init-*")]


def with_options(guest: GuestDefinition, **options: Any) -> GuestDefinition:
    return replace(guest, options=MappingProxyType({**guest.options, **options}))


async def _run(disk: GuestDisk, said: list[str], end: GuestEnd | Exception) -> GuestEnd:
    words = disk.open(said.append)
    assert any("id=uartsim-image" in word for word in words)
    assert any("overlays" in word for word in disk.placed(words))
    await trio.lowlevel.checkpoint()
    if isinstance(end, Exception):
        raise end
    return end


def test_overlay_is_removed_when_the_guest_has_ended_well(guest: GuestDefinition, tmp_path: Path) -> None:
    said: list[str] = []
    disk = GuestDisk(with_options(guest, edit=["/etc/issue=:box"]), restored=False)
    assert disk.account == ("debian", "debian")
    end = trio.run(disk.during, _run(disk, said, GuestEnd("poweroff")), said.append)
    assert end.reason == "poweroff"
    assert said == ["looking into the file system of the disk", "/etc/issue: made, mode 0644, 4 bytes"]
    assert overlays(tmp_path) == []


def test_overlay_is_kept_and_named_when_the_guest_has_failed(guest: GuestDefinition, tmp_path: Path) -> None:
    said: list[str] = []
    disk = GuestDisk(guest, restored=False)
    trio.run(disk.during, _run(disk, said, GuestEnd("failed", 1, "")), said.append)
    [folder] = overlays(tmp_path)
    assert said == [
        f"the guest's disk is kept: boot it again with 'uartsim run {folder}/disk.qcow2', or remove it: rm -r {folder}"
    ]
    disk = GuestDisk(guest, restored=False)
    with pytest.raises(UartsimError, match="broken"):
        trio.run(disk.during, _run(disk, said, UartsimError("broken")), said.append)
    assert len(said) == len(overlays(tmp_path)) == 2


def test_overlay_is_removed_when_the_machine_is_stopped(guest: GuestDefinition, tmp_path: Path) -> None:
    said: list[str] = []

    async def run(disk: GuestDisk) -> GuestEnd:
        disk.open(said.append)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep_forever()
        raise AssertionError

    async def main() -> None:
        disk = GuestDisk(guest, restored=False)
        with trio.move_on_after(0.1):
            await disk.during(run(disk), said.append)

    trio.run(main)
    assert said == []
    assert overlays(tmp_path) == []


def test_change_that_is_not_possible_leaves_no_overlay(guest: GuestDefinition, tmp_path: Path) -> None:
    disk = GuestDisk(with_options(guest, edit=["/etc=:x"]), restored=False)
    with pytest.raises(UsageError, match="is a folder there"):
        disk.open(lambda text: None)
    assert overlays(tmp_path) == []


def test_guest_without_a_disk_has_no_arguments() -> None:
    disk = GuestDisk(find_guest("u-boot"), restored=False)
    assert disk.open(print) == []
    assert disk.placed(["a"]) == ["a"]
    assert disk.account is None


def test_snapshot_and_changes_exclude_each_other(guest: GuestDefinition) -> None:
    GuestDisk(guest, restored=True)
    with pytest.raises(UsageError, match="a snapshot goes on from a boot: leave one out"):
        GuestDisk(with_options(guest, grub={"GRUB_TIMEOUT": 0}), restored=True)


def test_image_that_is_a_cd_is_put_into_a_drive_for_cds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    image = tmp_path / "cd.iso"
    image.write_bytes(bytes(1 << 20))

    class Built:
        path, format = image, "iso"

    monkeypatch.setattr(build, "build_image", lambda recipe, folder, progress: Built())
    words = GuestDisk(find_guest("debian-installer"), restored=False).open(lambda text: None)
    (drive,) = (word for word in words if "id=uartsim-image" in word)
    assert {f"file={image}", "format=raw", "media=cdrom", "readonly=on"} <= set(drive.split(","))
    assert "ide-cd,drive=uartsim-image,bootindex=0" in words


def test_image_of_the_users_is_a_guest_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    image = tmp_path / "my disk.img"
    image.write_bytes((b"\xeb\xfeGRUB").ljust(446, b"\0") + b"\x80" + bytes(3) + b"\x83" + bytes(11))
    with image.open("r+b") as file:
        file.seek(446 + 8)
        file.write((2048).to_bytes(4, "little") + (2048).to_bytes(4, "little"))
        file.seek(510)
        file.write(b"\x55\xaa")
        file.truncate(4 << 20)
    guest = find_guest(str(image))
    assert (guest.name, guest.kind) == ("my-disk", "qemu")
    disk = GuestDisk(guest, restored=False)
    words = disk.open(lambda text: None)
    assert f"file={image},format=raw,if=none,id=uartsim-image" in words
    monkeypatch.chdir(tmp_path)
    assert find_guest("my disk.img").options["image"] == str(image)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UartsimError):
        GuestDisk(find_guest("text"), restored=False).open(lambda text: None)


def test_guest_without_a_disk_starts_without_the_modules_for_disks() -> None:
    code = (
        "import sys; from uartsim.guest.catalogue import find_guest; from uartsim.guest.start_checks import check_start\n"
        "check_start(find_guest('demo')); print(*(name for name in sys.modules if name.startswith('uartsim.images.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["uartsim.images.recipe"]


def test_an_overlay_with_an_owner_is_kept_however_many_others_come(guest: GuestDefinition, tmp_path: Path) -> None:
    async def one(owner: str) -> Path | None:
        disk, found = GuestDisk(guest, restored=False), list[Path | None]()

        async def run() -> GuestEnd:
            disk.open(lambda text: None)
            found.append(disk.reserve(owner) if owner else None)
            return GuestEnd("failed")

        await disk.during(run(), lambda text: None)
        return found[0]

    async def main() -> None:
        path = await one("somebody's machine")
        assert path is not None
        for _ in range(MOST_KEPT + 2):
            await one("")
        assert path.is_file()
        assert len(overlays(tmp_path)) == MOST_KEPT + 2  # the owner's, and one that came after the last were counted
        assert continued(guest, path).options["image"] == str(path)
        discard_overlay(path)
        assert not path.parent.exists()
        discard_overlay(tmp_path / "disk.img")
        assert (tmp_path / "disk.img").is_file()

    trio.run(main)
