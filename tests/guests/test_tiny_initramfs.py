"""The tiny initramfs and the kernel: built right, built once, refused with a remedy."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.errors import UartsimError, UsageError
from uartsim.guest import tiny_initramfs as images
from uartsim.guest.tiny_initramfs import Entry, cpio, find_kernel, is_static, libraries, tiny_entries, tiny_initramfs
from uartsim.own_files.folder import MARK

NAMES = st.text("abcdefgh.-_", min_size=1, max_size=12).filter(lambda name: name.strip(".") != "")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def unpacked(archive: bytes) -> dict[str, Entry]:
    """What is in a newc archive; fails where its structure is wrong."""
    found: dict[str, Entry] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        numbers = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        _, mode, user, group, _, mtime, size, _, _, major, minor, name_size, _ = numbers
        assert (user, group, mtime) == (0, 0, 0)
        name = archive[at + 110 : at + 110 + name_size]
        assert name.endswith(b"\0")
        at = (at + 110 + name_size + 3) & ~3
        if name == b"TRAILER!!!\0":
            assert len(archive) % 512 == 0
            return found
        path = name[:-1].decode()
        parent = path.rpartition("/")[0]
        assert not parent or stat.S_ISDIR(found[parent].mode)  # the kernel makes no folders
        found[path] = Entry(mode, archive[at : at + size], (major, minor))
        at = (at + size + 3) & ~3


@given(st.dictionaries(PATHS, st.binary(max_size=9), max_size=8))
def test_a_cpio_archive_holds_what_went_in(files: dict[str, bytes]) -> None:
    files = {path: data for path, data in files.items() if not any(other.startswith(f"{path}/") for other in files)}
    entries = {path: Entry(stat.S_IFREG | 0o644, data) for path, data in files.items()}
    found = unpacked(cpio(entries))
    assert {path: entry for path, entry in found.items() if not stat.S_ISDIR(entry.mode)} == entries


@pytest.mark.needs("cpio")
def test_the_cpio_program_reads_it(tmp_path: Path) -> None:
    entries = {
        "dev/console": Entry(stat.S_IFCHR | 0o600, device=(5, 1)),
        "etc/rc": Entry(stat.S_IFREG | 0o755, b"#!/bin/sh\n"),
        "init": Entry(stat.S_IFLNK | 0o777, b"bin/busybox"),
    }
    listing = subprocess.run(["cpio", "-itv"], input=cpio(entries), capture_output=True, check=True).stdout.decode()
    words = [line.split() for line in listing.splitlines()]
    assert [(line[0], line[-1]) for line in words] == [
        ("drwxr-xr-x", "dev"),
        ("crw-------", "dev/console"),
        ("drwxr-xr-x", "etc"),
        ("-rwxr-xr-x", "etc/rc"),
        ("lrwxrwxrwx", "bin/busybox"),
    ]


@given(st.binary(max_size=200), st.booleans())
def test_what_is_no_program_is_not_static(noise: bytes, with_magic: bool) -> None:
    assert is_static(noise) is False
    is_static(b"\x7fELF\x02\x01" + noise if with_magic else noise)


def test_a_program_with_an_interpreter_is_not_static() -> None:
    assert not is_static(Path("/bin/sh").read_bytes())


@pytest.mark.needs("/bin/busybox")
def test_busybox_is_static() -> None:
    assert is_static(Path("/bin/busybox").read_bytes())


def test_libraries_and_the_loader_are_found() -> None:
    names = [path.name for path in libraries([Path("/bin/sh"), Path("/bin/ls")])]
    assert "libc.so.6" in names
    assert any(name.startswith("ld-linux") for name in names)
    assert len(names) == len(set(names))


@pytest.mark.needs("/bin/busybox", "agetty", "login")
class TestTiny:
    def test_it_has_what_a_login_needs(self) -> None:
        entries = unpacked(cpio(tiny_entries()))
        assert entries["init"].data == b"bin/busybox"
        assert entries["sbin/agetty"].data == Path("/sbin/agetty").read_bytes()
        assert entries["dev/console"] == Entry(stat.S_IFCHR | 0o600, device=(5, 1))
        assert entries["etc/shadow"].mode & 0o777 == 0o600
        assert entries["sbin/poweroff"].data == b"/bin/busybox"
        assert not stat.S_ISLNK(entries["bin/login"].mode)

    def test_same_inputs_same_bytes(self) -> None:
        assert cpio(tiny_entries()) == cpio(dict(reversed(tiny_entries().items())))

    def test_it_is_built_once_and_then_taken_from_the_cache(self, tmp_path: Path) -> None:
        said: list[str] = []
        image = tiny_initramfs(said.append, tmp_path / "cache")
        written = image.stat().st_ino
        assert said
        said.clear()
        assert tiny_initramfs(said.append, tmp_path / "cache") == image
        assert image.stat().st_ino == written
        assert said == []

    def test_one_that_was_cut_short_is_built_anew(self, tmp_path: Path) -> None:
        said: list[str] = []
        image = tiny_initramfs(cache=tmp_path)
        whole = image.read_bytes()
        os.truncate(image, len(whole) // 2)
        assert tiny_initramfs(said.append, tmp_path) == image
        assert image.read_bytes() == whole
        assert said[0] == f"{image} is damaged, or not of this version: it is rebuilt"

    def test_other_inputs_give_another_image_and_old_ones_go(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = tiny_initramfs(cache=tmp_path)
        recent = tmp_path / "tiny-recent.cpio"
        recent.touch()
        os.utime(old, (0, 0))
        monkeypatch.setitem(images._FILES, "etc/motd", "changed\n")
        new = tiny_initramfs(cache=tmp_path)
        assert new != old
        assert not old.exists()
        assert recent.exists()

    def test_several_at_once_build_one(self, tmp_path: Path) -> None:
        script = (
            "import sys, pathlib\nfrom uartsim.guest.tiny_initramfs import tiny_initramfs\n"
            "tiny_initramfs(lambda text: print('building' if 'building' in text else '', flush=True),"
            " pathlib.Path(sys.argv[1]))"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", script, str(tmp_path)]
        running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        said = [process.communicate()[0] for process in running]
        assert [process.returncode for process in running] == [0] * 4
        assert "".join(said).count("building") == 1
        assert len(list(tmp_path.glob("*.cpio"))) == 1

    def test_giving_up_leaves_no_part_and_no_lock(self, tmp_path: Path) -> None:
        def give_up(text: str) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            tiny_initramfs(give_up, tmp_path)
        assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == [MARK]
        assert tiny_initramfs(cache=tmp_path).is_file()

    def test_a_full_disk_leaves_no_part_and_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(path: Path, data: bytes) -> int:
            path.touch()
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(UartsimError, match="No space left on device; make room"):
            tiny_initramfs(cache=tmp_path)
        monkeypatch.undo()
        assert [path.name for path in tmp_path.iterdir() if ".lock" not in path.name] == [MARK]

    def test_a_cache_that_cannot_be_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(UartsimError, match="XDG_CACHE_HOME"):
            tiny_initramfs(cache=tmp_path / "file" / "cache")


def test_a_busybox_that_needs_libraries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_BUSYBOX_PLACES", ("/bin/sh",))
    with pytest.raises(UsageError, match=r"/bin/sh needs libraries.*apt-get install busybox-static"):
        tiny_entries()


def test_no_busybox_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_BUSYBOX_PLACES", ("/no/busybox",))
    with pytest.raises(UsageError, match="apt-get install busybox-static"):
        tiny_entries()


def test_the_newest_kernel_is_taken_by_number_and_the_wanted_kind_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "KERNELS", (f"{tmp_path}/vmlinuz-*-cloud-amd64", f"{tmp_path}/vmlinuz-*-amd64"))
    with pytest.raises(UsageError, match="apt-get install linux-image-cloud-amd64"):
        find_kernel("debian-cloud", tmp_path)
    (tmp_path / "vmlinuz-6.12.1-1-amd64").touch()
    assert find_kernel("debian-cloud", tmp_path).name == "vmlinuz-6.12.1-1-amd64"
    for version in ("6.1.0-9", "6.1.0-56", "5.10.0-99"):
        (tmp_path / f"vmlinuz-{version}-cloud-amd64").touch()
    assert find_kernel("debian-cloud", tmp_path).name == "vmlinuz-6.1.0-56-cloud-amd64"


def test_a_kernel_of_the_guests_own_is_found_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "bzImage").touch()
    assert find_kernel("bzImage", tmp_path) == tmp_path / "bzImage"
    assert find_kernel(f"{tmp_path}/bzImage", Path("/")) == tmp_path / "bzImage"
    with pytest.raises(UsageError, match=r"the file .*vmlinuz is missing"):
        find_kernel("vmlinuz", tmp_path)
