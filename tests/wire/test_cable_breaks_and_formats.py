"""What is left of breaks, formats and schedules where one meets another: on the cable, at an ear and at the far sender."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from tests.wire.test_cable import heard
from tests.wire.test_far_sender import deliver
from uartsim.line_format import NEVER, TICKS_PER_SECOND, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.cable import Arrivals, Cable
from uartsim.wire.channel import Channel
from uartsim.wire.far_sender import FarSender
from uartsim.wire.faults import Fault, parse_fault
from uartsim.wire.frame import Arrival
from uartsim.wire.line_level import Edge, frame_edges
from uartsim.wire.tolerance import speed_limits

FORMAT, SLOWER = LineFormat(), LineFormat.from_baud(9600)
FRAME, SAMPLED, BIT = FORMAT.frame_ticks, FORMAT.sampled_ticks, FORMAT.bit_ticks
LATER = 1000 * FRAME
BROKEN = BREAK_INTERRUPT | FRAMING_ERROR


# -- the cable ---------------------------------------------------------------------------------------------


def test_a_break_that_begins_in_a_character_of_zeros_begins_with_it_and_is_one() -> None:
    cable = Cable(FORMAT)
    cable.carry_run(0, b"\0", FORMAT)
    cable.carry_breaks([(5 * BIT, True), (5 * FRAME, False)])
    assert heard(cable, LATER) == [(BROKEN << 8, SAMPLED)]
    assert cable.breaks == []


def test_of_two_breaks_the_one_in_a_character_of_zeros_is_told_with_it_and_the_other_by_itself() -> None:
    cable = Cable(FORMAT)
    cable.carry_breaks([(0, True), (2 * FRAME, False)])
    cable.carry_run(3 * FRAME, b"\0", FORMAT)
    cable.carry_breaks([(3 * FRAME + 5 * BIT, True), (7 * FRAME, False)])
    assert heard(cable, LATER) == [(BREAK_INTERRUPT << 8, SAMPLED), (BROKEN << 8, 3 * FRAME + SAMPLED)]


def test_a_break_that_has_ended_is_told_once_while_a_frame_is_on_the_line() -> None:
    cable = Cable(FORMAT)
    cable.carry_breaks([(0, True), (2 * FRAME, False)])
    cable.carry_run(3 * FRAME, b"a", FORMAT)
    assert cable.arrived(3 * FRAME) == [Arrivals(SAMPLED, b"", BREAK_INTERRUPT)]
    assert cable.breaks == []
    assert cable.arrived(4 * FRAME) == [Arrivals(3 * FRAME + SAMPLED, b"a", 0)]


def test_a_break_is_kept_while_a_frame_before_its_end_has_not_arrived() -> None:
    cable = Cable(FORMAT)
    cable.carry_run(0, b"\xff\xff", FORMAT)
    cable.carry_breaks([(3 * BIT, True), (FRAME + 5 * BIT, False)])
    assert [what for what, _ in heard(cable, FRAME + SAMPLED)] == [FRAMING_ERROR << 8 | 0x03, BREAK_INTERRUPT << 8]
    assert heard(cable, LATER) == []


def test_letting_the_line_go_without_a_break_is_nothing() -> None:
    cable = Cable(FORMAT)
    cable.carry_breaks([(0, False)])
    assert (cable.arrived(LATER), cable.breaks) == ([], [])


def test_what_is_on_the_line_is_what_has_not_arrived() -> None:
    cable = Cable(FORMAT)
    cable.carry_run(0, b"abc", FORMAT)
    cable.carry_run(5 * FRAME, b"d", SLOWER)
    assert cable.on_line() == [(0, b"abc", FORMAT), (5 * FRAME, b"d", SLOWER)]
    cable.arrived(FRAME + SAMPLED)
    assert cable.on_line() == [(2 * FRAME, b"c", FORMAT), (5 * FRAME, b"d", SLOWER)]


def test_at_unlimited_rate_a_run_arrives_at_once() -> None:
    cable = Cable(LineFormat(0))
    cable.carry_run(7, b"abc", LineFormat(0))
    assert cable.first_at == cable.last_arrival() == 7
    assert cable.arrived(6) == []
    assert cable.arrived(7) == [Arrivals(7, b"abc", 0)]


def test_an_ear_that_is_retuned_to_a_format_of_its_own_keeps_that_and_one_that_follows_again_does_not() -> None:
    cable = Cable(FORMAT)
    got: list[Arrival] = []
    ear = cable.listen(None, got.append, 0)
    cable.retune(ear, FORMAT, 0)
    cable.set_format(SLOWER, 0)
    assert ear.sampler.format == FORMAT
    cable.retune(ear, None, 0)
    assert ear.sampler.format == SLOWER
    cable.set_format(FORMAT, 0)
    assert ear.sampler.format == FORMAT


def test_when_something_may_be_heard_is_the_earliest_of_all_ears() -> None:
    cable = Cable(FORMAT)
    assert cable.hearing_due() == NEVER
    cable.use_channel(0)
    assert cable.hearing_due() == NEVER
    for line_format in (SLOWER, None, SLOWER):
        cable.listen(line_format, lambda arrival: None, 0)
    assert cable.hearing_due() == NEVER
    cable.carry_run(0, b"U", FORMAT)
    assert cable.hearing_due() == SAMPLED


# -- the far sender ----------------------------------------------------------------------------------------


def test_a_break_after_a_pause_begins_when_it_is_queued_and_one_behind_something_follows_it() -> None:
    sender = FarSender(FORMAT)
    sender.send_break(2 * FRAME, 5 * FRAME)
    assert [arrival.at for arrival in deliver(sender)] == [5 * FRAME + SAMPLED]
    sender = FarSender(FORMAT)
    sender.send(b"a", 0)
    sender.send_break(2 * FRAME, LATER)
    assert [arrival.at for arrival in deliver(sender)] == [SAMPLED, FRAME + SAMPLED]
    sender = FarSender(FORMAT)
    sender.send_break(2 * FRAME, 0)
    sender.step(0, True)
    sender.send_break(2 * FRAME, FRAME)
    assert [arrival.at for arrival in deliver(sender)] == [SAMPLED, 2 * FRAME + BIT + SAMPLED]


@pytest.mark.parametrize("exact", [False, True])
def test_a_tap_sees_what_the_far_end_sends_when_it_begins(exact: bool) -> None:
    sender = FarSender(LineFormat.from_baud(115_200, "7E1"))
    seen: list[tuple[object, ...]] = []
    sender.on_frame = lambda *frame: seen.append(frame)
    sender.on_space = lambda *space: seen.append(space)
    sender.use_channel(exact, 0)
    sender.send(b"\xe1", 0)
    sender.send_break(2 * FRAME, 0)
    arrivals = deliver(sender)
    assert seen == [(0, 0x61, sender.line_format), (FRAME, 2 * FRAME)]
    assert [(arrival.character, arrival.errors) for arrival in arrivals] == [(0x61, 0), (0, BROKEN)]


def test_bit_by_bit_a_break_lasts_as_long_as_it_was_asked_for() -> None:
    sender = FarSender(FORMAT)
    sender.on_frame = lambda start, character, line_format: None
    sender.use_channel(True, 0)
    sender.send_break(3 * FRAME, 0)
    assert [arrival.errors for arrival in deliver(sender)] == [BROKEN]
    assert sender.channel is not None
    sender.channel.arrived(LATER)
    assert sender.take_edges() == [Edge(0, 0), Edge(3 * FRAME, 1)]
    assert sender.take_edges() == []


def test_a_break_that_is_over_while_there_is_no_room_does_not_wake_the_sender() -> None:
    sender = FarSender(FORMAT)
    sender.send_break(2 * FRAME, 0)
    sender.send(b"b", 0)
    deliver(sender, until=SAMPLED)
    assert sender.due(False) == NEVER
    assert sender.due(True) == sender.free_at == 2 * FRAME + BIT


def test_the_length_of_a_run_counts_the_character_that_is_complete_at_that_very_tick() -> None:
    sender = FarSender(FORMAT)
    sender.send(b"ab", 0)
    counts = [(SAMPLED - 1, 0), (SAMPLED, 1), (FRAME + SAMPLED - 1, 1), (FRAME + SAMPLED, 2), (NEVER, 2)]
    assert [(until, sender.run_length(until)) for until, _ in counts] == counts
    sender.step(0, True)
    assert [(until, sender.run_length(until)) for until, _ in counts] == counts


def test_the_nth_arrival_is_not_later_than_a_break() -> None:
    sender = FarSender(FORMAT)
    assert sender.nth_arrival(1) == NEVER
    sender.send_break(2 * FRAME, 0)
    sender.send(b"ab", 0)
    assert sender.nth_arrival(1) == sender.nth_arrival(3) == SAMPLED
    sender.step(0, True)
    assert sender.nth_arrival(3) == SAMPLED
    sender.step(SAMPLED, True)
    assert sender.nth_arrival(1) == 2 * FRAME + BIT + SAMPLED
    assert sender.nth_arrival(2) == 3 * FRAME + BIT + SAMPLED
    deliver(sender)
    assert sender.nth_arrival(1) == NEVER
    sender.send_break(2 * FRAME, LATER)
    deliver(sender, until=LATER + SAMPLED)
    assert sender.nth_arrival(1) == LATER + 2 * FRAME + BIT  # the end of the break: nobody has to wake earlier


# -- a channel's faults ------------------------------------------------------------------------------------


def test_a_fault_that_comes_late_begins_where_the_line_has_not_been_sampled() -> None:
    channel = Channel(FORMAT, keep_edges=True)
    channel.arrived(LATER)
    channel.add_fault(Fault("stuck-space"), None, 0)
    channel.arrived(2 * LATER)
    assert channel.take_edges() == [Edge(LATER, 0)]
    channel.clear_faults(0)
    channel.arrived(3 * LATER)
    assert channel.take_edges() == [Edge(2 * LATER, 1)]


def test_pulses_up_to_the_end_of_glitches_are_counted() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(parse_fault("glitches:rate=1000,width=1,seed=1"), random.Random(1), 0)
    channel.clear_faults(TICKS_PER_SECOND)
    assert 800 < channel.fault_counters["glitches"]["pulses"] < 1200
    assert channel.horizon == TICKS_PER_SECOND


def test_a_break_begins_behind_the_characters_that_are_on_the_line() -> None:
    channel = Channel(FORMAT, keep_edges=True)
    channel.put_run(0, b"\xff\xff", FORMAT)
    channel.add_fault(Fault("break", {"seconds": 1.0}), None, BIT)
    channel.arrived(2 * TICKS_PER_SECOND)
    edges = channel.take_edges()
    assert edges[-2:] == [Edge(2 * FRAME, 0), Edge(2 * FRAME + TICKS_PER_SECOND, 1)]


# -- edges and limits --------------------------------------------------------------------------------------


def test_half_a_stop_bit_of_one_tick_is_none() -> None:
    assert frame_edges(0x1F, LineFormat(1, 5, "N", 3), 1 << 7) == (Edge(0, 0), Edge(1, 1))
    assert frame_edges(0x1F, LineFormat(2, 5, "N", 3), 1 << 7) == (Edge(0, 0), Edge(2, 1), Edge(14, 0), Edge(15, 1))


@pytest.mark.parametrize(("parity", "last"), [("N", 9), ("M", 9), ("S", 10), ("E", 10), ("O", 10)])
def test_a_slow_sender_is_seen_at_the_last_bit_that_can_differ_from_the_one_before(parity: str, last: int) -> None:
    # A parity bit that is always mark is not to be told from the stop bit behind it.
    assert speed_limits(LineFormat(parity=parity)).slowest == Fraction(2 * last, 2 * last + 1)
