"""The page of the docs is enough to write a reader of traces of one's own."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest

from uartsim.record import events
from uartsim.trace.reader import read_trace


def records_as_documented(data: bytes) -> bytes:
    """The records in the blocks of a trace of version 2."""
    place = data.index(b"\n") + 1
    records = b""
    header = data[:place]
    while place < len(data):
        mark, length, wanted, head_sum = struct.unpack_from("<BIII", data, place)
        assert (mark, head_sum) == (0xB5, zlib.crc32(data[place : place + 9]))
        assert (length == 0) is (place == len(header))
        records += data[place + 13 : place + 13 + length]
        assert wanted == zlib.crc32(header + records)
        place += 13 + length
    return records


def read_as_documented(data: bytes) -> list[tuple[int, str, int, int]]:  # noqa: C901 - the whole page in one place
    """The accesses of a trace, (time, direction, offset, value), by a reader that knows docs/traces.md and no code of ours."""
    place = data.index(b"\n") + 1
    if json.loads(data[:place])["version"] == 2:
        data, place = records_as_documented(data), 0
    now = 0
    values: dict[int, int] = {}
    found: list[tuple[int, str, int, int]] = []

    def number() -> int:
        nonlocal place
        value, shift = 0, 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while True:
        tag = data[place]
        place += 1
        unit, kind = (0, 1, 144, 78125)[tag & 3], tag >> 2
        if tag & 0x80:
            now += number() * unit if unit else 0
            if not tag & 4:
                values[kind >> 1] = data[place]
                place += 1
            found.append((now, "rw"[tag >> 6 & 1], tag >> 3 & 7, values[kind >> 1]))
        elif kind == 14:
            number()
            place += 1
        elif kind == 15:
            number()
            now, values = number(), {}
        elif 10 <= kind <= 13:
            if unit:
                number()
            if kind == 13:
                for _ in range(number()):
                    number()
            else:
                number()
                if kind != 12:
                    length = number()
                    place += length
        else:
            now += number() * unit if unit else 0
            if kind == 16:
                assert place == len(data)
                return found
            if kind == 6:
                number()
            place += {7: 2, 8: 1, 9: 1}.get(kind, 0)


@pytest.mark.parametrize("name", ["linux", "seabios", "demo", "errors"])
def test_what_is_documented_is_enough_to_read_a_trace(name: str) -> None:
    path = Path(__file__).resolve().parents[2] / "fixtures" / "traces" / f"{name}.trace"
    wanted = [
        (event.at, "rw"[isinstance(event, events.Write)], event.offset, event.value)
        for event in read_trace(str(path))
        if isinstance(event, events.Read | events.Write)
    ]
    assert read_as_documented(path.read_bytes()) == wanted
