"""Types of options: what they take, and the sentence for what they do not."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.cli.option_types import LONGEST_S, Seconds
from uartsim.line_format import NEVER, seconds_to_ticks


@given(st.floats(0, LONGEST_S))
def test_any_finite_time_is_taken_and_has_ticks(seconds: float) -> None:
    assert Seconds()(repr(seconds)) == seconds
    assert seconds_to_ticks(seconds) < NEVER


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-1", "1e400", "", "soon", "1,5"])
def test_what_is_no_time_is_refused_with_what_was_given(text: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        Seconds()(text)
    assert refused.value.message == f"{text!r} is not a valid number of seconds: use 0 or more, such as 2.5"


def test_more_than_the_most_is_refused() -> None:
    with pytest.raises(click.BadParameter, match=r"1e16 seconds are too many: use 1e\+15 or fewer"):
        Seconds()("1e16")
    with pytest.raises(click.BadParameter, match=r"61 seconds are too many: use 60 or fewer"):
        Seconds(most=60)("61")


def test_no_time_at_all_is_refused_where_there_has_to_be_some() -> None:
    assert Seconds()("0") == 0
    with pytest.raises(click.BadParameter, match="use a positive number"):
        Seconds(positive=True)("0")
