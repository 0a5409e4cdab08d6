"""What a wait returns, and what it raises."""

from __future__ import annotations

import pickle
import re

import pytest

import uartsim
from uartsim.console import console_errors
from uartsim.console.expectations import Match


def test_a_match_has_what_that_of_a_regular_expression_has() -> None:
    found = re.search(r"(?P<name>\w+) login: (x)?", "demo login: ")
    match = Match(0, found, "", "demo login: ", 0.5)
    assert (match[0], match[1], match["name"], match[2]) == ("demo login: ", "demo", "demo", None)
    assert match.groups() == ("demo", None)
    assert match.groupdict() == {"name": "demo"}
    with pytest.raises(IndexError):
        match[3]


def test_a_match_of_an_outcome_has_no_groups() -> None:
    match = Match(1, None, "", "", 0.5)
    assert (match.groups(), match.groupdict()) == ((), {})
    with pytest.raises(IndexError, match="no text was matched"):
        match[0]


def test_errors_are_named_as_they_are_imported() -> None:
    """pytest's summary has a line for each test, and cuts it to the width of the terminal."""
    errors = {each for each in vars(console_errors).values() if getattr(each, "__module__", "") == "uartsim"}
    assert len(errors) > 10
    for error in errors:
        assert getattr(uartsim, error.__name__) is error
        assert type(pickle.loads(pickle.dumps(error("said")))) is error
