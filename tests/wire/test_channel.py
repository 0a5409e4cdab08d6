"""A direction of the line bit by bit: what a receiver with another format, a break or a wrong clock makes of it."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import characters
from tests.wire.naive_line import short_formats
from tools.mismatch_curve import with_speed, wrong_characters
from uartsim.line_format import NEVER, TICKS_PER_NS, TICKS_PER_SECOND, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR
from uartsim.wire.channel import Channel
from uartsim.wire.faults import Fault, parse_fault
from uartsim.wire.frame import Arrival, line_bits

FORMAT = LineFormat()
FRAME, SAMPLED, BIT = FORMAT.frame_ticks, FORMAT.sampled_ticks, FORMAT.bit_ticks


def send(data: bytes, sender: LineFormat, receiver: LineFormat, *faults: str) -> list[Arrival]:
    """What the receiver has of characters without a gap, when the line is quiet again."""
    channel = Channel(receiver)
    for text in faults:
        fault = parse_fault(text)
        channel.add_fault(fault, random.Random(fault.seed), 0)
    channel.put_run(0, data, sender)
    return channel.arrived(channel.busy_until + 20 * (sender.frame_ticks + receiver.frame_ticks))


def characters_of(arrivals: list[Arrival]) -> list[tuple[int, int]]:
    return [(arrival.character, arrival.errors) for arrival in arrivals]


# -- formats that differ -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("character", "received"), [("A", [(0xFF, 0)]), ("a", []), ("U", [(0xFF, 0)]), ("~", [])])
def test_one_character_at_115200_is_a_bit_to_a_receiver_at_9600(
    character: str, received: list[tuple[int, int]]
) -> None:
    # The middle of the start bit, 6 to 6.75 bits of the sender's on, falls into data bit 5.
    arrivals = send(character.encode(), LineFormat.from_baud(115200), LineFormat.from_baud(9600))
    assert characters_of(arrivals) == received


@pytest.mark.parametrize(("character", "runs"), [("U", 5), ("A", 3), ("\x00", 1), ("\x7f", 2), ("\xff", 1)])
def test_each_run_of_zeros_at_9600_is_a_break_to_a_receiver_at_115200(character: str, runs: int) -> None:
    arrivals = send(character.encode("latin-1"), LineFormat.from_baud(9600), LineFormat.from_baud(115200))
    assert characters_of(arrivals) == [(0, BREAK_INTERRUPT | FRAMING_ERROR)] * runs


def test_a_prompt_at_115200_is_garbage_at_9600_and_the_other_way_round() -> None:
    slow, fast = LineFormat.from_baud(9600), LineFormat.from_baud(115200)
    text = b"login: root\r\nPassword: "
    at_slow, at_fast = send(text, fast, slow), send(text, slow, fast)
    assert 1 <= len(at_slow) <= len(text) // 12 + 1, "twelve frames take the time of one"
    runs = "".join(str(bit) for character in text for bit in line_bits(character, slow)).replace("1", " ").split()
    assert characters_of(at_fast) == [(0, BREAK_INTERRUPT | FRAMING_ERROR)] * len(runs)


@pytest.mark.parametrize(
    ("sender", "receiver", "sent", "received"),
    [
        ("8N1", "7E1", b"A", [(0x41, 0)]),  # data bit 7 of A, 0, is the right even parity
        ("8N1", "7E1", b"C", [(0x43, 0x04)]),
        ("7E1", "8N1", b"C", [(0xC3, 0)]),
        ("7O1", "7E1", b"C", [(0x43, 0x04)]),
        ("8N1", "8N2", b"AB", [(0x41, 0), (0x42, 0)]),
        ("8N2", "8N1", b"AB", [(0x41, 0), (0x42, 0)]),
        # The framing error's stop bit is the start bit of what follows, from its middle on.
        ("8N1", "5N1", b"\x1f", [(0x1F, FRAMING_ERROR), (0x1E, 0)]),
        ("7N1", "8N1", b"AB", [(0xC1, FRAMING_ERROR), (0xE1, 0)]),
    ],
)
def test_word_length_parity_and_stop_bits_that_differ(
    sender: str, receiver: str, sent: bytes, received: list[tuple[int, int]]
) -> None:
    arrivals = send(sent, LineFormat.from_baud(9600, sender), LineFormat.from_baud(9600, receiver))
    assert characters_of(arrivals) == received


def test_a_receiver_follows_to_the_senders_format() -> None:
    slow = LineFormat.from_baud(9600)
    channel = Channel(FORMAT)
    channel.put_frame(0, 0x41, FORMAT)
    assert channel.arrived(FRAME) == [Arrival(SAMPLED, 0x41, 0)]
    channel.set_format(slow, FRAME)
    assert channel.line_format == slow
    channel.put_frame(FRAME, 0x42, slow)
    assert characters_of(channel.arrived(FRAME + 2 * slow.frame_ticks)) == [(0x42, 0)]


def test_what_was_complete_before_the_format_changed_is_not_lost() -> None:
    channel = Channel(FORMAT)
    channel.put_frame(0, 0x41, FORMAT)
    channel.set_format(LineFormat.from_baud(9600), FRAME)
    assert channel.due() == SAMPLED
    assert channel.arrived(FRAME) == [Arrival(SAMPLED, 0x41, 0)]


@pytest.mark.parametrize("percent", [-7, -5.8, -5.6, -5.4, -5.2, -3, 0, 3, 5, 5.2, 5.4, 5.6, 7])
def test_the_curve_of_errors_against_mismatch_is_the_computed_one(percent: float) -> None:
    # 7F has pauses around it, so its stop bit lasts.  A slow sender's last data bit, space, is still there when the
    # stop bit is sampled, at 9.5 bits and up to a clock more; a fast one's is gone when it is sampled, at 8.5.
    count = 1500
    sender = with_speed(FORMAT, 1 + percent / 100)
    bits = 9 * sender.bit_ticks / BIT
    share = min(max(0.0, 16 * (bits - 9.5) if percent < 0 else 16 * (8.5625 - bits)), 1.0)
    wrong = wrong_characters(FORMAT, sender, b"\x7f" * count, pause_bits=30)
    assert abs(wrong - count * share) <= 4 * math.sqrt(count * share * (1 - share))


# -- breaks ------------------------------------------------------------------------------------------------


def test_a_break_is_one_zero_character_however_long_it_is() -> None:
    channel = Channel(FORMAT)
    channel.hold(0, BIT)
    assert channel.arrived(100 * FRAME) == [Arrival(BIT + SAMPLED, 0, BREAK_INTERRUPT | FRAMING_ERROR)]
    channel.release(100 * FRAME)
    channel.put_frame(101 * FRAME, 0x41, FORMAT)
    assert channel.arrived(200 * FRAME) == [Arrival(101 * FRAME + SAMPLED, 0x41, 0)]


def test_a_space_of_a_microsecond_is_nothing() -> None:
    channel = Channel(FORMAT)
    channel.hold(0, 0, 1000 * TICKS_PER_NS)
    assert channel.arrived(TICKS_PER_SECOND) == []


# -- time --------------------------------------------------------------------------------------------------


def test_an_idle_channel_is_neither_busy_nor_due() -> None:
    channel = Channel(FORMAT, since=7)
    assert (channel.due(), channel.busy, channel.horizon) == (NEVER, False, 7)
    channel.put_frame(BIT, 0x41, FORMAT)
    assert (channel.due(), channel.busy, channel.busy_until) == (BIT + SAMPLED, True, BIT + FRAME)
    channel.arrived(BIT + SAMPLED)
    assert (channel.due(), channel.busy, channel.horizon) == (NEVER, False, BIT + SAMPLED)


def test_nothing_is_put_into_the_past() -> None:
    channel = Channel(FORMAT)
    channel.arrived(1000)
    with pytest.raises(ValueError, match="tick 999 is past: the line is known up to 1000"):
        channel.put_frame(999, 0x41, FORMAT)
    channel.put_frame(1000, 0x41, FORMAT)
    assert len(channel.arrived(TICKS_PER_SECOND)) == 1


def test_asking_for_an_earlier_time_gives_nothing_new() -> None:
    channel = Channel(FORMAT)
    channel.put_frame(0, 0x41, FORMAT)
    assert len(channel.arrived(FRAME)) == 1
    assert channel.arrived(FRAME - 1) == []
    assert channel.horizon == FRAME


@pytest.mark.parametrize(("sender", "receiver"), [(0, BIT), (BIT, 0)])
def test_unlimited_rate_is_refused(sender: int, receiver: int) -> None:
    with pytest.raises(ValueError, match="unlimited rate"):
        send(b"A", LineFormat(sender), LineFormat(receiver))


def test_edges_at_the_receivers_pin_are_kept_if_asked_for() -> None:
    channel = Channel(FORMAT, keep_edges=True)
    channel.put_frame(0, 0xF0, FORMAT)
    channel.arrived(BIT)
    assert channel.take_edges() == [(0, 0)]
    channel.arrived(FRAME)
    assert channel.take_edges() == [(5 * BIT, 1)]
    assert channel.take_edges() == []
    channel.keep_edges = False
    channel.put_frame(FRAME, 0xF0, FORMAT)
    channel.arrived(3 * FRAME)
    assert channel.take_edges() == []


# -- in pieces ---------------------------------------------------------------------------------------------

ALL_AT_ONCE = (
    "noise:rate=0.02,seed=1",
    "lost:rate=0.1,seed=2",
    "duplicated:rate=0.1,seed=3",
    "parity:rate=0.2,seed=4",
    "glitches:rate=1e6,width=5,seed=5",
    "drift:ppm=-3000",
    "delay:seconds=1e-6",
)
#: Glitches at 1 MHz are 144000 ticks apart: bits of this order make them a few to a frame.
traffic = st.lists(st.tuples(st.integers(0, 4_000_000), characters), min_size=1, max_size=15)


def new_channel(receiver: LineFormat, faults: list[str]) -> Channel:
    channel = Channel(receiver, keep_edges=True)
    for text in faults:
        fault = parse_fault(text)
        channel.add_fault(fault, random.Random(fault.seed), 0)
    return channel


@settings(max_examples=60, deadline=None)
@given(
    traffic,
    st.lists(st.integers(0, 3_000_000), max_size=30),
    st.sampled_from([40_000, 100_000, 300_001]),
    st.sampled_from([40_000, 98_000, 300_001]),
    st.sampled_from("NEO"),
    st.sets(st.sampled_from(ALL_AT_ONCE)),
)
def test_the_same_traffic_gives_the_same_errors_however_time_is_cut(
    sent: list[tuple[int, int]], chunks: list[int], sender_bit: int, receiver_bit: int, parity: str, faults: set[str]
) -> None:
    sender, receiver = LineFormat(sender_bit, 8, parity), LineFormat(receiver_bit, 8, parity)
    chosen = sorted(faults)
    start, frames = 0, []
    for gap, character in sent:
        start += gap + sender.frame_ticks
        frames.append((start, character, sender))
    end = start + 40 * (sender.frame_ticks + receiver.frame_ticks)

    at_once = new_channel(receiver, chosen)
    for frame in frames:
        at_once.put_frame(*frame)
    expected = at_once.arrived(end)

    in_pieces = new_channel(receiver, chosen)
    arrivals, edges, now = [], [], 0
    for chunk in [*chunks, end]:
        now = min(now + chunk, end)
        while frames and frames[0][0] <= now:
            in_pieces.put_frame(*frames.pop(0))
        arrivals += in_pieces.arrived(now)
        edges += in_pieces.take_edges()
    assert arrivals == expected
    assert edges == at_once.take_edges()
    assert in_pieces.fault_counters == at_once.fault_counters


@settings(max_examples=60, deadline=None)
@given(
    traffic,
    st.sampled_from([40_000, 100_001]),
    st.sampled_from([40_000, 98_000]),
    st.sets(st.sampled_from(ALL_AT_ONCE)),
)
def test_every_character_is_there_when_it_is_due(
    sent: list[tuple[int, int]], sender_bit: int, receiver_bit: int, faults: set[str]
) -> None:
    sender, receiver = LineFormat(sender_bit), LineFormat(receiver_bit)
    channel, whole = new_channel(receiver, sorted(faults)), new_channel(receiver, sorted(faults))
    start = 0
    for gap, character in sent:
        start += gap + sender.frame_ticks
        channel.put_frame(start, character, sender)
        whole.put_frame(start, character, sender)
    end = start + 40 * (sender.frame_ticks + receiver.frame_ticks)
    expected = whole.arrived(end)
    arrivals, now = [], -1
    while (due := channel.due()) <= end:
        assert due > now
        now = due
        found = channel.arrived(now)
        assert [arrival.at for arrival in found] == [now] * len(found)
        arrivals += found
    assert arrivals == expected


@given(st.lists(characters, min_size=1, max_size=20), short_formats)
def test_equal_formats_without_faults_lose_nothing(sent: list[int], line_format: LineFormat) -> None:
    arrivals = send(bytes(sent), line_format, line_format)
    assert characters_of(arrivals) == [(character & line_format.data_mask, 0) for character in sent]


# -- what faults do to time --------------------------------------------------------------------------------


def test_frames_that_a_slow_clock_makes_longer_push_each_other_back_until_a_pause() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(Fault("drift", {"ppm": -20_000}), None, 0)
    channel.put_run(0, b"U" * 100, FORMAT)
    late = channel.busy_until - 100 * FRAME
    assert late == pytest.approx(100 * FRAME / 49, rel=1e-3)
    channel.put_frame(200 * FRAME, 0x41, FORMAT)
    arrivals = channel.arrived(300 * FRAME)
    assert characters_of(arrivals) == [(0x55, 0)] * 100 + [(0x41, 0)]
    assert arrivals[-1].at - 200 * FRAME - SAMPLED < BIT // 16


def test_a_frame_that_cuts_another_off_does_so_on_a_line_with_faults_too() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(Fault("delay", {"seconds": 0.001}), None, 0)
    channel.put_frame(0, 0x00, FORMAT)
    channel.put_frame(2 * BIT, 0xFF, FORMAT)
    assert characters_of(channel.arrived(TICKS_PER_SECOND)) == [(0xFC, 0)]


def test_a_delay_that_is_taken_away_does_not_let_characters_overtake() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(Fault("delay", {"seconds": 0.01}), None, 0)
    channel.put_frame(0, 0x41, FORMAT)
    channel.clear_faults(FRAME)
    channel.put_frame(FRAME, 0x42, FORMAT)
    assert characters_of(channel.arrived(TICKS_PER_SECOND)) == [(0x41, 0), (0x42, 0)]


def test_a_frame_cuts_off_no_other_than_the_one_before_it_however_late_that_is() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(Fault("drift", {"ppm": -20_000}), None, 0)
    channel.put_run(0, b"U" * 100, FORMAT)  # the last begins two frames late
    channel.put_frame(99 * FRAME + BIT, 0x41, FORMAT)  # for the sender the last one has just begun
    assert characters_of(channel.arrived(300 * FRAME)) == [(0x55, 0)] * 99 + [(0x41, 0)]


def test_a_frame_that_is_sent_twice_is_cut_off_in_its_second_copy() -> None:
    channel = Channel(FORMAT)
    channel.add_fault(parse_fault("duplicated:rate=1,seed=1"), random.Random(1), 0)
    channel.put_frame(0, 0x55, FORMAT)
    channel.clear_faults(0)
    channel.add_fault(Fault("drift", {"ppm": 0}), None, 0)
    channel.put_frame(BIT, 0x41, FORMAT)
    assert characters_of(channel.arrived(300 * FRAME)) == [(0x55, 0), (0x41, 0)]


def test_a_frame_cuts_off_the_one_before_it_on_a_line_without_faults() -> None:
    channel = Channel(FORMAT)
    channel.put_frame(0, 0x00, FORMAT)
    channel.put_frame(2 * BIT, 0xFF, FORMAT)
    assert characters_of(channel.arrived(TICKS_PER_SECOND)) == [(0xFC, 0)]


def test_a_frame_that_cuts_another_off_begins_no_sooner_than_that() -> None:
    channel = Channel(FORMAT)
    channel.put_frame(10 * FRAME, 0x55, FORMAT)
    channel.put_frame(5 * FRAME, 0x41, FORMAT)
    (arrival,) = channel.arrived(TICKS_PER_SECOND)
    assert (arrival.character, arrival.at // FRAME) == (0x41, 10)
