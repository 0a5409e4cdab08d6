"""The content of images through qemu-nbd: reading, writing, refusals, and that qemu-nbd ends with the block."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.images import nbd_client
from uartsim.images.nbd_client import DiskError, open_disk

pytestmark = pytest.mark.needs("qemu-img")
SIZE = 1 << 22


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An empty qcow2 image."""
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, str(SIZE)], check=True)
    return path


def servers(image: Path) -> list[str]:
    """The processes that have the image on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if os.fsencode(image) in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except OSError:
                continue
    return found


def test_what_was_written_is_read_when_the_image_is_opened_again(image: Path) -> None:
    with open_disk(image, "qcow2", writable=True) as disk:
        assert disk.size == SIZE
        disk.write(SIZE - 5, b"first")
        disk.flush()
        disk.write(100, b"second")
        assert servers(image)
    assert servers(image) == []
    with open_disk(image, "qcow2") as disk:
        assert disk.read(SIZE - 5, 100) == b"first"  # fewer bytes where the disk ends
        assert disk.read(98, 10) == b"\0\0second\0\0"
        assert disk.read(SIZE, 1) == b""


def test_long_transfers_are_split_into_requests(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbd_client, "LONGEST_REQUEST", 1000)
    data = bytes(range(251)) * 17
    with open_disk(image, "qcow2", writable=True) as disk:
        disk.write(77, data)
        assert disk.read(77, len(data)) == data


@pytest.mark.parametrize("offset", [-1, SIZE - 3, SIZE + 1])
def test_write_beyond_the_end_is_refused_and_changes_nothing(image: Path, offset: int) -> None:
    with open_disk(image, "qcow2", writable=True) as disk:
        with pytest.raises(DiskError, match="beyond the end"):
            disk.write(offset, b"four")
        assert not any(disk.read(0, SIZE))


def test_image_that_is_open_for_reading_is_not_written(image: Path) -> None:
    before = image.read_bytes()
    with open_disk(image, "qcow2") as disk, pytest.raises(DiskError, match="cannot be written"):
        disk.write(0, b"x")
    assert image.read_bytes() == before


def test_image_of_another_format_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4096))
    with pytest.raises(DiskError, match=r"cannot be opened as qcow2: .*not in qcow2 format"), open_disk(path, "qcow2"):
        pass
    assert servers(path) == []


def test_server_that_ends_is_an_error_of_the_disk(image: Path) -> None:
    with open_disk(image, "qcow2") as disk:
        (server,) = servers(image)
        os.kill(int(server), 9)
        with pytest.raises(DiskError, match="qemu-nbd does not answer"):
            disk.read(0, SIZE)


def test_missing_program_is_named_with_what_installs_it(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match=r"qemu-nbd is missing.*apt-get install qemu-utils"), open_disk(image, "qcow2"):
        pass
