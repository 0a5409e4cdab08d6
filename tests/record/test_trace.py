"""Traces: every event comes back with its time, whatever the disk does and wherever the file ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.record.rig import AT_115200, RecordedChip, print_by_interrupts, print_polling, set_up
from tests.strategies import characters, line_formats
from uartsim.errors import UsageError
from uartsim.line_format import CRYSTAL_PERIOD, TICKS_PER_NS, TICKS_PER_SECOND, LineFormat
from uartsim.record import events
from uartsim.record.events import End, Event, Lost, Settled, tell
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_writer import TraceWriter
from uartsim.trace.reader import read_trace

#: Times between events: of every unit, and none.
STEPS = st.one_of(
    st.just(0),
    st.integers(0, 10**7),
    st.integers(0, 10**6).map(lambda n: n * TICKS_PER_NS),
    st.integers(0, 10**6).map(lambda n: n * CRYSTAL_PERIOD),
    st.integers(0, 10**18),
)
FORMATS = line_formats(st.integers(0, 0xFFFF))


@st.composite
def recordings(draw: st.DrawFn, size: int = 30) -> list[Event]:
    """Events as a port tells them."""
    found: list[Event] = []
    now = 0
    for _ in range(draw(st.integers(0, size))):
        now += draw(STEPS)
        near = max(0, now + draw(st.integers(-(10**8), 10**8)))
        found.append(
            draw(
                st.one_of(
                    st.builds(events.Read, st.just(now), st.integers(0, 7), characters),
                    st.builds(events.Write, st.just(now), st.integers(0, 7), characters),
                    st.builds(events.Reset, st.just(now)),
                    st.builds(events.Programmed, st.just(now), FORMATS),
                    st.builds(events.Interrupt, st.just(now), st.booleans()),
                    st.builds(events.Sent, st.just(near), st.binary(min_size=1, max_size=20), FORMATS),
                    st.builds(events.SentBreak, st.just(now), st.booleans()),
                    st.builds(events.Received, st.just(now), characters, st.sampled_from([0, 4, 8, 0x18])),
                    st.builds(events.FarSent, st.just(near), st.binary(min_size=1, max_size=20), FORMATS),
                    st.builds(events.FarSpace, st.just(near), st.integers(1, 10**12)),
                    st.builds(events.ModemInputs, st.just(now), st.integers(0, 15).map(lambda n: n << 4)),
                    st.builds(events.ModemOutputs, st.just(now), st.integers(0, 15)),
                    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 1)), min_size=1, max_size=9).map(
                        lambda steps, since=near: _edges(since, steps)  # type: ignore[misc]
                    ),
                )
            )
        )
    return found


def _edges(since: int, steps: list[tuple[int, int]]) -> Event:
    edges = []
    for ticks, level in steps:
        edges.append((since, level))
        since += ticks
    return events.RxdEdges(edges[0][0], tuple(edges))


def record(path: Path, wanted: list[Event], header: RecordHeader | None = None, in_order: bool = False) -> None:
    """Write a trace of ``wanted``, whose times count from 0; ``in_order``: frames are not gathered into runs."""
    header = header or RecordHeader()
    writer = TraceWriter(str(path), header)
    for event in wanted:
        tell(shifted(event, header.start), writer)
        if in_order:
            writer.flush()
    writer.close()


def shifted(event: Event, ticks: int) -> Event:
    """The event as the port's clock has it."""
    if isinstance(event, events.RxdEdges):
        return events.RxdEdges(event.at + ticks, tuple((at + ticks, level) for at, level in event.edges))
    return event._replace(at=event.at + ticks)


def told(path: Path) -> list[Event]:
    """All that a trace tells, but for what only its writer says."""
    return [event for event in read_trace(str(path)) if not isinstance(event, Settled | End)]


