"""Transcripts: every byte comes back with its time, whatever the disk does."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_NS, TICKS_PER_SECOND
from uartsim.record import Event, TranscriptWriter, read_transcript

NS = TICKS_PER_NS

#: What makes a run long enough to be stored as it is, or nearly.
LONG = st.integers(4090, 4100)
#: What may be recorded: kind, content, and how long after the one before, in ns.
EVENTS = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.sampled_from("oi"), st.binary(min_size=1, max_size=40)),
            st.tuples(st.sampled_from("oi"), st.builds(bytes.__mul__, st.binary(min_size=1, max_size=6), LONG)),
            st.tuples(st.just("b"), st.sampled_from("oi")),
            st.tuples(st.just("m"), st.text(max_size=20).map("mark {}".format)),
        ),
        st.integers(0, 10**10),
    ),
    max_size=30,
)


def record(writer: TranscriptWriter, kind: str, data: bytes | str, at: int) -> None:
    if kind == "o" and isinstance(data, bytes):
        writer.output(data, at)
    elif kind == "i" and isinstance(data, bytes):
        writer.input(data, at)
    elif kind == "b":
        writer.line_break(str(data), at)
    else:
        writer.mark(str(data), at)


def fresh(folder: Path) -> str:
    path = folder / "record"
    path.unlink(missing_ok=True)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("transcripts")


@given(events=EVENTS, start=st.integers(0, 1 << 62), name=st.text(max_size=10), flushes=st.sets(st.integers(0, 30)))
def test_everything_comes_back_exactly_and_in_order(
    folder: Path, events: list[tuple[tuple[str, bytes | str], int]], start: int, name: str, flushes: set[int]
) -> None:
    path = fresh(folder)
    writer = TranscriptWriter(path, name, "115200 8N1", start)
    at, expected = start, []
    for number, ((kind, data), later_ns) in enumerate(events):
        at += later_ns * NS
        record(writer, kind, data, at)
        expected.append(Event(round((at - start) / TICKS_PER_SECOND, 9), kind, data))
        if number in flushes:
            writer.flush()
    writer.close()
    assert list(read_transcript(path)) == expected
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        assert (header["name"], header["format"]) == (name, "115200 8N1")
        for line in file:
            _, kind, content = json.loads(line)
            assert isinstance(content, str) or (kind in "OI" and file.read(content + 1).endswith(b"\n"))
    assert writer.status() == {"path": path, "lost_bytes": 0, "lost_breaks_and_marks": 0, "trouble": ""}


@given(events=EVENTS, cut=st.one_of(st.integers(0, 5000), st.integers(0, 100_000)))
def test_a_file_cut_off_anywhere_gives_all_that_was_written_before(
    folder: Path, events: list[tuple[tuple[str, bytes | str], int]], cut: int
) -> None:
    path = fresh(folder)
    writer = TranscriptWriter(path, "box", "", 0)
    header = os.path.getsize(path)
    enough = []  # for each event: the size of a file that holds it
    for (kind, data), _ in events:
        record(writer, kind, data, 0)
        writer.flush()
        block = kind in "oi" and len(data) >= 4096
        enough.append(os.path.getsize(path) - (not block))  # a line that lacks nothing but its end is whole
    writer.close()
    whole = list(read_transcript(path))
    assert len(whole) == len(events)
    keep = min(header + cut, os.path.getsize(path))
    os.truncate(path, keep)
    assert list(read_transcript(path)) == whole[: sum(size <= keep for size in enough)]


class FullDisk:
    """Stands for os.pwritev: takes so many bytes in all, then refuses; some writes take a part only."""

    def __init__(self, room: list[int]) -> None:
        self.room = iter(room)
        self.left = 0

    def next(self) -> None:
        """From now on there is room for so many more."""
        self.left = next(self.room, 1 << 30)

    def __call__(self, fd: int, parts: list[bytes], offset: int) -> int:
        if not self.left:
            raise OSError(28, "No space left on device")
        data = b"".join(parts)
        size = min(len(data), self.left)
        self.left -= size
        return os.pwrite(fd, data[:size], offset)


@given(events=EVENTS, room=st.lists(st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 30_000)), max_size=30))
def test_on_a_disk_that_is_full_now_and_then_every_byte_is_either_there_or_counted(
    folder: Path, events: list[tuple[tuple[str, bytes | str], int]], room: list[int]
) -> None:
    path = fresh(folder)
    writer = TranscriptWriter(path, "box", "", 0)
    disk = FullDisk(room)
    size = notes = 0
    with mock.patch("os.pwritev", disk):
        for number, ((kind, data), _) in enumerate(events):
            disk.next()
            record(writer, kind, data, number * TICKS_PER_SECOND)
            size += len(data) if isinstance(data, bytes) else 0
            notes += isinstance(data, str)
            writer.flush()
        disk.left = 1 << 30
        writer.mark("the end", len(events) * TICKS_PER_SECOND)
        writer.close()
    found = list(read_transcript(path))
    said = list(losses(found))
    ours = [event for event in found if event.kind != "m" or not re.match(r"\d+ bytes of the line", str(event.data))]
    assert ours[-1] == Event(float(len(events)), "m", "the end")
    assert [event.seconds for event in found] == sorted(event.seconds for event in found)
    assert sum(len(event.data) for event in ours if isinstance(event.data, bytes)) + writer.lost == size
    assert sum(isinstance(event.data, str) for event in ours) - 1 + writer.lost_notes == notes
    assert sum(count for count, _ in said) == writer.lost
    assert sum(count for _, count in said) == writer.lost_notes
    sent = iter([Event(float(number), kind, data) for number, ((kind, data), _) in enumerate(events)])
    assert all(event in sent for event in ours[:-1]), "out of order, or never sent"


def losses(events: list[Event]) -> Iterator[tuple[int, int]]:
    """What the marks say is missing: bytes, and breaks or marks."""
    for event in events:
        if event.kind == "m" and (found := re.match(r"(\d+) bytes of the line and (\d+) breaks", str(event.data))):
            yield int(found[1]), int(found[2])


@given(junk=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)), behind=st.booleans())
def test_a_file_of_anything_is_read_or_refused_with_a_sentence(folder: Path, junk: bytes, behind: bool) -> None:
    path = fresh(folder)
    header = b'{"uartsim": "transcript", "version": 1}\n' if behind else b""
    Path(path).write_bytes(header + junk)
    try:
        for event in read_transcript(path):
            assert isinstance(event, Event)
    except UsageError:
        assert not behind


LINES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["o", "i", "b", "m", "oi"]),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


@given(lines=st.lists(LINES, max_size=10))
def test_lines_of_any_json_are_events_or_passed_over(folder: Path, lines: list[object]) -> None:
    path = fresh(folder)
    header = '{"uartsim": "transcript", "version": 1}\n'
    good = '[1.5,"o","\\u00ff"]\n'
    Path(path).write_text(header + "".join(json.dumps(line) + "\n" for line in lines) + "[" * 100_000 + "\n" + good)
    assert list(read_transcript(path))[-1] == Event(1.5, "o", b"\xff")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "its first line must be the header"),
        ("[]\n", "its first line must be the header"),
        ('{"uartsim": "trace"}\n', "its first line must be the header"),
        ('{"uartsim": "transcript", "version": 2}\n', "version 2; this uartsim reads 1"),
    ],
)
def test_what_is_no_transcript_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "record"
    path.write_text(text)
    with pytest.raises(UsageError, match=why):
        list(read_transcript(str(path)))
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_transcript(str(tmp_path / "nothing")))


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists: remove it or give another file"):
        TranscriptWriter(str(path), "box", "", 0)
    with pytest.raises(UsageError, match=r"cannot be made \(No such file or directory\)"):
        TranscriptWriter(str(tmp_path / "no" / "record"), "box", "", 0)
    assert path.read_text() == "mine"


def test_a_disk_that_is_full_from_the_start_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with mock.patch("os.pwritev", FullDisk([])), pytest.raises(UsageError, match=r"cannot be written \(No space left"):
        TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    assert list(tmp_path.iterdir()) == []


def test_after_close_nothing_more_is_written_and_nothing_breaks(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    writer.output(b"x", 0)
    writer.close()
    writer.output(b"y", 1)
    writer.flush()
    writer.close()
    assert [event.data for event in read_transcript(writer.path)] == [b"x"]


def test_what_gathers_goes_to_the_file_by_itself_before_it_is_much(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    begin = os.path.getsize(writer.path)
    for number in range(2000):
        writer.output(b"x" * 100, number)
        assert writer.gathered <= 1 << 16
    assert os.path.getsize(writer.path) - begin > 2000 * 100 - (1 << 16)
    writer.close()


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "disk full"])
def test_what_cannot_be_written_is_counted_and_not_kept(tmp_path: Path, is_open: bool) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    if not is_open:
        writer.close()
    with mock.patch("os.pwritev", side_effect=OSError(errno.ENOSPC, "full")):
        for number in range(3000):
            writer.output(b"x" * 100, number)
            writer.mark("m", number)
            assert writer.gathered <= 1 << 16
        writer.flush()
    assert writer.gathered == 0
    assert (writer.lost, writer.lost_notes) == (300_000, 3000)
    writer.close()


def test_a_block_that_claims_more_than_the_file_has_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "record"
    TranscriptWriter(str(path), "box", "", 0).close()
    with path.open("ab") as file:
        file.write(b'[0.5,"O",1000000000000]\n[1.0,"o","a"]\n')
    real, asked = open, []

    class Watched:
        def __init__(self, file: Any) -> None:
            self._file = file

        def read(self, size: int) -> Any:
            asked.append(size)
            return self._file.read(size)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __iter__(self) -> Iterator[bytes]:
            return iter(self._file.readline, b"")

    with mock.patch("builtins.open", lambda *arguments: Watched(real(*arguments))):
        events = list(read_transcript(str(path)))
    assert events == [Event(1.0, "o", b"a")]
    assert max(asked, default=0) <= path.stat().st_size
