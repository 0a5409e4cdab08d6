"""A byte's way through the house stays short: see :mod:`tests.byte_trip`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.byte_trip import PLAIN, VARIANTS, Trip, Variant, files_in_order, trips

ROOT = Path(__file__).resolve().parent.parent

#: The most calls, and the most moves from one file to another, that a byte may take in either direction.
MOST = (80, 40)
#: The same for the other variants, which may take 1.3 times as much; those that go over everything bit by bit, or tell a
#: recording each access, have a bound of their own.
MOST_VARIANT = (104, 52)
MOST_EXACT = {"trace": (240, 150), "client at another speed": (290, 150)}


def check(variant: Variant, most: tuple[int, int]) -> None:
    """Fails with the way, file by file, where it is longer."""
    for direction, trip in zip(("in", "out"), trips(variant), strict=True):
        assert (trip.calls <= most[0], trip.moves <= most[1]) == (True, True), (
            f"a byte {direction} ({variant.name}) may take {most[0]} calls and {most[1]} moves, and takes {trip}"
        )


def test_a_byte_passes_through_few_functions_and_files() -> None:
    check(PLAIN, MOST)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: str(variant.name))
def test_a_byte_s_way_is_little_longer_with_a_recorder_or_another_format(variant: Variant) -> None:
    check(variant, MOST_EXACT.get(variant.name, MOST_VARIANT))


def test_the_way_goes_from_the_client_to_the_guest_and_back() -> None:
    way_in, way_out = trips()
    into, out = files_in_order(way_in), files_in_order(way_out)
    assert into[0] == "access/hub_client.py"
    assert out[0] == "machine/driver.py"
    assert into.index("access/hub.py") < into.index("wire/far_sender.py") < into.index("machine/interrupt_handler.py")
    assert out.index("chip/transmitter.py") < out.index("wire/cable.py") < out.index("access/hub.py")


def test_the_docs_show_the_same_ways() -> None:
    section = (ROOT / "docs" / "development.md").read_text().partition("## A byte's two ways")[2].partition("\n## ")[0]
    shown = [re.findall(r"^    (\S+\.py) {2,}\S", way, re.MULTILINE) for way in section.split("\nOut, ")]
    assert shown == [files_in_order(trip) for trip in trips()]


def test_moves_are_counted_between_files_only() -> None:
    trip = Trip([("a.py", "f"), ("a.py", "g"), ("b.py", "h"), ("a.py", "f")])
    assert (trip.calls, trip.moves, files_in_order(trip)) == (4, 2, ["a.py", "b.py"])
    assert str(trip) == "4 calls, 2 moves between files\n  a.py: f > g\n  b.py: h\n  a.py: f"
    assert (Trip().calls, Trip().moves) == (0, 0)
