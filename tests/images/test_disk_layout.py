"""Partition tables, GRUB in front of the root file system, and the EFI system partition: as others read them."""

from __future__ import annotations

import json
import struct
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from uartsim.errors import UartsimError
from uartsim.images.disk_layout import DiskLayout, layout_of, write_grub, write_table
from uartsim.images.efi_partition import write_esp
from uartsim.images.recipe import Recipe

IDENTITY = uuid.UUID("6a8f3c1e-1111-4222-8333-444455556666")
MIB = 1 << 20

pytestmark = pytest.mark.needs("sfdisk")


def make(disk: Path, layout: str, firmware: str) -> DiskLayout:
    found = layout_of(Recipe("debian", layout=layout, firmware=firmware, size_mb=64), IDENTITY)
    write_table(disk, found)
    return found


def table(disk: Path) -> dict[str, Any]:
    done = subprocess.run(["/sbin/sfdisk", "--json", str(disk)], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)["partitiontable"]
    return found


def test_a_gpt_has_the_partitions_of_debian_s_cloud_images(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    make(disk, "gpt", "both")
    found = table(disk)
    assert found["label"] == "gpt"
    assert found["id"] == str(IDENTITY).upper()
    numbers = [int(part["node"].removeprefix(str(disk))) for part in found["partitions"]]
    assert sorted(numbers) == [1, 14, 15]
    root = next(part for part in found["partitions"] if part["node"] == f"{disk}1")
    assert root["start"] * 512 == 34 * MIB
    assert (root["start"] + root["size"]) * 512 == 63 * MIB
    assert disk.stat().st_size == 64 * MIB
    assert disk.stat().st_blocks * 512 < MIB


@pytest.mark.parametrize(("firmware", "uses"), [("bios", ["grub", "root"]), ("uefi", ["esp", "root"])])
def test_a_disk_has_no_partition_for_a_firmware_that_does_not_boot_it(
    tmp_path: Path, firmware: str, uses: list[str]
) -> None:
    assert [part.use for part in make(tmp_path / "disk", "gpt", firmware).partitions] == uses


def test_an_mbr_has_one_bootable_partition(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    make(disk, "mbr", "bios")
    found = table(disk)
    assert found["label"] == "dos"
    assert [(part["start"], part["size"], part["type"], part["bootable"]) for part in found["partitions"]] == [
        (2048, 63 * 2048, "83", True)
    ]


@pytest.mark.parametrize(("layout", "sector"), [("mbr", 1), ("gpt", 2048)])
def test_grub_s_images_point_at_each_other(tmp_path: Path, layout: str, sector: int) -> None:
    disk = tmp_path / "disk"
    found = make(disk, layout, "bios")
    before = table(disk)
    boot, core = bytes([0xEB]) * 512, bytes(range(256)) * 6
    write_grub(disk, found, boot, core)
    written = disk.read_bytes()
    assert struct.unpack_from("<Q", written, 0x5C) == (sector,)
    assert struct.unpack_from("<Q", written, sector * 512 + 500) == (sector + 1,)
    assert written[sector * 512 + 512 : sector * 512 + len(core)] == core[512:]
    assert table(disk) == before


def test_a_core_image_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    found = make(tmp_path / "disk", "mbr", "bios")
    with pytest.raises(UartsimError, match="there is room for 1048064"):
        write_grub(tmp_path / "disk", found, bytes(512), bytes(MIB))


@pytest.mark.needs("mkfs.vfat", "mcopy")
def test_the_efi_system_partition_has_the_loader_and_two_are_bit_identical(tmp_path: Path) -> None:
    loader = tmp_path / "loader.efi"
    loader.write_bytes(b"MZ loader")
    disks = [tmp_path / "first", tmp_path / "second"]
    for disk in disks:
        esp = make(disk, "gpt", "uefi").partitions[0]
        write_esp(disk, esp.start, esp.size, loader, serial=0x1234ABCD, time=1_700_000_000)
    assert disks[0].read_bytes() == disks[1].read_bytes()
    place = f"{disks[0]}@@{MIB}"
    typed = subprocess.run(["mtype", "-i", place, "::/EFI/BOOT/BOOTX64.EFI"], capture_output=True, check=True)
    assert typed.stdout == b"MZ loader"
    listed = subprocess.run(["mdir", "-i", place, "::/EFI/BOOT"], capture_output=True, text=True, check=True).stdout
    assert "1234-ABCD" in listed
    assert "2023-11-14" in listed
