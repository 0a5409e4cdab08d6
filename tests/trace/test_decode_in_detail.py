"""Decoding edges: each limit of the simple receiver that makes pictures."""

from __future__ import annotations

import pytest

from uartsim.line_format import LineFormat
from uartsim.registers import LineError
from uartsim.trace.decode import Signal, decode

FORMAT = LineFormat(1000)
FE, BI = int(LineError.FE), int(LineError.FE | LineError.BI)


def decoded(*edges: tuple[int, int], line_format: LineFormat = FORMAT) -> list[tuple[int, int | None, int, int]]:
    return [(c.start, c.end, c.character, c.errors) for c in decode(Signal(1, edges), [(0, line_format)])]


def test_a_level_is_the_new_one_at_its_edge() -> None:
    signal = Signal(1, [(10, 0), (20, 1), (20, 0), (30, 1)])
    assert [signal.level(at) for at in (0, 9, 10, 19, 20, 29, 30, 99)] == [1, 1, 0, 0, 0, 0, 1, 1]


def test_bits_are_sampled_in_their_middle() -> None:
    # The line rises a tick before the middle of bit 3, or at it, or a tick after it.
    for rises, character in ((3499, 0xFC), (3500, 0xFC), (3501, 0xF8)):
        assert decoded((0, 0), (rises, 1)) == [(0, 10_000, character, 0)]


def test_the_next_frame_may_begin_in_the_stop_bit_but_not_before_it_is_sampled() -> None:
    assert [start for start, *_ in decoded((0, 0), (9000, 1), (9501, 0), (10_501, 1))] == [0, 9501]
    assert [start for start, *_ in decoded((0, 0), (9000, 1), (9400, 0), (9450, 1), (9600, 0), (10_600, 1))] == [
        0,
        9600,
    ]
    assert decoded((0, 0), (1000, 1), (2000, 0), (3000, 1)) == [(0, 10_000, 0xFD, 0)]


def test_after_a_framing_error_the_line_must_rise_first() -> None:
    edges = ((0, 0), (1000, 1), (2000, 0), (9600, 1), (9700, 0), (10_700, 1))
    assert decoded(*edges) == [(0, 10_000, 0x01, FE), (9700, 19_700, 0xFF, 0)]
    assert decoded((0, 0), (1000, 1), (2000, 0)) == [(0, 10_000, 0x01, FE)]


def test_a_break_ends_where_the_line_rises() -> None:
    assert decoded((0, 0), (9501, 1)) == [(0, 9501, 0, BI)]
    assert decoded((0, 0), (9500, 1)) == [(0, 10_000, 0, 0)]
    assert decoded((0, 0), (50_000, 1), (60_000, 0), (61_000, 1)) == [(0, 50_000, 0, BI), (60_000, 70_000, 0xFF, 0)]


@pytest.mark.parametrize(
    ("line_format", "count", "parity"),
    [(LineFormat(1000, 5), 7, None), (LineFormat(1000, 7, "O"), 10, -2), (LineFormat(1000, 8, "M"), 11, -2)],
)
def test_a_frame_has_a_start_bit_data_parity_and_a_stop_bit(line_format: LineFormat, count: int, parity: int) -> None:
    (found,) = decode(Signal(1, [(0, 0), (1000, 1)]), [(0, line_format)])
    assert len(found.bits) == count
    assert found.character == line_format.data_mask
    assert (found.bits[0], found.bits[-1]) == (0, 1)
    assert found.end == line_format.frame_ticks
    assert found.errors == 0 or line_format.parity == "O"


def test_a_format_counts_from_its_very_time_on_and_one_without_bits_never() -> None:
    slow = LineFormat(2000)
    formats = [(0, FORMAT), (50_000, LineFormat(0)), (100_000, slow)]
    edges = [(99_000, 0), (99_900, 1), (110_000, 0), (112_000, 1)]
    assert [c.line_format for c in decode(Signal(1, edges), formats)] == [FORMAT, slow]
    assert [c.line_format for c in decode(Signal(1, [(100_000, 0), (102_000, 1)]), formats)] == [slow]
    assert [c.line_format for c in decode(Signal(1, [(99_999, 0), (100_999, 1)]), formats)] == [FORMAT]
