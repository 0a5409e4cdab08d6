"""A root directory's tar, unpacked: only what belongs in the folder, and nothing of another user's."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from uartsim.errors import UartsimError
from uartsim.images.root_tree import RootEntry, unpack_root

Member = tuple[str, bytes, str]


def write_tar(path: Path, members: list[Member], change: Callable[[tarfile.TarInfo], None] = lambda info: None) -> Path:
    """A tar of ``(name, type, content or target of the link)``."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, text in members:
            info = tarfile.TarInfo(name)
            info.type, info.mtime, info.mode = kind, 1_600_000_000, 0o755
            if kind == tarfile.REGTYPE:
                info.size = len(text)
            else:
                info.linkname = text
            change(info)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def test_files_are_ours_and_private_and_their_attributes_are_listed(tmp_path: Path) -> None:
    def change(info: tarfile.TarInfo) -> None:
        if info.name == "./bin/su":
            info.uid, info.gid, info.mode = 0, 42, 0o4755

    members = [
        ("./dev/", tarfile.DIRTYPE, ""),  # mmdebstrap begins with it
        ("./dev/null", tarfile.CHRTYPE, ""),
        ("./", tarfile.DIRTYPE, ""),
        ("./bin/", tarfile.DIRTYPE, ""),
        ("./bin/su", tarfile.REGTYPE, "su"),
        ("./bin/hard", tarfile.LNKTYPE, "./bin/su"),
        ("./lib", tarfile.SYMTYPE, "/usr/lib"),
    ]
    tree = tmp_path / "tree"
    entries = unpack_root(write_tar(tmp_path / "tar", members, change), tree, lambda text: None)
    time = 1_600_000_000
    assert entries == [
        RootEntry("dev", stat.S_IFDIR | 0o755, 0, 0, time),
        RootEntry("", stat.S_IFDIR | 0o755, 0, 0, time),
        RootEntry("bin", stat.S_IFDIR | 0o755, 0, 0, time),
        RootEntry("bin/su", stat.S_IFREG | 0o4755, 0, 42, time),
        RootEntry("lib", stat.S_IFLNK | 0o777, 0, 0, time),
    ]
    found = (tree / "bin/su").stat()
    assert not found.st_mode & 0o7000
    assert found.st_uid == os.geteuid()
    assert found.st_nlink == 2
    assert stat.S_IMODE(tree.stat().st_mode) == 0o700
    assert os.readlink(tree / "lib") == "/usr/lib"
    assert list((tree / "dev").iterdir()) == []


@pytest.mark.parametrize(
    "members",
    [
        [("../outside", tarfile.REGTYPE, "x")],
        [("..", tarfile.DIRTYPE, ""), ("../outside", tarfile.REGTYPE, "x")],
        [("./a", tarfile.SYMTYPE, "/tmp"), ("./a/outside", tarfile.REGTYPE, "x")],
        [("./a", tarfile.SYMTYPE, "/tmp"), ("./a", tarfile.DIRTYPE, ""), ("./a/outside", tarfile.REGTYPE, "x")],
        [("./a", tarfile.SYMTYPE, "/etc/passwd"), ("./b", tarfile.LNKTYPE, "./a")],
        [("./b", tarfile.LNKTYPE, "../../etc/passwd")],
        [("./no/folder", tarfile.REGTYPE, "x")],
        [("./a", tarfile.BLKTYPE, "")],
    ],
)
def test_a_tar_that_leads_elsewhere_is_refused(tmp_path: Path, members: list[Member]) -> None:
    tar = write_tar(tmp_path / "tar", [("./", tarfile.DIRTYPE, ""), *members])
    with pytest.raises(UartsimError, match="the root directory"):
        unpack_root(tar, tmp_path / "tree", lambda text: None)
    assert not (tmp_path / "outside").exists()
    assert not Path("/tmp/outside").exists()


def test_a_truncated_tar_is_damaged(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "tar", [("./", tarfile.DIRTYPE, ""), ("./a", tarfile.REGTYPE, "x" * 5000)])
    tar.write_bytes(tar.read_bytes()[:3000])
    with pytest.raises(UartsimError, match="damaged"):
        unpack_root(tar, tmp_path / "tree", lambda text: None)
