"""Editing ext file systems offline: what is written is what the guest finds, and e2fsck agrees."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.images.ext_files import ExtFiles
from uartsim.images.guest_tree import GuestTree

pytestmark = pytest.mark.needs("mke2fs", "e2fsck", "debugfs")


def make_ext(image: Path, tree: Path, *options: str, kind: str = "ext4", size: str = "16M") -> Path:
    """Make a file system that holds a folder's files."""
    command = ["mke2fs", "-q", "-F", "-t", kind, "-d", str(tree), *options, str(image), size]
    subprocess.run(command, check=True, capture_output=True)
    return image


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "issue").write_text("Debian\n")
    (root / "etc" / "issue").chmod(0o640)
    (root / "etc" / "alias").symlink_to("/etc/issue")
    (root / "config").symlink_to("etc/../etc")
    (root / "out").symlink_to("../../../../etc")
    (root / "loop").symlink_to("loop")
    (root / "long").symlink_to("./" * 60 + "etc/issue")
    (root / "new").symlink_to("etc/made-through-a-link")
    return root


@pytest.fixture(params=["ext2", "ext3", "ext4"])
def image(tmp_path: Path, tree: Path, request: pytest.FixtureRequest) -> Path:
    return make_ext(tmp_path / "disk.img", tree, kind=request.param)


@pytest.fixture
def files(image: Path) -> Iterator[ExtFiles]:
    fd = os.open(image, os.O_RDWR)
    yield ExtFiles(fd, "partition 1")
    os.close(fd)


def test_replaced_file_keeps_its_mode_and_owner(files: ExtFiles) -> None:
    before = files.state("/etc/issue")
    assert before is not None
    assert before.mode == 0o640
    files.write("/etc/issue", b"new\n")
    assert files.state("/etc/issue") == before
    assert files.read("/etc/issue") == b"new\n"
    files.check()


def test_new_file_is_of_root_and_readable(files: ExtFiles) -> None:
    files.make_folder("/srv")
    files.write("/srv/file", b"\0\xff" * 5000)
    state = files.state("/srv/file")
    assert state is not None
    assert (state.kind, state.mode, state.uid, state.gid) == ("file", 0o644, 0, 0)
    folder = files.state("/srv")
    assert folder is not None
    assert (folder.kind, folder.mode) == ("folder", 0o755)
    assert files.read("/srv/file") == b"\0\xff" * 5000
    files.check()


@pytest.mark.parametrize(
    "name", ['a "quoted" name', "it's", "<2>", "-w", "semi;colon | $HOME `x` \\n", "ünïcode", "#comment", "n" * 255]
)
def test_strange_names_are_only_names(files: ExtFiles, name: str) -> None:
    files.write(f"/etc/{name}", b"content")
    assert files.read(f"/etc/{name}") == b"content"
    assert name in files.names("/etc")
    files.write(f"/etc/{name}", b"")
    assert files.read(f"/etc/{name}") == b""
    files.check()


def test_extended_attributes_are_kept(files: ExtFiles) -> None:
    label = b"system_u:object_r:etc_t:s0"
    files._change("ea_set", "/etc/issue", "user.plain", "text")
    files._change("ea_set", "/etc/issue", "security.selinux", label.decode())
    files.write("/etc/issue", b"labelled\n")
    assert files._attributes("/etc/issue") == {"user.plain": b"text", "security.selinux": label}
    files.check()


def test_file_with_two_names_is_refused(tmp_path: Path, tree: Path) -> None:
    os.link(tree / "etc" / "issue", tree / "etc" / "second")
    fd = os.open(make_ext(tmp_path / "disk.img", tree), os.O_RDWR)
    with pytest.raises(UsageError, match="2 names in the guest"):
        ExtFiles(fd, "partition 1").write("/etc/issue", b"new\n")
    os.close(fd)


def test_full_file_system_is_said(files: ExtFiles) -> None:
    with pytest.raises(UsageError, match="the file system on partition 1 is full, and /etc/big does not fit"):
        files.write("/etc/big", b"x" * (20 << 20))


