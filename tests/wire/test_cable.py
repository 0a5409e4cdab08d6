"""The cable: what the far end hears of the chip's frames and breaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import characters, line_formats
from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.cable import Arrivals, Cable
from uartsim.wire.frame import Frame

FORMAT = LineFormat()
FRAME, SAMPLED, BIT = FORMAT.frame_ticks, FORMAT.sampled_ticks, FORMAT.bit_ticks
LATER = 1000 * FRAME


def heard(cable: Cable, now: int) -> list[tuple[int, int]]:
    """Character by character, and 256 with a break's or an error's bits for those."""
    return [
        (arrivals.errors << 8 | character, arrivals.at)
        for arrivals in cable.arrived(now)
        for character in arrivals.data or b"\0"
    ]


def carry(cable: Cable, frames: list[Frame], break_changes: list[tuple[int, bool]]) -> None:
    """The chip puts frames on the line one by one, and forces it to space or lets it go."""
    for frame in frames:
        cable.carry_run(frame.start, bytes((frame.character,)), frame.line_format)
    cable.carry_breaks(break_changes)


@given(line_formats(), st.lists(characters, max_size=30), st.integers(0, 10**12))
def test_every_frame_arrives_once_when_its_stop_bit_is_sampled(
    line_format: LineFormat, data: list[int], start: int
) -> None:
    cable = Cable(line_format)
    frame = line_format.frame_ticks
    frames = [
        Frame(start + n * frame, character & line_format.data_mask, line_format) for n, character in enumerate(data)
    ]
    carry(cable, frames, [])
    for n, sent in enumerate(frames):
        due = start + n * frame + line_format.sampled_ticks
        assert cable.first_at == due
        assert cable.arrived(due - 1) == []
        assert cable.arrived(due) == [Arrivals(due, bytes((sent.character,)), 0)]
    assert cable.arrived(start + 100 * frame) == []
    assert cable.first_at == cable.last_arrival() == NEVER


def test_frames_that_have_arrived_come_in_one_run() -> None:
    cable = Cable(FORMAT)
    carry(cable, [Frame(n * FRAME, n, FORMAT) for n in range(20)], [])
    assert cable.last_arrival() == 19 * FRAME + SAMPLED
    assert cable.arrived(LATER) == [Arrivals(19 * FRAME + SAMPLED, bytes(range(20)), 0)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(0, 60))
def test_runs_and_single_frames_arrive_alike(gaps: list[int], moment: int) -> None:
    singly, at_once = Cable(FORMAT), Cable(FORMAT)
    start = 0
    for number, gap in enumerate(gaps):
        start += gap * BIT
        data = bytes((number, number + 1))
        carry(singly, [Frame(start, data[0], FORMAT), Frame(start + FRAME, data[1], FORMAT)], [])
        at_once.carry_run(start, data, FORMAT)
        start += 2 * FRAME
    now = moment * FRAME
    assert heard(singly, now) == heard(at_once, now)
    assert singly.first_at == at_once.first_at
    assert singly.last_arrival() == at_once.last_arrival()
    assert heard(singly, LATER) == heard(at_once, LATER)


def test_formats_may_change_between_frames() -> None:
    cable = Cable(FORMAT)
    slow = LineFormat.from_baud(9600, "7E1")
    carry(cable, [Frame(0, 1, FORMAT), Frame(FRAME, 2, slow)], [])
    assert [at for _, at in heard(cable, LATER)] == [SAMPLED, FRAME + slow.sampled_ticks]


# -- breaks ------------------------------------------------------------------------------------------------


def test_a_break_is_heard_once_when_it_has_ended() -> None:
    cable = Cable(FORMAT)
    carry(cable, [], [(100, True)])
    assert cable.arrived(100 + 5 * FRAME) == []
    carry(cable, [], [(100 + 6 * FRAME, False)])
    assert cable.arrived(100 + 6 * FRAME) == [Arrivals(100 + SAMPLED, b"", BREAK_INTERRUPT)]
    assert cable.arrived(LATER) == []


def test_linux_autoconfigs_glitch_of_a_microsecond_is_not_heard() -> None:
    cable = Cable(FORMAT)
    carry(cable, [], [(0, True), (144_000, False)])
    assert cable.arrived(LATER) == []


def test_the_frame_that_a_break_cuts_has_an_error_and_those_under_it_are_gone() -> None:
    cable = Cable(FORMAT)
    carry(cable, [Frame(n * FRAME, 0xFF, FORMAT) for n in range(4)], [(5 * BIT, True), (2 * FRAME - BIT // 4, False)])
    assert heard(cable, LATER) == [
        (FRAMING_ERROR << 8 | 0x0F, SAMPLED),
        (BREAK_INTERRUPT << 8, 5 * BIT + SAMPLED),
        (0xFF, 2 * FRAME + SAMPLED),
        (0xFF, 3 * FRAME + SAMPLED),
    ]


def test_frames_before_and_after_a_break_are_untouched() -> None:
    cable = Cable(FORMAT)
    carry(cable, [Frame(0, 1, FORMAT)], [(2 * FRAME, True), (4 * FRAME, False)])
    carry(cable, [Frame(5 * FRAME, 2, FORMAT)], [])
    assert heard(cable, LATER) == [(1, SAMPLED), (BREAK_INTERRUPT << 8, 2 * FRAME + SAMPLED), (2, 5 * FRAME + SAMPLED)]


def test_a_frame_that_arrives_while_a_break_is_on_keeps_its_place() -> None:
    cable = Cable(FORMAT)
    carry(cable, [Frame(0, 1, FORMAT)], [])
    carry(cable, [], [(FRAME, True)])
    assert heard(cable, 3 * FRAME) == [(1, SAMPLED)]
    carry(cable, [Frame(6 * FRAME, 2, FORMAT)], [(5 * FRAME, False)])
    assert [what for what, _ in heard(cable, LATER)] == [BREAK_INTERRUPT << 8, 2]


# -- formats -----------------------------------------------------------------------------------------------


def test_a_far_end_without_a_format_of_its_own_follows_the_guests() -> None:
    cable = Cable(FORMAT)
    slow, seven = LineFormat.from_baud(9600), LineFormat.from_baud(9600, "7E1")
    cable.set_format(slow, 0)
    assert cable.far.line_format == slow
    cable.set_far_format(seven, 0)
    cable.set_format(FORMAT, 0)
    assert cable.far.line_format == seven
    cable.set_far_format(None, 0)
    assert cable.far.line_format == FORMAT


def test_where_frames_take_no_time_both_ends_have_one_format() -> None:
    cable = Cable(FORMAT)
    cable.set_far_format(LineFormat.from_baud(9600), 0)
    cable.set_format(LineFormat(0), 0)
    assert cable.far.line_format == LineFormat(0)
