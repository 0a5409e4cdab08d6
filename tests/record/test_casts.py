"""Asciicasts: what is written is read again, and what others have written is read too."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.record import record_input
from uartsim.record.casts import Record, cast_lines, read_record
from uartsim.record.transcript import Event, TranscriptWriter, read_transcript

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("oi"), st.text(st.characters(codec="utf-8"), max_size=20).map(str.encode)),
        st.tuples(st.just("m"), st.text(st.characters(codec="utf-8"), max_size=20)),
    ),
    max_size=20,
)


def read_lines(folder: Path, lines: list[str]) -> Record:
    path = folder / "a.cast"
    path.write_text("\n".join(lines))
    return read_record(str(path))


def spoken(record: Record, kind: str) -> bytes:
    return b"".join(event.data for event in record.events if event.kind == kind and isinstance(event.data, bytes))


@pytest.mark.parametrize("version", [2, 3])
@given(data=st.data())
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, version: int, data: st.DataObject
) -> None:
    steps = data.draw(EVENTS)
    pauses = data.draw(st.lists(st.integers(0, 10**9), min_size=len(steps), max_size=len(steps)))
    now, events = 0.0, []
    for pause, (kind, text) in zip(pauses, steps, strict=True):
        now += pause / 1e6
        events.append(Event(now, kind, text))
    record = Record("box", 30, 100, tuple(events))
    found = read_lines(tmp_path_factory.mktemp("cast"), list(cast_lines(record, version)))
    assert (found.name, found.rows, found.columns, found.cut) == ("box", 30, 100, 0)
    assert [spoken(found, kind) for kind in "oi"] == [spoken(record, kind) for kind in "oi"]
    kept = [event for event in events if event.data]
    shown = [event for event in found.events if event.data]
    assert [event.kind for event in shown] == [event.kind for event in kept]
    assert [event.seconds for event in shown] == pytest.approx([event.seconds for event in kept], abs=1e-5)


@pytest.mark.parametrize("cut", [1, 2])
def test_a_character_that_came_in_pieces_is_in_the_event_that_completes_it(cut: int) -> None:
    euro = "\u20ac".encode()
    record = Record(
        "", 24, 80, (Event(1, "o", b"a" + euro[:cut]), Event(2, "o", euro[cut:] + b"\xff"), Event(3, "o", b"\xe2"))
    )
    assert [json.loads(line) for line in cast_lines(record)][1:] == [
        [1, "o", "a"], [2, "o", "\u20ac\ufffd"], [3, "o", "\ufffd"],
    ]  # fmt: skip


def test_a_break_is_a_marker() -> None:
    lines = cast_lines(Record("", 24, 80, (Event(1, "b", "i"), Event(2, "b", "o"))))
    assert [json.loads(line)[1:] for line in list(lines)[1:]] == [
        ["m", "break to the guest"],
        ["m", "break from the guest"],
    ]


def test_our_own_record_is_one_too(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "a.jsonl"), "box", "115200 8N1", 0)
    writer.output(b"\x80login: ", 0)
    writer.close()
    record = read_record(str(tmp_path / "a.jsonl"))
    assert (record.name, record.rows, record.columns) == ("box", 24, 80)
    assert record.events == (Event(0.0, "o", b"\x80login: "),)


def test_a_cast_of_another_program_is_read(tmp_path: Path) -> None:
    second = read_lines(
        tmp_path,
        [
            '{"version": 2, "width": 120, "height": 40, "env": {"TERM": "xterm"}, "timestamp": 1504467315}',
            '[0.5, "o", "$ "]', '[1.5, "r", "100x30"]', '[2.5, "m", ""]', "", '[1.0, "o", "late"]',
        ],
    )  # fmt: skip
    assert (second.rows, second.columns) == (40, 120)
    assert second.events == (
        Event(0.5, "o", b"$ "), Event(1.5, "r", "100x30"), Event(2.5, "m", ""), Event(2.5, "o", b"late"),
    )  # fmt: skip
    assert second.idle_limit_s is None
    third = read_lines(
        tmp_path,
        [
            '{"version":3,"term":{"cols":90,"rows":20},"idle_time_limit":2}',
            "# note",
            '[0.5,"o","a"]',
            '[0.25,"x","0"]',
            '[1,"o","b"]',
        ],
    )
    assert (third.rows, third.columns, third.seconds, third.idle_limit_s) == (20, 90, 1.75, 2.0)
    assert third.events[1] == Event(0.75, "m", "ended: 0")


def test_what_was_typed_is_in_its_place_in_time(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "a.jsonl"), "box", "115200 8N1", 0)
    writer.output(b"root", 2 * TICKS_PER_SECOND)
    writer.input(b"root", TICKS_PER_SECOND)  # known once it was echoed
    writer.hidden(6, 3 * TICKS_PER_SECOND)
    writer.close()
    record = read_record(str(tmp_path / "a.jsonl"))
    assert record.events == (Event(1.0, "i", b"root"), Event(2.0, "o", b"root"), Event(3.0, "h", "6"))
    assert json.loads(list(cast_lines(record))[-1]) == [3.0, "m", "6 characters sent that the guest did not echo"]


def test_a_record_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    record = read_lines(tmp_path, ['{"version": 2, "width": 80, "height": 24}', '[1, "o", "a"]', '[2, "o", "b'])
    assert (spoken(record, "o"), record.cut) == (b"a", 3)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            ['{"version": 2}', "[1, 2", '[2, "o", "b"]'],
            r"a.cast:2: the asciicast is damaged here: a line has to be \[time",
        ),
        (['{"version": 2}', '[-1, "o", "b"]', "[]", ""], r"a.cast:2: the asciicast is damaged"),
        (['{"version": 2}', '[1e999, "o", "b"]', ""], r"a.cast:2: the asciicast is damaged"),
        (
            ['{"version": 1}'],
            "is an asciicast of version 1: uartsim reads its own records, and asciicasts of versions 2 and 3",
        ),
        (['{"version": 2}', f'[{"9" * 400}, "o", "b"]', ""], r"a.cast:2: the asciicast is damaged"),
        (['{"version": 2}', '[true, "o", "b"]', ""], r"a.cast:2: the asciicast is damaged"),
        (['{"version":3,"term":null}'], r'a.cast:1: the asciicast is damaged here: "term" has to be'),
        (['{"version":3,"term":[1]}'], r'a.cast:1: the asciicast is damaged here: "term" has to be'),
        ([f'{{"version":[{"9" * 4000}]}}'], r"is an asciicast of version .{100}\.\.\.: uartsim reads"),
        (['{"version": true}'], "is an asciicast of version True: uartsim reads"),
        *(
            (
                ['{"uartsim": "transcript", "version": 1}', '[1, "m", "x"]', f"[{time}, {rest}]"],
                r"a.cast:3: the transcript",
            )
            for time in ("1e300", "1e400", "-1", "NaN", "Infinity", "9" * 400, "true")
            for rest in ('"o", "b"', '"h", 2', '"O", 4096')
        ),
        (['{"a": 1}'], "is no record: uartsim reads"),
        (["[" * 100_000], "is no record: give a transcript or an asciicast"),
        (["\x00\x01"], "is no record: give a transcript or an asciicast"),
        ([""], "is no record: give a transcript or an asciicast"),
    ],
)
def test_what_is_no_record_is_said(tmp_path: Path, lines: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_lines(tmp_path, lines)


def test_a_header_may_be_long_and_its_size_is_a_number(tmp_path: Path) -> None:
    header = json.dumps(
        {"version": 2, "env": {"X": "x" * 100_000}, "width": True, "height": 30, "idle_time_limit": True}
    )
    record = read_lines(tmp_path, [header, '[1, "o", "a"]'])
    assert (record.columns, record.rows, record.idle_limit_s, spoken(record, "o")) == (80, 30, None, b"a")
    assert json.loads(next(cast_lines(record)))["width"] == 80


def records(folder: Path) -> list[Path]:
    """A transcript with a block, and a cast."""
    writer = TranscriptWriter(str(folder / "a.jsonl"), "box", "115200 8N1", 0)
    writer.output(b"x\n" * 5000, 0)
    writer.output(b"end", TICKS_PER_SECOND)
    writer.close()
    (folder / "a.cast").write_text("".join(f"{line}\n" for line in cast_lines(read_record(str(folder / "a.jsonl")))))
    return [folder / "a.jsonl", folder / "a.cast"]


def test_a_record_may_come_through_a_fifo(tmp_path: Path) -> None:
    for path in records(tmp_path):
        fifo = tmp_path / f"{path.name}.fifo"
        os.mkfifo(fifo)
        with subprocess.Popen(["sh", "-c", 'cat "$1" > "$2"', "sh", path, fifo]):
            assert read_record(str(fifo)) == read_record(str(path))


def test_a_record_may_come_through_a_descriptor(tmp_path: Path) -> None:
    for path in records(tmp_path):
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as source:
            assert source.stdout is not None
            assert read_record(f"/dev/fd/{source.stdout.fileno()}") == read_record(str(path))


def test_a_fifo_to_which_nothing_writes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_input, "WRITER_WAIT_S", 0.1)
    os.mkfifo(tmp_path / "fifo")
    for read in (read_record, lambda path: list(read_transcript(path))):
        with pytest.raises(UsageError, match="is a pipe to which nothing writes: start the program that does"):
            read(str(tmp_path / "fifo"))


def test_a_folder_and_a_file_that_is_not_there_are_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match=r"cannot be read: (Is a directory|No such file)"):
            read_record(str(path))
