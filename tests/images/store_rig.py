"""A store of images of its own for each test, small disks, and other processes that work in the store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import patience
from uartsim.file_cache import content_hash
from uartsim.images.image_store import StoredImage, images_folder, stored_image

ROOT = Path(__file__).resolve().parents[2]
KEY = content_hash(b"a recipe")
#: A first sector with a partition of 200 sectors (type, first sector and count are at 446 + 4, 8 and 12).
MBR = bytes(446) + b"\0\0\0\0\x83\0\0\0\1\0\0\0\xc8\0\0\0" + bytes(48) + b"\x55\xaa"
#: A raw disk of 205 sectors: data, a hole, data.
DISK = (MBR + bytes(range(256)) * 16).ljust(205 * 512 - 15, b"\0") + b"the disk's end."


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a store of this test; it is not made yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("UARTSIM_IMAGES_LIMIT", raising=False)
    return images_folder()


def make(draft: Path) -> None:
    draft.write_bytes(DISK)


def never(draft: Path) -> None:
    raise AssertionError("it is there")


def kept(
    said: list[str] | None = None,
    make: Callable[[Path], None] = make,
    *,
    name: str = "box",
    key: str = KEY,
    needs: int = 1000,
    rebuild: bool = False,
) -> StoredImage:
    """A built image."""
    progress = (said if said is not None else []).append
    return stored_image(name, key, make, progress, format="raw", source="a test", expected_bytes=needs, rebuild=rebuild)


def entries(store: Path) -> list[str]:
    """What is in the store, without its mark and lock files."""
    return sorted(name for name in os.listdir(store) if name != ".uartsim" and not name.endswith(".lock"))


def python(store: Path, code: str, **variables: str) -> subprocess.Popen[str]:
    """Another process that works in the same store; its standard input and output are pipes."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "XDG_CACHE_HOME": str(store.parents[1]), "PYTHONPATH": path, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def uartsim(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``uartsim images`` to its end and check its exit status."""
    process = start_uartsim(*arguments)
    out, err = process.communicate(timeout=patience(60))
    assert process.returncode == status, (process.returncode, out, err)
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start_uartsim(*arguments: str) -> subprocess.Popen[str]:
    """Start ``uartsim images``."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return subprocess.Popen(
        [sys.executable, "-m", "uartsim", "images", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    ends = time.monotonic() + patience(30)
    while not condition():
        assert time.monotonic() < ends, "it has not come about"
        time.sleep(0.01)
