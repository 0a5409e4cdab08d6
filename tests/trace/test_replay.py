"""Replay: our chip does again what it did, and one that does otherwise is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.record.rig import AT_115200, RecordedChip, perform, print_by_interrupts, print_polling, set_up
from tests.strategies import Step, chip_options, programs
from uartsim.errors import UsageError
from uartsim.record import events
from uartsim.record.events import Event, tell
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_writer import TraceWriter
from uartsim.trace.reader import read_trace
from uartsim.trace.replay import Replayed, replay

DRIVEN = RecordHeader(start=123_456_789)


def traced(path: Path, header: RecordHeader) -> RecordedChip:
    return RecordedChip(header, TraceWriter(str(path), header))


def driven(path: Path) -> None:
    """A trace of everything: printing both ways, reading by interrupt, modem lines, a break, a reset."""
    chip = traced(path, DRIVEN)
    set_up(chip)
    print_polling(chip, b"polled")
    print_by_interrupts(chip, b"by interrupts, more than a FIFO holds")
    chip.write(1, 0x0D)
    chip.far_send(b"typed")
    while chip.read(5) & 1:
        chip.read(0)
    chip.receive(0, 0x18)
    chip.read(2)
    chip.read(5)
    chip.set_pins(0x10)
    chip.read(6)
    chip.write(3, 0x43)
    chip.wait(10**8)
    chip.write(3, 0x03)
    chip.reset()
    chip.wait(10**9)
    chip.close()


def changed(path: Path, change: dict[int, Event]) -> Replayed:
    """The replay of a trace in which the events with these numbers are others."""
    trace = read_trace(str(path))
    other = path.with_name("changed.trace")
    other.unlink(missing_ok=True)
    writer = TraceWriter(str(other), RecordHeader(variant=trace.header.variant, start=0))
    for number, event in enumerate(trace):
        tell(change.get(number, event), writer)
        writer.flush()
    writer.close()
    return replay(read_trace(str(other)))


@settings(max_examples=60)
@given(st.lists(programs, min_size=1, max_size=2), chip_options, st.integers(0, 10**15))
def test_what_our_chip_did_it_does_again(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Step]], options: dict[str, object], start: int
) -> None:
    path = tmp_path_factory.mktemp("replay") / "a.trace"
    chip = traced(path, RecordHeader(start=start, **options))  # type: ignore[arg-type]
    for program in parts:
        perform(chip, program)
    chip.wait(10**9)
    chip.close()
    done = replay(read_trace(str(path)))
    assert done.differences == []
    assert done.found == 0
    assert done.accesses == chip.accesses


def test_at_unlimited_rate_a_character_leaves_in_the_moment_in_which_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    chip = traced(path, RecordHeader(unlimited=True, thre_delay=False))
    for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 3), (1, 2), (4, 8), (0, 0x55)):
        chip.write(offset, value)
    chip.wait(10**9)
    chip.close()
    done = replay(read_trace(str(path)))
    assert done.differences == []
    assert done.interrupts == 3


def test_all_that_a_driver_does_is_compared(tmp_path: Path) -> None:
    driven(tmp_path / "a.trace")
    done = replay(read_trace(str(tmp_path / "a.trace")))
    assert done.found == 0
    assert done.frames == len(b"polled" + b"by interrupts, more than a FIFO holds")
    assert done.interrupts >= 8
    assert done.reads > 100


def test_a_trace_with_any_one_value_changed_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    driven(path)
    trace = list(read_trace(str(path)))
    kinds = set()
    for number, event in enumerate(trace):
        match event:
            case events.Read(at, offset, value):
                other: Event = events.Read(at, offset, value ^ 1 << number % 8)
            case events.Interrupt(at, level):
                other = events.Interrupt(at, not level)
            case events.Sent(at, characters, line_format):
                place = number % len(characters)
                wrong = bytes((characters[place] ^ 1 << number % 8,))
                other = events.Sent(at, characters[:place] + wrong + characters[place + 1 :], line_format)
            case events.SentBreak(at, on):
                other = events.SentBreak(at, not on)
            case events.ModemOutputs(at, outputs):
                other = events.ModemOutputs(at, outputs ^ 4)
            case events.Programmed(at, line_format):
                other = events.Programmed(at, type(line_format)(line_format.bit_ticks, 8, "S", 4))
            case _:
                continue
        if type(event) in kinds and number % 7:
            continue  # some of each kind
        kinds.add(type(event))
        assert changed(path, {number: other}).found, (event, other)
    assert kinds == {
        *(events.Read, events.Interrupt, events.Sent, events.SentBreak, events.ModemOutputs, events.Programmed),
    }


def test_an_interrupt_served_at_once_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    chip = traced(path, RecordHeader())
    set_up(chip, ier=0x02)
    for _ in range(3):
        assert chip.read(2) & 0x0F == 0x02
        chip.write(0, 0x41)
        chip.wait(2 * AT_115200.frame_ticks)
    chip.close()
    assert replay(read_trace(str(path))).interrupts == 6 + 1
    at = chip.now
    pulse: list[Event] = [events.Interrupt(at, False), events.Interrupt(at, True), events.Settled(at + 1)]
    trace = [event for event in read_trace(str(path)) if not isinstance(event, events.End)]
    other = TraceWriter(str(tmp_path / "b.trace"), RecordHeader())
    for event in [*trace, *pulse]:
        tell(event, other)
    other.close()
    assert replay(read_trace(str(tmp_path / "b.trace"))).differences == [
        (at, "IRQ", "falls and rises at once", "nothing at this time")
    ]


def test_a_moment_makes_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    driven(path)
    trace = list(read_trace(str(path)))
    number, event = next((n, e) for n, e in enumerate(trace) if isinstance(e, events.Sent))
    done = changed(path, {number: event._replace(at=event.at + 1)})
    assert (done.differences[0].recorded, done.differences[0].ours) == (
        "nothing at this time",
        "'p' 70 at 115200 8N1",
    )
    assert (done.differences[1].recorded, done.differences[1].ours) == (
        "'p' 70 at 115200 8N1",
        "nothing at this time",
    )


def test_a_difference_says_what_was_read_and_what_our_chip_has(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    chip = traced(path, RecordHeader())
    set_up(chip)
    chip.wait(1000)
    chip.read(5)
    at = chip.now
    chip.write(3, 0x80)
    chip.read(0)
    chip.close()
    trace = list(read_trace(str(path)))
    reads = [n for n, event in enumerate(trace) if isinstance(event, events.Read)]
    done = changed(path, {reads[0]: events.Read(at, 5, 0x61), reads[1]: events.Read(at, 0, 0x02)})
    assert done.differences == [
        (at, "read LSR", "61 DR THRE TEMT", "60 THRE TEMT"),
        (at, "read DLL", "02", "01"),
    ]


def test_more_differences_than_asked_for_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    for n in range(50):
        writer.read(n * 1000, 7, 0x55)
    writer.close()
    done = replay(read_trace(str(path)), limit=3)
    assert (len(done.differences), done.found) == (3, 50)


def test_a_replay_ends_where_events_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    writer.write(1000, 7, 0x55)
    writer.flush()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.write", _full)
        writer.write(2000, 7, 0x66)
        writer.flush()
    writer.read(3000, 7, 0x66)
    writer.close()
    done = replay(read_trace(str(path)))
    assert (done.gap, done.accesses, done.found) == (2000, 1, 0)


def _full(fd: int, data: object) -> int:
    raise OSError(28, "full")


def test_a_trace_that_was_cut_off_is_replayed_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    driven(path)
    content = path.read_bytes()
    header = content.index(b"\n") + 1
    for size in range(header, len(content), 37):
        path.write_bytes(content[:size])
        done = replay(read_trace(str(path)))
        assert done.differences == []


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (RecordHeader(variant="Z8530"), "'Z8530' is not a UART that we know"),
        (RecordHeader(out2_gate="x"), "out2_gate is 'x'"),
        (RecordHeader(start=-1), "time went backwards"),
    ],
)
def test_a_chip_that_we_do_not_know_is_refused(tmp_path: Path, header: RecordHeader, why: str) -> None:
    path = tmp_path / "a.trace"
    TraceWriter(str(path), header).close()
    with pytest.raises(UsageError, match="is of a chip that does not exist") as caught:
        replay(read_trace(str(path)))
    assert why in str(caught.value)


def test_frames_that_take_no_time_are_compared_too(tmp_path: Path) -> None:
    path = tmp_path / "a.trace"
    chip = traced(path, RecordHeader(unlimited=True))
    set_up(chip)
    print_polling(chip, b"at once")
    chip.close()
    done = replay(read_trace(str(path)))
    assert (done.frames, done.found) == (7, 0)


RECORDED = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "traces").glob("*.trace"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_our_chip_answers_real_drivers_as_recorded(path: Path) -> None:
    trace = read_trace(str(path))
    assert trace.header.name == path.stem
    done = replay(trace)
    assert done.differences == []
    assert done.gap is None
    assert done.reads >= 10
    assert done.frames >= 6


def test_there_are_recordings_of_a_kernel_and_of_firmware() -> None:
    assert {"linux", "seabios"} <= {path.stem for path in RECORDED}
