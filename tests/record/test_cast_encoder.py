"""The lines of an asciicast, one at a time."""

from __future__ import annotations

import json

import pytest

from uartsim.errors import UsageError
from uartsim.record import CastEncoder


def test_the_headers() -> None:
    assert json.loads(CastEncoder(columns=100, rows=30, title="demo", timestamp=1000.9).header()) == {
        "version": 2,
        "width": 100,
        "height": 30,
        "timestamp": 1000,
        "title": "demo",
        "env": {"TERM": "vt220"},
    }
    assert json.loads(CastEncoder(3).header()) == {"version": 3, "term": {"cols": 80, "rows": 24, "type": "vt220"}}


def test_a_time_never_runs_back() -> None:
    encoder = CastEncoder(3)
    encoder.output(b"a", 5.0)
    assert json.loads(encoder.output(b"b", 4.0)) == [0.0, "o", "b"]


def test_a_marker_that_no_utf8_can_carry_is_still_json() -> None:
    line = CastEncoder().mark("the file \udcff", 1.0)
    assert json.loads(line.decode()) == [1.0, "m", "the file \udcff"]


def test_another_version_is_refused() -> None:
    with pytest.raises(UsageError, match="asciicast version 1 is not written: use 2 or 3"):
        CastEncoder(1)
