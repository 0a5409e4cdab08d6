"""What QEMU guests boot from, and how it is kept."""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import UNUSED_S, content_hash, kept_file
from uartsim.guest import bridge_build
from uartsim.guest.boot_files import boot_cd, boot_file
from uartsim.guest.bridge_build import BridgeUnavailable, bridge_library, build_id
from uartsim.guest.catalogue import find_guest
from uartsim.own_files.folder import MARK


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    return folder


def quiet(text: str) -> None:
    """Nobody listens."""


class TestKeptFile:
    def test_a_file_is_made_once_and_whole(self, cache: Path) -> None:
        made = []

        def make(draft: Path) -> None:
            made.append(draft)
            draft.write_text("content")

        files = [kept_file("sort", "key", ".x", make, quiet) for _ in range(2)]
        assert files == [cache / "sort-key.x"] * 2
        assert files[0].read_text() == "content"
        assert len(made) == 1
        assert made[0] != files[0]
        assert sorted(path.name for path in cache.iterdir()) == [
            MARK,
            "sort-key.x",
            "sort-key.x.lock",
            "sort-key.x.sum",
        ]

    def test_what_fails_leaves_nothing(self, cache: Path) -> None:
        def fail(draft: Path) -> None:
            draft.write_text("half")
            raise UartsimError("no")

        with pytest.raises(UartsimError, match="no"):
            kept_file("sort", "key", ".x", fail, quiet)
        assert sorted(path.name for path in cache.iterdir()) == [MARK, "sort-key.x.lock"]

    def test_who_wants_the_same_waits_for_the_one_that_makes_it(self, cache: Path) -> None:
        begun, go_on = threading.Event(), threading.Event()
        made = []

        def slow(draft: Path) -> None:
            begun.set()
            assert go_on.wait(10)
            made.append(1)
            draft.write_text("once")

        def said(text: str) -> None:
            assert "waiting for another process to make sort-key.x" in text
            go_on.set()

        first = threading.Thread(target=kept_file, args=("sort", "key", ".x", slow, quiet))
        first.start()
        assert begun.wait(10)
        assert kept_file("sort", "key", ".x", slow, said).read_text() == "once"
        first.join()
        assert made == [1]

    def test_what_nobody_has_used_for_long_goes_when_another_is_made(self, cache: Path) -> None:
        def make(draft: Path) -> None:
            draft.write_text("x")

        old, young, other = (kept_file(*name, ".x", make, quiet) for name in (("a", "1"), ("a", "2"), ("b", "1")))
        long_ago = time.time() - UNUSED_S - 10
        for path in (old, other):
            os.utime(path, (long_ago, long_ago))
        kept_file("a", "3", ".x", make, quiet)
        assert (old.exists(), young.exists(), other.exists()) == (False, True, True)

    def test_parts_do_not_run_into_each_other(self) -> None:
        assert content_hash(b"ab", b"c") != content_hash(b"a", b"bc")


class TestBootFile:
    def test_a_pattern_gives_the_newest_by_its_numbers(self, tmp_path: Path) -> None:
        for name in ("image-4.9-x", "image-4.17-x", "image-4.2-x"):
            (tmp_path / name).write_text(name)
        assert boot_file("image-*-x", tmp_path, quiet) == tmp_path / "image-4.17-x"

    def test_no_match_and_no_file_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"image-\*"):
            boot_file("image-*", tmp_path, quiet)
        with pytest.raises(UsageError, match=r"the file .*kernel is missing"):
            boot_file("kernel", tmp_path, quiet)

    def test_a_packed_file_is_unpacked_once(self, tmp_path: Path) -> None:
        (tmp_path / "kernel.gz").write_bytes(gzip.compress(b"kernel", mtime=0))
        said: list[str] = []
        files = [boot_file("kernel.gz", tmp_path, said.append) for _ in range(2)]
        assert files[0] == files[1]
        assert files[0].read_bytes() == b"kernel"
        assert said == [f"unpacking {tmp_path}/kernel.gz"]

    @pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"kernel" * 1000, mtime=0)[:-20]])
    def test_a_broken_packed_file_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "kernel.gz").write_bytes(content)
        with pytest.raises(UartsimError, match=r"kernel\.gz cannot be unpacked"):
            boot_file("kernel.gz", tmp_path, quiet)

    @pytest.mark.parametrize("line", ["no equals sign", "=x", "/absolute=x", "../out=x"])
    def test_a_cd_takes_paths_on_itself_only(self, tmp_path: Path, line: str) -> None:
        with pytest.raises(UsageError, match="is not PATH=NAME"):
            boot_cd([line], tmp_path, quiet)

    def test_without_xorriso_its_package_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "boot").write_bytes(bytes(2048))
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageError, match="apt-get install xorriso"):
            boot_cd(["boot=boot"], tmp_path, quiet)

    def test_a_cache_that_cannot_be_written_is_said(self, tmp_path: Path, cache: Path) -> None:
        cache.write_text("a file where a folder should be")
        (tmp_path / "kernel.gz").write_bytes(gzip.compress(b"kernel", mtime=0))
        with pytest.raises(UartsimError, match="XDG_CACHE_HOME"):
            boot_file("kernel.gz", tmp_path, quiet)


class TestLibrary:
    def test_builds_are_told_apart(self, tmp_path: Path) -> None:
        programs = [Path(found) for name in ("cat", "ls") if (found := shutil.which(name))]
        assert len({build_id(program) for program in programs}) == 2
        (tmp_path / "script").write_text("#!/bin/sh\n")
        (tmp_path / "cut").write_bytes(programs[0].read_bytes()[:100])
        assert len(build_id(tmp_path / "script")) == len(build_id(tmp_path / "cut")) == 64
        with pytest.raises(BridgeUnavailable, match="cannot be read"):
            build_id(tmp_path / "none")

    @pytest.mark.needs("gcc", "/usr/include/stdio.h")
    def test_it_is_compiled_once_for_each_source_and_qemu(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
    ) -> None:
        said: list[str] = []
        one = bridge_library(Path(sys.executable), said.append)
        assert bridge_library(Path(sys.executable), said.append) == one
        assert said == ["compiling the port bridge"]
        (tmp_path / "other").write_text("another QEMU")
        other = bridge_library(tmp_path / "other", said.append)
        changed = tmp_path / "port_bridge.c"
        changed.write_text(bridge_build.SOURCE.read_text() + "\n")
        for header in bridge_build.HEADERS:
            shutil.copy(header, tmp_path)
        monkeypatch.setattr(bridge_build, "SOURCE", changed)
        assert len({one, other, bridge_library(Path(sys.executable), said.append)}) == 3
        assert len(list(cache.glob("port-bridge-*.so"))) == 3


def test_only_a_guest_of_kind_qemu_is_asked_for_registers() -> None:
    assert find_guest("linux").with_registers("require").options["registers"] == "require"
    with pytest.raises(UsageError, match="kind script"):
        find_guest("demo").with_registers("require")
