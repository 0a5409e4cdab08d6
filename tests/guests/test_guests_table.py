"""The table of guests in docs/guests.md is made of the manifests, and says of each guest what was run."""

from __future__ import annotations

import pytest

from tools import guests_table
from tools.guests_table import PAGE, ROOT, TIMES, guests_section, times, with_section, words
from uartsim.guest.catalogue import list_guests

#: The first column of the table "Serial console Linux distribution availability" of Azure's documentation.
DISTRIBUTIONS = (
    *("Red Hat Enterprise Linux", "CentOS", "Ubuntu", "CoreOS", "SUSE", "Oracle Linux", "Custom Linux images"),
)
SAID = words()
GUESTS = {guest.name: guest for guest in list_guests()}


def test_the_page_has_the_table_as_it_is_generated() -> None:
    assert with_section(PAGE.read_text()) == PAGE.read_text(), "python tools/guests_table.py --write"


@pytest.mark.parametrize("name", GUESTS)
def test_every_guest_has_a_row_that_says_what_was_run(name: str) -> None:
    (row,) = (line for line in guests_section().splitlines() if line.startswith(f"| `{name}` |"))
    if GUESTS[name].distribution is not None:
        assert "not run here: no image" in row
    else:
        assert SAID["guests"][name]["run"] in row


def test_every_row_of_azures_table_has_its_test_or_says_that_it_was_not_run() -> None:
    assert tuple(row["name"] for row in SAID["distributions"]) == DISTRIBUTIONS
    section = guests_section().partition("The distributions")[2]
    for name in DISTRIBUTIONS:
        (row,) = (line for line in section.splitlines() if line.startswith(f"| {name} |"))
        assert "tests/" in row or "not run here: no image" in row


def test_what_the_words_and_the_figures_name_is_there() -> None:
    for name, said in SAID["guests"].items():
        assert name in GUESTS
        assert (ROOT / said["test"]).is_file()
        assert {"prompt", "run"} <= said.keys() <= {"menu", "menu_keys", "prompt", "run", "not_run", "test"}
    for row in SAID["distributions"]:
        assert row["guest"] in GUESTS
        assert (ROOT / row["test"]).is_file()
    figures = times()
    assert isinstance(figures.pop("measured"), str)
    assert figures.keys() <= GUESTS.keys(), f"{TIMES} has figures of guests that are gone"


def test_a_page_without_the_markers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests_table, "guests_section", lambda: "")
    with pytest.raises(ValueError, match="must have the lines"):
        with_section("# Guests\n")