@settings(max_examples=40)
@given(recordings(), st.integers(0, 1 << 60))
def test_what_was_told_is_read(tmp_path_factory: pytest.TempPathFactory, wanted: list[Event], start: int) -> None:
    path = tmp_path_factory.mktemp("trace") / "a.trace"
    header = RecordHeader("box", start, "16750", False, "pin", "word", True, True, 0x30)
    record(path, wanted, header)
    trace = read_trace(str(path))
    assert trace.header == header
    *found, end = (event for event in trace if not isinstance(event, Settled))
    assert one_by_one(found) == one_by_one(wanted)
    assert isinstance(end, End)
    assert end.whole


def one_by_one(found: Sequence[Event]) -> tuple[list[Event], list[Event], list[Event]]:
    """Events, and the frames of each line: they may be told in runs, and later."""
    frames: dict[type[Event], list[Event]] = {events.Sent: [], events.FarSent: []}
    for event in found:
        if isinstance(event, events.Sent | events.FarSent):
            for n in range(len(event.characters)):
                at = event.at + n * event.line_format.frame_ticks
                frames[type(event)].append(event._replace(at=at, characters=event.characters[n : n + 1]))
    rest = [event for event in found if type(event) not in frames]
    return rest, frames[events.Sent], frames[events.FarSent]


@settings(max_examples=40)
@given(recordings(12), st.data())
def test_a_trace_that_was_cut_off_anywhere_is_read_up_to_there(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Event], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("trace")
    record(folder / "whole.trace", wanted, in_order=True)
    content = (folder / "whole.trace").read_bytes()
    header = content.index(b"\n") + 1
    size = data.draw(st.integers(header, len(content) - 1))
    zeros = data.draw(st.sampled_from([0, 0, 8, 100]))
    torn = folder / "torn.trace"
    torn.write_bytes(content[:size])
    *found, end = read_trace(str(torn))
    found = [event for event in found if not isinstance(event, Settled)]
    assert found == wanted[: len(found)]
    assert isinstance(end, End)
    assert not end.whole
    # A system that crashes may leave zeros where data was to be: they are at most the rest of one event.
    torn.write_bytes(content[:size] + bytes(zeros))
    *more, end = read_trace(str(torn))
    assert [event for event in more if not isinstance(event, Settled)][: len(found)] == found
    assert isinstance(end, End)
    assert not end.whole


@settings(max_examples=30)
@given(recordings(), st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=12))
def test_on_a_disk_that_is_full_now_and_then_every_event_is_either_there_or_counted(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Event], faults: list[tuple[int, bool]]
) -> None:
    path = tmp_path_factory.mktemp("trace") / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    real_write = os.write
    coming = list(faults)

    def write(fd: int, data: Any) -> int:
        if not coming:
            return real_write(fd, data)
        room, fails = coming.pop(0)
        if fails and room == 0:
            raise OSError(errno.ENOSPC, "full")
        return real_write(fd, bytes(data)[:room]) if room else real_write(fd, data)

    with mock.patch("os.write", write):
        for event in wanted:
            tell(event, writer)
            writer.flush()
        coming.clear()
        writer.close()
    found = told(path)
    missing = sum(event.missing for event in found if isinstance(event, Lost))
    kept = [event for event in found if not isinstance(event, Lost)]
    assert len(kept) + missing == len(wanted)
    assert missing == writer.status()["lost_events"]
    place = 0
    for event in found:  # what is there is where it has to be, with the time that it had
        if isinstance(event, Lost):
            place += event.missing
        else:
            assert event == wanted[place]
            place += 1


