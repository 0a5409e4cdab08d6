"""Characters out of edges, as a picture shows them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import line_formats
from uartsim.line_format import LineFormat
from uartsim.record.levels import frame_edges
from uartsim.registers import LineError
from uartsim.trace.decode import Signal, decode

FORMAT = LineFormat(1000)


def edges(data: bytes, line_format: LineFormat, start: int = 0) -> list[tuple[int, int]]:
    frame = line_format.frame_ticks
    return [
        (start + n * frame + at, level)
        for n, character in enumerate(data)
        for at, level in frame_edges(character & line_format.data_mask, line_format)
    ]


@given(st.binary(max_size=30), line_formats(), st.integers(0, 10**9))
def test_what_was_put_on_a_line_is_found_again(data: bytes, line_format: LineFormat, start: int) -> None:
    found = decode(Signal(1, edges(data, line_format, start)), [(0, line_format)])
    assert [c.character for c in found] == [c & line_format.data_mask for c in data]
    assert [c.start for c in found] == [start + n * line_format.frame_ticks for n in range(len(data))]
    assert not any(c.errors for c in found)


def test_a_format_counts_from_its_time_on() -> None:
    other = LineFormat(3000, 7, "E", 2)
    line = edges(b"ab", FORMAT) + edges(b"cd", other, 100_000)
    found = decode(Signal(1, line), [(0, FORMAT), (90_000, other)])
    assert bytes(c.character for c in found) == b"abcd"
    assert [c.line_format for c in found] == [FORMAT, FORMAT, other, other]


def test_before_the_first_format_the_first_one_counts() -> None:
    assert decode(Signal(1, edges(b"a", FORMAT)), [(500_000, FORMAT)])[0].character == ord("a")


def test_without_a_format_or_a_length_of_a_bit_nothing_is_found() -> None:
    assert decode(Signal(1, edges(b"a", FORMAT)), []) == []
    assert decode(Signal(1, edges(b"a", FORMAT)), [(0, LineFormat(0))]) == []


def test_a_wrong_parity_bit_is_a_parity_error() -> None:
    even, odd = LineFormat(1000, 8, "E", 2), LineFormat(1000, 8, "O", 2)
    (found,) = decode(Signal(1, edges(b"a", even)), [(0, odd)])
    assert (found.character, found.errors) == (ord("a"), LineError.PE)


def test_a_stop_bit_at_space_is_a_framing_error_and_the_next_frame_is_found() -> None:
    line = [(0, 0), (1000, 1), (2000, 0), (10_500, 1), *edges(b"z", FORMAT, 20_000)]
    first, second = decode(Signal(1, line), [(0, FORMAT)])
    assert (first.character, first.errors, first.end) == (1, LineError.FE, 10_000)
    assert (second.character, second.errors) == (ord("z"), 0)


def test_space_for_a_frame_is_a_break_until_it_ends() -> None:
    (found,) = decode(Signal(1, [(0, 0), (50_000, 1)]), [(0, FORMAT)])
    assert (found.errors, found.end) == (LineError.BI | LineError.FE, 50_000)
    (found,) = decode(Signal(1, [(0, 0)]), [(0, FORMAT)])
    assert (found.errors, found.end) == (LineError.BI | LineError.FE, None)


def test_a_pulse_of_less_than_half_a_bit_is_nothing() -> None:
    assert decode(Signal(1, [(0, 0), (499, 1)]), [(0, FORMAT)]) == []
    assert len(decode(Signal(1, [(0, 0), (501, 1)]), [(0, FORMAT)])) == 1
