"""The receiver: FIFO and RBR, errors attached to their character, overrun, trigger levels, the character timeout."""

from __future__ import annotations

import pytest

from tests.chip.probe import BIT, FRAME, Chip
from uartsim.registers import LCR, LSR, InterruptId, Offset

DATA, TIMEOUT, LINE_STATUS, NONE = (
    InterruptId.RECEIVED_DATA,
    InterruptId.CHARACTER_TIMEOUT,
    InterruptId.LINE_STATUS,
    InterruptId.NONE,
)
PE, FE, BI, OE, DR = LSR.PE, LSR.FE, LSR.BI, LSR.OE, LSR.DR
ALL_LCR_FORMATS = [0x00, 0x01, 0x02, 0x03, 0x04, 0x07, 0x0B, 0x0C, 0x1A, 0x1F, 0x2B, 0x3F]


def frame_bits(lcr: int) -> float:
    """The bits of a frame, written from the datasheet's table of LCR."""
    word = 5 + (lcr & 3)
    stop = 1.0 if not lcr & 4 else 1.5 if word == 5 else 2.0
    return 1 + word + (1 if lcr & 8 else 0) + stop


# -- data --------------------------------------------------------------------------------------------------


def test_the_fifo_holds_sixteen_in_order() -> None:
    chip = Chip()
    chip.receive(*range(16))
    assert not chip.lsr & OE
    assert chip.read_all() == bytes(range(16))


def test_dr_is_set_by_a_character_and_cleared_by_the_last_read() -> None:
    chip = Chip()
    assert not chip.lsr & DR
    chip.receive(1, 2)
    chip.read(Offset.RBR)
    assert chip.lsr & DR
    chip.read(Offset.RBR)
    assert not chip.lsr & DR


def test_rbr_read_while_empty_is_zero_with_fifo_and_the_last_character_without() -> None:
    chip = Chip(fcr=0)
    chip.receive(0x5A)
    assert [chip.read(Offset.RBR) for _ in range(2)] == [0x5A, 0x5A]
    chip.write(Offset.FCR, 1)
    chip.receive(0x11)
    assert [chip.read(Offset.RBR) for _ in range(2)] == [0x11, 0]


def test_a_character_that_nobody_read_stays_in_rbr_when_the_fifos_go_on_and_off() -> None:
    chip = Chip(fcr=0)
    chip.receive(0x5A)
    chip.write(Offset.FCR, 1)
    chip.receive(0x77)
    chip.write(Offset.FCR, 0)
    assert not chip.lsr & DR
    assert chip.read(Offset.RBR) == 0x5A


@pytest.mark.parametrize(("lcr", "mask"), [(0, 0x1F), (1, 0x3F), (2, 0x7F), (3, 0xFF)])
def test_word_length_masks_what_is_received(lcr: int, mask: int) -> None:
    chip = Chip(lcr=lcr)
    chip.receive(0xFF, 0xA5)
    assert chip.read_all() == bytes((mask, 0xA5 & mask))


def test_the_receiver_reset_drops_dr_but_not_an_error_that_lsr_already_shows() -> None:
    chip = Chip()
    chip.receive(0, errors=BI | FE)
    chip.write(Offset.FCR, 0x03)
    assert [chip.read(Offset.LSR) for _ in range(2)] == [0x78, 0x60]


# -- overrun -----------------------------------------------------------------------------------------------


def test_the_seventeenth_character_is_lost_and_sets_oe_at_once() -> None:
    chip = Chip(ier=0x04)
    chip.receive(*range(16))
    assert not chip.irq
    chip.receive(99)
    assert chip.iir == LINE_STATUS
    assert chip.read(Offset.LSR) == 0x63
    assert chip.read(Offset.LSR) == 0x61
    assert chip.read_all() == bytes(range(16))
    assert chip.uart.receiver.overruns == 1


def test_oe_is_set_again_by_every_lost_character() -> None:
    chip = Chip()
    chip.receive(*range(17))
    assert chip.read(Offset.LSR) & OE
    chip.receive(99)
    assert chip.read(Offset.LSR) & OE


def test_a_lost_characters_errors_are_lost_with_it_and_oe_does_not_set_bit_7() -> None:
    chip = Chip()
    chip.receive(*range(16))
    chip.receive(0, errors=PE | FE | BI)
    assert chip.read(Offset.LSR) == 0x63


def test_without_fifo_the_new_character_overwrites_rbr() -> None:
    chip = Chip(fcr=0, ier=0x04)
    chip.receive(0x11, 0x22)
    assert chip.iir == LINE_STATUS
    assert chip.read(Offset.LSR) == 0x63
    assert chip.read(Offset.RBR) == 0x22
    assert chip.read(Offset.LSR) == 0x60


