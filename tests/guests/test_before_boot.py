"""What is done to a guest's private disk before it boots, and what QEMU is told of it."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.guest.before_boot import BeforeBoot, read_before_boot, with_before_boot
from uartsim.guest.catalogue import find_guest
from uartsim.guest.image_drive import ImageDrive
from uartsim.guest.qemu import QemuGuest

pytestmark = pytest.mark.needs("mke2fs", "e2fsck", "debugfs", "qemu-img")


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk that is one ext4 file system, without a partition table; overlays are in the test's own folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tree = tmp_path / "tree" / "etc"
    tree.mkdir(parents=True)
    (tree / "fstab").touch()
    image = tmp_path / "disk.img"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(tree.parent), str(image), "8M"], check=True)
    return image


def drive_of(image: Path, before: BeforeBoot, disk: str = "virtio", *, writable: bool = False) -> ImageDrive:
    return ImageDrive("guest", image, "raw", firmware="bios", disk=disk, writable=writable, before=before)


def test_overlay_is_changed_and_the_seed_beside_it(image: Path, tmp_path: Path) -> None:
    before = read_before_boot({"edit": ["/etc/issue=:box"], "seed": "alice:secret"}, {"seed": "debian:debian"})
    assert before.seed is not None
    assert before.seed.user == "alice"
    sum_before = image.read_bytes()
    drive = drive_of(image, before)
    said: list[str] = []
    plain = drive.arguments()
    assert plain[-1] == "file=seed,if=virtio,format=raw,readonly=on,id=uartsim-seed"
    drive.prepare(said.append)
    assert said == ["looking into the file system of the disk", "/etc/issue: made, mode 0644, 4 bytes"]
    [folder] = (tmp_path / "state" / "uartsim" / "overlays").glob("guest-*")
    seed = folder / "seed.iso"
    assert drive.placed(plain)[-1] == f"file={seed},if=virtio,format=raw,readonly=on,id=uartsim-seed"
    assert seed.read_bytes() == before.seed.content
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600
    drive.release(keep=False)
    assert not folder.exists()
    assert image.read_bytes() == sum_before


def test_ignition_file_is_beside_the_overlay_too(image: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.ign"
    config.write_text('{"ignition": {"version": "3.3.0"}}')
    drive = drive_of(image, read_before_boot({"seed": str(config)}, {}))
    drive.prepare()
    [place] = (tmp_path / "state" / "uartsim" / "overlays").glob("guest-*/seed.ign")
    assert drive.placed(drive.arguments())[-2:] == ["-fw_cfg", f"name=opt/com.coreos/config,file={place}"]
    drive.release(keep=False)


def test_overlay_of_a_change_that_fails_is_removed(image: Path, tmp_path: Path) -> None:
    drive = drive_of(image, read_before_boot({"edit": ["/etc=:x"]}, {}))
    with pytest.raises(UsageError, match="is a folder there"):
        drive.prepare()
    assert [*(tmp_path / "state" / "uartsim" / "overlays").glob("guest-*")] == []


def test_seed_is_the_settings_unless_the_option_says_none() -> None:
    seed = read_before_boot({}, {"seed": "debian:pass"}).seed
    assert seed is not None
    assert (seed.user, seed.password) == ("debian", "pass")
    assert read_before_boot({"seed": "none"}, {"seed": "debian:pass"}) == BeforeBoot()
    assert read_before_boot({}, {}) == BeforeBoot()
    assert BeforeBoot().arguments() == []


def test_account_of_the_seed_is_the_guests() -> None:
    guest = find_guest("debian-12-cloud-init")
    assert QemuGuest(guest).account == ("debian", "debian")
    assert QemuGuest(with_before_boot(guest, seed="alice:secret")).account == ("alice", "secret")
    assert QemuGuest(with_before_boot(guest, seed="none")).account is None
    assert QemuGuest(find_guest("u-boot")).account is None


def test_guest_without_a_disk_has_no_such_options() -> None:
    for name, given in (
        ("edit", {"edit": "/etc/issue=:x"}),
        ("grub", {"grub": ["GRUB_TIMEOUT=1"]}),
        ("seed", {"seed": "a:b"}),
    ):
        with pytest.raises(UsageError, match=f"guest 'demo' has no disk: .* has the option '{name}'"):
            with_before_boot(find_guest("demo"), **given)
    assert with_before_boot(find_guest("demo"), edit=[], grub=None) == find_guest("demo")


def test_wrong_option_is_said_before_anything_is_started() -> None:
    with pytest.raises(UsageError, match="write it as GUESTPATH=FILE"):
        with_before_boot(find_guest("debian-12-cloud-init"), edit=("/etc/issue",))


def test_disk_without_an_overlay_cannot_be_changed(image: Path) -> None:
    before = read_before_boot({"grub": {"GRUB_TIMEOUT": 1}}, {})
    with pytest.raises(UsageError, match="a CD has none"):
        drive_of(image, before, "cd")
    with pytest.raises(UsageError, match="an image that the guest writes to itself has none"):
        drive_of(image, before, writable=True)
    with pytest.raises(UsageError, match="seed is not text"):
        read_before_boot({"seed": 3}, {})
