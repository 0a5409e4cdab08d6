"""A trace of the first version is longer than what is read at once: no record is lost, doubled or misplaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uartsim.errors import UartsimError
from uartsim.record import events
from uartsim.trace.reader import read_trace

HEADER = json.dumps({"uartsim": "trace", "version": 1}).encode() + b"\n"
#: More than what is read at once, 256 KiB; with an odd number of bytes first, a record lies across the seam.
COUNT = 140_000


@pytest.mark.parametrize("odd", [b"", b"\x80\x00\x84"], ids=["records end with what is read", "a record lies across"])
def test_every_record_is_read_once_and_in_order(tmp_path: Path, odd: bytes) -> None:
    path = tmp_path / "long.trace"
    path.write_bytes(HEADER + odd + b"".join(bytes((0x80, number & 0xFF)) for number in range(COUNT)))
    found = [event for event in read_trace(str(path)) if isinstance(event, events.Read | events.Write)]
    assert [event.value for event in found] == [0, 0][: 2 * bool(odd)] + [number & 0xFF for number in range(COUNT)]


def test_damage_far_into_it_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "long.trace"
    good = bytes((0x80, 0x55)) * COUNT
    path.write_bytes(HEADER + good + b"\x8c")  # the value of the one before, at another place where there is none
    with pytest.raises(UartsimError, match=rf"is damaged at byte {len(HEADER) + len(good)}\b"):
        list(read_trace(str(path)))
