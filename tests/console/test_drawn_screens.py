"""Screens that a guest draws, as the lines of a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.drawn_screens import LONGEST_S, STILL_S, DrawnScreens
from uartsim.console.text.line_reader import LineReader
from uartsim.console.text.own_lines import OwnLines
from uartsim.playback.plain_log import log_lines
from uartsim.record.casts import Record
from uartsim.record.transcript import Event

#: What GRUB sends: its menu, a countdown, and what it says when it boots.
MENU = (
    b"Welcome to GRUB!\r\n\r\n\x1b[H\x1b[J\x1b[1;1H\x1b[?25l\x1b[m\x1b[H\x1b[J\x1b[1;1H\x1b[2;10HGNU GRUB\n\r\n\r\x1b[m"
    b"\x1b[4;2H+----------+\x1b[5;2H|\x1b[5;13H|\x1b[6;2H|\x1b[6;13H|\x1b[7;2H+----------+\x1b[8;2H\x1b[9;2H\x1b[m"
    b"     Use the keys.\n\r      Press enter.   \n\r      Or `c'.  \x1b[7m\x1b[5;3H*Linux    \x1b[m\x1b[5;12H"
)
COUNTS = [b"\x1b[22;1H   In %ds.   \x1b[5;12H" % left for left in (2, 1, 0)]
BOOTS = (
    b"\x1b[?25h\x1b[H\x1b[J\x1b[1;1H\x1b[H\x1b[J\x1b[1;1H  Booting `Linux'\n\r\n\rLoading ...\n\r[    0.0] Linux\r\n"
)
EVENTS = [(1.0, MENU), (1.1, COUNTS[0]), (2.0, COUNTS[1]), (3.0, COUNTS[2]), (3.1, BOOTS)]
ROWS = ["         GNU GRUB", " |*Linux    |", "      Use the keys.", "      Press enter.", "      Or `c'.", "   In 2s."]
LOG = ["Welcome to GRUB!", *ROWS, "   In 1s.", "   In 0s.", "  Booting `Linux'", "Loading ...", "[    0.0] Linux"]


class Console:
    """A transcript with what it draws."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.screens = DrawnScreens(self.transcript)
        self.lines = OwnLines(self.transcript, self.screens)

    def feed(self, *events: tuple[float, bytes]) -> Console:
        for at, data in events:
            self.screens.feed(data, at)
        return self

    @property
    def shown(self) -> list[str]:
        return [line.text if line.is_row else line.text.strip() for line in self.lines.last(999)]


def test_a_menu_with_a_countdown_is_shown_as_its_rows_and_then_the_rows_that_change() -> None:
    console = Console().feed(*EVENTS)
    assert console.shown == [line if line in ROWS or " In " in line else line.strip() for line in LOG]
    times = [line.at for line in console.lines.last(999)]
    assert times == sorted(times)
    assert dict(zip(console.shown, times, strict=True))["   In 1s."] == 2.0


def test_every_line_is_read_once_as_it_comes() -> None:
    console = Console()
    reader = LineReader(console.transcript, console.screens, console.lines)
    read: list[str] = []
    for event in EVENTS:
        console.feed(event)
        read += [line.text.rstrip() for line in reader.more() if line.text.strip()]
    console.screens.settle(EVENTS[-1][0] + STILL_S)
    read += [line.text.rstrip() for line in reader.more(is_last=True) if line.text.strip()]
    assert read == LOG


def test_a_record_is_the_same_log() -> None:
    record = Record("box", 24, 80, tuple(Event(at, "o", data) for at, data in EVENTS))
    assert [line.rstrip() for line in log_lines(record) if line.strip()] == LOG


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_how_the_bytes_are_cut_makes_no_difference(sizes: list[int]) -> None:
    console = Console()
    for at, data in EVENTS:
        done, number = 0, 0
        while done < len(data):
            size = sizes[number % len(sizes)]
            console.feed((at, data[done : done + size]))
            done, number = done + size, number + 1
    assert console.shown == Console().feed(*EVENTS).shown
    assert console.transcript.text == Console().feed(*EVENTS).transcript.text