# -- errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [PE, FE, PE | FE, BI | FE])
def test_an_error_shows_when_its_character_reaches_the_top(error: LSR) -> None:
    chip = Chip(ier=0x04)
    chip.receive(0x41)
    chip.receive(0x42, errors=error)
    chip.receive(0x43)
    assert chip.read(Offset.LSR) == 0xE1, "somewhere in the FIFO"
    assert not chip.irq
    assert chip.read(Offset.RBR) == 0x41
    assert chip.iir == LINE_STATUS
    assert chip.read(Offset.LSR) == 0xE1 | error
    assert not chip.irq
    assert chip.read(Offset.LSR) == 0xE1, "once"
    assert chip.read(Offset.RBR) == 0x42
    assert chip.read(Offset.LSR) == 0x61, "bit 7 goes with the last bad character"


def test_an_error_of_the_first_character_shows_at_once() -> None:
    chip = Chip(ier=0x04)
    chip.receive(0x41, errors=PE)
    assert chip.irq
    assert [chip.read(Offset.LSR) for _ in range(2)] == [0xE5, 0xE1]


def test_popping_a_bad_character_without_reading_lsr_keeps_its_error() -> None:
    chip = Chip(ier=0x04)
    chip.receive(0x41, errors=FE)
    chip.read(Offset.RBR)
    assert chip.iir == LINE_STATUS
    assert [chip.read(Offset.LSR) for _ in range(2)] == [0x68, 0x60]


def test_errors_of_characters_popped_one_after_the_other_add_up_until_lsr_is_read() -> None:
    chip = Chip()
    chip.receive(1, errors=PE)
    chip.receive(2, errors=FE)
    chip.read(Offset.RBR)
    assert chip.read(Offset.LSR) == 0xED
    assert chip.read(Offset.LSR) == 0xE1


def test_bit_7_counts_the_bad_characters() -> None:
    chip = Chip()
    for n in range(3):
        chip.receive(n, errors=PE)
    for _ in range(3):
        assert chip.lsr & LSR.FIFO_ERROR
        chip.read(Offset.RBR)
    assert not chip.lsr & LSR.FIFO_ERROR


def test_bit_7_is_gone_with_a_reset_of_the_receiver() -> None:
    chip = Chip()
    chip.receive(0x41)
    chip.receive(0x42, errors=PE)
    chip.write(Offset.FCR, 0x03)
    assert chip.lsr == 0x60


@pytest.mark.parametrize("error", [PE, FE, BI | FE])
def test_without_fifo_an_error_shows_on_reception_and_bit_7_never(error: LSR) -> None:
    chip = Chip(fcr=0)
    chip.receive(0x41, errors=error)
    assert [chip.read(Offset.LSR) for _ in range(2)] == [0x61 | error, 0x61]


# -- trigger level -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fcr", "level"), [(0x01, 1), (0x41, 4), (0x81, 8), (0xC1, 14)])
def test_received_data_interrupts_from_the_trigger_level_on(fcr: int, level: int) -> None:
    chip = Chip(fcr=fcr, ier=0x01)
    chip.receive(*range(level - 1))
    assert chip.iir == NONE
    chip.receive(0xEE)
    assert chip.iir == DATA
    assert chip.irq
    chip.read(Offset.IIR)
    assert chip.irq, "reading IIR does not clear it"
    chip.read(Offset.RBR)
    assert not chip.irq, "withdrawn as soon as below the level"
    chip.receive(0xEF)
    assert chip.irq


def test_dr_shows_below_the_trigger_level() -> None:
    chip = Chip(fcr=0xC1)
    chip.receive(1)
    assert chip.lsr & DR


def test_a_new_trigger_level_counts_at_once() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1, 2, 3, 4)
    chip.write(Offset.FCR, 0x41)
    assert chip.iir == DATA


# -- timeout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lcr", ALL_LCR_FORMATS)
def test_the_timeout_comes_exactly_four_frames_after_the_last_character(lcr: int) -> None:
    chip = Chip(fcr=0xC1, ier=0x01, lcr=lcr)
    chip.receive(1)
    length = int(4 * frame_bits(lcr) * BIT)
    chip.wait(length - 1)
    assert chip.iir == NONE
    assert not chip.irq
    chip.wait(1)
    assert chip.iir == TIMEOUT
    assert chip.irq
    assert chip.read(Offset.IIR) == 0xCC


def test_at_8n1_that_is_640_sixteenths() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.wait(639)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


