"""QEMU's drives and the placeholders of manifests, as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.guest.drives import (
    NAME_PREFIX,
    read_options,
    replaceable_names,
    with_images,
    with_names,
    writable_drives,
    write_options,
)
from uartsim.guest.placeholders import fill_in


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("file=a", {"file": "a"}),
        ("file=a,,b,if=none", {"file": "a,b", "if": "none"}),
        ("file=a=b,readonly", {"file": "a=b", "readonly": "on"}),
        ("file=,,", {"file": ","}),
        ("file=,format=raw", {"file": "", "format": "raw"}),
    ],
)
def test_options_are_read_with_doubled_commas(text: str, options: dict[str, str]) -> None:
    assert read_options(text) == options
    assert read_options(write_options(options)) == options


def test_every_drive_gets_a_name_but_one_that_has_one_or_that_a_device_may_refer_to() -> None:
    words = [
        "-drive",
        "file=a",
        "-m",
        "64",
        "--drive",
        "file=b,id=mine",
        "-drive",
        "file=c,if=none",
        "-drive",
        "file=d",
    ]
    assert with_names(words) == [
        *("-drive", f"file=a,id={NAME_PREFIX}1", "-m", "64", "--drive", "file=b,id=mine"),
        *("-drive", "file=c,if=none", "-drive", f"file=d,id={NAME_PREFIX}4"),
    ]
    assert with_names(["file=a", "-drives", "file=b", "-drive"]) == ["file=a", "-drives", "file=b", "-drive"]


@pytest.mark.parametrize(
    ("drive", "can"),
    [
        ("file=a,id=x", True),
        ("file=a,id=x,cache.direct=on,throttling.bps-total=1", True),
        ("file=a", False),
        ("id=x", False),
        ("file=a,id=x,driver=raw", False),
        ("file.filename=a,file=b,id=x", False),
    ],
)
def test_a_drive_can_be_replaced_if_its_image_is_given_by_file_alone(drive: str, can: bool) -> None:
    assert replaceable_names(["-drive", drive]) == ({"x"} if can else set())


@pytest.mark.parametrize(
    ("drive", "is_writable"),
    [
        ("file=a", True),
        ("file=a,readonly=off,read-only=no", True),
        *((f"file=a,{key}={value}", False) for key in ("readonly", "read-only") for value in ("on", "yes", "true")),
        ("file=a,readonly", False),
        ("file=a,media=cdrom", False),
        ("file=a,media=disk", True),
    ],
)
def test_a_drive_is_written_to_unless_it_says_otherwise(drive: str, is_writable: bool) -> None:
    assert writable_drives(["-drive", drive, "-cdrom", "b"]) == [drive] * is_writable


def test_only_the_drives_that_have_an_image_are_replaced() -> None:
    words = ["-drive", "file=a,,b,format=raw,id=x,if=virtio", "-drive", "file=c,id=y", "-drive", "file=d"]
    assert with_images(words, {"x": Path("/s/disk,1.qcow2")}) == [
        *("-drive", "file=/s/disk,,1.qcow2,format=qcow2,id=x,if=virtio,snapshot=on"),
        *("-drive", "file=c,id=y", "-drive", "file=d"),
    ]
    assert with_images(words, {}) == words


def test_placeholders_are_replaced_by_values() -> None:
    values = {"tty": "/dev/pts/3", "baud": 9600, "quiet": True, "loud": False}
    assert fill_in("{tty} {baud} {quiet}{loud}", values, "args") == "/dev/pts/3 9600 10"
    assert fill_in("{{tty}} {{{tty}}} $(x) {} {X}", values, "args") == "{tty} {/dev/pts/3} $(x) {} {X}"
    with pytest.raises(
        UsageError, match=r"^args: unknown placeholder \{disk\} in 'a \{disk\}'; possible: baud, loud, q"
    ):
        fill_in("a {disk}", values, "args")
