"""The screen of the line."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout
from uartsim.console.text.screen import ScreenModel
from uartsim.errors import UsageError


def screen_of(*pieces: bytes, rows: int = 24, columns: int = 80) -> ScreenModel:
    model = ScreenModel(rows, columns)
    for piece in pieces:
        model.feed(piece)
    return model


def test_screen_has_text_cursor_and_places() -> None:
    screen = screen_of(b"\x1b[2J\x1b[3;5Hhello \x1b[7mworld\x1b[m\x1b[10;1H# ").read()
    assert screen.text == "\n\n    hello world\n\n\n\n\n\n\n#"
    assert str(screen) == screen.text
    assert screen.cursor == (9, 2)
    assert screen.find(r"w\w+") == (2, 10)
    assert screen.find("nothing") is None
    assert screen.reverse == {2}
    assert screen.before_cursor.endswith("world" + " " * 65 + " " * 480 + "# ")
    with pytest.raises(UsageError, match="not a regular expression"):
        screen.find("(")


def test_text_behind_a_character_that_shows_nothing_is_shown() -> None:
    assert screen_of(b"a\x11b\x00c" + "\u200bd\u200de\u0301f".encode()).read().text == "abcd\u00e9f"


def test_wrapped_line_is_whole_before_the_cursor() -> None:
    screen = screen_of(b"0123456789abcdef", rows=4, columns=10).read()
    assert screen.lines[:2] == ("0123456789", "abcdef    ")
    assert screen.before_cursor == "0123456789abcdef"


def test_size_is_checked_and_kept() -> None:
    model = screen_of(b"x" * 100)
    model.resize(10, 40)
    model.feed(b"\x1b[10;40H!")
    assert model.read().lines[9][39] == "!"
    for rows, columns in ((0, 80), (24, 5000), (24.5, 80)):
        with pytest.raises(UsageError, match="impossible"):
            model.resize(rows, columns)  # type: ignore[arg-type]


def test_nothing_is_drawn_before_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pyte", raising=False)
    model = screen_of(b"text\r\n" * 100)
    assert "pyte" not in sys.modules
    assert not model.is_drawn
    model.feed(b"\x1b[5;1Hdrawn")
    assert model.is_drawn


def test_flood_leaves_its_end_on_the_screen() -> None:
    model = screen_of(b"old\x1b[1;1H", *[b"line %06d\r\n" % i for i in range(100_000)])
    assert model.read().lines[22].rstrip() == "line 099999"
    assert model.read().find("old") is None


@pytest.mark.parametrize(
    "foreign",
    [
        b"\x1b[>4;2m",
        b"\x1b[?1$p",
        b"\x1b[=1c",
        b"\x1b[2 q",
        b"\x1bP+q544e\x1b\\",
        b"\x1b]3008;start=x\x1b\\",
        b"\x1b[?2004h",
        b"\x1b[<u",
    ],
)
def test_sequences_of_other_terminals_draw_nothing(foreign: bytes) -> None:
    for cut in range(len(foreign) + 1):
        model = screen_of(b"one" + foreign[:cut])
        model.read()
        model.feed(foreign[cut:] + b" two")
        assert model.read().text == "one two"


@pytest.mark.parametrize(("lines", "shown"), [(30, ["line 28", "line 29", "# "]), (1, ["line 0", "# ", ""])])
def test_screen_that_shrinks_keeps_the_line_of_the_cursor(lines: int, shown: list[str]) -> None:
    model = screen_of(*[b"line %d\r\n" % number for number in range(lines)], b"# ")
    model.resize(3, 20)
    screen = model.read()
    assert screen.lines == tuple(line.ljust(20) for line in shown)
    assert screen.lines[screen.cursor[0]][: screen.cursor[1]] == "# "
    model.feed(b"ls\r\nfile\r\n# ")
    assert model.read().shown()[-2:] == ["file", "#"]


def test_half_a_wide_character_does_not_stay_at_the_edge() -> None:
    model = screen_of("abc漢字".encode())
    model.resize(2, 4)
    assert model.read().lines == ("abc ", "    ")


SIZES = st.tuples(st.integers(1, 30), st.integers(1, 100))
OUTPUT = st.one_of(
    st.binary(max_size=40),
    st.integers(1, 60).map(lambda count: b"a line of text\r\n" * count),
    st.sampled_from(
        [b"\x1b7", b"\x1b8", b"\x1b[2;9r", b"\x1b[999;999H", b"\x1b[?6h", b"x" * 79, b"\t", b"\x08", b"\x1bM"]
    ),
)


@given(st.lists(st.one_of(SIZES, OUTPUT), max_size=12), st.booleans())
def test_output_and_resizes_in_any_order_keep_the_cursor_inside(steps: list[object], kernel_lines: bool) -> None:
    model, size = ScreenModel(kernel_lines=kernel_lines), (24, 80)
    for step in steps:
        if isinstance(step, bytes):
            model.feed(step)
        else:
            assert isinstance(step, tuple)
            before = model.row_before_cursor()
            model.resize(*step)
            size = step
            assert before.startswith(model.row_before_cursor().rstrip()), "the cursor is in its line still"
        screen = model.read()
        assert len(screen.lines) == size[0]
        assert 0 <= screen.cursor[0] < size[0]
        assert 0 <= screen.cursor[1] <= size[1]
        assert isinstance(screen.before_cursor, str)


def test_console_that_was_made_small_goes_on() -> None:
    with blocking.open_console("demo", clock="virtual", settings={"grub_timeout": 0}) as console:
        console.login("root", "toor")
        console.run("seq 40")
        console.resize(5, 80)
        assert console.run("echo hello").output == "hello\n"
        console.resize(40, 30)
        assert console.run("echo " + "x" * 100).output == "x" * 100 + "\n"
        with pytest.raises(UsageError, match="impossible"):
            console.resize(True, 80)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_noise_never_fails(pieces: list[bytes]) -> None:
    model = screen_of(*pieces)
    model.read()
    model.feed(b"\x1b[31;?m" + b"".join(pieces))
    model.read()
    # the longest sequence that noise can have begun, then a clean start
    model.feed(b"\x18" * 2 + b"\x1b\\" + b"\x1bc" + b"\x1b[1;1Hend")
    assert len(model.read().lines) == 24


def test_errors_show_a_screen_that_was_drawn_and_no_other() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"plain line\r\n")
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("never", timeout=1)
        assert "The screen:" not in str(caught.value)
        client.say(b"\x1b[2J\x1b[5;10HSetup Utility\x1b[7;10HBoot order")
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect("never", timeout=1)
        assert re.search(r"\n +\+1\.000 s {11}Setup Utility\n +\+1\.000 s {11}Boot order", str(caught.value))
        assert "The screen:" not in str(caught.value)  # all of it is among the last lines
        assert console.screen.find("Boot order") == (6, 9)

    run_virtually(scenario)


def test_all_of_a_long_output_is_drawn() -> None:
    model = ScreenModel()
    model.draw(b"\x1b[Htop" + b"\x1b[2;1Hx" * 20_000)
    for number in range(20_000):
        model.draw(b"\x1b[3;1H%05d" % number)
    assert model.read().shown() == ["top", "x", "19999"]
