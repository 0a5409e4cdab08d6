"""Reading records of every format, and how they are played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.record import Event, cast, open_record
from uartsim.record.playback import paced
from uartsim.record.recorded_session import RecordedSession, session_title

OUTPUT = [(0.5, b"login: "), (2.0, "grüß\r\n".encode()), (100.0, b"# ")]


@pytest.mark.parametrize("kind", ["jsonl", "cast", "cast-v3"])
def test_what_we_write_is_read(tmp_path: Path, kind: str) -> None:
    writer = open_record(str(tmp_path / "a"), "box", 0, kind=kind)
    for seconds, data in OUTPUT:
        writer.output(data, int(seconds * TICKS_PER_SECOND))
    writer.mark("the end", 100 * TICKS_PER_SECOND)
    writer.close()
    session = RecordedSession(str(tmp_path / "a"))
    assert (session.kind, session.columns, session.rows, session_title(session)) == (kind, 80, 24, "box")
    assert list(session.events()) == [*(Event(s, "o", data) for s, data in OUTPUT), Event(100.0, "m", "the end")]


def test_casts_of_other_programs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    header = {
        "version": 3,
        "term": {"cols": 100, "rows": 50, "type": "xterm-256color"},
        "idle_time_limit": 2,
        "tags": [],
    }
    path.write_text(
        f'{json.dumps(header)}\n# a comment\n[0.5, "o", "a"]\n[1, "r", "80x24"]\n\n[0.5,"z",""]\n[1, "o", "b"]\n[0, "x", "0"]\n'
    )
    session = RecordedSession(str(path))
    assert (session.columns, session.rows, session.idle_limit_s) == (100, 50, 2.0)
    assert list(session.events()) == [
        Event(0.5, "o", b"a"),
        Event(1.5, "r", "80x24"),
        Event(3.0, "o", b"b"),
        Event(3.0, "m", "ended: 0"),
    ]


def test_a_plain_log_has_no_times(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\xffhello\r\n")
    session = RecordedSession(str(tmp_path / "a.log"))
    assert session.kind == "log"
    assert list(session.events()) == [Event(0.0, "o", b"\xffhello\r\n")]


@given(cut=st.integers(0, 400))
def test_a_cast_that_was_cut_off_is_read_up_to_there(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    whole = cast([(seconds, "o", data) for seconds, data in OUTPUT])
    begins = whole.index(b"\n") + 1
    path = tmp_path_factory.mktemp("cut") / "a.cast"
    path.write_bytes(whole[: begins + cut])
    found = list(RecordedSession(str(path)).events())
    assert found == [Event(s, "o", data) for s, data in OUTPUT][: len(found)]
    # the last line is whole without its line end
    assert len(found) == sum(1 for line in whole[begins : begins + cut].split(b"\n") if line.endswith(b"]"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"version": 1, "stdout": []}\n', "asciicast of version 1, and 2 and 3 are known"),
        (b'{"a": 1}\n', "neither an asciicast nor a transcript of uartsim"),
        (b'{"version": 2\n', "damaged: its first line is not the header of a cast or of a transcript"),
        (b'{"version": 2}\n[0, "o", "a"]\noops\n', r"damaged at line 3: .* remove that line to read the rest"),
        (b'{"version": 2}\n[-1, "o", "a"]\n', "damaged at line 2"),
        (b'{"version": 2}\n[NaN, "o", "a"]\n', "damaged at line 2"),
        (b'{"version": 2}\n[0, "o"]\n', "damaged at line 2"),
        (b'{"uartsim": "transcript", "version": 7}\n', "is a transcript of version 7; this uartsim reads 1"),
    ],
)
def test_damage_is_told_in_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UsageError, match=words) as raised:
        list(RecordedSession(str(tmp_path / "a")).events())
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        RecordedSession(str(tmp_path / "a"))


EVENTS = [Event(1.0, "o", b"a"), Event(1.5, "m", "mark"), Event(1.0, "o", b"b"), Event(61.0, "o", b"c")]


@pytest.mark.parametrize(
    ("speed", "limit", "times"),
    [
        (1.0, None, [1.0, 1.0, 61.0]),
        (2.0, None, [0.5, 0.5, 30.5]),
        (1.0, 5.0, [1.0, 1.0, 6.0]),
        (4.0, 0.0, [0.0, 0.0, 0.0]),
    ],
)
def test_pace(speed: float, limit: float | None, times: list[float]) -> None:
    played = list(paced(EVENTS, speed, limit))
    assert [seconds for seconds, _ in played] == times
    assert b"".join(data for _, data in played) == b"abc"
