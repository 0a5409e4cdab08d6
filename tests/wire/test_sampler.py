"""A receiver that samples levels: start bits, false starts, resynchronisation, breaks, and how wrong a clock may be."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import characters, line_formats
from tests.wire.naive_line import NaiveLine, SentFrame, Stretch, receive_naively, short_formats
from uartsim.line_format import NEVER, PARITIES, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR, PARITY_ERROR
from uartsim.wire.frame import Arrival, Frame, receive_space, receive_under_breaks
from uartsim.wire.line_level import Edge, LineLevels
from uartsim.wire.sampler import Sampler
from uartsim.wire.tolerance import speed_limits, tolerates

FORMAT = LineFormat(bit_ticks=160)  # a clock is 10 ticks
BIT = FORMAT.bit_ticks


def receive(line_format: LineFormat, *edges: tuple[int, int], phase: int = 0, until: int = 10**6) -> list[Arrival]:
    """What a receiver gets from edges."""
    sampler = Sampler(line_format, phase)
    sampler.feed(Edge(*edge) for edge in edges)
    return sampler.advance(until)


def receive_frames(line_format: LineFormat, frames: list[Frame], phase: int = 0) -> list[Arrival]:
    """What a receiver gets from frames."""
    levels = LineLevels(min(frame.start for frame in frames))
    for frame in frames:
        levels.put_frame(*frame)
    sampler = Sampler(line_format, phase, levels.horizon)
    end = levels.frames_end + 20 * line_format.frame_ticks
    sampler.feed(levels.take(end))
    return sampler.advance(end)


# -- the start bit -----------------------------------------------------------------------------------------


def test_a_frame_is_complete_in_the_middle_of_its_stop_bit() -> None:
    assert receive_frames(FORMAT, [Frame(1600, 0x41, FORMAT)]) == [Arrival(1600 + 1520, 0x41, 0)]


@pytest.mark.parametrize(("start", "late"), [(1600, 0), (1601, 9), (1609, 1), (1610, 0)])
def test_the_start_edge_is_seen_at_the_next_clock(start: int, late: int) -> None:
    assert receive_frames(FORMAT, [Frame(start, 0x41, FORMAT)]) == [Arrival(start + late + 1520, 0x41, 0)]


def test_the_clock_has_a_phase_of_its_own() -> None:
    assert receive_frames(FORMAT, [Frame(1600, 0x41, FORMAT)], phase=3) == [Arrival(1603 + 1520, 0x41, 0)]


def test_space_that_is_gone_in_the_middle_of_the_start_bit_is_a_false_start() -> None:
    assert receive(FORMAT, (0, 0), (80, 1)) == []
    assert receive(FORMAT, (0, 0), (81, 1)) == [Arrival(1520, 0xFF, 0)]


def test_a_pulse_between_two_clocks_is_not_seen() -> None:
    assert receive(FORMAT, (1, 0), (10, 1), (81, 0), (90, 1)) == []


def test_after_a_false_start_the_next_clock_looks_again() -> None:
    # The line is back at mark for the one clock that checks, and at space from then on.
    assert receive(FORMAT, (0, 0), (80, 1), (81, 0), (250, 1)) == [Arrival(90 + 1520, 0xFF, 0)]


# -- errors ------------------------------------------------------------------------------------------------


def test_space_at_the_stop_bit_is_a_framing_error_and_the_next_start_bit() -> None:
    edges = [(0, 0), (160, 1), (1500, 0), (1680, 1)]  # FF, and space from just before the stop bit's middle on
    first, second = receive(FORMAT, *edges)
    assert first == Arrival(1520, 0xFF, FRAMING_ERROR)
    # Clock 0 is where the stop bit was sampled: its middle, 80 later, is still space.
    assert second == Arrival(1520 + 1520, 0xFF, 0)


def test_a_low_stop_bit_that_is_over_half_a_bit_later_begins_nothing() -> None:
    assert receive(FORMAT, (0, 0), (160, 1), (1500, 0), (1600, 1)) == [Arrival(1520, 0xFF, FRAMING_ERROR)]


def test_a_line_that_stays_at_space_is_one_break_until_it_was_at_mark() -> None:
    break_arrival = Arrival(1520, 0, BREAK_INTERRUPT | FRAMING_ERROR)
    assert receive(FORMAT, (0, 0)) == [break_arrival]
    again = receive(FORMAT, (0, 0), (5001, 1), (5009, 0))
    assert again == [break_arrival], "no clock has seen the mark"
    again = receive(FORMAT, (0, 0), (5001, 1), (5011, 0))
    assert again == [break_arrival, Arrival(5020 + 1520, 0, BREAK_INTERRUPT | FRAMING_ERROR)]


def test_a_character_without_a_stop_bit_on_a_dead_line_is_followed_by_a_break() -> None:
    first, second = receive(FORMAT, (0, 0), (160, 1), (1440, 0))
    assert first == Arrival(1520, 0xFF, FRAMING_ERROR)
    assert second == Arrival(1520 + 1520, 0, BREAK_INTERRUPT | FRAMING_ERROR)


def test_the_second_stop_bit_is_not_looked_at() -> None:
    line_format = LineFormat(160, 8, "N", 4)
    assert receive(line_format, (0, 0), (1440, 1), (1600, 0), (1760, 1)) == [
        Arrival(1520, 0, 0),
        Arrival(3120, 0xFF, 0),
    ]


def test_a_wrong_parity_bit_is_a_parity_error() -> None:
    sent, expected = LineFormat(160, 7, "O"), LineFormat(160, 7, "E")
    assert receive_frames(expected, [Frame(0, 0x41, sent)]) == [Arrival(1520, 0x41, PARITY_ERROR)]


# -- against the plain receiver ----------------------------------------------------------------------------


@given(line_formats(), st.lists(characters, min_size=1, max_size=20), st.integers(0, 10**12), st.integers(0, 10**9))
def test_equal_formats_give_what_was_sent_less_than_a_clock_late(
    line_format: LineFormat, sent: list[int], start: int, phase: int
) -> None:
    frames = [Frame(start + n * line_format.frame_ticks, character, line_format) for n, character in enumerate(sent)]
    arrivals = receive_frames(line_format, frames, phase)
    assert [(arrival.character, arrival.errors) for arrival in arrivals] == [
        (character & line_format.data_mask, 0) for character in sent
    ]
    for frame, arrival in zip(frames, arrivals, strict=True):
        assert 0 <= 16 * (arrival.at - frame.start - line_format.sampled_ticks) < line_format.bit_ticks + 16


@given(line_formats(), characters, st.integers(0, 10**6))
def test_a_start_bit_on_a_clock_is_received_at_the_exact_time(
    line_format: LineFormat, character: int, clock: int
) -> None:
    start = clock * line_format.bit_ticks // 16
    (arrival,) = receive_frames(line_format, [Frame(start, character, line_format)])
    assert 0 <= arrival.at - start - line_format.sampled_ticks <= 1, "a tick, where a clock is no whole number of them"


@given(line_formats(st.integers(1, 12)), st.integers(1, 70).filter(lambda quarters: quarters % 4 != 2))
def test_space_on_an_idle_line_is_received_as_the_plain_receiver_says(line_format: LineFormat, quarters: int) -> None:
    start = 7 * line_format.bit_ticks
    length = quarters * line_format.bit_ticks // 4
    plain = receive_space(start, length, line_format)
    assert receive(line_format, (start, 0), (start + length, 1), until=NEVER) == ([] if plain is None else [plain])


@given(line_formats(st.integers(1, 12)), characters, st.data())
def test_a_frame_under_a_break_is_received_as_the_plain_receiver_says(
    line_format: LineFormat, character: int, data: st.DataObject
) -> None:
    quarter = line_format.bit_ticks // 4
    begin = data.draw(st.integers(0, 48).filter(lambda quarters: quarters % 4 != 2))
    until = begin + data.draw(st.integers(1, 60).filter(lambda quarters: (begin + quarters) % 4 != 2))
    start = 3 * line_format.bit_ticks
    stretch = (start + 1 + begin * quarter, start + 1 + until * quarter)
    levels = LineLevels()
    levels.put_frame(start, character, line_format)
    levels.hold(0, *stretch)
    sampler = Sampler(line_format)
    sampler.feed(levels.take(NEVER - 1))
    first = sampler.advance(start + line_format.frame_ticks)[0]
    assert first == receive_under_breaks(Frame(start, character, line_format), [stretch])


lines = st.builds(
    lambda gaps, holds: NaiveLine(
        [SentFrame(sum(g[0] for g in gaps[: n + 1]), *gaps[n][1:]) for n in range(len(gaps))],
        [Stretch(begin, begin + length, level) for begin, length, level in sorted(holds)],
        [],
        [],
    ),
    st.lists(st.tuples(st.integers(0, 2500), characters, short_formats, st.integers(0, 0xFFF)), max_size=6),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(1, 4000), st.integers(0, 1)), max_size=3),
)


def edges_of(line: NaiveLine) -> list[Edge]:
    levels = LineLevels()
    for frame in line.frames:
        levels.put_frame(*frame)
    for hold in line.holds:
        levels.hold(hold.level, hold.start, hold.until)
    return list(levels.ahead())


@given(lines, short_formats, st.integers(-50, 50), st.lists(st.integers(0, 1500), max_size=12))
def test_it_receives_what_a_receiver_that_looks_at_every_clock_receives(
    line: NaiveLine, line_format: LineFormat, phase: int, chunks: list[int]
) -> None:
    edges = edges_of(line)
    end = max((edge.at for edge in edges), default=0) + 3 * line_format.frame_ticks
    expected = receive_naively(line.level, line_format, phase, 0, end)

    at_once = Sampler(line_format, phase)
    at_once.feed(edges)
    assert at_once.advance(end) == expected

    by_and_by, arrivals, now = Sampler(line_format, phase), [], 0
    for chunk in [*chunks, end]:
        before, now = now, min(now + chunk, end)
        by_and_by.feed(edge for edge in edges if edge.at <= now)
        edges = [edge for edge in edges if edge.at > now]
        found = by_and_by.advance(now)
        assert all(before <= arrival.at <= now for arrival in found)
        arrivals += found
    assert arrivals == expected
    assert by_and_by.due() == at_once.due()
    assert by_and_by.idle == at_once.idle


@given(lines, short_formats, st.integers(-50, 50))
def test_due_is_never_late_and_always_moves(line: NaiveLine, line_format: LineFormat, phase: int) -> None:
    edges = edges_of(line)
    end = max((edge.at for edge in edges), default=0) + 3 * line_format.frame_ticks
    whole = Sampler(line_format, phase)
    whole.feed(edges)
    expected = whole.advance(NEVER - 1)

    sampler, arrivals, now = Sampler(line_format, phase), [], -1
    while (due := sampler.due(edges)) < NEVER:
        assert now < due <= end
        now = due
        sampler.feed(edge for edge in edges if edge.at <= now)
        edges = [edge for edge in edges if edge.at > now]
        found = sampler.advance(now)
        assert [arrival.at for arrival in found] == [now] * len(found)
        arrivals += found
    assert arrivals == expected


def test_an_idle_receiver_is_never_due() -> None:
    sampler = Sampler(FORMAT)
    assert sampler.due() == NEVER
    assert sampler.idle
    assert sampler.due([Edge(1600, 0)]) == 1600 + 1520
    assert sampler.due([Edge(1601, 0)]) == 1610 + 1520
    sampler.feed([Edge(0, 0)])
    sampler.advance(2000)
    assert not sampler.idle, "it waits for mark"
    assert sampler.due() == NEVER
    assert sampler.due([Edge(3200, 1), Edge(4800, 0)]) == 4800 + 1520


def test_a_receiver_that_begins_while_the_line_is_at_space_waits_for_mark() -> None:
    sampler = Sampler(FORMAT, since=800, level=0)
    assert not sampler.idle
    sampler.feed([Edge(3200, 1), Edge(4800, 0), Edge(4960, 1)])
    assert sampler.advance(10_000) == [Arrival(4800 + 1520, 0xFF, 0)]
    with pytest.raises(ValueError, match="2 is not a level"):
        Sampler(FORMAT, level=2)


# -- a new format ------------------------------------------------------------------------------------------


def test_a_new_format_on_an_idle_line_holds_at_once() -> None:
    sampler = Sampler(FORMAT)
    sampler.advance(1000)
    fast = LineFormat(80, 7, "E")
    sampler.set_format(fast)
    levels = LineLevels()
    levels.put_frame(1600, 0x41, fast)
    sampler.feed(levels.take(4000))
    assert sampler.advance(4000) == [Arrival(1600 + fast.sampled_ticks, 0x41, 0)]
    assert sampler.format == fast


def test_no_clock_of_a_new_format_is_missed() -> None:
    sampler = Sampler(FORMAT)
    sampler.advance(1003)
    sampler.set_format(LineFormat(80))  # a clock is 5 ticks
    sampler.feed([Edge(1004, 0), Edge(1084, 1)])
    assert sampler.advance(4000) == [Arrival(1005 + 760, 0xFF, 0)]


def test_a_new_format_within_a_frame_holds_from_its_end() -> None:
    fast = LineFormat(80)
    levels = LineLevels()
    levels.put_frame(0, 0x41, FORMAT)
    levels.put_frame(1600, 0x42, fast)
    sampler = Sampler(FORMAT)
    sampler.feed(levels.take(4000))
    assert sampler.advance(700) == []
    sampler.set_format(fast)
    assert sampler.format == FORMAT
    assert sampler.due() == 1520
    assert sampler.advance(4000) == [Arrival(1520, 0x41, 0), Arrival(1600 + fast.sampled_ticks, 0x42, 0)]


# -- refusals ----------------------------------------------------------------------------------------------


def test_unlimited_rate_has_nothing_to_sample() -> None:
    with pytest.raises(ValueError, match="unlimited rate has no bits"):
        Sampler(LineFormat(bit_ticks=0))
    with pytest.raises(ValueError, match="unlimited rate has no bits"):
        Sampler(FORMAT).set_format(LineFormat(bit_ticks=0))


def test_time_does_not_go_back() -> None:
    sampler = Sampler(FORMAT)
    sampler.advance(100)
    with pytest.raises(ValueError, match="tick 99 is past: the line has been sampled up to 100"):
        sampler.advance(99)


# -- how wrong a clock may be ------------------------------------------------------------------------------

ALL_CHARACTER_FORMATS = [
    LineFormat(1_250_001, data_bits, parity, stop_halves)
    for data_bits, parity, stop_halves in product((5, 6, 7, 8), PARITIES, (2, 3, 4))
]


def test_the_limits_of_8n1_are_5_3_percent_slow_and_4_6_percent_fast() -> None:
    assert speed_limits(LineFormat()) == (Fraction(18, 19), Fraction(160, 153))


def test_a_second_stop_bit_helps_against_a_fast_sender_only() -> None:
    one, two = speed_limits(LineFormat()), speed_limits(LineFormat(stop_halves=4))
    assert one.slowest == two.slowest
    assert two.fastest == Fraction(16 * 9, 16 * 8 + 9), "the last data bit is sampled in the stop bit"


def test_a_parity_bit_that_is_always_mark_is_as_good_as_a_second_stop_bit() -> None:
    assert speed_limits(LineFormat(parity="M")).slowest == speed_limits(LineFormat()).slowest


@pytest.mark.parametrize(
    ("sender", "receiver", "well"),
    [
        ("115200 8N1", "115200 8N1", True),
        ("117500 8N1", "115200 8N1", True),
        ("120000 8N1", "115200 8N1", True),
        ("121000 8N1", "115200 8N1", False),
        ("121000 8N2", "115200 8N1", True),
        ("109500 8N1", "115200 8N1", True),
        ("109000 8N1", "115200 8N1", False),
        ("9600 8N2", "9600 8N1", True),
        ("9600 8N1", "9600 8N2", True),
        ("9600 7E1", "9600 8N1", False),
        ("9600 8O1", "9600 8E1", False),
    ],
)
def test_a_receiver_bears_what_the_limits_say(sender: str, receiver: str, well: bool) -> None:
    one, other = (LineFormat.from_baud(int(text.split()[0]), text.split()[1]) for text in (sender, receiver))
    assert tolerates(one, other) == well


def test_at_no_speed_a_receiver_bears_its_like_only() -> None:
    still = LineFormat(bit_ticks=0)
    assert tolerates(still, still)
    assert not tolerates(still, LineFormat())
    assert not tolerates(LineFormat(), still)


def with_speed(line_format: LineFormat, bit_ticks: int) -> LineFormat:
    return LineFormat(bit_ticks, line_format.data_bits, line_format.parity, line_format.stop_halves)


def tolerated_bits(line_format: LineFormat) -> tuple[int, int]:
    """The shortest and the longest bit of a sender that nothing goes wrong with."""
    slowest, fastest = speed_limits(line_format)
    return ceil(line_format.bit_ticks / fastest), floor(line_format.bit_ticks / slowest)


@settings(max_examples=150)
@given(st.sampled_from(ALL_CHARACTER_FORMATS), st.data(), st.integers(0, 2_000_000), st.binary(min_size=1, max_size=30))
def test_within_the_limits_nothing_ever_goes_wrong(
    line_format: LineFormat, data: st.DataObject, phase: int, sent: bytes
) -> None:
    shortest, longest = tolerated_bits(line_format)
    sender = with_speed(line_format, data.draw(st.sampled_from([shortest, longest]) | st.integers(shortest, longest)))
    frames = [Frame(n * sender.frame_ticks, character, sender) for n, character in enumerate(sent)]
    arrivals = receive_frames(line_format, frames, phase)
    assert [(a.character, a.errors) for a in arrivals] == [(c & line_format.data_mask, 0) for c in sent]


@pytest.mark.parametrize("line_format", ALL_CHARACTER_FORMATS, ids=str)
def test_just_outside_the_limits_the_worst_character_goes_wrong(line_format: LineFormat) -> None:
    shortest, longest = tolerated_bits(line_format)
    # The worst phases: a slow sender's edge meets a clock, a fast one's has just missed one.
    for bit_ticks, phase in ((longest + longest // 2000, 0), (shortest - shortest // 2000, -1)):
        sender = with_speed(line_format, bit_ticks)
        wrong = []
        for character in range(line_format.data_mask + 1):
            frames = [Frame(0, character, sender), Frame(sender.frame_ticks, character, sender)]
            arrivals = receive_frames(line_format, frames, phase)
            if [(a.character, a.errors) for a in arrivals] != [(character, 0)] * 2:
                wrong.append(character)
        assert wrong, f"no character suffers from {sender} at {line_format}"
