"""What a person sees of the line while attached, and the record of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.attached import Attached
from tests.access.rig import ECHO, running, wait_until
from uartsim.access.attach_view import AttachView
from uartsim.access.keys import ESCAPE

GuestFolder = Callable[[str], Path]


def feed(view: AttachView, *pieces: bytes) -> str:
    return b"".join(map(view.shown, pieces)).decode()


def test_as_it_is() -> None:
    assert feed(AttachView("box"), b"\x1b[1ma\r\n", b"b") == "\x1b[1ma\r\nb"


def test_times_stand_before_lines_and_not_before_pieces() -> None:
    view = AttachView("box")
    assert view.next_stamps() == "time of day"
    shown = feed(view, b"one\r\ntw", b"o\r", b"\n\r\n", b"three")
    assert re.sub(r"\[\d\d:\d\d:\d\d\.\d{3}\] ", "@", shown) == "@one\r\n@two\r\n\r\n@three"
    assert view.next_stamps() == "since attached"
    assert feed(view, b"x").startswith("[00:00:0")
    assert view.next_stamps() == "none"
    assert feed(view, b"y\r\nz") == "y\r\nz"


def test_hexadecimal_grows_byte_by_byte() -> None:
    view = AttachView("box")
    view.switch_hex()
    assert feed(view, b"\x1b[1mhello w", b"orld\r\n") == (
        "00000000  1b 5b 31 6d 68 65 6c 6c 6f 20 77 6f 72 6c 64 0d  |.[1mhello world.|\r\n00000010  0a"
    )
    view.switch_hex()
    assert feed(view, b"plain") == "plain"


def test_a_record_begins_and_ends_while_attached(
    runtime: Path,
    guest_folder: GuestFolder,
    tmp_path: Path,
    attach: Callable[..., Attached],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "mine.cast"
    monkeypatch.setenv("HOME", str(tmp_path))
    with running(runtime, guest_folder(ECHO)):
        person = attach("box")
        person.wait_raw()
        person.send(b"before")
        person.expect(b"before")
        person.menu(b"l")
        person.expect(b"record to which file")
        person.send(b"~/mine.cast\r")
        person.expect(b"recording to ")
        person.send(b"during")
        person.expect(b"during")
        wait_until(lambda: "during" in path.read_text(), "it is in the record")
        person.menu(b"l")
        person.expect(b"mine.cast is written")
        person.send(b"after")
        person.expect(b"after")
        person.menu(b"l")
        person.expect(b"record to which file")
        person.send(b"~/mine.cast\r")
        person.expect(b"exists: remove it or give another file")
        person.menu(b"x")
        person.expect(b"bytes are shown in hexadecimal")
        person.send(b"A")
        person.expect(b"00000000  41")
        person.menu(b"q")
        assert person.ended() == 0
    content = path.read_text()
    header = json.loads(content.partition("\n")[0])
    assert {key: header[key] for key in ("title", "width", "height")} == {"title": "box", "width": 132, "height": 40}
    assert "during" in content
    assert "before" not in content
    assert "after" not in content


def test_a_record_from_the_command_line(
    runtime: Path, guest_folder: GuestFolder, tmp_path: Path, attach: Callable[..., Attached]
) -> None:
    path = tmp_path / "mine.log"
    with running(runtime, guest_folder(ECHO)):
        person = attach("box", "--record", str(path), "--times")
        person.wait_raw()
        person.send(b"hello")
        person.expect(b"] hello")
        person.menu(b"q")
        assert person.ended() == 0
        again = attach("box", "--record", str(path))
        assert again.ended() == 2
        assert b"exists: remove it or give another file" in again.seen
    assert path.read_bytes() == b"hello"


@pytest.mark.parametrize("key", [ESCAPE + b"t"])
def test_times_are_announced(
    runtime: Path, guest_folder: GuestFolder, attach: Callable[..., Attached], key: bytes
) -> None:
    with running(runtime, guest_folder(ECHO)):
        person = attach("box")
        person.wait_raw()
        person.send(key)
        person.expect(b"times before the lines: time of day")
        person.send(b"x")
        person.expect(b"] x")
