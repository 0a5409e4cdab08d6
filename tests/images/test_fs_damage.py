"""Damage done on purpose to a real ext4 file system."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from uartsim.errors import UartsimError
from uartsim.images.fs_damage import SharedBlocks

pytestmark = pytest.mark.needs("mke2fs", "e2fsck", "debugfs")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    for name in ("victim", "owner"):
        (root / name).write_text(f"{name}\n")
    image = tmp_path / "disk.img"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, image, "8M"], check=True, stdout=subprocess.DEVNULL)
    return image


def damage(disk: Path, victim: str, owner: str) -> list[str]:
    fd = os.open(disk, os.O_RDWR)
    try:
        return SharedBlocks(victim, owner)(fd, "the disk")
    finally:
        os.close(fd)


def test_what_a_boot_runs_does_not_repair_it_and_a_person_can(disk: Path) -> None:
    assert damage(disk, "/victim", "/owner") == [
        "the disk: /victim claims the blocks of /owner; the file system is marked as faulty"
    ]
    assert subprocess.run(["e2fsck", "-p", disk], capture_output=True).returncode & 4  # errors left (e2fsck(8))
    assert subprocess.run(["e2fsck", "-fy", disk], capture_output=True).returncode == 1  # repaired
    assert subprocess.run(["e2fsck", "-fn", disk], capture_output=True).returncode == 0


def test_file_that_is_not_there_is_named(disk: Path) -> None:
    with pytest.raises(UartsimError, match="not found"):
        damage(disk, "/victim", "/nobody")
