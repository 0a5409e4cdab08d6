"""A disk image as a guest: what is taken for one, its name, and the options of its machine."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.images.small_disk import small_disk
from tests.images.store_rig import kept, store
from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.guest.guest_disk import named_image
from uartsim.guest.image_drive import DISKS, ImageDrive
from uartsim.guest.own_disk import disk_guest, with_machine

__all__ = ["store"]


@pytest.mark.needs("qemu-img")
@pytest.mark.parametrize("name", ["my disk.qcow2", "a,b={x}{{y}}.img", "\u00e9.raw", "-x"])
def test_path_of_a_file_is_a_guest_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    disk = small_disk(tmp_path / name)
    guest = find_guest(str(disk))
    assert (guest.kind, guest.folder, guest.options["memory_mb"]) == ("qemu", tmp_path, 1024)
    assert guest.description == f"the disk image {disk}"
    source = named_image(guest)
    assert (source.path, source.driver, source.firmware, source.device) == (disk, "raw", "bios", "virtio")
    monkeypatch.chdir(tmp_path)
    assert named_image(find_guest(f"./{name}")).path == disk


@pytest.mark.needs("qemu-img")
@pytest.mark.parametrize("device", [*DISKS])
def test_disk_is_first_unless_qemu_loads_a_kernel(tmp_path: Path, device: str) -> None:
    """QEMU gives its own kernel the boot index 0, and each index once."""
    disk = small_disk(tmp_path / "disk")
    for first in (True, False):
        words = ImageDrive("box", disk, "raw", firmware="bios", disk=device, first=first).arguments()
        assert [word.endswith(",bootindex=0") for word in words if "drive=" in word] == [first]


@pytest.mark.needs("qemu-img")
def test_name_of_an_image_in_the_store_is_a_guest(store: Path) -> None:
    image = kept(name="my-box")
    guest = find_guest("my-box")
    assert guest.name == "my-box"
    assert guest.description == "the image my-box of the store"
    assert guest.options["image"] == str(image.path)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("debian 12.qcow2", "debian-12"),
        ("9front.iso", "disk-9front"),
        ("\u00e9\u00e9.img", "disk"),
        ("...img", "disk"),
        ("x" * 99 + ".img", "x" * 48),
    ],
)
def test_guest_is_named_after_its_file(tmp_path: Path, name: str, called: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    guest = disk_guest(str(tmp_path / name))
    assert guest is not None
    assert guest.name == called


@given(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=60))
def test_any_name_of_a_file_gives_a_name_that_a_machine_can_have(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"d{os.getpid()}" / f"{name[:50]}.i"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    guest = disk_guest(str(path))
    assert guest is not None
    assert re.fullmatch(r"[A-Za-z_+.-][\w.+-]*", guest.name, re.ASCII)
    path.unlink()


def test_named_pipe_is_refused_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is a named pipe, not a disk image: write what comes from it to a file"):
        find_guest(str(tmp_path / "pipe"))


def test_block_device_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.stat

    def device(path: Any, **options: Any) -> Any:
        if str(path) == "/dev/sdx":
            return os.stat_result((stat.S_IFBLK | 0o600, *[0] * 9))
        return real(path, **options)

    monkeypatch.setattr(os, "stat", device)
    with pytest.raises(UsageError, match="/dev/sdx is a block device: copy it into a file first"):
        disk_guest("/dev/sdx")


@pytest.mark.parametrize("text", ["", "no-such-image", "\0", "~nobody-has-this-name/x"])
def test_what_is_no_disk_is_left_to_others(store: Path, text: str) -> None:
    assert disk_guest(text) is None
    with pytest.raises(UartsimError):
        find_guest(text)


def test_file_that_is_missing_or_empty_is_a_sentence(tmp_path: Path) -> None:
    assert disk_guest(str(tmp_path)) is None  # a folder may be a guest's
    with pytest.raises(UsageError, match=r"there is no file .*/none\.qcow2"):
        find_guest(str(tmp_path / "none.qcow2"))
    (tmp_path / "empty.img").touch()
    with pytest.raises(UsageError, match=r"empty\.img is empty: copy or download it again"):
        named_image(find_guest(str(tmp_path / "empty.img")))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"firmware": "best"}, "firmware is 'best': use auto or bios or uefi"),
        ({"net": ""}, "net is '': use none or user"),
        ({"disk": 1}, "disk is 1: use virtio or ide or scsi or nvme"),
        ({"memory": 15}, r"memory is 15: use a whole number from 16 to 1048576 \(in MiB\)"),
        ({"memory": 64.0}, r"memory is 64\.0: use a whole number"),
        ({"memory": True}, "memory is True"),
        ({"cores": 0}, "cores is 0: use a whole number from 1 to 64"),
        ({"cores": "2"}, "cores is '2'"),
        ({"writable": "yes"}, "writable is 'yes': use True or False"),
    ],
)
def test_value_that_is_not_possible_is_a_sentence(tmp_path: Path, given: dict[str, Any], why: str) -> None:
    (tmp_path / "disk").write_bytes(b"x")
    with pytest.raises(UsageError, match=why):
        with_machine(find_guest(str(tmp_path / "disk")), **given)


def test_options_change_the_machine_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"x")
    guest = find_guest(str(tmp_path / "disk"))
    assert with_machine(guest, firmware=None, net=None, writable=False) is guest
    changed = with_machine(guest, memory=64, cores=2, net="user", disk="ide", writable=True)
    expected = {"memory_mb": 64, "cores": 2, "net": "user", "disk": "ide", "writable": True}
    assert dict(changed.options) == {**guest.options, **expected}


def test_guest_without_the_option_says_so() -> None:
    with pytest.raises(UsageError, match="is of kind script: only a guest in QEMU has the option 'cores'"):
        with_machine(find_guest("demo"), cores=2)
    with pytest.raises(UsageError, match="does not boot from a disk image, so it has no option 'firmware'"):
        with_machine(find_guest("u-boot"), firmware="bios")
    with pytest.raises(UsageError, match="belongs to the store, and is never written to: copy the file"):
        with_machine(find_guest("debian-12"), writable=True)


@pytest.mark.needs("qemu-img")
def test_disk_that_this_user_may_not_write_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = small_disk(tmp_path / "disk")
    guest = with_machine(find_guest(str(disk)), writable=True)
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and may(path, mode))
    with pytest.raises(UsageError, match="cannot be written by this user: leave writable out"):
        named_image(guest)
