"""The builder of Debian disks around a stand-in for mmdebstrap: mistakes, interruptions, and the same bytes each time.

``tests/guests/test_debian_12.py`` has the real one.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.images.store_rig import ROOT, entries, store
from tests.images.test_root_tree import write_tar
from tests.patience import patience
from uartsim.errors import UartsimError, UsageError
from uartsim.images import debian_root
from uartsim.images.build import build_image
from uartsim.images.image_records import StoredImage
from uartsim.images.recipe import Recipe

__all__ = ["store"]

RECIPE = Recipe("debian", layout="gpt", firmware="both", size_mb=64, users=("user:user",))

pytestmark = pytest.mark.needs(
    *("mke2fs", "debugfs", "sfdisk", "openssl", "qemu-img", "mkfs.vfat", "mcopy", "setpriv", "mmdebstrap")
)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that stand before those of this machine, and the system's folder for temporary files."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "logs").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "logs"))
    return tmp_path


def stand_in(machine: Path, script: str) -> None:
    """Put a shell script in mmdebstrap's place; ``$TAR`` is the tar of a small root directory."""
    names = ["./", "./boot/", "./boot/grub/", "./boot/grub/i386-pc/", "./boot/grub/x86_64-efi/"]
    files = [("i386-pc/boot.img", "b" * 512), ("i386-pc/core.img", "c" * 3000), ("x86_64-efi/grub.efi", "MZ")]
    names += ["./var/", "./var/lib/", "./var/lib/dpkg/"]
    status = "Package: {}\nStatus: install ok installed\nDescription: a\n long text\nVersion: {}\n\n"
    packages = status.format("linux-image-6.1.0-1-amd64", "6.1.2-3") + status.format("bash", "5.2-1")
    tar = write_tar(
        machine / "root.tar",
        [(name, tarfile.DIRTYPE, "") for name in names]
        + [(f"./boot/grub/{name}", tarfile.REGTYPE, text) for name, text in files]
        + [("./var/lib/dpkg/status", tarfile.REGTYPE, packages)],
    )
    program = machine / "bin/mmdebstrap"
    program.write_text(f"#!/bin/sh\nTAR={tar}\n{script}\n")
    program.chmod(0o755)


def build(machine: Path, recipe: Recipe = RECIPE, *, rebuild: bool = False) -> StoredImage:
    return build_image(recipe, machine, lambda text: None, rebuild=rebuild)


def test_two_builds_are_bit_identical_and_the_second_is_had_from_the_store(machine: Path, store: Path) -> None:
    stand_in(machine, 'echo "$0 ran" >>$TAR.log; cat $TAR')
    first = build(machine)
    content = first.path.read_bytes()
    assert build(machine) == first or build(machine).made_at == first.made_at
    assert (machine / "root.tar.log").read_text().count("ran") == 1
    assert build(machine, rebuild=True).path.read_bytes() == content
    assert (machine / "root.tar.log").read_text().count("ran") == 2
    assert first.size_bytes == 64 << 20
    assert re.fullmatch(
        r"Debian bookworm by mmdebstrap: 2 packages \([0-9a-f]{8}\), linux-image-6\.1\.0-1-amd64 6\.1\.2-3",
        first.source,
    )
    assert len(entries(store)) == 2


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("E: Unable to locate package nosuch", "there is no package nosuch to install: check 'packages'"),
        ("E: Package 'nosuch' has no installation candidate", "there is no package nosuch to install"),
        ("E: The repository 'http://x bookwrm Release' does not have a Release file.", "there is no such release"),
        ("Err:1 http://x bookworm Temporary failure resolving 'x'", "packages cannot be downloaded: check the network"),
        ("dpkg: error: No space left on device", "there is no room left on the disk"),
        ("the root directory has no kernel: [image] packages must name one", "the root directory has no kernel"),
        ("E: something else", "mmdebstrap failed"),
    ],
)
def test_a_failure_says_what_to_do_and_where_the_log_is(machine: Path, store: Path, said: str, message: str) -> None:
    stand_in(machine, f"cat <<'X' >&2\nI: installing essential packages...\n{said}\nX\nexit 25")
    with pytest.raises(UartsimError) as caught:
        build(machine)
    assert str(caught.value).startswith(message)
    assert said in str(caught.value)
    (log,) = (machine / "logs").iterdir()
    assert str(log) in str(caught.value)
    assert entries(store) == []


def test_a_root_directory_without_a_boot_loader_is_not_a_disk(machine: Path, store: Path) -> None:
    stand_in(machine, "tar -C / -cf - --no-recursion .")
    with pytest.raises(UartsimError, match=r"the root directory has no boot/grub/i386-pc/boot\.img"):
        build(machine)
    assert entries(store) == []


def test_a_missing_program_is_named_with_all_others(
    machine: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uartsim.images.build.has_tool", lambda name: name not in ("mmdebstrap", "mmd"))
    with pytest.raises(UsageError, match=r"programs that are missing here: apt-get install mmdebstrap mtools$"):
        build(machine)
    assert entries(store) == []


def test_an_ordinary_user_without_any_way_is_told_both(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UsageError, match=r"apt-get install fakechroot fakeroot.*--add-subuids"):
        debian_root._mode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing(machine: Path, store: Path, number: signal.Signals) -> None:
    stand_in(
        machine,
        "read pid rest </proc/self/stat; echo $pid >$TAR.running  # as it is called outside of its own namespace\n"
        'trap "exit 1" TERM; echo "I: running apt-get update..." >&2\nwhile :; do sleep 0.1; done',
    )
    code = f"import pathlib, tests.images.test_debian_builder as rig\nrig.build(pathlib.Path({str(machine)!r}))\n"
    builder = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    running = machine / "root.tar.running"
    give_up_at = time.monotonic() + patience(20)
    while not (running.exists() and running.read_text().endswith("\n")):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    builder.send_signal(number)
    builder.wait()
    while Path(f"/proc/{running.read_text().strip()}").exists():
        assert time.monotonic() < give_up_at, "the stand-in goes on"
        time.sleep(0.02)
    if number == signal.SIGKILL:  # what a killed process leaves, the next one removes
        stand_in(machine, "exit 3")
        with pytest.raises(UartsimError):
            build(machine)
    assert entries(store) == []