def test_folder_of_many_files(tmp_path: Path, tree: Path) -> None:
    for number in range(800):
        (tree / "etc" / f"a-file-with-quite-a-long-name-{number}").touch()
    fd = os.open(make_ext(tmp_path / "disk.img", tree, "-O", "metadata_csum"), os.O_RDWR)
    files = ExtFiles(fd, "partition 1")
    subprocess.run(["e2fsck", "-fyD", str(tmp_path / "disk.img")], check=False, capture_output=True)  # makes the index
    files.write("/etc/a-file-with-quite-a-long-name-77", b"seventy-seven")
    files.write("/etc/another", b"more")
    files.check()
    assert len(files.names("/etc")) == 803
    os.close(fd)


def test_damaged_file_system_is_not_edited(files: ExtFiles, image: Path) -> None:
    files._change("clri", "/etc")
    with pytest.raises(UartsimError, match="the file system on partition 1 is damaged, so it is not edited"):
        files.prepare()


def test_journal_is_replayed_first(tmp_path: Path, tree: Path) -> None:
    image = make_ext(tmp_path / "disk.img", tree)
    fd = os.open(image, os.O_RDWR)
    files = ExtFiles(fd, "partition 1")
    assert files.prepare() is False
    block = subprocess.run(
        ["debugfs", "-R", "blocks /etc/issue", str(image)], capture_output=True, text=True, check=True
    )
    replacement = tmp_path / "block"
    replacement.write_bytes(b"journal\n".ljust(1024, b"\0"))
    script = f"jo\njw -b {block.stdout.strip()} {replacement}\njc\n"
    subprocess.run(["debugfs", "-w", "-f", "-", str(image)], input=script, text=True, check=True, capture_output=True)
    assert files.read("/etc/issue") == b"Debian\n"
    assert files.prepare() is True
    assert files.read("/etc/issue") == b"journal"
    assert files.prepare() is False
    os.close(fd)


def test_links_stay_inside_the_guest(files: ExtFiles) -> None:
    tree = GuestTree({"/": files})
    for path in ("/etc/alias", "/config/issue", "/out/issue", "/long", "/out/../etc/./issue", "//etc//alias"):
        assert tree.resolve(path)[0] == "/etc/issue"
    assert tree.read("/out/alias") == b"Debian\n"
    assert tree.write("/new", b"12") == ["/etc/made-through-a-link (through links from /new): made, mode 0644, 2 bytes"]
    assert files.read("/etc/made-through-a-link") == b"12"
    assert tree.write("/config/alias", b"1") == [
        "/etc/issue (through links from /config/alias): replaced, mode 0640, 1 byte"
    ]
    files.check()


def test_missing_folders_are_made_and_said(files: ExtFiles) -> None:
    done = GuestTree({"/": files}).write("/etc/systemd/system/a.conf", b"")
    assert done == [
        "/etc/systemd: folder made, mode 0755",
        "/etc/systemd/system: folder made, mode 0755",
        "/etc/systemd/system/a.conf: made, mode 0644, 0 bytes",
    ]
    assert GuestTree({"/": files}).names("/etc/systemd") == ["system"]
    assert GuestTree({"/": files}).names("/nothing") == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc", "it is a folder there; name a file"),
        ("/", "it is a folder there; name a file"),
        ("/etc/issue/more", "/etc/issue is a file there, not a folder"),
        ("/loop", "lead round in circles"),
        ("/boot/efi/x", "FAT"),
    ],
)
def test_place_that_cannot_be_written_is_refused(files: ExtFiles, path: str, words: str) -> None:
    tree = GuestTree({"/": files}, {"/boot/efi": "it is a FAT file system"})
    with pytest.raises(UsageError, match=words):
        tree.write(path, b"x")


def test_other_file_system_is_reached_under_its_mount_point(tmp_path: Path, tree: Path) -> None:
    descriptors = [os.open(make_ext(tmp_path / name, tree), os.O_RDWR) for name in ("a", "b")]
    both = GuestTree({"/": ExtFiles(descriptors[0], "partition 1"), "/boot": ExtFiles(descriptors[1], "partition 2")})
    both.write("/boot/etc/issue", b"of boot")
    assert both.read("/boot/etc/issue") == b"of boot"
    assert both.read("/etc/issue") == b"Debian\n"
    for fd in descriptors:
        os.close(fd)
