"""Pictures of screens: the right characters in the right cells, with their colours."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from uartsim.pictures.boot_timeline import timeline_lines, timeline_of, timeline_svg
from uartsim.pictures.screen_picture import (
    BACKGROUND,
    FOREGROUND,
    MADE_BY,
    ScreenPicture,
    screen_at,
    screen_html,
    screen_svg,
)
from uartsim.pictures.screen_png import screen_png
from uartsim.record.transcript import Event

MENU = (
    b"\x1b[2J\x1b[H\x1b[?25l  GNU GRUB\r\n+--+\r\n|\x1b[7m*Debian <&> \x1b[0m|\r\n"
    b"\x1b[1;31mred\x1b[0m \x1b[4mline\x1b[0m \x1b[38;2;1;2;3mrgb\x1b[0m"
)


def menu(columns: int = 40, rows: int = 6) -> ScreenPicture:
    return screen_at([Event(0.0, "o", MENU)], columns=columns, rows=rows)


def test_colours_and_attributes() -> None:
    looks = {run.text.strip(): run for run in menu().runs}
    assert (looks["*Debian <&>"].foreground, looks["*Debian <&>"].background) == (BACKGROUND, FOREGROUND)
    assert (looks["*Debian <&>"].row, looks["*Debian <&>"].column, looks["*Debian <&>"].width) == (2, 1, 13 - 1)
    assert looks["red"].bold
    assert looks["red"].foreground == "#cd3131"
    assert looks["line"].underlined
    assert looks["rgb"].foreground == "#010203"


def test_the_cursor_is_drawn_unless_the_guest_has_switched_it_off() -> None:
    assert not any(run.background == FOREGROUND and not run.text.strip() for run in menu().runs)
    shown = screen_at([Event(0.0, "o", b"login: ")]).runs[-1]
    assert (shown.column, shown.width, shown.background) == (7, 1, FOREGROUND)


def test_the_screen_at_a_moment() -> None:
    events = [
        Event(1.0, "o", b"one\r\n"),
        Event(2.0, "o", b"two\r\n"),
        Event(2.0, "m", "mark"),
        Event(3.0, "o", b"three"),
    ]
    for at_s, words in ((0.5, []), (1.0, ["one"]), (2.5, ["one", "two"]), (None, ["one", "two", "three"])):
        texts = [run.text.strip() for run in screen_at(events, at_s).runs]
        assert [text for text in texts if text] == words


def test_a_size_that_changes() -> None:
    picture = screen_at([Event(0.0, "r", "100x30"), Event(0.0, "r", "nonsense"), Event(0.0, "r", "0x99999")])
    assert (picture.columns, picture.rows) == (100, 30)


def test_a_long_session_shows_its_end() -> None:
    picture = screen_at(Event(float(n), "o", b"line %d\r\n" % n * 1000) for n in range(1000))
    assert [run.text for run in picture.runs if run.row == 22] == ["line 999"]


def test_svg_has_each_run_in_its_place_and_escapes_text() -> None:
    root = ElementTree.fromstring(screen_svg(menu(), "a < b"))
    texts = {
        "".join(element.itertext()).replace("\u00a0", " "): element
        for element in root.iter()
        if element.tag.endswith("}text")
    }
    debian = texts["*Debian <&> "]
    assert debian.attrib["fill"] == BACKGROUND
    assert (int(debian.attrib["x"]) - 8) / 9 == 1
    assert MADE_BY in screen_svg(menu())


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_the_text_and_nothing_of_the_guests_is_a_tag() -> None:
    page = _Text()
    page.feed(screen_html(screen_at([Event(0.0, "o", b"<script>alert(1)</script>&amp;\r\n  a\x1b[1mb")]), "t"))
    assert "<script>alert(1)</script>&amp;\n  ab" in page.text
    assert page.tags == {"html", "head", "meta", "title", "body", "pre", "span"}


def test_wide_characters_take_two_cells() -> None:
    (run, *_) = screen_at([Event(0.0, "o", "漢字x\x1b[?25l".encode())]).runs
    assert [(run.text, run.width) for run in screen_at([Event(0.0, "o", "漢字x\x1b[?25l".encode())]).runs] == [
        ("漢字x", 5)
    ]
    assert run.column == 0


def test_png_has_the_selected_entry_in_reverse_and_is_known_as_ours() -> None:
    image_module = pytest.importorskip("PIL.Image")
    data = screen_png(menu())
    assert MADE_BY.encode() in data
    image = image_module.open(io.BytesIO(data)).convert("RGB")
    high = (image.height - 20) // 6
    colours = {image.getpixel((x, 10 + 2 * high + high // 2)) for x in range(22, 120)}
    assert (0xD4, 0xD4, 0xD4) in colours
    assert image.getpixel((5, 5)) == (0x1E, 0x1E, 0x1E)


BOOT = [
    Event(1.0, "o", b"SeaBIOS (version 1)\r\n"),
    Event(2.5, "o", b"[    0.000000] Linux version 6\r\n"),
    Event(9.0, "o", b"box login: "),
    Event(20.0, "o", b"SeaBIOS (version 1)\r\n"),
    Event(22.0, "m", "the end"),
]


def test_a_timeline_has_the_stages_of_every_boot() -> None:
    assert list(timeline_lines(timeline_of(BOOT[:3]))) == [
        "firmware       1.000 s       1.500 s long",
        "kernel         2.500 s       6.500 s long",
        "login          9.000 s       0.000 s long",
    ]
    assert list(timeline_lines(timeline_of(BOOT)))[0::4] == ["boot 1, from 0.000 s", "boot 2, from 20.000 s"]
    assert list(timeline_lines(timeline_of(BOOT)))[-1] == "firmware      20.000 s       2.000 s long"
    assert list(timeline_lines(timeline_of([]))) == ["no stage of a boot was seen"]


def test_a_timeline_as_svg() -> None:
    root = ElementTree.fromstring(timeline_svg(timeline_of(BOOT), "box & co"))
    bars = [float(element.attrib["width"]) for element in root.iter() if element.tag.endswith("}rect")][1:]
    assert len(bars) == 4
    assert bars[1] / bars[0] == pytest.approx(6.5 / 1.5, rel=0.01)
    assert re.search("box &amp; co", timeline_svg(timeline_of(BOOT), "box & co"))
