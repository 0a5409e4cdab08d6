"""``uartsim run`` of a disk image: it boots on a private overlay, the image stays as it is, and mistakes are sentences."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.access.rig import RunningMachine, open_serial, running, uartsim, wait_until
from tests.images.small_disk import HELLO, SIZE, run, small_disk
from tests.patience import patience
from uartsim.guest.reaper import descendants

pytestmark = pytest.mark.needs("qemu-img", "qemu-system-x86_64", "/usr/share/seabios/bios-256k.bin")


@pytest.fixture
def overlays(runtime: Path) -> Path:
    """The folder of the overlays of this test's machines."""
    folder = runtime.parent / "state" / "uartsim" / "overlays"
    shutil.rmtree(folder, ignore_errors=True)  # the state folder is shared by the tests of a process
    return folder


def kept(overlays: Path) -> list[str]:
    return sorted(name for name in os.listdir(overlays) if not name.startswith(".")) if overlays.exists() else []


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def booted(runtime: Path, disk: str | Path, *options: str, says: bytes = HELLO) -> Iterator[RunningMachine]:
    """A machine that has started from a disk."""
    with running(runtime, disk, "box", *options) as machine:
        machine.wait_sent(len(says))
        assert uartsim(runtime, "history", "box").stdout.encode() == says.replace(b"\r\n", b"\n")
        yield machine


def write_once(machine: RunningMachine) -> None:
    """Have the guest write to its disk."""
    with open_serial(machine.pty) as line:
        line.write(b"w")
        wait_until(
            lambda: b"written" in uartsim(machine.runtime, "history", "box").stdout.encode(), "the sector is written"
        )


def switch_off(machine: RunningMachine) -> str:
    """Have the guest switch itself off; returns what uartsim said."""
    with open_serial(machine.pty) as line:
        line.write(b"q")
        return machine.process.communicate(timeout=patience(30))[1]


@pytest.mark.needs("xorriso")
@pytest.mark.parametrize("made", ["raw", "qcow2", "vmdk", "vpc", "vhdx"])
def test_disk_of_any_format_boots_and_stays_as_it_is(runtime: Path, overlays: Path, tmp_path: Path, made: str) -> None:
    disk = small_disk(tmp_path / "disk", made)
    before = sha256(disk)
    with booted(runtime, disk, "--registers") as machine:
        assert len(kept(overlays)) == 1
        write_once(machine)
        switch_off(machine)
    assert machine.process.returncode == 0
    assert sha256(disk) == before
    assert kept(overlays) == []


@pytest.mark.needs("xorriso")
def test_cd_boots(runtime: Path, overlays: Path, tmp_path: Path) -> None:
    disk = small_disk(tmp_path / "cd", "iso")
    with running(runtime, disk, "box", "--registers") as machine:
        machine.wait_sent(len(HELLO))
        assert uartsim(runtime, "history", "box").stdout.startswith("hello from the disk")
        switch_off(machine)
    assert kept(overlays) == []


@pytest.mark.parametrize("device", ["ide", "scsi", "virtio"])
def test_disk_is_connected_as_it_is_asked_for(runtime: Path, tmp_path: Path, device: str) -> None:
    with booted(
        runtime, small_disk(tmp_path / "disk"), "--disk", device, "--cores", "2", "--memory", "64", "--net", "user"
    ) as box:
        command = next(
            line for child in descendants(box.process.pid) if "qemu" in (line := command_line(child)) and "-smp" in line
        )
        switch_off(box)
    assert {"ide": "ide-hd", "scsi": "scsi-hd", "virtio": "virtio-blk-pci"}[device] in command
    for words in ("-smp 2", "-m 64", "-nic user"):
        assert words in command


def test_writable_disk_is_written_to(runtime: Path, overlays: Path, tmp_path: Path) -> None:
    disk = small_disk(tmp_path / "disk", "qcow2")
    for number in (b"0", b"1"):
        with booted(runtime, disk, "--writable", says=HELLO.replace(b"0", number)) as machine:
            write_once(machine)
            switch_off(machine)
    with booted(runtime, disk, says=HELLO.replace(b"0", b"2")) as machine:
        switch_off(machine)
    assert kept(overlays) == []


