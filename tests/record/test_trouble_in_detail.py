"""Recordings on a disk that fills up: what was whole stays, what is missing is counted, and what follows can be read."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from uartsim.line_format import TICKS_PER_NS, TICKS_PER_SECOND, LineFormat
from uartsim.record import Event, TranscriptWriter, events, read_transcript
from uartsim.record.recording_file import RecordFile
from uartsim.record.tap import RecordHeader, Tap
from uartsim.record.trace_writer import TraceWriter
from uartsim.record.vcd import TIMESCALES, VcdWriter
from uartsim.trace.reader import read_trace

BLOCK = bytes(range(256)) * 16


class Disk:
    """A disk with room for so many bytes more; without end if `room` is None."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        monkeypatch.setattr(os, "pwritev", self._taking(os.pwritev, lambda parts: [b"".join(parts)]))
        monkeypatch.setattr(os, "write", self._taking(os.write, bytes))

    def _taking(self, write: Any, joined: Callable[[Any], Any]) -> Any:
        def limited(fd: int, data: Any, *place: int) -> int:
            if self.room is None:
                return int(write(fd, data, *place))
            if not self.room:
                raise OSError(errno.ENOSPC, "full")
            some = joined(data)
            some = [some[0][: self.room]] if isinstance(some, list) else some[: self.room]
            done = int(write(fd, some, *place))
            self.room -= done
            return done

        return limited


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def say_four_things(writer: TranscriptWriter, at: int) -> None:
    writer.output(b"abc", at)
    writer.input(BLOCK, at)
    writer.line_break("o", at)
    writer.mark("x", at)


FOUR_THINGS: list[tuple[str, bytes | str]] = [("o", b"abc"), ("i", BLOCK), ("b", "o"), ("m", "x")]
#: The four things in a file: their text, and a block with its newline.
LENGTHS = [len(b'[1.0,"o","abc"]\n'), len(b'[1.0,"I",4096]\n') + 4097, len(b'[1.0,"b","o"]\n'), len(b'[1.0,"m","x"]\n')]
ENDS = [sum(LENGTHS[:count]) for count in range(5)]


@pytest.mark.parametrize("room", sorted({max(0, end + n) for end in ENDS for n in (-1, 0, 1)} | {100, 4000}))
def test_a_transcript_keeps_the_lines_that_were_whole_and_goes_on_behind_them(
    tmp_path: Path, disk: Disk, room: int
) -> None:
    path = tmp_path / "record"
    writer = TranscriptWriter(str(path), "box", "", 0)
    header = path.stat().st_size
    disk.room = room
    say_four_things(writer, TICKS_PER_SECOND)
    writer.flush()
    whole = sum(end <= room for end in ENDS[1:])
    assert path.stat().st_size == header + ENDS[whole]
    assert writer.lost == sum(len(data) for kind, data in FOUR_THINGS[whole:] if kind in "oi")
    assert writer.lost_notes == sum(kind in "bm" for kind, _ in FOUR_THINGS[whole:])
    disk.room = None
    writer.output(b"d", 2 * TICKS_PER_SECOND)
    writer.close()
    found = list(read_transcript(str(path)))
    assert found[:whole] == [Event(1.0, kind, data) for kind, data in FOUR_THINGS[:whole]]
    if whole < 4:
        missing = found[whole].data
        assert isinstance(missing, str)
        assert missing.startswith(
            f"{writer.lost} bytes of the line and {writer.lost_notes} breaks or marks are missing"
        )
    assert found[-1] == Event(2.0, "o", b"d")
    assert len(found) == whole + (2 if whole < 4 else 1)


NOTE = b'[2.0,"m","3 bytes of the line and 0 breaks or marks are missing here: No space left on device"]\n'


@pytest.mark.parametrize(("behind", "kept"), [(-1, 0), (0, 0), (1, 0), (13, 0), (14, 1), (15, 1), (27, 1), (28, 2)])
def test_a_note_of_a_gap_is_written_with_what_follows_it_or_not_at_all(
    tmp_path: Path, disk: Disk, behind: int, kept: int
) -> None:
    path = tmp_path / "record"
    writer = TranscriptWriter(str(path), "box", "", 0)
    header = path.stat().st_size
    disk.room = 0
    writer.output(b"abc", TICKS_PER_SECOND)
    writer.flush()
    disk.room = len(NOTE) + behind
    for data in (b"d", b"e"):
        writer.output(data, 2 * TICKS_PER_SECOND)  # a line of 14 bytes
    writer.flush()
    assert path.stat().st_size == header + (len(NOTE) + 14 * kept if kept else 0)
    assert writer.lost == 5 - kept
    disk.room = None
    writer.output(b"f", 3 * TICKS_PER_SECOND)
    writer.close()
    found = list(read_transcript(str(path)))
    assert [event.data for event in found if event.kind == "o"] == [*[b"d", b"e"][:kept], b"f"]
    said = [int(str(event.data).split()[0]) for event in found if event.kind == "m"]
    assert said == ([5] if not kept else [3, 1] if kept == 1 else [3])


