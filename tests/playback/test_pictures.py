"""The screen at a moment of a record, as HTML, SVG, PNG."""

from __future__ import annotations

import re
import struct
import sys
from xml.etree import ElementTree

import pytest

from uartsim.errors import UsageError
from uartsim.playback.pictures import Picture
from uartsim.record.casts import Record
from uartsim.record.transcript import Event

SVG = "{http://www.w3.org/2000/svg}"
MENU = (
    b"\x1b[?25l\x1b[H\x1b[J\x1b[3;10H\x1b[7m*Debian \x1b[m\x1b[4;10H\x1b[1;31mred\x1b[m \x1b[44mon blue\x1b[m"
    + "\x1b[5;10H\u65e5\u672c| \u2502".encode()
)


def record(*parts: bytes, rows: int = 24, columns: int = 80) -> Record:
    return Record("box", rows, columns, tuple(Event(float(second), "o", part) for second, part in enumerate(parts)))


def svg(picture: Picture) -> tuple[dict[str, ElementTree.Element], list[ElementTree.Element]]:
    root = ElementTree.fromstring(picture.svg())
    return {str(each.text).lstrip(): each for each in root.iter(f"{SVG}text")}, list(root.iter(f"{SVG}rect"))


def test_text_has_its_place_and_its_colours() -> None:
    texts, rects = svg(Picture.of(record(MENU)))
    assert texts["*Debian "].get("fill") == "#101014"
    assert texts["red"].get("fill") == "#ff5555"
    assert texts["red"].get("font-weight") == "bold"
    assert [rect.get("fill") for rect in rects[1:]] == ["#d8d8d8", "#3465c8"]
    x, y = float(texts["red"].get("x", 0)), float(texts["red"].get("y", 0))
    assert (x, y) == pytest.approx((12 + 9 * 8.4, 12 + 3 * 18 + 13.5))
    assert float(texts["\u65e5\u672c| \u2502"].get("textLength", 0)) == pytest.approx((9 + 7) * 8.4)


def test_the_moment_is_that_of_the_option() -> None:
    of = record(b"one", b"\rtwo", b"\rsix")
    shown = {at: Picture.of(of, at).lines[0][0].text for at in (0, 0.9, 1, 1.5, 2, 99)}
    assert shown == {0: "one", 0.9: "one", 1: "two", 1.5: "two", 2: "six", 99: "six"}
    assert Picture.of(of).title == "box at 2.000 s"


def test_a_long_record_is_drawn_from_its_beginning() -> None:
    parts = [b"\x1b[Htop", *[b"\x1b[2;1Hx%07d" % number for number in range(20_000)]]
    picture = Picture.of(record(*parts))
    assert [line[0].text for line in picture.lines[:2]] == ["top", "x0019999"]


def test_a_guest_cannot_bring_markup_into_a_picture() -> None:
    picture = Picture.of(record(b"<script>alert(1)</script>&<b \"'>\x1b]0;<script>\x07\x00"))
    assert "<script" not in picture.html()
    assert "<script" not in picture.svg()
    texts, _ = svg(picture)
    assert list(texts) == ["<script>alert(1)</script>&<b \"'>"]
    page = picture.html()
    assert not re.search(r"(?:src|href|url)\s*[=(]", page)
    ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>").replace('<meta charset="utf-8">', ""))


def test_the_pages_text_is_the_screens() -> None:
    page = Picture.of(record(MENU)).html()
    text = re.sub(r"<[^>]*>", "", page.partition("<pre>")[2].partition("</pre>")[0])
    assert text.split("\n")[2:5] == [9 * " " + "*Debian ", 9 * " " + "red on blue", 9 * " " + "\u65e5\u672c| \u2502"]


def test_the_cursor_is_shown_unless_the_guest_has_switched_it_off() -> None:
    (prompt, cursor), *_ = Picture.of(record(b"login: ")).lines
    assert (prompt.text, cursor.text, cursor.column, cursor.reverse) == ("login: ", " ", 7, True)
    (prompt,), *_ = Picture.of(record(b"\x1b[?25llogin:")).lines
    assert not prompt.reverse
    (*_, last), *_ = Picture.of(record(b"x" * 10, columns=10, rows=2)).lines
    assert (last.text, last.column, last.reverse) == ("x", 9, True)


def test_a_terminal_that_changed_its_size() -> None:
    sizes = [Event(0, "o", b"one"), Event(1, "r", "100x30"), Event(2, "r", "nonsense"), Event(3, "r", "0x99999")]
    picture = Picture.of(Record("box", 24, 80, tuple(sizes)))
    assert (picture.columns, picture.rows, picture.lines[0][0].text) == (100, 30, "one")
    assert (Picture.of(Record("box", 24, 80, tuple(sizes)), 0.5).columns) == 80


def test_a_png_has_the_screens_size() -> None:
    small, large = (Picture.of(record(MENU, rows=rows, columns=80)).png() for rows in (12, 24))
    (width, height), (_, twice) = (struct.unpack(">II", data[16:24]) for data in (small, large))
    assert small.startswith(b"\x89PNG")
    assert (width, height) == (1044, 360)
    assert twice == 684


def test_without_matplotlib_a_png_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib.backends.backend_agg", "matplotlib.figure", "matplotlib.patches"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"a PNG needs matplotlib: pip install 'uartsim\[plot\]', or export --svg"):
        Picture.of(record(b"x")).png()
