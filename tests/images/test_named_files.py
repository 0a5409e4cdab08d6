"""What an image names is found by us and by QEMU, and both have to agree."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.images.disk_look import look_at
from uartsim.images.image_format import image_format
from uartsim.images.named_files import check_named_files

DATA_FILE, BACKING_FORMAT = 0x44415441, 0xE2792ACA
pytestmark = pytest.mark.needs("qemu-img")


def extension(kind: int, content: bytes) -> bytes:
    return struct.pack(">II", kind, len(content)) + content.ljust(len(content) + 7 & ~7, b"\0")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file outside of the image's folder."""
    (tmp_path / "outside").mkdir()
    file = tmp_path / "outside" / "secret"
    file.write_bytes(b"secret".ljust(1 << 16, b"."))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "harmless.img").write_bytes(bytes(1 << 16))
    return tmp_path / "images"


def test_qcow2_whose_extensions_go_on_behind_the_name_of_its_backing_file_is_read_as_qemu_reads_it(
    folder: Path, secret: Path
) -> None:
    """QEMU stops at that name; an extension behind it would hide the one that counts."""
    image = folder / "image.qcow2"
    make = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={secret},data_file_raw=off", str(image), "64k"]
    subprocess.run(make, check=True)
    content = bytearray(image.read_bytes())
    name = b"harmless.img"
    real = extension(BACKING_FORMAT, b"raw") + extension(DATA_FILE, str(secret).encode())
    at = 112 + len(real)
    behind = extension(DATA_FILE, name) + bytes(8)
    whole = real + extension(0, name)[8:] + behind
    content[112 : 112 + len(whole)] = whole
    content[8:20] = struct.pack(">QI", at, len(name))
    image.write_bytes(content)
    with pytest.raises(UsageError, match=r"secret, outside its own folder|corrupt"):
        image_format(str(image))
    with pytest.raises(UsageError):
        look_at(image)


def test_qcow2_with_an_extension_twice_is_refused(folder: Path) -> None:
    image = folder / "image.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "64k"], check=True)
    content = bytearray(image.read_bytes())
    twice = extension(0x1234, b"one") + extension(0x1234, b"other") + bytes(8)
    content[112 : 112 + len(twice)] = twice
    image.write_bytes(content)
    with pytest.raises(UsageError, match="the extensions of its qcow2 header make no sense"):
        image_format(str(image))


def test_parent_of_a_vmdk_is_looked_at_too(folder: Path, secret: Path) -> None:
    parent = '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
    (folder / "parent.vmdk").write_text(f'{parent}RW 128 FLAT "{secret}" 0\n')
    child = parent.replace("parentCID=ffffffff", "parentCID=1") + 'parentFileNameHint="parent.vmdk"\n'
    (folder / "image.vmdk").write_text(f'{child}RW 128 FLAT "harmless.img" 0\n')
    with pytest.raises(UsageError, match=r"parent\.vmdk reads from another file, .*secret, outside its own folder"):
        image_format(str(folder / "image.vmdk"))


def test_file_that_only_qemu_finds_is_refused(folder: Path) -> None:
    backing, image = str(folder / "harmless.img"), str(folder / "image.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", backing, image], check=True)
    check_named_files(image, "qcow2", [backing])
    with pytest.raises(UsageError, match=r"names another file, .*harmless\.img, in a way that only QEMU reads"):
        check_named_files(image, "qcow2", [])
    (folder / "flat.vmdk").write_text(
        '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
        'RW 128 FLAT "harmless.img" 0\n'
    )
    check_named_files(str(folder / "flat.vmdk"), "vmdk", [backing])
    with pytest.raises(UsageError, match="in a way that only QEMU reads"):
        check_named_files(str(folder / "flat.vmdk"), "vmdk", [])
    assert look_at(folder / "flat.vmdk").reads == (backing,)


def test_image_that_qemu_cannot_open_is_a_sentence(folder: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened by QEMU"):
        check_named_files(str(folder / "harmless.img"), "qcow2", [])