@pytest.mark.parametrize("name", ["a,b {c} $d 'e'.img", "\u00e9 =,,x"])
def test_any_path_can_be_run(runtime: Path, tmp_path: Path, name: str) -> None:
    with booted(runtime, small_disk(tmp_path / name)) as machine:
        switch_off(machine)


def test_overlay_is_kept_and_named_after_qemu_was_killed_and_runs_again(
    runtime: Path, overlays: Path, tmp_path: Path
) -> None:
    disk = small_disk(tmp_path / "disk")
    before = sha256(disk)
    with booted(runtime, disk) as machine:
        write_once(machine)
        qemu = [child for child in descendants(machine.process.pid) if "qemu-system" in command_line(child)]
        for child in qemu:
            with suppress(ProcessLookupError):  # the reaper's end is QEMU's too
                os.kill(child, signal.SIGKILL)
        said = machine.process.communicate(timeout=patience(30))[1]
    assert qemu
    assert machine.process.returncode == 1, said
    [folder] = kept(overlays)
    again = overlays / folder / "disk.qcow2"
    assert f"the guest's disk is kept: boot it again with 'uartsim run {again}'" in said
    assert stat.S_IMODE(again.stat().st_mode) == 0o600
    with booted(runtime, again, says=HELLO.replace(b"0", b"1")) as machine:
        switch_off(machine)
    assert kept(overlays) == [folder]
    assert sha256(disk) == before
    disk.write_bytes(b"x" * SIZE)
    done = uartsim(runtime, "run", str(again), status=2)
    assert "has been changed since the overlay on it was made" in done.stderr


@pytest.mark.parametrize(
    ("make", "options", "why"),
    [
        ("empty", [], r"is empty: copy or download it again"),
        ("noise", [], r"is not a disk that a machine can start from"),
        ("cut", [], r"is truncated"),
        ("gzip", [], r"is compressed with gzip: unpack it first: gzip -dk disk"),
        ("fifo", [], r"is a named pipe"),
        ("luks", [], r"is encrypted \(LUKS\)"),
        ("ext", [], r"without a boot loader"),
        ("disk", ["--firmware", "uefi"], r"cannot be started with firmware uefi"),
        ("disk", ["--firmware", "best"], r"'best' is not one of"),
        ("disk", ["--memory", "1"], r"1"),
        ("disk", ["--cores", "0"], r"0"),
        ("disk", ["--net", "bridge"], r"bridge"),
        ("disk", ["--disk", "floppy"], r"floppy"),
        ("cd", ["--writable"], r"is a CD, which a guest cannot write to"),
        ("cd", ["--edit", "/etc/issue=:x"], r"a CD has none"),
        ("disk", ["--writable", "--edit", "/etc/issue=:x"], r"an image that the guest writes to itself has none"),
    ],
)
@pytest.mark.needs("mke2fs", "xorriso")
def test_what_cannot_be_run_is_one_sentence_and_leaves_nothing(
    runtime: Path, overlays: Path, tmp_path: Path, make: str, options: list[str], why: str
) -> None:
    disk = tmp_path / "disk"
    made = {
        "empty": b"",
        "noise": b"\xff" * 8192,
        "gzip": b"\x1f\x8b\x08" + bytes(600),
        "luks": b"LUKS\xba\xbe\0\1" + bytes(8192),
    }
    if make in made:
        disk.write_bytes(made[make])
    elif make == "fifo":
        os.mkfifo(disk)
    elif make == "ext":
        run("mke2fs", "-q", "-F", "-t", "ext4", disk, "4M")
    else:
        small_disk(disk, {"cut": "qcow2", "cd": "iso"}.get(make, "raw"))
    if make == "cut":
        os.truncate(disk, disk.stat().st_size // 2)
    done = uartsim(runtime, "run", str(disk), *options, status=2)
    assert re.search(why, done.stderr), done.stderr
    assert done.stderr.rstrip().count("\n") <= (3 if "Usage" in done.stderr else 0), done.stderr
    assert os.listdir(runtime) == []
    assert kept(overlays) == []


@pytest.mark.parametrize("name", ["./no.qcow2", "no-such-disk.qcow2"])
def test_disk_that_is_missing_is_a_sentence(runtime: Path, name: str) -> None:
    done = uartsim(runtime, "run", name, status=2)
    assert done.stderr.count("\n") == 1, done.stderr
    assert name in done.stderr


def command_line(pid: int) -> str:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
