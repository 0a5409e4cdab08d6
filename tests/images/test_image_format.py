"""Files that a VMDK image names: none outside its folder is read, however its descriptor is written."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.images.image_format import image_format

DESCRIPTOR = b'# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'


@pytest.mark.parametrize(
    "line",
    [
        b'RW 8 FLAT "/etc/passwd" 0',
        b'  RW \t 8\v FLAT   "/etc/passwd" 0',
        b'RW +8 FLAT "/etc/passwd" 0',
        b'RW 8 FLAT "../outside" 0',
        b'parentFileNameHint="/etc/passwd"',
        b"parentFileNameHint:'/etc/passwd\"",
        b"\n" * 100_000 + b'RW 8 FLAT "/etc/passwd" 0',  # far behind the beginning
    ],
)
def test_file_outside_the_folder_is_not_read(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "outside").write_bytes(bytes(4096))
    image = tmp_path / "folder" / "disk.vmdk"
    image.parent.mkdir()
    image.write_bytes(DESCRIPTOR + line + b"\n")
    with pytest.raises(UsageError, match="outside its own folder"):
        image_format(str(image))


@pytest.mark.parametrize("sector", [1, 100, 1 << 55])
def test_parent_is_looked_for_where_qemu_looks_for_it(tmp_path: Path, sector: int) -> None:
    image = tmp_path / "disk.vmdk"
    header = b"KDMV" + struct.pack("<IIQQQQ", 1, 3, 2048, 128, sector, 20)
    image.write_bytes((header.ljust(512, b"\0") + b'parentFileNameHint="/etc/passwd"\n').ljust(1 << 17, b"\0"))
    with pytest.raises(UsageError, match=r"outside its own folder|makes no sense"):
        image_format(str(image))


@pytest.mark.needs("qemu-img")
@pytest.mark.parametrize("kind", ["monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "streamOptimized"])
def test_images_in_one_folder_are_followed(tmp_path: Path, kind: str) -> None:
    raw, image = tmp_path / "raw", tmp_path / "disk.vmdk"
    raw.write_bytes(bytes(1 << 20))
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", f"subformat={kind}"]
    subprocess.run([*convert, raw, image], check=True, capture_output=True)
    found = image_format(str(image))
    others = sorted(str(path) for path in tmp_path.iterdir() if path not in (raw, image))
    assert (found.driver, sorted(found.reads)) == ("vmdk", others)
