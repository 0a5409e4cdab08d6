"""The transmitter: frames in exact time, THRE and TEMT, the delay circuit, overflow, break, 16450 mode."""

from __future__ import annotations

import pytest

from tests.chip.probe import BIT, FRAME, Chip
from uartsim.line_format import CRYSTAL_PERIOD
from uartsim.registers import LCR, LSR, Offset

THRE, TEMT = LSR.THRE, LSR.TEMT
FORMATS = [0x00, 0x03, 0x04, 0x07, 0x0A, 0x0C, 0x1F, 0x2B, 0x3E]


def starts(chip: Chip) -> list[float]:
    """Where the frames began since the last look, in sixteenths."""
    return [frame.start / CRYSTAL_PERIOD for frame in chip.uart.take_sent()]


def rises(chip: Chip, bit: LSR) -> int:
    """How many sixteenths pass until ``bit`` is set in LSR."""
    begin = chip.now
    while not chip.read(Offset.LSR) & bit:
        chip.wait(1)
        assert chip.now - begin < 10_000
    return chip.now - begin


def frame_bits(lcr: int) -> float:
    word = 5 + (lcr & 3)
    return 1 + word + bool(lcr & 8) + (1 if not lcr & 4 else 1.5 if word == 5 else 2)


# -- frames ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lcr", FORMATS)
def test_frames_follow_each_other_without_a_gap(lcr: int) -> None:
    chip = Chip(lcr=lcr)
    begin = chip.now
    chip.send(b"abcd")
    chip.wait(1000)
    length = frame_bits(lcr) * BIT
    assert starts(chip) == [begin + n * length for n in range(4)]


def test_an_idle_line_starts_at_once_in_fifo_mode() -> None:
    chip = Chip()
    chip.wait(12_345)
    chip.send(b"a")
    assert starts(chip) == [chip.now]


def test_a_character_written_during_the_last_stop_bit_follows_without_a_gap() -> None:
    chip = Chip()
    begin = chip.now
    chip.send(b"a")
    chip.wait(FRAME - 1)
    chip.send(b"b")
    chip.wait(FRAME)
    assert starts(chip) == [begin, begin + FRAME]


@pytest.mark.parametrize(("lcr", "mask"), [(0, 0x1F), (1, 0x3F), (2, 0x7F), (3, 0xFF)])
def test_word_length_masks_what_is_sent(lcr: int, mask: int) -> None:
    chip = Chip(lcr=lcr)
    chip.send(b"\xff")
    assert [frame.character for frame in chip.uart.take_sent()] == [mask]


def test_the_fifo_holds_sixteen_besides_the_shift_register() -> None:
    chip = Chip()
    chip.send(bytes(range(17)))
    assert chip.uart.transmitter.dropped == 0
    chip.wait(20 * FRAME)
    assert bytes(frame.character for frame in chip.uart.take_sent()) == bytes(range(17))


def test_a_full_fifo_drops_the_new_character_and_counts_it() -> None:
    chip = Chip()
    chip.send(bytes(range(20)))
    assert chip.uart.transmitter.dropped == 3
    chip.wait(30 * FRAME)
    assert bytes(frame.character for frame in chip.uart.take_sent()) == bytes(range(17))


def test_a_format_change_counts_from_the_next_frame_on() -> None:
    chip = Chip()
    begin = chip.now
    chip.send(b"ab")
    chip.write(Offset.LCR, 0x07)
    chip.wait(4 * FRAME)
    first, second = chip.uart.take_sent()
    assert second.start == (begin + FRAME) * CRYSTAL_PERIOD
    assert (str(first.line_format), str(second.line_format)) == ("115200 8N1", "115200 8N2")


def test_temt_comes_back_with_the_end_of_the_last_frame() -> None:
    chip = Chip()
    chip.send(b"abc")
    assert rises(chip, TEMT) == 3 * FRAME


# -- the delay circuit -------------------------------------------------------------------------------------


def test_one_character_gives_thre_back_after_a_frame_less_its_stop_bit() -> None:
    chip = Chip()
    chip.send(b"a")
    assert rises(chip, THRE) == 144


def test_two_characters_give_thre_back_when_the_second_enters_the_shift_register() -> None:
    chip = Chip()
    chip.send(b"ab")
    assert rises(chip, THRE) == 160


@pytest.mark.parametrize(("lcr", "bits"), [(0x00, 6), (0x04, 7), (0x03, 9), (0x07, 10), (0x0B, 10), (0x1F, 11)])
def test_the_delay_is_a_frame_less_its_last_stop_bit_in_every_format(lcr: int, bits: int) -> None:
    chip = Chip(lcr=lcr)
    chip.send(b"a")
    assert rises(chip, THRE) == bits * BIT


def test_the_first_indication_after_a_change_of_fcr0_is_immediate() -> None:
    chip = Chip(settled=False)
    chip.send(b"a")
    assert chip.lsr & (THRE | TEMT) == THRE
    chip.wait(FRAME)
    chip.send(b"b")
    assert rises(chip, THRE) == 144


@pytest.mark.parametrize("count", [2, 3, 16])
def test_characters_written_in_the_instant_after_a_change_of_fcr0_were_in_the_fifo_together(count: int) -> None:
    chip = Chip(settled=False)
    chip.send(bytes(count))
    assert rises(chip, THRE) == (count - 1) * FRAME


