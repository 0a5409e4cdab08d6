"""The tables of options in docs/ and the options that there are, compared both ways."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uartsim.pytest_plugin.plugin_options import OPTIONS, Option

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: A row: the flag with what stands for its value, then the environment variable and the name in the ini file.
ROW = re.compile(r"^\| `(--uartsim-[^ `]+)(?: ([^`]+))?` \| `([^`]+)`, `([^`]+)` \|", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    """The rows of all tables of options on both pages: flag, value, environment variable, name in the ini file."""
    return [row for page in ("testing.md", "failures.md") for row in ROW.findall((DOCS / page).read_text())]


def test_every_row_starts_as_the_tables_do() -> None:
    for page in ("testing.md", "failures.md"):
        text = (DOCS / page).read_text()
        assert len(re.findall(r"^\| `--", text, re.MULTILINE)) == len(ROW.findall(text)), page


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_option_has_one_row_with_its_twins(option: Option) -> None:
    (row,) = (row for row in rows() if row[0] == option.flag)
    assert row[2:] == (option.environment, option.ini)
    assert bool(row[1]) is not isinstance(option.default, bool)


def test_every_row_is_an_option() -> None:
    assert {row[0] for row in rows()} == {option.flag for option in OPTIONS}
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)
