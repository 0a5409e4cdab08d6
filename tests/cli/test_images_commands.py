"""The commands ``uartsim images``, as a person types them."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.http_files import Served, serving
from tests.images.store_rig import DISK, entries, kept, start_uartsim, store, uartsim, wait_for
from tests.patience import patience

__all__ = ["store"]

pytestmark = pytest.mark.needs("qemu-img")

SUM = hashlib.sha256(DISK).hexdigest()


@pytest.fixture
def disk(store: Path, tmp_path: Path) -> Path:
    path = tmp_path / "My Disk.img"
    path.write_bytes(DISK)
    return path


@pytest.fixture
def server(store: Path) -> Iterator[Served]:
    with serving(Served({"/Disk.img": DISK})) as served:
        yield served


def test_a_life_of_an_image(disk: Path, store: Path) -> None:
    path = f"{store}/my-disk-{SUM[:32]}.raw"
    done = uartsim("import", str(disk))
    assert done.stdout.splitlines() == [
        f"my-disk: raw, a disk of 105 kB, takes {done.stdout.split('takes ')[1].split(',')[0]}, SHA-256 {SUM}",
        path,
    ]
    assert done.stderr.startswith(f"importing {disk} needs about ")
    assert uartsim("path", "my-disk").stdout == f"{path}\n"
    table = uartsim("list").stdout.splitlines()
    assert table[0].split() == ["NAME", "FORMAT", "SIZE", "ON", "DISK", "MADE", "USED", "FROM"]
    assert table[1].startswith("my-disk  raw     105 kB  ")
    assert table[1].endswith(f"just now  imported: {disk}")
    values = json.loads(uartsim("list", "--json").stdout)
    assert [(value["name"], value["sha256"], value["path"], value["problem"]) for value in values] == [
        ("my-disk", SUM, path, "")
    ]
    assert uartsim("list", "--check").stderr == f"checking the SHA-256 of {path}\n"
    assert uartsim("remove", "my-disk").stderr.startswith("removed my-disk, ")
    assert entries(store) == []


def test_a_damaged_image_is_shown_and_the_check_exits_with_1(disk: Path, store: Path) -> None:
    uartsim("import", str(disk), "--name", "mine")
    os.truncate(store / f"mine-{SUM[:32]}.raw", 600)
    assert "(mine may be damaged: its size or time of change is not the one recorded;" in uartsim("list").stdout
    assert "it has 600 bytes instead of" in uartsim("list", "--check", status=1).stdout
    assert "it has 600 bytes" in json.loads(uartsim("list", "--check", "--json", status=1).stdout)[0]["problem"]
    assert "is damaged (it has 600 bytes" in uartsim("path", "mine", status=1).stderr


def test_a_fetch_that_stops_is_listed_and_goes_on(server: Served, store: Path) -> None:
    server.most = 40_000
    command = ("fetch", f"{server.url}/Disk.img", "--sha256", SUM)
    assert f"what has come is kept as {store}/disk.part" in uartsim(*command, status=1).stderr
    assert (
        f"(disk: 40 kB of a download from {server.url}/Disk.img, kept as {store}/disk.part)" in uartsim("list").stdout
    )
    assert json.loads(uartsim("list", "--json").stdout)[0]["problem"] == "partial download"
    assert "there is no image 'disk'" in uartsim("path", "disk", status=2).stderr
    server.most = None
    assert uartsim(*command).stdout.endswith(f"SHA-256 {SUM}\n{store}/disk-{SUM[:32]}.raw\n")
    server.most = 40_000
    uartsim(*command, "--name", "other", status=1)
    uartsim("remove", "other")
    assert [name for name in entries(store) if name.startswith("other")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_fetch_and_what_has_come_is_kept_and_named(
    server: Served, store: Path, number: signal.Signals
) -> None:
    server.stalls_after = 40_000
    process = start_uartsim("fetch", f"{server.url}/Disk.img", "--sha256", SUM)
    part = store / "disk.part"
    wait_for(lambda: part.exists() and part.stat().st_size == 40_000)
    process.send_signal(number)
    _, err = process.communicate(timeout=patience(60))
    assert process.returncode == 128 + number
    assert err.splitlines()[-2:] == [
        f"what has come is kept as {part}, and the same command goes on from there",
        "uartsim: interrupted: no half image is left",
    ]
    server.stalls_after = None
    uartsim("fetch", f"{server.url}/Disk.img", "--sha256", SUM)
    assert server.requests == ["", "bytes=40000-"]


def test_a_killed_fetch_goes_on(server: Served, store: Path) -> None:
    server.stalls_after = 40_000
    process = start_uartsim("fetch", f"{server.url}/Disk.img", "--sha256", SUM)
    part = store / "disk.part"
    wait_for(lambda: part.exists() and part.stat().st_size == 40_000)
    process.kill()
    process.communicate(timeout=patience(60))
    server.stalls_after = None
    uartsim("fetch", f"{server.url}/Disk.img", "--sha256", SUM)
    assert server.requests == ["", "bytes=40000-"]
    assert len(entries(store)) == 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("import", "/none.img"), "there is no file /none.img"),
        (("import", "/"), "no name for the image follows from '/'"),
        (("import", "/etc", "--name", "etc"), "/etc is a folder, not an image file"),
        (("import", "https://host/disk.img"), "is a URL: use 'uartsim images fetch URL --sha256 SUM'"),
        (("import", "/none.img", "--name", "demo"), "demo is a guest of the catalogue"),
        (("import", "/none.img", "--name", "../x"), "'../x' cannot be the name of an image"),
        (("fetch", "https://host/disk.img"), "Missing option '--sha256'"),
        (("fetch", "file:///disk.img", "--sha256", SUM), "use 'uartsim images import PATH'"),
        (("fetch", "https://host/", "--sha256", SUM), "give one with --name"),
        (("fetch", "https://host/disk.img", "--sha256", "x"), "'x' is not a SHA-256"),
        (("fetch", "https://host/d.img", "--sha256", SUM, "--timeout", "0"), "use a positive number"),
        (("build", "demo"), "guest 'demo' boots from no image that is built here"),
        (("build", "nosuch"), "nosuch"),
        (("path", "nosuch"), "there is no image 'nosuch' in the store: 'uartsim images list' shows what there is"),
        (("remove", "nosuch"), "there is no image 'nosuch' in the store"),
        (("remove",), "give the names of images, or --unused DAYS, and not both"),
        (("remove", "x", "--unused", "7"), "and not both"),
        (("remove", "--unused", "-1"), "is not in the range"),
    ],
)
def test_a_mistake_is_a_sentence_with_status_2(store: Path, arguments: tuple[str, ...], what: str) -> None:
    assert what in uartsim(*arguments, status=2).stderr
    assert not store.exists() or entries(store) == []


def test_a_wrong_limit_is_a_sentence(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", "much")
    assert "UARTSIM_IMAGES_LIMIT='much' is not a size" in uartsim("import", str(disk), status=2).stderr


def test_unused_images_are_removed(store: Path) -> None:
    image = kept()
    assert (
        uartsim("remove", "--unused", "7").stderr == "nothing is removed: no built image has been unused for so long\n"
    )
    os.utime(image.path.with_suffix(".json"), (0, 0))
    assert uartsim("remove", "--unused", "7").stderr.startswith("removed box, ")
    assert entries(store) == []


def test_listing_makes_nothing(store: Path) -> None:
    assert uartsim("list").stdout.startswith("NAME")
    assert json.loads(uartsim("list", "--json").stdout) == []
    assert not store.parent.exists()


def test_a_terminal_gets_a_bar(server: Served, store: Path) -> None:
    import subprocess
    import sys

    ours, theirs = pty.openpty()
    try:
        server.files["/Disk.img"] = DISK + bytes(50_000_000)
        sha256 = hashlib.sha256(server.files["/Disk.img"]).hexdigest()
        process = subprocess.Popen(
            [sys.executable, "-m", "uartsim", "images", "fetch", f"{server.url}/Disk.img", "--sha256", sha256],
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 10_000):
                shown += piece
        except OSError:  # the other end is closed
            pass
        assert process.wait(patience(60)) == 0
        process.communicate()
    finally:
        os.close(ours)
    assert b"/50.1 MB" in shown
    assert b"/s" in shown


GUEST = """
[guest]
kind = "qemu"
description = "a guest whose image is never built"
[qemu]
[image]
builder = "debian"
packages = ["linux-image-cloud-amd64"]
"""
NEEDS = ("mke2fs", "debugfs", "sfdisk", "openssl", "qemu-img", "mkfs.vfat", "mcopy", "setpriv", "mmdebstrap")


@pytest.mark.needs(*NEEDS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_build_and_nothing_is_left(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "guest.toml").write_text(GUEST)
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "mmdebstrap"
    stand_in.write_text(f"#!/bin/sh\ntouch {tmp_path}/begun\nexec sleep 1000\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    process = start_uartsim("build", f"{tmp_path}/box")
    wait_for((tmp_path / "begun").exists)
    process.send_signal(number)
    _, err = process.communicate(timeout=patience(60))
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == "uartsim: interrupted: no half image is left"
    assert entries(store) == []