def test_what_was_half_written_is_cut_off_again(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    real_write = os.write
    answers: list[int | OSError] = [5, OSError(errno.ENOSPC, "full")]

    def write(fd: int, data: Any) -> int:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return real_write(fd, bytes(data)[:answer])

    for n in range(10):
        writer.write(n * 1000, 7, n)
    size = path.stat().st_size
    with mock.patch("os.write", write):
        writer.flush()
    assert path.stat().st_size == size
    assert writer.status()["lost_events"] == 10
    assert writer.status()["trouble"] == "No space left on device"
    writer.write(20_000, 7, 99)
    writer.close()
    assert told(path) == [Lost(9000, 10), events.Write(20_000, 7, 99)]


@pytest.mark.parametrize("way", [print_polling, print_by_interrupts])
def test_an_access_takes_less_than_six_bytes(tmp_path: Path, way: Any) -> None:
    path = tmp_path / "a.trace"
    chip = RecordedChip(RecordHeader(), TraceWriter(str(path), RecordHeader()))
    set_up(chip)
    way(chip, b"a line of a console's output, as long as such lines are\r\n" * 20)
    chip.close()
    assert chip.accesses > 1000
    assert path.stat().st_size / chip.accesses < 6


def test_runs_of_any_length_are_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    edges = tuple((n * 1000, n & 1) for n in range(10_000))
    record(tmp_path / "a.trace", [events.Sent(0, data, AT_115200), events.RxdEdges(0, edges)])
    sent = bytearray()
    came: list[tuple[int, int]] = []
    for event in told(tmp_path / "a.trace"):
        match event:
            case events.Sent(at, some, line_format):
                assert at == len(sent) * line_format.frame_ticks
                sent += some
            case events.RxdEdges(at, some_edges):
                assert not came or some_edges[0] == came[-1], "a stretch begins with the last edge of the one before"
                came += some_edges[1:] if came else some_edges
    assert sent == data
    assert tuple(came) == edges


def test_the_header_can_be_read_by_eye_and_by_json(tmp_path: Path) -> None:
    record(tmp_path / "a.trace", [], RecordHeader("box", variant="16450"))
    first = (tmp_path / "a.trace").read_bytes().split(b"\n")[0].decode()
    assert first.startswith('{"uartsim": "trace", "version": 2, "ticks_per_second": 144000000000, "name": "box"')
    assert '"variant": "16450"' in first


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a trace of uartsim: its first line must be the header"),
        (b"\x7fELF\x00\x01", "is not a trace of uartsim"),
        (b'{"uartsim": "transcript", "version": 1}\n', "is not a trace of uartsim"),
        (b"[" * 10_000, "is not a trace of uartsim"),
        (b'{"uartsim": "trace", "version": 3}\n', "is a trace of version 3; this uartsim reads 1 and 2"),
        (b'{"uartsim": "trace", "version": true}\n', "is a trace of version True; this uartsim reads 1 and 2"),
        (
            b'{"uartsim": "trace", "version": 1, "ticks_per_second": 1}\n',
            "is damaged at byte 0: a trace has 144000000000",
        ),
        (b'{"uartsim": "trace", "vers\x08ion": 1, "ticks_per_second": 1\n', "is damaged at byte 0: its first line"),
        (b'{"uartsim": "trace", "version": 1, "start": "x"}\n', "has a header in which start is 'x'"),
        (b'{"uartsim": "trace", "version": 1, "unlimited": 1}\n', "has a header in which unlimited is 1"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.trace"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_trace(str(path))
    assert str(caught.value).startswith(f"{path} {why}")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"\x7c", "there is no record of kind 31"),
        (b"\x00\x01", "no record begins with a zero byte"),
        (b"\x84", "an access repeats the value of an earlier one, but there is none"),
        (b"\x05" + b"\xff" * 12, "a number has no end"),
        (b"\x18\x00", "format 0 was not defined"),
        (b"\x38\x01\x1c", "the line format 0x1c does not exist"),
        (b"\x38\x01\x03\x28\x00\x00", "a run has a length of 0: 1 to 4096 is valid"),
    ],
)
def test_a_damaged_trace_says_where(tmp_path: Path, record: bytes, why: str) -> None:
    path = tmp_path / "a.trace"
    header = b'{"uartsim": "trace", "version": 1}\n'
    path.write_bytes(header + b"\x04" + record + b"\x04")
    with pytest.raises(UsageError, match="is damaged at byte") as caught:
        list(read_trace(str(path)))
    assert str(caught.value).endswith(why)
    place = int(str(caught.value).split("byte ")[1].split(":")[0])
    assert len(header) + 1 <= place <= len(header) + 1 + len(record)


