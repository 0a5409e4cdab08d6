"""The screen at a moment of a record, as HTML, SVG, PNG."""

from __future__ import annotations

import io
import re
import struct
import sys
import time
from xml.etree import ElementTree

import pytest
from PIL import Image

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


def test_a_png_has_the_screens_colours() -> None:
    image = Image.open(io.BytesIO(Picture.of(record(MENU + b"\x1b[7;1H\x1b[4mu\x1b[m")).png()))
    colours = [
        image.getpixel((round(1.5 * x), round(1.5 * y))) for x, y in ((1, 1), (12 + 9 * 8.4 + 60, 12 + 2 * 18 + 1))
    ]
    assert colours == [(0x10, 0x10, 0x14), (0xD8, 0xD8, 0xD8)]
    assert image.getpixel((round(1.5 * (12 + 14 * 8.4)), round(1.5 * (12 + 3 * 18 + 1)))) == (0x34, 0x65, 0xC8)
    assert image.getpixel((round(1.5 * 16), round(1.5 * (12 + 6 * 18 + 0.85 * 18)))) == (0xD8, 0xD8, 0xD8)
    assert image.info["Title"] == "box at 0.000 s"


def test_a_png_of_a_large_full_screen_is_drawn_soon() -> None:
    full = b"".join(b"\x1b[%dm%c" % (31 + number % 7, 97 + number % 26) for number in range(60_000))
    picture = Picture.of(record(full, rows=200, columns=300))
    began = time.process_time()
    assert len(picture.png()) > 100_000
    assert time.process_time() - began < 20  # a text object for each character took more than a minute


def test_a_png_that_would_be_too_large_is_refused() -> None:
    with pytest.raises(UsageError, match="12636 by 27036 pixels, which is too large: export --svg or --html"):
        Picture.of(record(b"x", rows=1000, columns=1000)).png()


def test_what_xml_and_png_cannot_hold_is_replaced() -> None:
    hostile = Record("\ud800\uffff\x00\x85", 24, 80, (Event(0, "o", "a\uffff\ufffeb".encode()),))
    picture = Picture.of(hostile)
    ElementTree.fromstring(picture.svg())
    picture.html().encode()
    assert picture.png().startswith(b"\x89PNG")


def test_a_cell_takes_only_so_many_combining_marks() -> None:
    mark = "\u0301".encode()
    many = [
        [b"e" + mark * 200_000],
        [b"e", *[mark * 100] * 2_000],
        [b"e", *[mark * 10 + b"x\b"] * 20_000],  # each time at the same cell
        [b"x" * 79 + b"e", *[mark * 100] * 2_000],
    ]
    for parts in many:
        began = time.process_time()
        text = "".join(piece.text for line in Picture.of(record(*parts)).lines for piece in line)
        assert text.count("\u0301") <= 16
        assert "\u00e9" in text
        assert time.process_time() - began < 10  # without a bound, minutes


def test_without_matplotlib_a_png_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"a PNG needs matplotlib: pip install 'uartsim\[plot\]', or export --svg"):
        Picture.of(record(b"x")).png()