@pytest.mark.parametrize("kind", ["trace", "vcd"])
def test_a_recording_lets_go_of_its_file_once(tmp_path: Path, kind: str) -> None:
    make = TraceWriter if kind == "trace" else VcdWriter
    files = len(os.listdir("/proc/self/fd"))
    for end in ("close", "discard"):
        writer = make(str(tmp_path / end), RecordHeader())
        assert len(os.listdir("/proc/self/fd")) == files + 1
        for _ in range(2):
            getattr(writer, end)()
            assert len(os.listdir("/proc/self/fd")) == files
    assert os.listdir(tmp_path) == ["close"]


def test_a_recording_that_cannot_be_cut_back_is_not_written_any_more(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    file = RecordFile(str(path), "trace")
    file.add(b"beginning")
    file.begin()

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "ftruncate", refuse)
    disk.room = 3
    file.add(b"abcdef", 2)
    file.flush()
    disk.room = None
    file.add(b"ghi", 5)
    assert file.gap == 0  # behind what waits there is none
    file.flush()
    file.close()
    assert path.read_bytes() == b"beginningabc"
    assert file.status() == {"path": str(path), "bytes": 9, "lost_events": 7, "trouble": "No space left on device"}


def test_a_recording_that_cannot_be_closed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writers: list[RecordFile | TranscriptWriter] = [
        RecordFile(str(tmp_path / "a"), "trace"),
        TranscriptWriter(str(tmp_path / "b"), "box", "", 0),
    ]
    for writer in writers:
        close = os.close

        def refuse(fd: int, close: Callable[[int], None] = close) -> None:
            close(fd)
            raise OSError(errno.EDQUOT, "late")

        monkeypatch.setattr(os, "close", refuse)
        writer.close()
        monkeypatch.setattr(os, "close", close)
        assert writer.trouble == "Disk quota exceeded"


def test_what_follows_a_gap_in_a_trace_can_be_read_without_what_was_before(tmp_path: Path, disk: Disk) -> None:
    """Formats and values that the reader knew before the gap are said again behind it, and times count from its end."""
    path = tmp_path / "a.trace"
    start = 5 * TICKS_PER_SECOND
    one, other, third = LineFormat(), LineFormat.from_baud(9600, "7E1"), LineFormat.from_baud(300)
    writer = TraceWriter(str(path), RecordHeader(start=start))
    writer.programmed(start + 1, one)
    writer.programmed(start + 2, other)
    writer.read(start + 3, 5, 0x60)
    writer.flush()
    disk.room = 0
    writer.read(start + 4, 5, 0x61)
    writer.write(start + 5, 0, 0x61)
    writer.programmed(start + 6, third)
    writer.flush()
    disk.room = None
    writer.programmed(start + 7, third)
    writer.programmed(start + 8, other)
    writer.read(start + 9, 5, 0x61)
    writer.read(start + 9, 5, 0x61)
    writer.sent(start + 10, b"abc", one)
    writer.close()
    found = [event for event in read_trace(str(path)) if not isinstance(event, events.Settled)]
    times = [event.at for event in found]
    assert found[:-1] == [
        events.Programmed(times[0], one),
        events.Programmed(times[1], other),
        events.Read(times[2], 5, 0x60),
        events.Lost(times[3], 3),
        events.Programmed(times[4], third),
        events.Programmed(times[5], other),
        events.Read(times[6], 5, 0x61),
        events.Read(times[7], 5, 0x61),
        events.Sent(times[8], b"abc", one),
    ]
    assert [at - times[0] for at in times] == [0, 1, 2, 5, 6, 7, 8, 8, 9, 8]
    assert writer.status()["lost_events"] == 3


