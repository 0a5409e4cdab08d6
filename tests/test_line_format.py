"""Formats, units of time, and the messages about impossible ones."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import characters, line_formats
from uartsim.line_format import (
    BIT_AT_DIVISOR_1,
    CRYSTAL_PERIOD,
    NEVER,
    TICKS_PER_NS,
    TICKS_PER_SECOND,
    LineFormat,
    ns_to_ticks,
    seconds_to_ticks,
    ticks_to_seconds,
)


def test_a_nanosecond_and_a_crystals_period_are_whole() -> None:
    assert Fraction(TICKS_PER_SECOND, TICKS_PER_NS) == 10**9
    assert Fraction(TICKS_PER_SECOND, CRYSTAL_PERIOD) == 1_843_200
    assert Fraction(TICKS_PER_SECOND, BIT_AT_DIVISOR_1) == 115_200


def test_nothing_coarser_would_do() -> None:
    # A tick that divides a nanosecond and the period: their greatest common divisor.
    period_ns = Fraction(10**9, 1_843_200)
    assert Fraction(1, TICKS_PER_NS) == Fraction(1, period_ns.denominator)


def test_never_is_beyond_what_the_clock_of_any_host_can_show() -> None:
    # It counts from the host's start, and some have been up for years.
    assert TICKS_PER_SECOND * 86_400 * 365 * 10**9 < NEVER


@pytest.mark.parametrize(
    ("characters", "halves"),
    [("8N1", 20), ("7E1", 20), ("8N2", 22), ("8O2", 24), ("5N1", 14), ("5N1.5", 15), ("5E1.5", 17), ("6M1", 18)],
)
def test_a_frame_is_start_data_parity_and_stop(characters: str, halves: int) -> None:
    line_format = LineFormat.from_baud(115_200, characters)
    assert line_format.frame_halves == halves
    assert line_format.frame_ticks == halves * BIT_AT_DIVISOR_1 // 2


@pytest.mark.parametrize(("characters", "halves"), [("8N1", 19), ("8N2", 19), ("7E1", 19), ("8E1", 21), ("5N1.5", 13)])
def test_a_character_is_complete_in_the_middle_of_its_first_stop_bit(characters: str, halves: int) -> None:
    assert LineFormat.from_baud(115_200, characters).sampled_ticks == halves * BIT_AT_DIVISOR_1 // 2


@pytest.mark.parametrize(("data_bits", "mask"), [(5, 0x1F), (6, 0x3F), (7, 0x7F), (8, 0xFF)])
def test_the_mask_has_the_bits_that_travel(data_bits: int, mask: int) -> None:
    assert LineFormat(data_bits=data_bits).data_mask == mask


@given(line_formats(), characters)
def test_parity_makes_the_number_of_ones_what_it_says(line_format: LineFormat, character: int) -> None:
    if line_format.parity == "N":
        with pytest.raises(ValueError, match="has no parity bit"):
            line_format.parity_bit(character)
        return
    bit = line_format.parity_bit(character)
    ones = bin(character & line_format.data_mask).count("1") + bit
    expected = {"E": ones % 2 == 0, "O": ones % 2 == 1, "M": bit == 1, "S": bit == 0}
    assert expected[line_format.parity]


@pytest.mark.parametrize(("parity", "bits"), [("E", "0110"), ("O", "1001"), ("M", "1111"), ("S", "0000")])
def test_the_parity_bit_of_0_1_2_and_3(parity: str, bits: str) -> None:
    line_format = LineFormat(data_bits=5, parity=parity)
    assert [line_format.parity_bit(character) for character in (0, 1, 2, 3)] == list(map(int, bits))
    assert line_format.parity_bit(0x20) == line_format.parity_bit(0)  # a bit that does not travel


@given(line_formats(st.integers(1, 200)))
def test_a_format_is_written_as_it_is_read(line_format: LineFormat) -> None:
    speed, characters = str(line_format).split()
    again = LineFormat.from_baud(float(speed), characters)
    assert str(again) == str(line_format)
    assert (again.data_bits, again.parity, again.stop_halves) == (
        line_format.data_bits,
        line_format.parity,
        line_format.stop_halves,
    )


@given(line_formats())
def test_no_time_is_rounded(line_format: LineFormat) -> None:
    assert 2 * line_format.frame_ticks == line_format.frame_halves * line_format.bit_ticks
    assert 0 < line_format.sampled_ticks < line_format.frame_ticks


@pytest.mark.parametrize("baud", [0, -1, 4_000_001, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused_with_its_value(baud: float) -> None:
    with pytest.raises(ValueError, match=r"not a valid speed.*such as 115200"):
        LineFormat.from_baud(baud)


@pytest.mark.parametrize("baud", [1e-3, 4_000_000])
def test_the_slowest_and_the_fastest_speed_are_taken(baud: float) -> None:
    assert LineFormat.from_baud(baud).baud == pytest.approx(baud)


def test_what_is_not_a_whole_number_is_named() -> None:
    for values in ({"bit_ticks": 1.5}, {"data_bits": True}, {"stop_halves": "2"}):
        ((name, value),) = values.items()
        with pytest.raises(ValueError, match=f"{name} is {value!r}: .* whole number"):
            LineFormat(**values)


@pytest.mark.parametrize(
    ("baud", "shown"),
    [
        (9600, "9600 8N1"),
        (134.5, "134.5 8N1"),
        (99_999.4, "99999.4 8N1"),
        (100_000, "100000 8N1"),
        (1e6, "1000000 8N1"),
    ],
)
def test_a_speed_is_shown_to_two_decimals_below_a_hundred_thousand_and_whole_above(baud: float, shown: str) -> None:
    assert str(LineFormat.from_baud(baud)) == shown


@pytest.mark.parametrize("characters", ["", "8", "8N", "9N1", "4N1", "8X1", "8N3", "8N1 ", "N81"])
def test_impossible_characters_are_refused_with_examples(characters: str) -> None:
    with pytest.raises(ValueError, match="use one such as 8N1"):
        LineFormat.from_baud(9600, characters)


@pytest.mark.parametrize(
    "values", [{"bit_ticks": -1}, {"data_bits": 9}, {"parity": "X"}, {"parity": ""}, {"stop_halves": 1}]
)
def test_a_value_out_of_range_is_named(values: dict[str, int]) -> None:
    ((name, value),) = values.items()
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        LineFormat(**values)  # type: ignore[arg-type]


def test_small_letters_are_understood() -> None:
    assert LineFormat.from_baud(9600, "7e1") == LineFormat.from_baud(9600, "7E1")


def test_at_unlimited_rate_a_frame_takes_no_time() -> None:
    line_format = LineFormat(bit_ticks=0)
    assert line_format.frame_ticks == line_format.sampled_ticks == 0
    assert line_format.baud == float("inf")
    assert str(line_format) == "unlimited 8N1"


def test_units_convert_exactly() -> None:
    assert ns_to_ticks(7) == 7 * 144
    assert seconds_to_ticks(0.25) == TICKS_PER_SECOND // 4
    assert ticks_to_seconds(TICKS_PER_SECOND * 3) == 3.0
