"""A character as levels on the line, and what a receiver makes of levels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import characters, line_formats
from uartsim.line_format import LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR, PARITY_ERROR
from uartsim.wire.frame import Arrival, Frame, assemble, line_bits, receive_space, receive_under_breaks

FORMAT = LineFormat()
BIT = FORMAT.bit_ticks


@pytest.mark.parametrize(
    ("format_text", "character", "bits"),
    [
        ("8N1", 0x41, "0 10000010 1"),
        ("8N2", 0x41, "0 10000010 1"),
        ("8E1", 0x41, "0 10000010 0 1"),
        ("8O1", 0x41, "0 10000010 1 1"),
        ("7E1", 0x43, "0 1100001 1 1"),
        ("7M1", 0x43, "0 1100001 1 1"),
        ("7S1", 0x43, "0 1100001 0 1"),
        ("5N1.5", 0xFF, "0 11111 1"),
    ],
)
def test_bits_come_from_the_lowest_up(format_text: str, character: int, bits: str) -> None:
    line_format = LineFormat.from_baud(9600, format_text)
    assert line_bits(character, line_format) == tuple(map(int, bits.replace(" ", "")))


@given(line_formats(), characters)
def test_what_is_sent_is_what_is_received(line_format: LineFormat, character: int) -> None:
    arrival = assemble(line_bits(character, line_format), line_format, 77)
    assert arrival == Arrival(77, character & line_format.data_mask, 0)


@given(line_formats(), characters, st.data())
def test_one_wrong_bit_is_a_parity_error_a_framing_error_or_another_character(
    line_format: LineFormat, character: int, data: st.DataObject
) -> None:
    bits = list(line_bits(character, line_format))
    wrong = data.draw(st.integers(1, len(bits) - 1))
    bits[wrong] ^= 1
    arrival = assemble(tuple(bits), line_format, 0)
    if wrong == len(bits) - 1:
        assert arrival.errors & FRAMING_ERROR
        assert bool(arrival.errors & BREAK_INTERRUPT) == (not any(bits))
    elif line_format.parity == "N":
        assert arrival.errors == 0
        assert arrival.character != character & line_format.data_mask
    elif line_format.parity in "OE" or wrong == len(bits) - 2:
        assert arrival.errors == PARITY_ERROR
    else:
        assert arrival.errors == 0, "a fixed parity bit protects nothing but itself"


def test_a_wrong_number_of_bits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"9 bits were sampled; a frame of 115200 8N1 has 10"):
        assemble((0,) * 9, FORMAT, 0)


# -- space -------------------------------------------------------------------------------------------------


def test_nine_zero_bits_and_mark_are_nul_and_ten_are_a_break() -> None:
    sampled = FORMAT.sampled_ticks
    assert receive_space(1000, 9 * BIT, FORMAT) == Arrival(1000 + sampled, 0, 0)
    assert receive_space(1000, 10 * BIT, FORMAT) == Arrival(1000 + sampled, 0, BREAK_INTERRUPT | FRAMING_ERROR)


def test_the_sample_in_the_middle_of_the_stop_bit_decides() -> None:
    short = receive_space(0, FORMAT.sampled_ticks, FORMAT)
    long = receive_space(0, FORMAT.sampled_ticks + 1, FORMAT)
    assert short is not None
    assert long is not None
    assert (short.errors, long.errors) == (0, BREAK_INTERRUPT | FRAMING_ERROR)


@pytest.mark.parametrize(("bits", "character"), [(1, 0xFF), (2, 0xFE), (5, 0xF0), (8, 0x80)])
def test_a_space_shorter_than_a_frame_is_a_character_with_leading_zeros(bits: int, character: int) -> None:
    assert receive_space(0, bits * BIT, FORMAT) == Arrival(FORMAT.sampled_ticks, character, 0)


def test_a_glitch_of_half_a_bit_is_nothing() -> None:
    assert receive_space(0, BIT // 2, FORMAT) is None
    assert receive_space(0, BIT // 2 + 1, FORMAT) == Arrival(FORMAT.sampled_ticks, 0xFF, 0)


@pytest.mark.parametrize(
    ("parity", "errors"),
    [("N", 0), ("E", 0), ("S", 0), ("O", PARITY_ERROR), ("M", PARITY_ERROR)],
)
def test_a_break_has_a_parity_error_where_a_zero_parity_bit_is_wrong(parity: str, errors: int) -> None:
    line_format = LineFormat(BIT, 8, parity)
    arrival = receive_space(0, 20 * BIT, line_format)
    assert arrival is not None
    assert arrival.errors == BREAK_INTERRUPT | FRAMING_ERROR | errors


@given(line_formats(), st.integers(1, 30))
def test_a_space_of_a_whole_frame_is_always_a_break(line_format: LineFormat, frames: int) -> None:
    arrival = receive_space(5, frames * line_format.frame_ticks, line_format)
    assert arrival is not None
    assert arrival.errors & BREAK_INTERRUPT
    assert arrival.character == 0
    assert arrival.at == 5 + line_format.sampled_ticks


def test_a_space_at_unlimited_rate_is_a_break() -> None:
    arrival = receive_space(9, 1, LineFormat(bit_ticks=0))
    assert arrival == Arrival(9, 0, BREAK_INTERRUPT | FRAMING_ERROR)


# -- breaks over frames ------------------------------------------------------------------------------------


def test_a_break_over_a_start_bit_leaves_no_edge() -> None:
    frame = Frame(10 * BIT, 0x41, FORMAT)
    assert receive_under_breaks(frame, [(9 * BIT, 11 * BIT)]) is None
    assert receive_under_breaks(frame, [(10 * BIT, 10 * BIT + 1)]) is None


def test_a_break_over_data_bits_zeroes_them() -> None:
    frame = Frame(0, 0xFF, FORMAT)
    assert receive_under_breaks(frame, [(BIT, 5 * BIT)]) == Arrival(FORMAT.sampled_ticks, 0xF0, 0)


def test_a_break_over_the_stop_bit_is_a_framing_error() -> None:
    frame = Frame(0, 0x41, FORMAT)
    arrival = receive_under_breaks(frame, [(9 * BIT, 10 * BIT)])
    assert arrival == Arrival(FORMAT.sampled_ticks, 0x41, FRAMING_ERROR)


def test_a_break_from_the_first_data_bit_on_is_a_break() -> None:
    arrival = receive_under_breaks(Frame(0, 0xFF, FORMAT), [(BIT // 2, 20 * BIT)])
    assert arrival is not None
    assert arrival.errors & BREAK_INTERRUPT


@given(line_formats(), characters, st.integers(0, 10**9))
def test_a_break_elsewhere_changes_nothing(line_format: LineFormat, character: int, start: int) -> None:
    frame = Frame(start, character & line_format.data_mask, line_format)
    breaks = [(start - 100, start - 1), (start + line_format.frame_ticks, start + line_format.frame_ticks * 3)]
    assert receive_under_breaks(frame, breaks) == Arrival(start + line_format.sampled_ticks, frame.character, 0)
