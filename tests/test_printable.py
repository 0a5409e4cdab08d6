"""The filter in front of a person's terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.printable import printable, printable_line, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("Grüße, 世界 ▓ e\u0301 🙂", "Grüße, 世界 ▓ e\u0301 🙂"),
        ("\x1b[31m", "␛[31m"),
        ("\x1b]52;c;eA==\x07", "␛]52;c;eA==␇"),
        ("\x9d52;c;eA==\x9c", "<9d>52;c;eA==<9c>"),
        ("a\rb\x7f\0", "a␍b␡␀"),
        ("user\u202egnp.exe", "user<202e>gnp.exe"),
        ("a\u200bb\u2066c\ufeff", "a<200b>b<2066>c<feff>"),
        ("\u2028\ud800\U000e0041", "<2028><d800><e0041>"),
        ("\x01\x1f \x80\x9f\xa0", "␁␟ <80><9f>\xa0"),
        ("❤\ufe0f\ufe0e", "❤\ufe0f<fe0e>"),
        ("a\u3164b\u2800", "a<3164>b<2800>"),
    ],
)
def test_what_a_terminal_would_obey_or_not_show_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_line_stays_one_line() -> None:
    assert printable_line("a\nb\tc") == "a␊b␉c"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_nothing_that_is_not_text_gets_through_and_text_stays(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert all(c in "\t\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"} for c in shown)
    assert printable(shown) == shown
    seen = [c for c in text if " " <= c <= "~"]
    left = iter(shown)
    assert all(c in left for c in seen)  # in its order


def test_values_are_quoted_short_whatever_they_are() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise KeyError

    assert [quoted(value) for value in ("a", None, 10**5000, Odd())] == ["'a'", "None", "<int>", "<Odd>"]
    assert quoted("x" * 2000) == "'" + "x" * 99 + "..."