def test_a_screen_that_is_open_is_shown_as_it_is_now_and_asking_changes_nothing() -> None:
    cut = MENU.index(b"'.")
    console = Console().feed((1.0, MENU[:cut]))
    for _ in range(2):
        assert console.shown == ["Welcome to GRUB!", "         GNU GRUB", ROWS[2], "Press enter.", "Or `c"]
    assert console.feed((1.1, MENU[cut:]), *EVENTS[1:]).shown == Console().feed(*EVENTS).shown


def test_the_question_for_the_size_of_the_terminal_draws_nothing() -> None:
    console = Console().feed(
        (1.0, b"one\r\n\x1b7\x1b[32766;32766H\x1b[6n\x1b8two\r\nthree\r\n"), (2.0, b"four\r\nbox login: ")
    )
    assert console.shown == ["one", "two", "three", "four", "box login:"]


def test_lines_that_are_longer_than_a_row_are_whole_behind_a_screen() -> None:
    long = b"x" * 200
    console = Console().feed((1.0, b"\x1b[H\x1b[2J" + long + b"\r\n" + b"y\r\n" * 9))
    assert console.shown == ["x" * 200, *"y" * 9]


def test_a_prompt_on_a_screen_is_one_line_with_what_is_typed() -> None:
    console = Console().feed((1.0, b"\x1b[H\x1b[Jbox login: "))
    assert console.shown == ["box login:"]
    console.feed((9.0, b"root"), (9.5, b"\r\n"))
    assert console.shown == ["box login: root"]
    assert console.screens.decided_end == console.transcript.text_end


def test_a_screen_that_never_stands_still_is_shown_now_and_then() -> None:
    console = Console()
    for tick in range(int(LONGEST_S * 10) + 5):
        console.feed((tick / 10, b"\x1b[1;1Hat %3d\x1b[1;1H" % tick))
    assert len(console.screens.parts()) == 2
    assert console.shown[-1] == f"at {int(LONGEST_S * 10) + 4:3}"


def test_a_screen_that_is_erased_at_once_is_shown_unless_many_are() -> None:
    frame = b"\x1b[H\x1b[Jframe %d\x1b[H"
    assert Console().feed((1.0, frame % 1 + frame % 2), (1.01, frame % 3)).shown == ["frame 1", "frame 2", "frame 3"]
    flood = Console().feed((1.0, b"".join(frame % number for number in range(20_000))))
    assert 2 <= len(flood.shown) <= 20
    assert flood.shown[-1] == "frame 19999"


def test_after_a_reset_lines_come_again() -> None:
    console = Console().feed((1.0, b"\x1b[2;2Hmenu"))
    console.screens.end_line(1.1)
    assert console.feed((1.2, b"SeaBIOS\r\n")).shown == [" menu", "SeaBIOS"]


@pytest.mark.parametrize("rows", [10, 40])
def test_a_terminal_that_gets_another_size(rows: int) -> None:
    console = Console().feed((1.0, b"\x1b[2;2Hmenu\x1b[1;1H"))
    console.screens.resize(rows, 100)
    assert console.feed((2.0, b"\x1b[9;9Hentry\x1b[1;1H")).shown == [" menu", "        entry"]


def test_parts_of_text_that_is_forgotten_are_forgotten() -> None:
    console = Console()
    for number in range(40):
        console.feed((number, b"\x1b[1;1Hat %3d\x1b[1;1H" % number + b"z" * 65_000))
    assert 10 < len(console.screens.parts()) < 25
    assert [line.text for line in console.lines.last(2)] == ["at  39", "z" * 65_000]


def test_a_text_without_lines_costs_no_more_behind_a_screen() -> None:
    console = Console().feed((1.0, b"\x1b[1;1H"))
    for number in range(2000):
        console.feed((1.0 + number / 1000, b"z" * 1000))
    assert console.screens.decided_end == console.transcript.text_end


def test_a_line_that_ends_a_row_is_shown_in_it() -> None:
    console = Console().feed((1.0, b"\x1b[H\x1b[J\x1b[2;5HBoot Menu\x1b[4;1HName:\x1b[4;9Hdisk"))
    for more in (b"", b"\r\n", b"None\r\n"):
        assert console.feed((1.1, more)).shown[:2] == ["    Boot Menu", "Name:   disk"]
    console.screens.settle(2.0)
    assert console.shown == ["    Boot Menu", "Name:   disk", "None"]
