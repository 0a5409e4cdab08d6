"""asciicast: what we write is what the players read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.patience import patience
from uartsim.errors import UsageError
from uartsim.record import cast
from uartsim.record.asciicast import CastEncoder

SESSION: list[tuple[float, str, bytes | str]] = [
    (0.0, "o", b"login: "),
    (1.5, "i", b"root\r"),
    (1.5, "m", "boot stage: login"),
    (2.25, "b", "i"),
    (3.0, "o", "grüß\r\n".encode()),
]


def lines(data: bytes) -> list[list[object]]:
    return [json.loads(line) for line in data.splitlines()[1:]]


def test_version_2_counts_from_the_beginning() -> None:
    data = cast(SESSION, columns=100, rows=30, title="demo", timestamp=1000.9)
    assert json.loads(data.splitlines()[0]) == {
        "version": 2,
        "width": 100,
        "height": 30,
        "timestamp": 1000,
        "title": "demo",
        "env": {"TERM": "vt220"},
    }
    assert lines(data) == [
        [0.0, "o", "login: "],
        [1.5, "i", "root\r"],
        [1.5, "m", "boot stage: login"],
        [2.25, "m", "break to the guest"],
        [3.0, "o", "grüß\r\n"],
    ]


def test_version_3_counts_from_the_line_before() -> None:
    data = cast(SESSION, version=3)
    assert json.loads(data.splitlines()[0]) == {"version": 3, "term": {"cols": 80, "rows": 24, "type": "vt220"}}
    assert [line[0] for line in lines(data)] == [0.0, 1.5, 0.0, 0.75, 0.75]


@given(pieces=st.lists(st.tuples(st.integers(0, 10**9), st.binary(max_size=6)), max_size=40))
def test_intervals_add_up_and_no_piece_cuts_a_character(pieces: list[tuple[int, bytes]]) -> None:
    at, events = 0, []
    for later_us, data in pieces:
        at += later_us
        events.append((at / 1e6, "o", data))
    found = lines(cast(events, version=3))
    assert "".join(str(line[2]) for line in found) == b"".join(data for _, data in pieces).decode("utf-8", "replace")
    whole = lines(cast(events, version=2))
    total = 0.0
    for interval, absolute in zip(found, whole, strict=True):
        total += float(str(interval[0]))
        assert total == pytest.approx(float(str(absolute[0])), abs=1e-5)


def test_a_time_never_runs_back() -> None:
    encoder = CastEncoder(3)
    encoder.output(b"a", 5.0)
    assert json.loads(encoder.output(b"b", 4.0)) == [0.0, "o", "b"]


def test_another_version_is_refused() -> None:
    with pytest.raises(UsageError, match="asciicast version 1 is not written: use 2 or 3"):
        CastEncoder(1)


@pytest.mark.needs("asciinema")
def test_asciinema_plays_it(tmp_path: Path) -> None:
    path = tmp_path / "demo.cast"
    path.write_bytes(cast(SESSION))
    env = {**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    with pexpect.spawn("asciinema", ["play", "-s", "50", str(path)], env=env, timeout=patience(20)) as player:
        player.expect(pexpect.EOF)
        assert isinstance(player.before, bytes)
        assert player.before.decode().startswith("login: grüß\r\n")
