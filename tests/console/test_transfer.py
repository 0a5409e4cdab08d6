"""Files over the line: into and out of the shells of this system, which may lack what makes it easy."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim import blocking
from uartsim.console.console_errors import ExpectTimeout, TransferFailed
from uartsim.console.shell.transfer import _octal_lines, posix_cksum
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition

DATA = bytes(range(256)) * 8 + random.Random(1).randbytes(18_000) + b"text, with 'quotes' and \\ and %\n" * 20
#: What a shell can be short of, by the programs that it has.
FULL = ("sha256sum", "md5sum", "cksum", "base64", "od", "dd", "stty", "mv", "rm", "cat", "wc", "sleep")
BARE = ("cksum", "od", "dd", "stty", "mv", "rm", "cat", "wc", "sleep")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Callable[..., blocking.Console]]:
    """Opens consoles of a shell that has only certain programs, in a folder of its own."""
    consoles = []

    def open_room(programs: tuple[str, ...], shell: str = "dash", **options: object) -> blocking.Console:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in (*programs, shell):
            (folder / name).symlink_to(str(shutil.which("busybox" if shell == "busybox" else name)))
        command = [str(folder / shell), *(["ash"] if shell == "busybox" else []), "-i"]
        definition = GuestDefinition(
            "room", "process", "", tmp_path, (), {"baud": 115200}, {"command": ["env", f"PATH={folder}", *command]}
        )
        opened = blocking.open_console(definition, timeout=20, **options)  # type: ignore[arg-type]
        consoles.append(opened)
        console = opened.__enter__()
        console.wait_for_quiet(0.3)
        return console

    yield open_room
    for opened in consoles:
        opened.__exit__(None, None, None)


@pytest.mark.needs("/bin/busybox")
@pytest.mark.parametrize(("shell", "programs"), [("dash", FULL), ("dash", BARE), ("busybox", BARE)])
def test_file_goes_in_and_comes_out_whole(
    room: Callable[..., blocking.Console], tmp_path: Path, shell: str, programs: tuple[str, ...]
) -> None:
    console = room(programs, shell, unlimited=True)
    path = tmp_path / "a file's name"
    path.write_bytes(b"old")
    seen: list[tuple[int, int]] = []
    console.put_file(DATA, str(path), lambda done, size: seen.append((done, size)))
    assert path.read_bytes() == DATA
    assert seen == [(0, len(DATA)), (16384, len(DATA)), (len(DATA), len(DATA))]
    seen.clear()
    assert console.get_file(str(path), lambda done, size: seen.append((done, size))) == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a file's name", "bin"]
    assert console.run("echo on").output == "on\n"


def test_empty_file_and_file_from_here(room: Callable[..., blocking.Console], tmp_path: Path) -> None:
    console = room(FULL)
    console.put_file(b"", str(tmp_path / "empty"))
    assert (tmp_path / "empty").read_bytes() == b""
    assert console.get_file(str(tmp_path / "empty")) == b""
    (tmp_path / "source").write_bytes(b"\0\xff\r\n")
    console.put_file(tmp_path / "source", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"\0\xff\r\n"


def test_what_cannot_be_read_or_written_is_told(room: Callable[..., blocking.Console], tmp_path: Path) -> None:
    console = room(FULL)
    with pytest.raises(UsageError, match="nowhere cannot be read"):
        console.put_file(tmp_path / "nowhere", "x")
    with pytest.raises(TransferFailed, match=r"/nowhere/x cannot be written: .*irectory"):
        console.put_file(b"x", "/nowhere/x")
    with pytest.raises(TransferFailed, match=r"/nowhere/x cannot be read: .*No such file"):
        console.get_file("/nowhere/x")
    assert console.run("echo on").output == "on\n"


def test_transfer_that_fails_leaves_nothing_in_the_guest(room: Callable[..., blocking.Console], tmp_path: Path) -> None:
    console = room(FULL)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises((TransferFailed, ExpectTimeout)):
        console.put_file(DATA * 4, str(tmp_path / "file"), timeout=2.5)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bin", "file"]
    assert console.run("echo on").output == "on\n"


@pytest.mark.parametrize("path", ["", 5, "a\0b"])
def test_impossible_path_is_refused(room: Callable[..., blocking.Console], path: str) -> None:
    console = room(FULL)
    with pytest.raises(UsageError, match="is not a path in the guest"):
        console.put_file(b"x", path)
    with pytest.raises(UsageError, match="is not a path in the guest"):
        console.get_file(path)


def test_line_that_loses_characters_costs_time_and_nothing_else(
    room: Callable[..., blocking.Console], tmp_path: Path
) -> None:
    console = room(FULL)
    console.line.add_fault("lost:rate=1e-4,seed=11,direction=both")
    console.put_file(DATA[:8000], str(tmp_path / "file"))
    assert console.get_file(str(tmp_path / "file")) == DATA[:8000]
    console.line.clear_faults()
    assert (tmp_path / "file").read_bytes() == DATA[:8000]
    assert console.counters["characters_lost_in"] + console.counters["characters_lost_out"] > 0


def test_kernel_lines_in_between_do_no_harm(room: Callable[..., blocking.Console], tmp_path: Path) -> None:
    console = room(FULL)
    with console.stimuli.printk_storm(300, seed=4) as storm:
        console.put_file(DATA[:6000], str(tmp_path / "file"))
        assert console.get_file(str(tmp_path / "file")) == DATA[:6000]
    assert (tmp_path / "file").read_bytes() == DATA[:6000]
    assert storm.lines > 5


@given(st.binary(max_size=300))
def test_checksum_is_that_of_cksum(data: bytes) -> None:
    printed = subprocess.run(["cksum"], input=data, capture_output=True, check=True).stdout.split()
    assert posix_cksum(data) == int(printed[0])


@given(st.binary(max_size=400))
def test_octal_lines_are_short_and_mean_the_data(data: bytes) -> None:
    lines = _octal_lines(data)
    assert all(len(line) <= 76 and line.isprintable() for line in lines)
    assert all(set(line) <= set("\\0123456789") or line.replace("\\", "").isalnum() for line in lines)
    decoded = "".join(lines).encode().decode("unicode_escape").encode("latin-1")
    assert decoded == data