def test_a_character_that_is_written_after_the_immediate_indication_is_alone() -> None:
    chip = Chip(settled=False)
    chip.send(b"a")
    chip.wait(1)
    assert chip.lsr & THRE
    chip.send(b"b")
    assert rises(chip, THRE) == FRAME - 1 + 144


def test_a_reset_of_the_fifo_in_the_same_instant_leaves_the_next_character_alone() -> None:
    chip = Chip()
    chip.send(b"a")
    chip.write(Offset.FCR, 0x05)
    chip.send(b"b")
    assert rises(chip, THRE) == FRAME + 144


def test_one_character_at_each_indication_keeps_the_line_busy() -> None:
    chip = Chip()
    begin = chip.now
    for _ in range(4):
        chip.send(b"x")
        rises(chip, THRE)
    assert starts(chip) == [begin, begin + FRAME, begin + 2 * FRAME, begin + 3 * FRAME]


def test_a_second_character_before_the_late_indication_takes_it_back() -> None:
    chip = Chip()
    chip.send(b"a")
    chip.wait(143)
    chip.send(b"b")
    assert rises(chip, THRE) == 160 - 143


def test_without_the_delay_circuit_thre_is_back_at_once() -> None:
    chip = Chip(thre_delay=False)
    chip.send(b"a")
    assert chip.lsr & (THRE | TEMT) == THRE
    chip.send(b"b")
    assert rises(chip, THRE) == 160


def test_a_transmitter_reset_gives_thre_back_at_once() -> None:
    chip = Chip()
    chip.send(b"a")
    chip.write(Offset.FCR, 0x05)
    assert chip.lsr & THRE


# -- 16450 mode --------------------------------------------------------------------------------------------


def test_16450_mode_starts_and_gives_thre_back_within_the_datasheets_limits() -> None:
    chip = Chip(fcr=0)
    begin = chip.now
    chip.send(b"a")
    assert not chip.lsr & (THRE | TEMT)
    assert 16 <= rises(chip, THRE) <= 24
    (start,) = starts(chip)
    assert 8 <= start - begin <= 24
    rises(chip, TEMT)
    assert chip.now == start + FRAME


def test_16450_mode_gives_thre_back_eight_sixteenths_after_the_stop_bit() -> None:
    chip = Chip(fcr=0)
    begin = chip.now
    chip.send(b"a")
    chip.wait(BIT)
    chip.send(b"b")
    assert chip.now + rises(chip, THRE) == begin + BIT + FRAME + 8
    assert starts(chip) == [begin + BIT, begin + BIT + FRAME]


def test_16450_mode_overwrites_a_character_that_waits() -> None:
    chip = Chip(fcr=0)
    chip.send(b"ab")
    chip.wait(BIT)
    chip.send(b"cd")
    chip.wait(4 * FRAME)
    assert bytes(frame.character for frame in chip.uart.take_sent()) == b"bd"
    assert chip.uart.transmitter.dropped == 2


def test_16450_mode_has_no_delay_circuit() -> None:
    chip = Chip(fcr=0)
    for _ in range(3):
        chip.send(b"a")
        assert rises(chip, THRE) == BIT
        rises(chip, TEMT)


# -- break -------------------------------------------------------------------------------------------------


def test_a_break_changes_the_line_only() -> None:
    chip = Chip()
    begin = chip.now
    chip.send(b"ab")
    chip.wait(10)
    chip.write(Offset.LCR, 3 | LCR.BREAK)
    chip.wait(30)
    chip.write(Offset.LCR, 3)
    assert chip.uart.take_break_changes() == [
        ((begin + 10) * CRYSTAL_PERIOD, True),
        ((begin + 40) * CRYSTAL_PERIOD, False),
    ]
    chip.wait(2 * FRAME)
    assert starts(chip) == [begin, begin + FRAME], "the transmitter runs on underneath"


def test_rewriting_lcr_with_the_break_still_set_is_one_break() -> None:
    chip = Chip()
    chip.write(Offset.LCR, 3 | LCR.BREAK)
    chip.write(Offset.LCR, 0x83 | LCR.BREAK)
    chip.write(Offset.LCR, 3)
    assert [on for _, on in chip.uart.take_break_changes()] == [True, False]


# -- when it will be done ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fcr", [0x00, 0x01])
@pytest.mark.parametrize("count", [1, 2])
def test_drained_at_is_when_temt_comes_back(fcr: int, count: int) -> None:
    chip = Chip(fcr=fcr)
    chip.send(b"x" * count)
    due = chip.uart.transmitter.drained_at()
    rises(chip, TEMT)
    assert chip.now * CRYSTAL_PERIOD == due


def test_a_run_of_writes_fills_the_fifo_and_counts_what_it_drops() -> None:
    chip = Chip()
    chip.uart.write_run(bytes(range(20)), chip.uart.now)
    assert chip.uart.transmitter.dropped == 3
    assert chip.uart.transmitter.thr_writes == 21  # one of them made the chip ready
    chip.wait(30 * FRAME)
    assert bytes(frame.character for frame in chip.uart.take_sent()) == bytes(range(17))


def test_a_run_of_writes_to_the_divisor_latch_is_refused() -> None:
    chip = Chip()
    chip.write(Offset.LCR, LCR.DLAB | 3)
    with pytest.raises(ValueError, match="DLAB"):
        chip.uart.write_run(b"abc", chip.uart.now)