@pytest.mark.parametrize(("lcr", "bits"), [(0x00, 32), (0x03, 44), (0x1F, 44)])
def test_the_st16c550_rule_is_four_words_and_twelve_bits(lcr: int, bits: int) -> None:
    chip = Chip(fcr=0xC1, ier=0x01, lcr=lcr, timeout_rule="word")
    chip.receive(1)
    chip.wait(bits * BIT - 1)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


def test_a_new_character_starts_the_timeout_again() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.wait(639)
    chip.receive(2)
    chip.wait(639)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


def test_a_read_of_rbr_clears_the_timeout_and_starts_it_again() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1, 2)
    chip.wait(640)
    assert chip.irq
    chip.read(Offset.RBR)
    assert chip.iir == NONE
    chip.wait(639)
    assert not chip.irq
    chip.wait(1)
    assert chip.iir == TIMEOUT


def test_a_read_of_rbr_before_it_has_expired_starts_the_timeout_again() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1, 2)
    chip.wait(600)
    chip.read(Offset.RBR)
    chip.wait(639)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


def test_a_new_character_does_not_clear_a_timeout() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.wait(640)
    chip.receive(2)
    assert chip.iir == TIMEOUT


def test_an_empty_fifo_has_no_timeout() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.read(Offset.RBR)
    chip.wait(10_000)
    assert chip.iir == NONE


def test_the_timeout_accrues_while_it_is_not_enabled() -> None:
    chip = Chip(fcr=0xC1)
    chip.receive(1)
    chip.wait(640)
    assert chip.iir == NONE
    chip.write(Offset.IER, 0x01)
    assert chip.iir == TIMEOUT


@pytest.mark.parametrize("fcr", [0xC3, 0x00], ids=["reset", "off"])
def test_emptying_the_fifo_ends_the_timeout(fcr: int) -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.wait(640)
    chip.write(Offset.FCR, fcr)
    assert not chip.irq
    chip.wait(10_000)
    assert not chip.irq


def test_rewriting_fcr_does_not_end_the_timeout() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.wait(640)
    chip.write(Offset.FCR, 0xC1)
    assert chip.iir == TIMEOUT


def test_reading_other_registers_does_not_start_the_timeout_again() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.wait(600)
    for offset in (1, 2, 3, 4, 5, 6, 7):
        chip.read(offset)
    chip.wait(40)
    assert chip.irq


def test_there_is_no_timeout_without_fifo() -> None:
    chip = Chip(fcr=0, ier=0x01)
    chip.receive(1)
    chip.wait(10_000)
    assert chip.iir == DATA


def test_timeout_and_trigger_level_together_read_as_timeout() -> None:
    chip = Chip(fcr=0x41, ier=0x01)
    chip.receive(1, 2, 3, 4)
    chip.wait(4 * FRAME)
    assert chip.iir == TIMEOUT
    chip.read(Offset.RBR)
    assert chip.iir == NONE


def test_a_lost_character_starts_the_timeout_again() -> None:
    chip = Chip(fcr=0xC1)
    chip.receive(*range(16))
    chip.wait(600)
    chip.receive(99)
    chip.wait(600)
    chip.write(Offset.IER, 0x01)
    assert chip.iir == DATA


def test_a_running_timeout_keeps_the_length_of_the_format_in_which_it_began() -> None:
    chip = Chip(fcr=0xC1, ier=0x01)
    chip.receive(1)
    chip.write(Offset.LCR, 0x00)
    chip.wait(639)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


# -- breaks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lcr", "status"), [(0x03, 0xF9), (0x0B, 0xFD), (0x1B, 0xF9), (0x2B, 0xFD), (0x3B, 0xF9)])
def test_a_break_brings_fe_and_pe_where_a_zero_parity_bit_is_wrong(lcr: int, status: int) -> None:
    chip = Chip(lcr=lcr)
    chip.receive(0, errors=chip.uart.transmitter.times.break_errors)
    assert chip.read(Offset.LSR) == status
    assert chip.read_all() == b"\0"


def test_dlab_does_not_hide_what_arrives() -> None:
    chip = Chip()
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.receive(0x41)
    chip.write(Offset.LCR, 3)
    assert chip.read_all() == b"\x41"


# -- runs --------------------------------------------------------------------------------------------------


def test_a_run_overruns_as_single_characters_do() -> None:
    chip = Chip()
    chip.uart.receive_run(bytes(range(20)), chip.uart.now, chip.uart.line_format.frame_ticks)
    chip.now += 19 * FRAME
    assert chip.read(Offset.LSR) == 0x63
    assert chip.uart.receiver.overruns == 4
    assert chip.read_all() == bytes(range(16))


def test_an_empty_run_is_nothing() -> None:
    chip = Chip()
    chip.uart.receive_run(b"", chip.uart.now, 1)
    chip.uart.write_run(b"", chip.uart.now)
    assert chip.lsr == 0x60
