"""The far end's transmitter: an exact schedule, breaks, and frames that wait for room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import line_formats
from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.cable import FarSender
from uartsim.wire.frame import Arrival

FORMAT = LineFormat()
FRAME, SAMPLED, BIT = FORMAT.frame_ticks, FORMAT.sampled_ticks, FORMAT.bit_ticks


def deliver(sender: FarSender, until: int = NEVER, room: bool = True) -> list[Arrival]:
    """Everything that is due up to ``until``, each thing done at its own time."""
    arrivals = []
    while (due := sender.due(room)) <= until and due < NEVER:
        arrival = sender.step(due, room)
        if arrival is not None:
            assert arrival.at == due
            arrivals.append(arrival)
    return arrivals


def arrival_times(sender: FarSender, until: int = NEVER, room: bool = True) -> list[int]:
    return [arrival.at for arrival in deliver(sender, until, room)]


@given(line_formats(), st.integers(0, 10**12), st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_frames_follow_each_other_without_a_gap_however_they_were_queued(
    line_format: LineFormat, start: int, runs: list[int]
) -> None:
    sender = FarSender(line_format)
    for length in runs:
        sender.send(bytes(length), start)
    times = arrival_times(sender)
    assert times == [start + line_format.sampled_ticks + n * line_format.frame_ticks for n in range(sum(runs))]
    assert sender.free_at == start + sum(runs) * line_format.frame_ticks


def test_a_frame_queued_while_the_line_is_busy_follows_without_a_gap() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"a", 0)
    first = arrival_times(sender)
    sender.send(b"b", SAMPLED + 1)  # in a's stop bit
    assert first + arrival_times(sender) == [SAMPLED, FRAME + SAMPLED]


def test_a_frame_queued_after_the_line_was_idle_starts_when_it_is_queued() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"a", 0)
    deliver(sender)
    sender.send(b"b", 3 * FRAME + 7)
    assert arrival_times(sender) == [3 * FRAME + 7 + SAMPLED]


def test_a_late_wake_up_costs_nothing() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"abc", 0)
    late = 100 * FRAME
    arrivals = []
    while sender.due(True) <= late:
        if (arrival := sender.step(late, True)) is not None:
            arrivals.append(arrival.at)
    assert arrivals == [SAMPLED, FRAME + SAMPLED, 2 * FRAME + SAMPLED]


def test_nothing_is_done_before_it_is_due() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"a", 50)
    assert sender.step(49, True) is None
    assert sender.characters == 0
    sender.step(50, True)
    assert sender.characters == 1
    assert sender.step(50 + SAMPLED - 1, True) is None
    assert sender.step(50 + SAMPLED, True) == Arrival(50 + SAMPLED, ord("a"), 0)


def test_word_length_masks_what_is_sent() -> None:
    sender = FarSender(LineFormat.from_baud(9600, "7E1"))
    sender.send(b"\xc1", 0)
    assert [arrival.character for arrival in deliver(sender)] == [0x41]


# -- withheld ----------------------------------------------------------------------------------------------


def test_without_room_no_frame_starts_and_the_one_on_the_line_arrives() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"ab", 0)
    sender.step(0, True)
    assert arrival_times(sender, until=10 * FRAME, room=False) == [SAMPLED]
    assert sender.due(False) == NEVER
    assert sender.pending == 1


def test_a_withheld_frame_starts_when_there_is_room_again_and_is_counted() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"ab", 0)
    sender.step(0, True)
    deliver(sender, until=10 * FRAME, room=False)
    sender.resume(10 * FRAME + 3)
    assert sender.withheld == 1
    assert arrival_times(sender) == [10 * FRAME + 3 + SAMPLED]


def test_room_in_time_is_no_delay() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"ab", 0)
    sender.step(0, True)
    deliver(sender, until=SAMPLED, room=False)
    sender.resume(SAMPLED + 1)
    assert sender.withheld == 0
    assert arrival_times(sender) == [FRAME + SAMPLED]


# -- breaks ------------------------------------------------------------------------------------------------


def test_a_break_is_one_character_and_the_next_frame_follows_after_a_bit_of_mark() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"a", 0)
    sender.send_break(3 * FRAME, 0)
    sender.send(b"b", 0)
    assert deliver(sender) == [
        Arrival(SAMPLED, ord("a"), 0),
        Arrival(FRAME + SAMPLED, 0, BREAK_INTERRUPT | FRAMING_ERROR),
        Arrival(4 * FRAME + BIT + SAMPLED, ord("b"), 0),
    ]


def test_a_break_waits_for_room_as_a_character_does() -> None:
    sender = FarSender(FORMAT)
    sender.send_break(3 * FRAME, 0)
    assert deliver(sender, room=False) == []  # it would be lost to an overrun
    assert [arrival.errors for arrival in deliver(sender)] == [BREAK_INTERRUPT | FRAMING_ERROR]


def test_the_sender_is_busy_until_a_break_is_over() -> None:
    sender = FarSender(FORMAT)
    sender.send_break(30 * FRAME, 0)
    deliver(sender, until=29 * FRAME)
    assert not sender.idle
    deliver(sender, until=31 * FRAME)
    assert sender.idle


def test_two_breaks_are_two() -> None:
    sender = FarSender(FORMAT)
    sender.send_break(2 * FRAME, 0)
    sender.send_break(2 * FRAME, 0)
    assert arrival_times(sender) == [SAMPLED, 2 * FRAME + BIT + SAMPLED]


def test_a_short_space_is_a_character() -> None:
    sender = FarSender(FORMAT)
    sender.send_break(9 * BIT, 0)
    assert deliver(sender) == [Arrival(SAMPLED, 0, 0)]


@pytest.mark.parametrize("ticks", [0, -1])
def test_a_break_of_no_length_is_refused(ticks: int) -> None:
    with pytest.raises(ValueError, match=f"a break cannot last {ticks} ticks: give a duration above 0"):
        FarSender(FORMAT).send_break(ticks, 0)


# -- the queue ---------------------------------------------------------------------------------------------


def test_pending_counts_characters_and_breaks_that_are_not_on_the_line() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"", 0)
    assert sender.idle
    sender.send(b"abc", 0)
    sender.send_break(FRAME, 0)
    assert sender.pending == 4
    sender.step(0, True)
    assert sender.pending == 3
    assert sender.discard() == 3
    assert arrival_times(sender) == [SAMPLED], "what is on the line arrives"
    assert sender.idle


@given(st.integers(1, 40), st.integers(1, 50))
def test_the_nth_arrival_is_when_it_says(length: int, count: int) -> None:
    sender = FarSender(FORMAT)
    sender.send(bytes(length), 0)
    expected = sender.nth_arrival(count)
    assert expected == arrival_times(sender)[min(count, length) - 1]


# -- slices ------------------------------------------------------------------------------------------------


@given(line_formats(st.integers(1, 4)), st.binary(min_size=1, max_size=50), st.integers(0, 60), st.integers(0, 10**9))
def test_a_slice_is_the_same_as_frame_by_frame(line_format: LineFormat, data: bytes, frames: int, start: int) -> None:
    slices, singly = FarSender(line_format), FarSender(line_format)
    for sender in (slices, singly):
        sender.send(data, start)
    until = start + frames * line_format.frame_ticks
    count = slices.run_length(until)
    expected = deliver(singly, until=until)
    assert count == len(expected)
    if count:
        assert slices.free_at_after(count) == expected[-1].at
        assert slices.peek(count) == bytes(arrival.character for arrival in expected)
        slices.take(count)
    # The single sender has put the next frame on the line already, or not.
    assert deliver(slices) == deliver(singly)
    assert (slices.free_at, slices.characters) == (singly.free_at, singly.characters)


def test_a_slice_begins_with_the_frame_on_the_line_and_never_goes_past_a_break() -> None:
    sender = FarSender(FORMAT)
    sender.send_break(2 * FRAME, 0)
    sender.send(b"ab", 0)
    assert sender.run_length(NEVER) == 0
    deliver(sender, until=SAMPLED)
    assert sender.run_length(NEVER) == 0, "the line is still at space"
    sender = FarSender(FORMAT)
    sender.send(b"ab", 0)
    sender.step(0, True)
    assert sender.run_length(SAMPLED - 1) == 0, "the first is still on the line"
    assert sender.run_length(SAMPLED) == 1
    assert (sender.peek(2), sender.free_at_after(1), sender.free_at_after(2)) == (b"ab", SAMPLED, FRAME + SAMPLED)
    assert (sender.take(2), sender.pending, sender.idle, sender.characters) == (b"ab", 0, True, 2)
