"""ext4 made of a tree: the tar's attributes, and the same bytes whenever and by whomever it is made."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import pytest

from tests.images.test_root_tree import write_tar
from uartsim.errors import UartsimError
from uartsim.images.ext4_partition import make_ext4
from uartsim.images.root_tree import unpack_root

ROOT = Path(__file__).resolve().parents[2]
IDENTITY = uuid.UUID("6a8f3c1e-1111-4222-8333-444455556666")
OFFSET, SIZE = 1 << 20, 8 << 20
#: cap_net_raw=ep, as setcap writes it.
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")

pytestmark = pytest.mark.needs("mke2fs", "debugfs", "e2fsck")


def small_tar(path: Path) -> Path:
    def change(info: tarfile.TarInfo) -> None:
        if info.name.endswith("ping"):
            info.uid, info.gid, info.mode = 7, 70000, 0o4750
            info.pax_headers = {"SCHILY.xattr.security.capability": CAPABILITY.decode("utf-8", "surrogateescape")}

    return write_tar(
        path,
        [
            ("./", tarfile.DIRTYPE, ""),
            ('./a "quoted" name', tarfile.REGTYPE, "x"),
            ("./bin/", tarfile.DIRTYPE, ""),
            ("./bin/ping", tarfile.REGTYPE, "ping" * 5000),
            ("./bin/hard", tarfile.LNKTYPE, "./bin/ping"),
            *((f"./bin/{number}", tarfile.REGTYPE, str(number)) for number in range(200)),
            ("./link", tarfile.SYMTYPE, "bin/ping"),
        ],
        change,
    )


def make(folder: Path) -> Path:
    """A disk with a file system of the small tar; also run by another user, in a process of that user's."""
    entries = unpack_root(small_tar(folder / "tar"), folder / "tree", lambda text: None)
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate(OFFSET + SIZE)
    make_ext4(disk, OFFSET, SIZE, folder / "tree", entries, identity=IDENTITY, time=1_700_000_000)
    return disk


def asked(disk: Path, command: str) -> str:
    done = subprocess.run(
        ["/sbin/debugfs", "-R", command, f"{disk}?offset={OFFSET}"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_files_have_the_attributes_of_the_tar(tmp_path: Path) -> None:
    disk = make(tmp_path)
    done = subprocess.run(["/sbin/e2fsck", "-fn", f"{disk}?offset={OFFSET}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    ping = asked(disk, "stat /bin/ping")
    assert "Mode:  04750" in ping
    assert "User:     7" in ping
    assert "Group: 70000" in ping
    assert "Links: 2" in ping
    assert ping.count("0x5f5e1000") == 4  # ctime, atime, mtime and crtime, 1600000000
    assert "security.capability" in ping
    assert "User:     0" in asked(disk, 'stat "/a ""quoted"" name"')
    assert 'Fast link dest: "bin/ping"' in asked(disk, "stat /link")
    assert str(IDENTITY) in asked(disk, "stats -h")


def test_two_are_bit_identical(tmp_path: Path) -> None:
    disks = []
    for name in ("first", "a-second-in-another-folder"):
        (tmp_path / name).mkdir()
        disks.append(make(tmp_path / name))
    assert disks[0].read_bytes() == disks[1].read_bytes()


@pytest.mark.needs("root")
def test_an_ordinary_user_makes_the_same(tmp_path: Path) -> None:
    code = (  # the user may not be able to read this checkout
        "import hashlib, os, pathlib, tempfile, tests.images.test_ext4_partition as rig\n"
        "os.setgroups([]); os.setgid(12345); os.setuid(12345); os.chdir('/')\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    print(hashlib.sha256(rig.make(pathlib.Path(folder)).read_bytes()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": "/tmp", "HOME": "/"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(make(tmp_path).read_bytes()).hexdigest()


def test_a_tree_that_does_not_fit_says_so(tmp_path: Path) -> None:
    members = [("./", tarfile.DIRTYPE, ""), ("./big", tarfile.REGTYPE, "x" * (9 << 20))]
    entries = unpack_root(write_tar(tmp_path / "tar", members), tmp_path / "tree", lambda text: None)
    with (tmp_path / "disk").open("wb") as file:
        file.truncate(OFFSET + SIZE)
    with pytest.raises(UartsimError, match="does not fit into 8 MiB: increase size_mb"):
        make_ext4(tmp_path / "disk", OFFSET, SIZE, tmp_path / "tree", entries, identity=IDENTITY, time=1)
