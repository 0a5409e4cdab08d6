"""What a snapshot keeps of a guest's last output, and what is shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from uartsim.machine.last_output import LINES, MOST, last_lines, last_output, noted


@pytest.mark.parametrize("sent", [b"", b"login: ", b"\xff one\r\ntwo\r\nlogin: ", b"whole\r\n"])
def test_what_was_noted_is_what_is_shown(sent: bytes) -> None:
    assert last_output(noted(sent)) == sent


def test_a_screen_of_whole_lines_is_shown() -> None:
    sent = b"".join(b"line %d\r\n" % number for number in range(100)) + b"login: "
    shown = last_lines(sent).split(b"\r\n")
    assert shown == [b"line %d" % number for number in range(100 - LINES + 1, 100)] + [b"login: "]


def test_long_lines_are_shown_as_far_as_there_is_room_without_a_part_of_one() -> None:
    long = b"x" * (MOST // 2)
    assert last_lines(b"\n".join([long, long, b"login: "])) == long + b"\nlogin: "
    assert last_lines(b"y" + b"x" * MOST) == b"x" * MOST


def test_of_a_consoles_state_the_last_boot_is_shown() -> None:
    pieces = [[9.5, "first boot\r\n"], [3.0, "second\r\nlog"], [0.5, "in: "]]
    assert last_output({"pieces": pieces, "boot_at": len("first boot\r\n")}) == b"second\r\nlogin: "


@pytest.mark.parametrize(
    "saved",
    [{}, {"last_output": 7}, {"last_output": "\u20ac"}, {"pieces": 7}, {"pieces": [7]}, {"pieces": [[0.0, 1]]}],
    ids=str,
)
def test_a_snapshot_that_says_nothing_or_is_damaged_shows_nothing(saved: Mapping[str, Any]) -> None:
    assert last_output(saved) == b""
