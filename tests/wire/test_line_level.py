"""The line as levels over time: frames, breaks, pulses and a stuck line, in one row of edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.naive_line import NaiveLine, SentFrame, Stretch, short_formats
from uartsim.line_format import NEVER, LineFormat
from uartsim.wire.line_level import Edge, LineLevels, frame_bit_count, frame_edges

FORMAT = LineFormat(bit_ticks=10)


def level_at(edges: list[Edge], at: int) -> int:
    """The level at ``at`` of a line that begins at mark."""
    return next((edge.level for edge in reversed(edges) if edge.at <= at), 1)


# -- one frame ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("character", "edges"),
    [
        (0xFF, [(0, 0), (10, 1)]),
        (0x00, [(0, 0), (90, 1)]),
        (0x41, [(0, 0), (10, 1), (20, 0), (70, 1), (80, 0), (90, 1)]),
        (0x55, [(n * 10, n % 2) for n in range(10)]),
    ],
)
def test_a_frame_is_edges_where_its_bits_differ(character: int, edges: list[tuple[int, int]]) -> None:
    assert list(frame_edges(character, FORMAT)) == edges


@pytest.mark.parametrize(("text", "count"), [("8N1", 10), ("8N2", 11), ("7E1", 10), ("5N1.5", 8), ("8O2", 12)])
def test_a_frame_has_as_many_bits_as_its_format_says(text: str, count: int) -> None:
    assert frame_bit_count(LineFormat.from_baud(9600, text)) == count


def test_a_flipped_start_bit_is_no_edge_but_is_said() -> None:
    assert frame_edges(0xFF, FORMAT, 0b1) == (Edge(0, 1),)


def test_a_flipped_stop_bit_ends_with_its_frame() -> None:
    assert frame_edges(0xFF, FORMAT, 1 << 9) == (Edge(0, 0), Edge(10, 1), Edge(90, 0), Edge(100, 1))


def test_half_a_stop_bit_can_be_flipped() -> None:
    line_format = LineFormat(10, 5, "N", 3)
    assert frame_edges(0x1F, line_format, 1 << 7) == (Edge(0, 0), Edge(10, 1), Edge(70, 0), Edge(75, 1))


def test_a_frame_at_unlimited_rate_has_no_waveform() -> None:
    with pytest.raises(ValueError, match="unlimited rate has no waveform"):
        frame_edges(0x41, LineFormat(bit_ticks=0))


# -- the line ----------------------------------------------------------------------------------------------


def test_frames_without_a_gap_have_no_edge_between_equal_levels() -> None:
    levels = LineLevels()
    levels.put_frame(0, 0xFF, FORMAT, 1 << 9)  # ends at space, where the next one begins
    levels.put_frame(100, 0xFF, FORMAT)
    assert levels.take(300) == [(0, 0), (10, 1), (90, 0), (110, 1)]


def test_edges_are_taken_up_to_and_with_a_time_and_once() -> None:
    levels = LineLevels()
    levels.put_frame(5, 0xF0, FORMAT)
    assert levels.take(4) == []
    assert levels.take(5) == [(5, 0)]
    assert levels.level == 0
    assert list(levels.ahead()) == [(55, 1)]
    assert levels.take(55) == [(55, 1)]
    assert levels.take(1000) == []
    assert not levels.planned


def test_a_frame_that_starts_within_another_cuts_it_off() -> None:
    levels = LineLevels()
    levels.put_frame(0, 0x00, FORMAT)
    levels.put_frame(25, 0xFF, FORMAT)
    assert levels.take(300) == [(0, 0), (35, 1)]
    assert levels.frames_end == 125


def test_a_hold_covers_frames_and_its_release_shows_them_again() -> None:
    levels = LineLevels()
    levels.hold(0, 10)
    levels.put_frame(0, 0xFF, FORMAT)
    assert list(levels.ahead()) == [(0, 0)]
    assert levels.take(40) == [(0, 0)]
    levels.release(40)
    assert levels.take(41) == [(40, 1)]


def test_a_pulse_inverts_and_a_stuck_line_does_not_care() -> None:
    levels = LineLevels()
    levels.invert(10, 20)
    levels.stick(1, 15, 30)
    levels.invert(25, 40)
    levels.invert(50, 60)
    levels.end_pulses(55)
    assert levels.take(100) == [(10, 0), (15, 1), (30, 0), (40, 1), (50, 0), (55, 1)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: w.put_frame(99, 0, FORMAT), "tick 99 is past"),
        (lambda w: w.hold(0, 99), "tick 99 is past"),
        (lambda w: w.release(99), "tick 99 is past"),
        (lambda w: w.stick(0, 99), "tick 99 is past"),
        (lambda w: w.unstick(99), "tick 99 is past"),
        (lambda w: w.invert(99, 101), "tick 99 is past"),
        (lambda w: w.take(99), "tick 99 is past: the line is known up to 100"),
        (lambda w: w.hold(2, 100), "2 is not a level"),
        (lambda w: w.stick(-1, 100), "-1 is not a level"),
        (lambda w: w.hold(0, 100, 100), "from 100 to 100 has no length"),
        (lambda w: w.invert(101, 100), "from 101 to 100 has no length"),
        (lambda w: w.put_frame(100, 0, LineFormat(0)), "unlimited"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(call: object, message: str) -> None:
    levels = LineLevels()
    levels.put_frame(90, 0x33, FORMAT)
    levels.take(100)
    before = levels.horizon, levels.level, levels.frames_end, list(levels.ahead())
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call(levels)
    assert (levels.horizon, levels.level, levels.frames_end, list(levels.ahead())) == before


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[str, int, int, object]]:
    """Steps of (what, ticks after the one before, length, the rest)."""
    frame = st.tuples(st.integers(0, 255), short_formats, st.integers(0, 0xFFF))
    step = st.one_of(
        st.tuples(st.just("frame"), st.integers(0, 400), st.just(0), frame),
        st.tuples(st.sampled_from(["hold", "stick"]), st.integers(0, 300), st.integers(1, 300), st.integers(0, 1)),
        st.tuples(st.just("pulse"), st.integers(0, 300), st.integers(1, 90), st.none()),
        st.tuples(st.sampled_from(["release", "unstick"]), st.integers(0, 200), st.just(0), st.none()),
        st.tuples(st.just("take"), st.integers(0, 400), st.just(0), st.none()),
    )
    return draw(st.lists(step, max_size=12))


@given(programs())
def test_edges_are_what_the_levels_say_at_every_tick(program: list[tuple[str, int, int, object]]) -> None:
    levels, line, edges = LineLevels(), NaiveLine([], [], [], []), []
    for what, after, length, rest in program:
        at = levels.horizon + after
        match what, rest:
            case "frame", (int(character), LineFormat() as line_format, int(flipped)):
                levels.put_frame(at, character, line_format, flipped)
                line.frames.append(SentFrame(at, character, line_format, flipped))
            case "hold", int(level):
                levels.hold(level, at, at + length)
                line.holds.append(Stretch(at, at + length, level))
            case "stick", int(level):
                levels.stick(level, at, at + length)
                line.sticks.append(Stretch(at, at + length, level))
            case "pulse", _:
                levels.invert(at, at + length)
                line.pulses.append(Stretch(at, at + length))
            case "release", _:
                levels.release(at)
                line.holds.append(Stretch(at, at))
            case "unstick", _:
                levels.unstick(at)
                line.sticks.append(Stretch(at, at))
            case "take", _:
                edges += levels.take(at)
    ahead = list(levels.ahead())
    assert ahead == levels.take(NEVER - 1)
    edges += ahead
    assert [edge.at for edge in edges] == sorted(edge.at for edge in edges)
    end = max((edge.at for edge in edges), default=0) + 50
    moments = {moment for edge in edges for moment in (edge.at - 1, edge.at, edge.at + 1)} | {0, *range(0, end, 7)}
    for at in sorted(moments):
        assert level_at(edges, at) == line.level(at), at
