"""Several processes at one store, processes that are killed in the middle, and disks that become full."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.store_rig import KEY, entries, kept, make, never, python, store, wait_for
from tests.patience import patience
from uartsim.errors import UartsimError
from uartsim.images.image_store import find_image, list_images
from uartsim.own_files.folder import OwnFolder

__all__ = ["store"]

#: Builds the image: writes half of it, says so, and waits for a word; with "whole" it completes it, else it fails.
BUILDER = f"""
import sys
from pathlib import Path
from uartsim.cli.undone_by_signals import undone_by_signals
from uartsim.errors import UartsimError
from uartsim.images.image_store import stored_image

def make(draft):
    draft.write_bytes(b"half")
    tree = Path(f"{{draft}}.tree")
    tree.mkdir()
    (tree / "file").write_bytes(b"half")
    print("begun", flush=True)
    if sys.stdin.readline() != "whole\\n":
        raise UartsimError("it has failed")
    draft.write_bytes(bytes(510) + b"\\x55\\xaa" + b"data" * 1000)

def say(text):
    print(text, flush=True)

with undone_by_signals():
    image = stored_image("box", "{KEY}", make, say, format="raw", source="", expected_bytes=1)
print("has", image.path, flush=True)
"""


def lines_until(process: subprocess.Popen[str], word: str) -> list[str]:
    """What a process writes up to the first line that begins with ``word``."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(word):
            return lines
    raise AssertionError((lines, process.communicate()))


def tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


@pytest.fixture
def builder(store: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has written half of the image."""
    process = python(store, BUILDER)
    try:
        lines_until(process, "begun")
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_second_of_two_processes_waits_says_so_and_takes_what_the_first_has_made(
    store: Path, builder: subprocess.Popen[str]
) -> None:
    second = python(store, BUILDER)
    waiting = lines_until(second, "waiting")[-1]
    assert waiting == f"waiting for another process ({builder.pid}) that makes or removes the image box"
    assert find_image("box") is None
    tell(builder, "whole")
    assert lines_until(builder, "has")[-1] == f"has {store}/box-{KEY}.raw"
    out, err = second.communicate(timeout=patience(60))
    assert err == ""
    assert out.splitlines()[-1] == f"has {store}/box-{KEY}.raw"
    assert "begun" not in out
    assert entries(store) == [f"box-{KEY}.json", f"box-{KEY}.raw"]


@pytest.mark.parametrize("how", ["fails", "is killed"])
def test_the_second_notices_that_the_first_has_not_made_it_and_makes_it(
    store: Path, builder: subprocess.Popen[str], how: str
) -> None:
    second = python(store, BUILDER)
    lines_until(second, "waiting")
    if how == "fails":
        tell(builder, "half")
    else:
        builder.kill()
    builder.wait(patience(60))
    lines = lines_until(second, "begun")
    assert "the other process has not made the image box: it is built here" in lines
    assert [name for name in entries(store) if str(builder.pid) in name] == []
    tell(second, "whole")
    assert second.wait(patience(60)) == 0
    second.communicate()
    kept(make=never)


def test_a_killed_process_leaves_no_image_and_the_next_one_removes_its_draft(
    store: Path, builder: subprocess.Popen[str]
) -> None:
    builder.kill()
    builder.wait(patience(60))
    assert entries(store) == [f".box-{KEY}.{builder.pid}", f".box-{KEY}.{builder.pid}.tree"]
    assert find_image("box") is None
    kept()
    assert entries(store) == [f"box-{KEY}.json", f"box-{KEY}.raw"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_leaves_nothing(
    store: Path, builder: subprocess.Popen[str], number: signal.Signals
) -> None:
    builder.send_signal(number)
    builder.wait(patience(60))
    assert entries(store) == []


# -- a full disk ---------------------------------------------------------------------------------------------

#: Builds an image of the size that is its argument where files may have the other argument.
FULL = f"""
import resource, sys
from uartsim.errors import UartsimError
from uartsim.images.image_store import list_images, stored_image

size, most = map(int, sys.argv[1:])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

def make(draft):
    with open(draft, "wb") as file:
        for at in range(0, size, 1 << 16):
            file.write(b"x" * (1 << 16))

try:
    stored_image("box", "{KEY}", make, lambda text: None, format="raw", source="", expected_bytes=1000)
except UartsimError as error:
    print(error)
print(list_images())
"""


def test_a_limit_of_file_sizes_is_said_and_no_half_image_stays(store: Path) -> None:
    path = f"{Path(__file__).resolve().parents[2]}:{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [sys.executable, "-B", "-c", FULL, str(1 << 22), str(1 << 20)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=patience(60),
    )
    assert done.stdout.startswith("building the image box has stopped, and nothing of it is left: File too large in ")
    assert "make room there, such as with 'uartsim images remove', or set XDG_CACHE_HOME" in done.stdout
    assert done.stdout.endswith("\n[]\n")
    assert entries(store) == []


def private() -> list[str]:
    """More arguments of unshare: in a chroot the root directory is no mount point, and its propagation cannot be changed."""
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return ["--propagation", "unchanged"] if done.returncode else []


@pytest.mark.needs("root")
def test_a_disk_that_becomes_full_is_said_and_no_half_image_stays(store: Path) -> None:
    store.parents[1].mkdir(mode=0o700)
    path = f"{Path(__file__).resolve().parents[2]}:{os.environ.get('PYTHONPATH', '')}"
    mount = 'mount -t tmpfs -o size=2m,mode=700 none "$XDG_CACHE_HOME" || exit 77'
    script = f'{mount}; "$@"; ls -A "$XDG_CACHE_HOME/uartsim/images"'
    done = subprocess.run(
        ["unshare", "--mount", *private(), "sh", "-c", script, "sh", sys.executable, "-c", FULL, str(1 << 22), "0"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(60),
    )
    if done.returncode == 77:
        pytest.skip("root may not mount here: run it outside of a container")
    lines = done.stdout.splitlines()
    assert "building the image box has stopped, and nothing of it is left: No space left on device" in lines[0]
    assert lines[1:] == ["[]", ".uartsim", "box.lock"]


def test_a_program_that_has_failed_on_a_full_disk_is_told_from_others(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(draft: Path) -> None:
        monkeypatch.setattr("uartsim.images.disk_room.free_bytes", lambda own: 4096)
        raise UartsimError("mke2fs failed with status 1")

    with pytest.raises(UartsimError, match=r"has stopped because .*/images is full: make room.*\(mke2fs failed"):
        kept(make=failing)
    assert entries(store) == []


def test_a_disk_that_is_full_when_the_record_is_written_leaves_no_image(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(own: OwnFolder, name: str, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kept(name="other")
    with monkeypatch.context() as patched:
        patched.setattr(OwnFolder, "write_new", full)
        with pytest.raises(UartsimError, match="nothing of it is left: No space left on device"):
            kept()
    assert [image.name for image in list_images()] == ["other"]
    assert len(entries(store)) == 2


def test_threads_that_build_other_images_do_not_wait_for_one_another(store: Path) -> None:
    both = threading.Barrier(2, timeout=patience(30))

    def together(draft: Path) -> None:
        both.wait()
        make(draft)

    other = threading.Thread(target=lambda: kept(make=together, name="other"))
    other.start()
    kept(make=together)
    other.join()
    wait_for(lambda: len(entries(store)) == 4)
