"""Changing disk images offline: all of it or nothing, in the overlay and never in its base."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.images import host_tools, offline_edit
from uartsim.images.mount_table import FileSystem, mount_points, mounted_file_system, read_file_systems
from uartsim.images.nbd_client import open_disk
from uartsim.images.offline_edit import FileEdit, ImageChanges, change_image, read_changes

pytestmark = pytest.mark.needs("mke2fs", "e2fsck", "debugfs", "qemu-img")

PARTITION_BYTES = 8 << 20
FIRST_BYTES = 1 << 20
UUIDS = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(1, 5)]
GRUB = "set timeout=5\nmenuentry 'Linux' {\n  linux /vmlinuz root=/dev/vda1 ro\n}\n"


def ext_partition(tmp_path: Path, number: int, files: dict[str, str]) -> bytes:
    """An ext4 file system that holds some files."""
    tree = tmp_path / f"tree-{number}"
    tree.mkdir()
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    image = tmp_path / f"part-{number}"
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-U", UUIDS[number - 1], "-d", str(tree), str(image), "8M"]
    subprocess.run(command, check=True, capture_output=True)
    return image.read_bytes()


class Disk:
    """A disk with an MBR and some partitions, and an overlay on it."""

    def __init__(self, tmp_path: Path, *partitions: dict[str, str] | bytes) -> None:
        self.base = tmp_path / "base.img"
        self.overlay = tmp_path / "overlay" / "disk.qcow2"
        entries, content = b"", b""
        for number, given in enumerate(partitions, 1):
            part = given if isinstance(given, bytes) else ext_partition(tmp_path, number, given)
            start = FIRST_BYTES + (number - 1) * PARTITION_BYTES
            entries += struct.pack("<B3sB3sII", 0, bytes(3), 0x83, bytes(3), start // 512, PARTITION_BYTES // 512)
            content += part.ljust(PARTITION_BYTES, b"\0")
        table = bytes(440) + b"\x78\x56\x34\x12\0\0" + entries.ljust(64, b"\0") + b"\x55\xaa"
        self.base.write_bytes(table.ljust(FIRST_BYTES, b"\0") + content)
        self.overlay.parent.mkdir()
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(self.base), "-F", "raw", str(self.overlay)]
        subprocess.run(command, check=True, capture_output=True)

    def change(self, changes: ImageChanges) -> list[str]:
        """Change the overlay; whatever comes of it, the base stays, and the overlay is whole."""
        sums = [hashlib.sha256(file.read_bytes()).digest() for file in (self.base, self.overlay)]
        said: list[str] = []
        try:
            done = change_image(self.overlay, "qcow2", changes, said.append)
            assert said[-len(done) :] == done
            return done
        except UartsimError:
            assert hashlib.sha256(self.overlay.read_bytes()).digest() == sums[1]
            raise
        finally:
            assert hashlib.sha256(self.base.read_bytes()).digest() == sums[0]
            assert os.listdir(self.overlay.parent) == [self.overlay.name]

    def read(self, number: int, path: str) -> str:
        """A file's content in the overlay; the partition's file system is clean."""
        raw = self.base.with_name("raw")
        subprocess.run(["qemu-img", "convert", "-O", "raw", str(self.overlay), str(raw)], check=True)
        part = self.base.with_name("read")
        part.write_bytes(raw.read_bytes()[FIRST_BYTES + (number - 1) * PARTITION_BYTES :][:PARTITION_BYTES])
        subprocess.run(["e2fsck", "-fn", str(part)], check=True, capture_output=True)
        found = subprocess.run(
            ["debugfs", "-R", f'cat "{path}"', str(part)], check=True, capture_output=True, text=True
        )
        return found.stdout


def file_systems_of(image: Path) -> list[FileSystem]:
    with open_disk(image, "qcow2") as disk:
        return read_file_systems(disk)


def edit(path: str, text: str) -> ImageChanges:
    return ImageChanges((FileEdit(path, text.encode()),))


def test_file_is_changed_in_the_overlay_and_not_in_the_base(tmp_path: Path) -> None:
    disk = Disk(tmp_path, {"etc/fstab": "", "etc/issue": "Debian\n"})
    assert disk.change(edit("/etc/issue", "changed\n")) == ["/etc/issue: replaced, mode 0644, 8 bytes"]
    assert disk.read(1, "/etc/issue") == "changed\n"
    assert disk.overlay.stat().st_size < 2 << 20


def test_boot_partition_is_found_by_the_guests_fstab(tmp_path: Path) -> None:
    fstab = f"# root\nUUID={UUIDS[1]} / ext4 defaults 0 1\n/dev/disk/by-uuid/{UUIDS[0]} /boot ext4 defaults 0 2\n"
    disk = Disk(tmp_path, {"grub/grub.cfg": GRUB}, {"etc/fstab": fstab, "etc/default/grub": "GRUB_TIMEOUT=5\n"})
    changes = ImageChanges((FileEdit("/boot/note", b"x"), FileEdit("/etc/note", b"y")), {"GRUB_TIMEOUT": "20"})
    assert disk.change(changes)[2:] == [
        '/etc/default/grub: GRUB_TIMEOUT="20"',
        "/boot/grub/grub.cfg: at the end: set timeout=20",
    ]
    assert "set timeout=20\n" in disk.read(1, "/grub/grub.cfg")
    assert disk.read(1, "/note") == "x"
    assert disk.read(2, "/etc/note") == "y"
    assert file_systems_of(disk.overlay)[1] == FileSystem(
        2, "ext", FIRST_BYTES + PARTITION_BYTES, PARTITION_BYTES, UUIDS[1], "", "12345678-02"
    )
    assert disk.read(2, "/etc/default/grub") == 'GRUB_TIMEOUT="20"\n'


def test_edit_of_a_settings_file_comes_before_a_setting(tmp_path: Path) -> None:
    disk = Disk(tmp_path, {"etc/fstab": "", "boot/grub/grub.cfg": GRUB})
    disk.change(ImageChanges((FileEdit("/etc/default/grub", b"GRUB_TIMEOUT=1\n"),), {"GRUB_TIMEOUT": "2"}))
    assert disk.read(1, "/etc/default/grub") == 'GRUB_TIMEOUT="2"\n'


@pytest.mark.parametrize(
    ("partitions", "changes", "words"),
    [
        ([{"etc/fstab": ""}], edit("/etc", "x"), "/etc cannot be written in the guest: it is a folder there"),
        ([{"etc/fstab": ""}], edit("/big", "x" * (9 << 20)), "the file system on partition 1 is full"),
        ([{"etc/fstab": ""}], ImageChanges(grub={"GRUB_TIMEOUT": "1"}), "the image has no GRUB"),
        (
            [{"etc/fstab": "/dev/vda9 /srv ext4\n"}],
            edit("/srv/x", "x"),
            "/srv is /dev/vda9 in the guest's fstab, which is not found",
        ),
        (
            [{"etc/fstab": "/dev/vda2 /srv xfs\n"}, b"XFSB"],
            edit("/srv/x", "x"),
            "/srv is on partition 2, XFS, which only libguestfs can change: apt-get install",
        ),
        ([b"XFSB"], edit("/x", "x"), "the program guestfish is missing: apt-get install guestfish"),
        ([b"LUKS\xba\xbe"], edit("/x", "x"), r"partition 1 is encrypted \(LUKS\)"),
        ([{"etc/fstab": ""}, {"etc/passwd": ""}], edit("/x", "x"), "two systems, on partition 1 and partition 2"),
        ([{"home/x": ""}], edit("/x", "x"), "no file system of the image holds a system"),
        ([], edit("/x", "x"), r"the image has none \(nothing that is known\)"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_overlay_is_whole(
    tmp_path: Path, partitions: list[Any], changes: ImageChanges, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, path=None: None if name == "guestfish" else found(name, path=path)
    )
    with pytest.raises(UsageError, match=words):
        Disk(tmp_path, *partitions).change(changes)


def test_second_edit_that_fails_leaves_the_first_undone(tmp_path: Path) -> None:
    disk = Disk(tmp_path, {"etc/fstab": "", "etc/issue": "Debian\n"})
    with pytest.raises(UsageError, match="is a folder"):
        disk.change(ImageChanges((FileEdit("/etc/issue", b"new"), FileEdit("/etc", b"x"))))
    assert disk.read(1, "/etc/issue") == "Debian\n"


def test_damaged_file_system_is_refused(tmp_path: Path) -> None:
    disk = Disk(tmp_path, {"etc/fstab": ""})
    damaged = bytearray(disk.base.read_bytes())
    part = tmp_path / "part-1"
    subprocess.run(["debugfs", "-w", "-R", "clri /lost+found", str(part)], check=True, capture_output=True)
    damaged[FIRST_BYTES : FIRST_BYTES + PARTITION_BYTES] = part.read_bytes()
    disk.base.write_bytes(damaged)
    with pytest.raises(UartsimError, match="the file system on partition 1 is damaged, so it is not edited"):
        disk.change(edit("/x", "x"))


def test_missing_program_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path, {"etc/fstab": ""})
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None if name == "debugfs" else found(name, path=path))
    with pytest.raises(UsageError, match="the program debugfs is missing: apt-get install e2fsprogs"):
        disk.change(edit("/x", "x"))


def test_full_host_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path, {"etc/fstab": ""})
    full = host_tools.ToolResult(1, b"", "qemu-img: error while writing at byte 0: No space left on device")
    monkeypatch.setattr("uartsim.images.partition_copy.run_tool", lambda *args, **more: full)
    with pytest.raises(UartsimError, match="no room is left there; make room, or set XDG_STATE_HOME"):
        disk.change(edit("/x", "x"))


def test_options_are_read_in_every_form(tmp_path: Path) -> None:
    file = tmp_path / "issue"
    file.write_bytes(b"\xff\n")
    changes = read_changes([f"/etc/issue={file}", "/etc/hostname=:a = b"], ["GRUB_TIMEOUT=1", "GRUB_CMDLINE_LINUX=a=b"])
    assert changes.edits == (FileEdit("/etc/issue", b"\xff\n"), FileEdit("/etc/hostname", b"a = b\n"))
    assert changes.grub == {"GRUB_TIMEOUT": "1", "GRUB_CMDLINE_LINUX": "a=b"}
    assert read_changes(f"/etc/issue={file}", {"GRUB_TIMEOUT": 1}).grub == {"GRUB_TIMEOUT": "1"}
    assert read_changes({"/a=b": file, "/empty": ":"}, None).edits == (
        FileEdit("/a=b", b"\xff\n"),
        FileEdit("/empty", b""),
    )
    assert not read_changes(None, None)
    assert not read_changes([], [])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"edit": "/etc/issue"}, "--edit '/etc/issue': write it as GUESTPATH=FILE"),
        ({"edit": "=x"}, "write it as GUESTPATH=FILE"),
        ({"edit": ["/etc/issue="]}, "name the file whose content it gets, or write :TEXT"),
        ({"edit": "etc/issue=:x"}, "give the absolute path"),
        ({"edit": "/etc/=:x"}, "give the absolute path"),
        ({"edit": "/etc/a\nb=:x"}, "without control characters"),
        ({"edit": "/etc/issue=/nowhere/at/all"}, "/nowhere/at/all cannot be read: No such file"),
        ({"edit": "/etc/issue=/etc"}, "/etc is a folder: name a file"),
        ({"edit": "/etc/issue=a\0b"}, "cannot be read"),
        ({"edit": [3]}, "--edit 3: write it as"),
        ({"grub": "GRUB_TIMEOUT"}, "--grub 'GRUB_TIMEOUT': write it as KEY=VALUE"),
        ({"grub": "GRUB_TIMEOUT="}, "give a number of seconds"),
        ({"grub": {"GRUB_NONSENSE": "1"}}, "GRUB has no such setting"),
    ],
)
def test_option_that_is_wrong_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_changes(given.get("edit"), given.get("grub"))


def test_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline_edit, "LARGEST_FILE_BYTES", 1)
    (tmp_path / "file").write_bytes(b"12")
    with pytest.raises(UsageError, match="is larger than"):
        read_changes(f"/x={tmp_path / 'file'}", None)


VOLUMES = [
    FileSystem(1, "ext4", 0, 1, "aaaa-BB", "root", "11-01"),
    FileSystem(3, "ext4", 0, 1, "cccc-DD", "boot label", "11-03"),
]


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("UUID=aaaa-bb", 1),
        ('UUID="cccc-DD"', 3),
        ("LABEL=root", 1),
        ("LABEL=boot label", 3),
        ("LABEL=Root", None),
        ("PARTUUID=11-03", 3),
        ("PARTLABEL=system", None),
        ("LABEL=", None),
        ("/dev/disk/by-label/root", 1),
        ("/dev/disk/by-uuid/AAAA-BB", 1),
        ("/dev/disk/by-id/x", None),
        ("/dev/vda3", 3),
        ("/dev/sda1", 1),
        ("/dev/nvme0n1p3", 3),
        ("/dev/sdb1", None),
        ("/dev/vda2", None),
        ("/dev/mapper/root", None),
        ("tmpfs", None),
    ],
)
def test_source_in_fstab_is_a_volume_or_none(source: str, number: int | None) -> None:
    found = mounted_file_system(source, VOLUMES)
    assert (found and found.number) == number


def test_fstab_is_read() -> None:
    text = "# c\n\nUUID=1 / ext4 x 0 1\nLABEL=a\\040b /srv/ ext4\nnone swap swap sw\n/dev/x none swap\nshort /x\n"
    assert [*mount_points(text)] == [("UUID=1", "/", "ext4"), ("LABEL=a b", "/srv", "ext4")]