@given(st.binary(max_size=60))
def test_no_bytes_at_all_make_the_reader_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("trace") / "a.trace"
    path.write_bytes(b'{"uartsim": "trace", "version": 1}\n' + content)
    said = ""
    end: Event | None = None
    try:
        *_, end = read_trace(str(path))
    except UsageError as error:
        said = str(error)
    assert isinstance(end, End) or "is damaged at byte" in said


def test_a_file_that_exists_or_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.trace").write_text("mine")
    with pytest.raises(UsageError, match=r"the trace .*a\.trace exists: remove it or give another file"):
        TraceWriter(str(tmp_path / "a.trace"), RecordHeader())
    assert (tmp_path / "a.trace").read_text() == "mine"
    with pytest.raises(UsageError, match="cannot be made"):
        TraceWriter(str(tmp_path / "no" / "a.trace"), RecordHeader())
    with pytest.raises(UsageError, match="cannot be read as a trace: No such file"):
        read_trace(str(tmp_path / "none.trace"))
    with pytest.raises(UsageError, match="cannot be read as a trace: Is a directory"):
        read_trace(str(tmp_path))


def test_a_disk_that_is_full_from_the_start_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with (
        mock.patch("os.write", side_effect=OSError(errno.ENOSPC, "full")),
        pytest.raises(UsageError, match="cannot be written"),
    ):
        TraceWriter(str(tmp_path / "a.trace"), RecordHeader())
    assert not (tmp_path / "a.trace").exists()


def test_a_long_recording_says_now_and_then_that_all_has_been_told_and_goes_to_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    empty = path.stat().st_size
    for n in range(3000):
        writer.write(n * TICKS_PER_SECOND // 1000, 7, n & 0xFF)
        writer.settled(n * TICKS_PER_SECOND // 1000 + 1)
    assert path.stat().st_size > empty
    writer.settled(10 * TICKS_PER_SECOND)
    writer.close()
    settled = [event.at for event in read_trace(str(path)) if isinstance(event, Settled)]
    assert 250 <= len(settled) <= 301
    assert settled[-1] == 10 * TICKS_PER_SECOND


def test_a_format_of_every_kind_comes_back(tmp_path: Path) -> None:
    wanted: list[Event] = [
        events.Programmed(0, LineFormat(bits, size, parity, halves))
        for bits in (0, 1, 1250000)
        for size in (5, 6, 7, 8)
        for parity in "NOEMS"
        for halves in (2, 3, 4)
    ]
    record(tmp_path / "a.trace", wanted)
    assert told(tmp_path / "a.trace") == wanted


def test_frames_that_follow_each_other_are_one_run_and_others_are_not(tmp_path: Path) -> None:
    frame, other = AT_115200.frame_ticks, LineFormat.from_baud(9600)
    single: list[Event] = [
        events.Sent(0, b"a", AT_115200),
        events.Sent(frame, b"bc", AT_115200),
        events.FarSent(frame, b"x", AT_115200),
        events.Sent(3 * frame, b"d", AT_115200),
        events.Sent(4 * frame + 1, b"e", AT_115200),
        events.Sent(5 * frame + 1, b"f", other),
    ]
    record(tmp_path / "a.trace", single)
    assert sorted(told(tmp_path / "a.trace"), key=str) == [
        events.FarSent(frame, b"x", AT_115200),
        events.Sent(0, b"abcd", AT_115200),
        events.Sent(4 * frame + 1, b"e", AT_115200),
        events.Sent(5 * frame + 1, b"f", other),
    ]
