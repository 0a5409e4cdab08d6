"""The builder alpine: the disk that it makes of a file system, here a small one in place of the wheel's."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

import pytest

from uartsim.errors import UartsimError
from uartsim.images import alpine_builder
from uartsim.images.alpine_builder import make_alpine
from uartsim.images.ext_files import ExtFiles
from uartsim.images.password_hash import password_hash
from uartsim.images.recipe import Recipe

RECIPE = Recipe("alpine", hostname="box", password="a'b c", cmdline="console=ttyS0,115200 quiet")
FILES = {
    "etc/inittab": "tty1::respawn:/sbin/getty 38400 tty1\n#ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100\n",
    ".dockerenv": "",
    "etc/rc.conf": 'rc_parallel="YES"\nrc_sys="lxc"\n',
    "etc/fstab": "/dev/cdrom\t/media/cdrom\tiso9660\tnoauto,ro 0 0\n",
    "etc/shadow": "root:*::0:::::\nbin:!::0:::::\n",
    "etc/network/interfaces": "auto lo\nauto eth0\n",
    "etc/runlevels/boot/quicksand-guest-agent": "",
    "etc/runlevels/sysinit/setup-dns": "",
    "boot/vmlinuz-virt": "a kernel",
}
START = 1 << 20

pytestmark = pytest.mark.needs("mke2fs", "qemu-img", "openssl", "grub-mkimage", "/usr/lib/grub/i386-pc/boot.img")


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The disk that the wheel has in this test."""
    tree, root, packed = tmp_path / "tree", tmp_path / "root", tmp_path / "packed.qcow2"
    for name, content in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    (tree / "etc/shadow").chmod(0o640)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", tree, root, "16M"], check=True)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", root, packed], check=True)
    monkeypatch.setattr(alpine_builder, "wheel_file", lambda *arguments: packed)
    monkeypatch.setattr(alpine_builder, "DISK_SHA256", hashlib.sha256(packed.read_bytes()).hexdigest())
    return packed


def built(folder: Path, name: str = "draft") -> bytes:
    """The disk, as raw bytes."""
    draft, raw = folder / name, folder / f"{name}.raw"
    make_alpine(RECIPE, folder, draft, lambda text: None)
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", draft, raw], check=True)
    return raw.read_bytes()


def test_the_disk_has_a_boot_loader_and_one_partition(packed: Path, tmp_path: Path) -> None:
    disk = built(tmp_path)
    active, _, kind, _, start, sectors = struct.unpack("<B3sB3sII", disk[446:462])
    assert (active, kind, start * 512, sectors * 512, disk[510:512]) == (0x80, 0x83, START, 16 << 20, b"\x55\xaa")
    assert disk[462:510] == bytes(48)
    assert len(disk) == START + (16 << 20)
    assert b"GRUB" in disk[:440]
    assert disk[512:START].strip(b"\0")


def test_the_file_system_gets_a_serial_console_and_loses_nothing(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(built(tmp_path)[START:])
    with (tmp_path / "part").open("r+b") as part:
        files = ExtFiles(part.fileno(), "the root")
        files.check()
        assert "\nttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100\n" in files.read("/etc/inittab").decode()
        root, others = files.read("/etc/shadow").decode().split("\n", 1)
        assert others == "bin:!::0:::::\n"
        state = files.state("/etc/shadow")
        assert state is not None
        assert state.mode == 0o640
        assert root.split(":")[1] == password_hash("a'b c", "root")
        menu = files.read("/boot/grub/grub.cfg").decode()
        assert "hostname=box console=ttyS0,115200 quiet\n" in menu
        assert files.read("/etc/hostname") == b"box\n"
        assert b"auto eth0" not in files.read("/etc/network/interfaces")
        assert files.names("/etc/runlevels/boot") == files.names("/etc/runlevels/sysinit") == []
        assert files.state("/.dockerenv") is None
        assert files.read("/etc/rc.conf").decode().split("\n")[:2] == ['rc_parallel="YES"', '#rc_sys=""']
        entries = [line.split() for line in files.read("/etc/fstab").decode().splitlines()]
        assert entries[0] == ["/dev/vda1", "/", "ext4", "rw,relatime", "0", "1"]
        assert entries[1][:2] == ["/dev/cdrom", "/media/cdrom"]
        assert files.read("/boot/vmlinuz-virt") == b"a kernel"


def test_two_builds_are_bit_identical_and_leave_nothing_beside_the_draft(packed: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        make_alpine(RECIPE, folder, folder / "draft", lambda text: None)
        assert [path.name for path in folder.iterdir()] == ["draft"]
    assert (folders[0] / "draft").read_bytes() == (folders[1] / "draft").read_bytes()


def test_another_disk_in_the_wheel_is_refused_and_leaves_nothing(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpine_builder, "DISK_SHA256", "0" * 64)
    folder = tmp_path / "store"
    folder.mkdir()
    with pytest.raises(UartsimError, match="is damaged or has been changed, and is not used"):
        make_alpine(RECIPE, folder, folder / "draft", lambda text: None)
    assert list(folder.iterdir()) == []
