"""The screen of the line."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
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
        assert "The screen:\n" in str(caught.value)
        assert "\n           Setup Utility\n  \n           Boot order" in str(caught.value)
        assert console.screen.find("Boot order") == (6, 9)

    run_virtually(scenario)
