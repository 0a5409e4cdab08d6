"""The folder of a snapshot: whole or not there, private, and never somebody else's files."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.rig import running, uartsim
from tests.guests.boot_code import POLL_LSR, boot
from tests.guests.line import Line, in_trio
from tests.guests.test_snapshot import restored, save
from uartsim.errors import UartsimError, UsageError
from uartsim.guest import snapshot_folder
from uartsim.guest.snapshot_folder import SnapshotDraft, SnapshotFiles
from uartsim.own_files.folder import MARK

CONTENT = {"version": 2, "uart": {}}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that these tests share, and not with the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache-of-snapshots"))
    monkeypatch.setattr(snapshot_folder, "LOCK_TIMEOUT_S", 0.0)


def write(folder: Path, text: bytes) -> None:
    """A snapshot of two files."""
    with SnapshotDraft(folder) as draft:
        for name in ("machine", "disk-0.qcow2"):
            _, fd = draft.new_file(name)
            os.write(fd, text)
            os.close(fd)
        draft.commit(CONTENT)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MARK}


def files_of(folder: Path) -> set[bytes]:
    """What is in the files that ``port.json`` names."""
    return {(folder / name).read_bytes() for name in json.loads((folder / "port.json").read_bytes())["sizes"]}


def test_folder_and_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "deep" / "saved", b"one")
        write(tmp_path / "deep" / "saved", b"two")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep" / "saved").stat().st_mode) == 0o700
    for path in (tmp_path / "deep" / "saved").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_each_save_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for text in (b"one", b"two", b"three"):
        write(tmp_path / "saved", text)
        assert files_of(tmp_path / "saved") == {text}
        assert len(contents(tmp_path / "saved")) == 3


#: Calls of the system that a save makes; each fails once at each time that it is made.
CALLS = ("open", "write", "fsync", "rename", "fstat", "stat")


@pytest.mark.parametrize("call", CALLS)
def test_whatever_fails_the_earlier_snapshot_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    write(tmp_path / "saved", b"earlier")
    if call != "fsync":
        monkeypatch.setattr(os, "fsync", lambda fd: None)  # takes its time
    real = getattr(os, call)
    failed = 0
    for time in range(50):
        left = [time]

        def fail(*args: object, left: list[int] = left, **options: object) -> object:
            left[0] -= 1
            if left[0] == -1:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **options)

        monkeypatch.setattr(os, call, fail)
        try:
            write(tmp_path / "saved", b"new")
        except (OSError, UsageError):
            failed += 1
        monkeypatch.setattr(os, call, real)
        assert files_of(tmp_path / "saved") in ({b"earlier"}, {b"new"})
        if left[0] >= 0:
            break
        write(tmp_path / "saved", b"earlier")
    assert failed > 0 or call in ("fstat", "stat")


def test_what_a_killed_save_had_begun_goes_with_the_next(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    write(saved, b"one")
    process = os.fork()
    if process == 0:
        draft = SnapshotDraft(saved)
        draft.new_file("machine")
        os._exit(0)
    os.waitpid(process, 0)
    assert len(contents(saved)) == 4
    assert files_of(saved) == {b"one"}
    write(saved, b"two")
    assert len(contents(saved)) == 3
    assert files_of(saved) == {b"two"}


def test_a_failed_first_save_leaves_an_empty_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with SnapshotDraft(tmp_path / "saved") as draft:
            os.close(draft.new_file("machine")[1])
            raise OSError(errno.EIO, "failed")

    with pytest.raises(OSError, match="failed"):
        fail()
    assert list((tmp_path / "saved").iterdir()) == []


@pytest.mark.parametrize("name", ["machine", "thesis.txt", "port.json", "disk-0.qcow2", MARK])
def test_a_folder_with_a_users_files_is_refused_and_untouched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("ten years")
    (tmp_path / "more").mkdir()
    with pytest.raises(UsageError, match=r"holds files that uartsim did not make.*does not exist yet"):
        write(tmp_path, b"new")
    assert (tmp_path / name).read_text() == "ten years"
    assert sorted(os.listdir(tmp_path)) == sorted([name, "more"])


@pytest.mark.parametrize("text", [b"", b"[" * 100_000, b"{}", b"\xff"])
def test_a_damaged_port_file_costs_nothing_until_a_save_has_succeeded(tmp_path: Path, text: bytes) -> None:
    write(tmp_path / "saved", b"one")
    (tmp_path / "saved" / "port.json").write_bytes(text)
    before = contents(tmp_path / "saved")
    with SnapshotDraft(tmp_path / "saved"):
        pass
    assert contents(tmp_path / "saved") == before
    write(tmp_path / "saved", b"two")
    assert files_of(tmp_path / "saved") == {b"two"}
    assert len(contents(tmp_path / "saved")) == 3


def test_what_a_user_has_put_beside_a_snapshot_stays(tmp_path: Path) -> None:
    write(tmp_path / "saved", b"one")
    for name in ("notes.txt", "machine.txt", "disk-x.qcow2", "machine.2.bak"):
        (tmp_path / "saved" / name).write_text("mine")
    write(tmp_path / "saved", b"two")
    write(tmp_path / "saved", b"three")
    assert len(contents(tmp_path / "saved")) == 3 + 4


def test_a_snapshot_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "machine").write_text("old")
    (tmp_path / "port.json").write_text(json.dumps({"version": 1, "uart": {}}))
    write(tmp_path, b"new")
    assert files_of(tmp_path) == {b"new"}
    assert len(contents(tmp_path)) == 3


def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match=f"others can write to the snapshot folder .*chmod go-w {tmp_path}"):
        write(tmp_path, b"new")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o777


def test_a_link_in_the_place_of_a_file_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years")
    write(tmp_path / "saved", b"one")
    for name in ("machine.2", "disk-0.qcow2.2", ".port.json.new"):
        (tmp_path / "saved" / name).symlink_to(tmp_path / "thesis.txt")
    write(tmp_path / "saved", b"two")
    assert (tmp_path / "thesis.txt").read_text() == "ten years"
    assert files_of(tmp_path / "saved") == {b"two"}


def test_of_two_at_once_one_is_told(tmp_path: Path) -> None:
    write(tmp_path / "saved", b"one")
    with SnapshotDraft(tmp_path / "saved"):
        for use in (SnapshotDraft, SnapshotFiles):
            with pytest.raises(UartsimError, match="in use by another process"):
                use(tmp_path / "saved")
    with (
        SnapshotFiles(tmp_path / "saved"),
        SnapshotFiles(tmp_path / "saved"),
        pytest.raises(UartsimError, match="in use"),
    ):
        SnapshotDraft(tmp_path / "saved")
    write(tmp_path / "saved", b"two")


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "../machine"},
        {"machine": "/etc/passwd"},
        {"machine": "port.json"},
        {"machine": 4},
        {"disks": {"a": "../../disk.img"}},
        {"disks": {"a": "disk-9.qcow2"}},
        {"disks": []},
        {"sizes": {}},
        {"sizes": {"machine": "x"}},
        {"read_only": {"a": 1}},
    ],
)
@pytest.mark.needs("qemu-system-x86_64")
@in_trio
async def test_what_names_other_files_is_not_a_snapshot(tmp_path: Path, change: dict[str, object]) -> None:
    async with Line().open(boot(POLL_LSR, tmp_path)) as machine:
        await save(machine, tmp_path / "saved")
    file = tmp_path / "saved" / "port.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(UsageError, match="is not the snapshot of a port"):
        async with restored(Line(), boot(POLL_LSR, tmp_path), tmp_path / "saved"):
            pass


# -- with the command line -----------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A guest of QEMU's with a disk of 8 MB, and nothing else."""
    folder = tmp_path / "bare"
    folder.mkdir()
    boot(POLL_LSR, folder)  # writes the BIOS
    (folder / "disk.img").write_bytes(os.urandom(8 << 20))
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "qemu"\ndescription = "a test"\n[qemu]\nmemory_mb = 16\nregisters = "require"\n'
        'args = ["-bios", "{folder}/bios.bin"]\n'
        'drives = ["file={folder}/disk.img,if=virtio,format=raw,snapshot=on"]\n'
    )
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("root may not mount here: run it outside of a container")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.needs("root", "qemu-system-x86_64")
@pytest.mark.parametrize("filled", [3, 10, 12])
def test_a_full_disk_is_said_and_the_earlier_snapshot_goes_on(
    runtime: Path, bare: Path, small_disk: Path, filled: int
) -> None:
    """Full while a disk is copied, or while memory is written, or at once."""
    saved = small_disk / "saved"
    manifest = bare / "guest.toml"
    manifest.write_text(manifest.read_text().replace(",snapshot=on", ""))  # no overlay: all of the disk is copied
    with running(runtime, bare) as machine:
        if filled == 3:
            uartsim(runtime, "save", "box", str(saved))
            before = contents(saved)
        else:
            saved.mkdir(mode=0o700)
            (small_disk / "filling").write_bytes(bytes(filled * 1000 << 10))
            before = {}
        said = uartsim(runtime, "save", "box", str(saved), status=1).stderr
        assert "disk full" in said
        assert "make room there" in said
        assert contents(saved) == before
        assert machine.status()["state"] == "running"
        uartsim(runtime, "save", "box", str(small_disk.parent / "elsewhere"))
    if before:
        with running(runtime, bare, "box", "--restore", str(saved)) as machine:
            assert machine.status()["state"] == "running"


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize("limit", [1 << 12, 1 << 20])
def test_a_limit_to_files_sizes_is_said_and_the_guest_goes_on(
    runtime: Path, bare: Path, tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # no module's .pyc is cut short
    if limit == 1 << 12:
        (bare / "guest.toml").write_text((bare / "guest.toml").read_text().replace("drives", "#"))
    with running(runtime, bare) as machine:
        uartsim(runtime, "save", "box", str(tmp_path / "saved"))
        before = contents(tmp_path / "saved")
        resource.prlimit(machine.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        said = uartsim(runtime, "save", "box", str(tmp_path / "saved"), status=1).stderr
        assert "File too large" in said
        assert "ulimit -f" in said
        assert contents(tmp_path / "saved") == before
        assert machine.status()["state"] == "running"


@pytest.mark.needs("qemu-system-x86_64")
def test_a_folder_that_is_none_is_a_mistake_of_the_caller(runtime: Path, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years")
    with running(runtime, bare):
        for folder in (tmp_path, tmp_path / "thesis.txt", tmp_path / "thesis.txt" / "saved"):
            said = uartsim(runtime, "save", "box", str(folder), status=2).stderr
            assert "save in a folder that does not exist yet" in said
    assert (tmp_path / "thesis.txt").read_text() == "ten years"
