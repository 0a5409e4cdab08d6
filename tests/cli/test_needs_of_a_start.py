"""What a guest needs is checked before a machine is announced."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import uartsim

QEMU = '[guest]\nkind = "qemu"\ndescription = "x"\n[qemu]\n'


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('kernel = "nosuch"', "nosuch is missing"),
        ('kernel = "nosuch-*"', "no file matches .*nosuch-"),
        ('kernel = "."', "is a folder"),
        ('drives = ["file={folder}/nosuch.img,if=virtio"]', "the image .*nosuch.img is missing"),
        ('drives = ["if=virtio,file={folder}"]', "is a folder, not an image"),
    ],
)
@pytest.mark.needs("qemu-system-x86_64")
def test_what_qemu_boots_from_is_looked_at_before_a_machine_is_announced(
    runtime: Path, tmp_path: Path, table: str, words: str
) -> None:
    (tmp_path / "guest.toml").write_text(QEMU + table + "\n")
    done = uartsim(runtime, "run", str(tmp_path), status=2)
    assert done.stdout == ""
    assert re.search(words, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program", "no-such-program is not in PATH"),
        ("/no/such/program", "/no/such/program is missing"),
        ("{folder}", "is a folder, not a program"),
        ("{folder}/guest.toml", "cannot be run by this user"),
    ],
)
def test_the_program_of_a_process_is_looked_at_before_a_machine_is_announced(
    runtime: Path, tmp_path: Path, command: str, words: str
) -> None:
    (tmp_path / "guest.toml").write_text(
        f'[guest]\nkind = "process"\ndescription = "x"\n[process]\ncommand = ["{command}"]\n'
    )
    done = uartsim(runtime, "run", str(tmp_path), status=2)
    assert done.stdout == ""
    assert re.search(words, done.stderr), done.stderr


def test_a_busybox_with_libraries_is_named_and_a_static_one_beside_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uartsim.errors import UsageError
    from uartsim.guest import tiny_initramfs as images

    dynamic, static = tmp_path / "dynamic", tmp_path / "static"
    dynamic.write_bytes(b"d")
    static.write_bytes(b"s")
    is_static: Callable[[bytes], bool] = lambda data: data == b"s"  # noqa: E731
    monkeypatch.setattr(images, "is_static", is_static)
    monkeypatch.setattr(images, "_BUSYBOX_PLACES", (str(dynamic),))
    with pytest.raises(UsageError, match=r"dynamic needs libraries.*apt-get install busybox-static"):
        images.check_tiny()
    monkeypatch.setattr(images, "_BUSYBOX_PLACES", (str(dynamic), str(static)))
    monkeypatch.setattr(images, "_PROGRAMS", {})
    images.check_tiny()


@pytest.mark.needs(guest="linux")
def test_a_cache_that_cannot_be_written_is_said_before_a_machine_is_announced(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = uartsim(runtime, "run", "linux", status=2)
    assert done.stdout == ""
    assert "set XDG_CACHE_HOME to another folder" in done.stderr
