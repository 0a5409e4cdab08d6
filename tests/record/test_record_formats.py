"""The formats of records: what is in each, and how they go on in parts and are cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.record.test_transcript import FullDisk
from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.playback.boot_timeline import stages_of
from uartsim.record import Event, LineRecorder, open_record, open_recorder, read_record, read_transcript
from uartsim.record.line_recorder import BURST
from uartsim.record.record_formats import record_format
from uartsim.record.record_writer import LEAST_LIMIT, PARTS, json_string

S = TICKS_PER_SECOND


def session(recorder: LineRecorder) -> None:
    recorder.output(b"\x1b[1mlogin:\x1b[0m ", S)
    recorder.input(b"root\r", 2 * S)
    recorder.output(b"root\r\n", 2 * S)
    recorder.output(b"Password: ", 3 * S)
    recorder.input(b"hunter2\r", 4 * S)
    recorder.output(b"\r\n", 4 * S)
    recorder.line_break("i", 5 * S)
    recorder.mark("box attached", 6 * S)
    recorder.output("# grüß\r\n".encode(), 3700 * S)
    recorder.close()


def recorded(path: Path, kind: str | None = None) -> bytes:
    session(open_recorder(path, "box", 0, kind=kind))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.log", "log"),
        ("a.stamped.log", "stamped-log"),
        ("a.CAST", "cast"),
        ("a.jsonl", "jsonl"),
        ("record", "jsonl"),
    ],
)
def test_the_ending_says_the_format(name: str, kind: str) -> None:
    assert record_format(f"folder.log/{name}") == kind


def test_a_plain_log_is_what_the_guest_sent(tmp_path: Path) -> None:
    expected = "\x1b[1mlogin:\x1b[0m root\r\nPassword: \r\n# grüß\r\n"
    assert recorded(tmp_path / "a.log").decode() == expected


def test_a_stamped_log_has_the_time_of_each_line_and_the_marks(tmp_path: Path) -> None:
    assert recorded(tmp_path / "a.stamped.log").decode().splitlines() == [
        "[    1.000000] login: root",
        "[    3.000000] Password: ",
        "[    4.000000] -- 7 characters sent that the guest did not echo",
        "[    5.000000] -- break to the guest",
        "[    6.000000] -- box attached",
        "[ 3700.000000] # grüß",
    ]


@pytest.mark.parametrize("kind", ["cast", "cast3"])
def test_a_cast_has_a_marker_in_place_of_a_password(tmp_path: Path, kind: str) -> None:
    header, *lines = map(json.loads, recorded(tmp_path / "a", kind).splitlines())
    assert header["version"] == (3 if kind == "cast3" else 2)
    assert [line[1:] for line in lines] == [
        ["o", "\x1b[1mlogin:\x1b[0m "],
        ["o", "root\r\n"],
        ["i", "root"],
        ["i", "\r"],
        ["o", "Password: "],
        ["o", "\r\n"],
        ["m", "7 characters sent that the guest did not echo"],
        ["i", "\r"],
        ["m", "break to the guest"],
        ["m", "box attached"],
        ["o", "# grüß\r\n"],
    ]
    times = [float(line[0]) for line in lines]
    assert (sum(times) if kind == "cast3" else times[-1]) == pytest.approx(3700)


def test_several_records_of_one_line(tmp_path: Path) -> None:
    session(open_recorder([tmp_path / "a.log", tmp_path / "a.jsonl"], "box", 0))
    output = b"".join(bytes(event.data) for event in read_transcript(str(tmp_path / "a.jsonl")) if event.kind == "o")  # type: ignore[arg-type]
    assert output == (tmp_path / "a.log").read_bytes()
    assert b"hunter2" not in (tmp_path / "a.jsonl").read_bytes()


def test_if_one_record_cannot_be_made_none_is_left(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the record .*/no/a.cast cannot be made \(No such file or directory\)"):
        open_recorder([tmp_path / "a.log", tmp_path / "no" / "a.cast"], "box", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_is_unknown_and_a_limit_that_is_too_small_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'gif' is unknown: use one of jsonl, log"):
        open_record(str(tmp_path / "a"), "box", 0, kind="gif")
    with pytest.raises(UsageError, match="at most 10 bytes is too short: give at least 1048576"):
        open_record(str(tmp_path / "a"), "box", 0, limit_bytes=10)
    assert list(tmp_path.iterdir()) == []


def test_a_record_with_a_limit_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = open_record(str(path), "box", 0, limit_bytes=LEAST_LIMIT)
    for number in range(40_000):
        writer.output(b"line %09d %s\n" % (number, b"x" * 80), number * S)
    writer.close()
    parts = sorted(tmp_path.iterdir(), key=lambda part: int(part.suffixes[0][1:]) if len(part.suffixes) > 1 else 1)
    assert len(parts) == PARTS
    assert parts[0] == path
    assert sum(part.stat().st_size for part in parts) < 1.2 * LEAST_LIMIT
    assert next(read_transcript(str(path))).data == b"line %09d %s\n" % (0, b"x" * 80)
    *_, last = read_transcript(str(parts[-1]))
    assert (last.seconds, last.data) == (39_999.0, b"line %09d %s\n" % (39_999, b"x" * 80))
    assert json.loads(parts[-1].read_text().splitlines()[0])["part"] > PARTS


def test_the_parts_of_a_cast_begin_at_0(tmp_path: Path) -> None:
    writer = open_record(str(tmp_path / "a.cast"), "box", 0, limit_bytes=LEAST_LIMIT)
    for number in range(4_000):
        writer.output(b"x" * 100, number * S)
    writer.close()
    header, first, *_ = map(json.loads, (tmp_path / "a.2.cast").read_text().splitlines())
    assert header["title"] == "box, part 2"
    assert first == [0.0, "o", "x" * 100]


@pytest.mark.parametrize("kind", ["log", "stamped-log", "cast", "cast3"])
def test_a_full_disk_leaves_whole_lines_and_says_what_is_missing(tmp_path: Path, kind: str) -> None:
    writer = open_record(str(tmp_path / "a"), "box", 0, kind=kind)
    disk = FullDisk([])
    with mock.patch("os.pwritev", disk):
        for second, room in ((1, 1000), (2, 5), (3, 0), (5, 1000)):
            disk.left = room
            writer.output(b"second %d\r\n" % second, second * S)
            writer.flush()
        writer.close()
    text = (tmp_path / "a").read_text()
    assert "second 1" in text
    assert "second 2" not in text
    assert "second 5" in text
    assert "are missing here: No space left on device" in text
    assert writer.status()["lost_bytes"] == 20
    if kind.startswith("cast"):
        times = [json.loads(line)[0] for line in text.splitlines()[1:]]
        assert times == ([1.0, 5.0, 5.0] if kind == "cast" else [1.0, 2.0, 2.0])


def test_the_marks_of_stages_have_the_times_of_their_signs(tmp_path: Path) -> None:
    recorder = open_recorder([tmp_path / "a.jsonl", tmp_path / "a.cast"], "box", 0)
    for second, piece in enumerate(
        (b"SeaBIOS (ver", b"sion 1)\r\n", b"noise\r\n", b"Welcome to GRUB!\r\n", b"more\r\n")
    ):
        recorder.output(piece, second * S)
    recorder.close()
    marks = [event for event in read_transcript(str(tmp_path / "a.jsonl")) if event.kind == "m"]
    assert marks == [Event(1.0, "m", "boot stage: firmware"), Event(3.0, "m", "boot stage: loader")]
    record = read_record(str(tmp_path / "a.jsonl"))
    assert [(stage.name, stage.seconds) for stage in stages_of(record)] == [("firmware", 1.0), ("loader", 3.0)]


def test_in_a_flood_stages_are_seen_at_its_beginning_and_its_end(tmp_path: Path) -> None:
    recorder = open_recorder(tmp_path / "a", "box", 0)
    filler = [b"x" * 4000 + b"\r\n"] * (4 * BURST // 4000)
    pieces = [b"SeaBIOS (version 1)\r\n", *filler, b"Welcome to GRUB!\r\n", *filler, b"\r\nbox login: "]
    for number, piece in enumerate(pieces):
        recorder.output(piece, number)
    recorder.tick(len(pieces))
    recorder.output(b"# reboot\r\n" + b"SeaBIOS (version 1)\r\n", len(pieces))
    recorder.close()
    record = read_record(str(tmp_path / "a"))
    assert [event.note for event in record.events if event.kind == "m"] == [
        f"boot stage: {stage}" for stage in ("firmware", "login", "firmware")
    ]
    assert [event.data for event in record.events if event.kind == "o"] == [
        *pieces,
        b"# reboot\r\nSeaBIOS (version 1)\r\n",
    ]
    assert len(list(stages_of(record))) == 4  # a timeline looks everywhere


def test_a_reset_is_a_mark_and_begins_another_boot(tmp_path: Path) -> None:
    recorder = open_recorder(tmp_path / "a", "box", 0)
    kernel = b"[    0.000000] Linux version 6.1\r\n"
    for second in range(4):
        recorder.reset(2 * second * S)
        recorder.reset(2 * second * S)
        if second < 3:
            recorder.output(kernel, (2 * second + 1) * S)
    recorder.close()
    record = read_record(str(tmp_path / "a"))
    stage, reset = "boot stage: kernel", "the machine is reset"
    assert [(event.seconds, event.note) for event in record.events if event.kind == "m"] == [
        (1, stage), (2, reset), (3, stage), (4, reset), (5, stage), (6, reset),
    ]  # fmt: skip
    assert [(each.boot, each.seconds) for each in stages_of(record)] == [(1, 1), (2, 3), (3, 5)]


@given(data=st.one_of(st.binary(), st.text('a1 "\\\r\n\t\x1b\x7f', min_size=30).map(str.encode)))
def test_bytes_are_the_same_json_in_either_way(data: bytes) -> None:
    assert json_string(data) == json.dumps(data.decode("latin-1")).encode()


KILLED = """
import os, signal, sys
from uartsim.record import open_recorder
recorder = open_recorder(sys.argv[1:], "box", 0)
for second in range(100):
    recorder.output(b"second %d \\xc3" % second, second * 144_000_000_000)
    recorder.tick(second * 144_000_000_000)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_reached_the_files_stays_readable_when_the_process_is_killed(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a.log", "a.stamped.log", "a.cast", "a.jsonl")]
    killed = subprocess.run([sys.executable, "-c", KILLED, *paths], cwd=os.getcwd(), check=False)
    assert killed.returncode == -signal.SIGKILL
    for path in paths[:-1]:
        assert "second 99" in Path(path).read_text("utf-8", "replace")
    for line in Path(paths[2]).read_text().splitlines():
        json.loads(line)
    *_, last = read_transcript(paths[-1])
    assert last.data == b"second 99 \xc3"