def test_events_are_counted_once_however_often_their_number_cannot_be_written(tmp_path: Path, disk: Disk) -> None:
    for kind in ("trace", "vcd"):
        path = tmp_path / kind
        writer = (TraceWriter if kind == "trace" else VcdWriter)(str(path), RecordHeader())
        disk.room = 0
        for number in range(1, 4):
            writer.interrupt(number * 1_000_000, bool(number & 1))
            writer.settled(number * 1_000_000 + 1)
            writer.flush()
            assert writer.status()["lost_events"] == number
        disk.room = None
        writer.interrupt(9_000_000, False)
        writer.close()
        assert writer.status()["lost_events"] == 3
        if kind == "trace":
            assert [event.missing for event in read_trace(str(path)) if isinstance(event, events.Lost)] == [3]
        else:
            assert "$comment 3 changes are missing here: No space left on device $end" in path.read_text()


def test_behind_a_gap_a_waveform_says_which_characters_and_formats_are_on_the_lines(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "a.vcd"
    frame, other = LineFormat().frame_ticks, LineFormat.from_baud(9600, "7E1")
    writer = VcdWriter(str(path), RecordHeader())
    writer.programmed(1000, other)
    writer.sent(frame, b"AB", LineFormat())
    writer.far_sent(frame, b"\\", other)
    disk.room = 0
    writer.settled(2 * frame + 1)
    writer.flush()
    disk.room = None
    writer.settled(5 * frame)
    writer.close()
    text = path.read_text()
    names = {words[3]: words[4] for words in map(str.split, text.splitlines()) if words[:1] == ["$var"]}
    dumped = text.split("$dumpall\n")[1].split("$end")[0].split("\n")
    said = {names[words[1]]: words[0] for words in map(str.split, dumped) if words and words[0].startswith("s")}
    assert said == {"TXD_text": "sB", "RXD_text": "s\\\\", "TXD_format": "s115200_8N1", "RXD_format": "s9600_7E1"}


def test_a_run_that_begins_right_behind_a_gap_has_its_format_and_its_time(tmp_path: Path, disk: Disk) -> None:
    for kind in ("sent", "far_space", "edges"):
        path = tmp_path / kind
        writer = TraceWriter(str(path), RecordHeader())
        writer.programmed(1, LineFormat())
        writer.flush()
        disk.room = 0
        writer.reset(100)
        writer.flush()
        disk.room = None
        if kind == "sent":
            writer.sent(90, b"a", LineFormat())
        elif kind == "far_space":
            writer.far_space(90, 77)
        else:
            writer.rxd_edges([(90, 0), (95, 1)])
        writer.close()
        wanted: dict[str, events.Event] = {
            "sent": events.Sent(90, b"a", LineFormat()),
            "far_space": events.FarSpace(90, 77),
            "edges": events.RxdEdges(90, ((90, 0), (95, 1))),
        }
        assert list(read_trace(str(path)))[:-1] == [
            events.Programmed(1, LineFormat()),
            events.Lost(100, 1),
            wanted[kind],
        ]


@pytest.mark.parametrize("start", [0, 7 * TICKS_PER_SECOND])
def test_a_trace_goes_to_the_disk_once_a_second_of_the_ports_time(tmp_path: Path, start: int) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader(start=start))
    size = path.stat().st_size
    for second in range(1, 4):
        writer.read(start + second * TICKS_PER_SECOND - 5000, 5, second)
        writer.settled(start + second * TICKS_PER_SECOND - 1)
        assert path.stat().st_size == size, "it is less than a second since"
        writer.read(start + second * TICKS_PER_SECOND - 1, 5, second)
        writer.settled(start + second * TICKS_PER_SECOND + TICKS_PER_SECOND // 50)
        assert path.stat().st_size > size
        size = path.stat().st_size
        start += TICKS_PER_SECOND // 50
    writer.close()


@pytest.mark.parametrize(
    ("timescale", "unit_ns"),
    [("1 ps", 1e-3), ("10 ps", 1e-2), ("100 ps", 0.1), ("1 ns", 1), ("10 ns", 10), ("100 ns", 100), ("1 us", 1000)],
)
def test_each_unit_of_a_waveform_is_what_it_says(tmp_path: Path, timescale: str, unit_ns: float) -> None:
    assert timescale in TIMESCALES
    path = tmp_path / "a.vcd"
    writer: Tap = VcdWriter(str(path), RecordHeader(start=77), timescale)
    for ns, level in ((3_000, True), (8_000, False), (12_345_000, True)):
        writer.interrupt(77 + ns * TICKS_PER_NS, level)
    writer.close()
    text = path.read_text()
    assert f"$timescale {timescale} $end" in text
    times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert [round(time * unit_ns) for time in times if time] == [3_000, 8_000, 12_345_000]
