"""Registers: reset values, masks, the DLAB window, FCR, and what a caller must not do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chip.probe import Chip
from uartsim.chip import Uart
from uartsim.line_format import BIT_AT_DIVISOR_1, LineFormat
from uartsim.registers import (
    IER,
    LCR,
    LSR,
    RESET_VALUES,
    Offset,
)

FIFOLESS = ["8250", "16450", "16550"]


def test_master_reset_gives_the_datasheets_values() -> None:
    chip = Chip(fcr=0xC7, ier=0x0F, mcr=0x1F, lcr=0xFF)
    chip.uart.reset(chip.uart.now)
    shown = {name: chip.read(Offset[name]) for name in ("IER", "IIR", "LCR", "MCR", "LSR")}
    assert shown == {name: value for name, value in RESET_VALUES.items() if name != "FCR"}
    assert shown == {"IER": 0x00, "IIR": 0x01, "LCR": 0x00, "MCR": 0x00, "LSR": 0x60}
    assert chip.read(Offset.MSR) == 0xB0, "low nibble 0, high nibble the inputs"
    assert not chip.irq


def test_reset_does_not_touch_rbr_scr_and_the_divisor_latch() -> None:
    chip = Chip(fcr=0)
    chip.receive(0x5A)
    chip.write(Offset.SCR, 0xA5)
    chip.write(Offset.LCR, LCR.DLAB)
    chip.write(Offset.DLL, 0x34)
    chip.write(Offset.DLM, 0x12)
    chip.uart.reset(chip.uart.now)
    assert chip.read(Offset.RBR) == 0x5A
    assert chip.read(Offset.SCR) == 0xA5
    chip.write(Offset.LCR, LCR.DLAB)
    assert (chip.read(Offset.DLL), chip.read(Offset.DLM)) == (0x34, 0x12)


def test_reset_ends_a_frame_an_interrupt_and_a_break() -> None:
    chip = Chip(ier=0x0F)
    chip.send(b"abc")
    chip.write(Offset.LCR, LCR.BREAK)
    chip.uart.reset(chip.uart.now)
    assert chip.lsr == 0x60
    assert chip.uart.next_event(chip.uart.now) > 1 << 60
    assert [on for _, on in chip.uart.take_break_changes()] == [True, False]


@pytest.mark.parametrize("value", [0x00, 0x5A, 0xFF])
def test_only_bits_that_exist_read_back(value: int) -> None:
    chip = Chip(lcr=0x03)
    for offset, mask in ((Offset.IER, 0x0F), (Offset.MCR, 0x1F), (Offset.SCR, 0xFF), (Offset.LCR, 0xFF)):
        chip.write(offset, value)
        assert chip.read(offset) == value & mask, offset
        chip.write(offset, 0)


def test_the_16750_has_a_sixth_bit_in_mcr() -> None:
    chip = Chip(variant="16750")
    chip.write(Offset.MCR, 0xFF)
    assert chip.read(Offset.MCR) == 0x3F


def test_dlab_shows_the_divisor_latch_and_nothing_else_changes_place() -> None:
    chip = Chip(ier=0x05)
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.DLL, 0x0C)
    chip.write(Offset.DLM, 0x01)
    assert (chip.read(Offset.DLL), chip.read(Offset.DLM)) == (0x0C, 0x01)
    assert chip.read(Offset.IIR) == 0xC1, "IIR is not shadowed"
    chip.write(Offset.LCR, 3)
    assert chip.read(Offset.IER) == 0x05
    assert chip.uart.divisor == 0x010C


def test_reading_dll_never_pops() -> None:
    chip = Chip()
    chip.receive(0x41)
    chip.write(Offset.LCR, LCR.DLAB | 3)
    assert chip.read(Offset.DLL) == 1
    assert chip.lsr & LSR.DR
    chip.write(Offset.LCR, 3)
    assert chip.read(Offset.RBR) == 0x41


def test_writing_dll_sends_nothing() -> None:
    chip = Chip()
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.DLL, 0x55)
    assert chip.uart.take_sent() == []
    assert chip.lsr == 0x60


@pytest.mark.parametrize("offset", [Offset.LSR, Offset.MSR])
def test_status_registers_ignore_writes(offset: Offset) -> None:
    chip = Chip(ier=0x0F)
    before = chip.read(offset)
    chip.read(Offset.IIR)
    chip.write(offset, 0xFF)
    assert chip.read(offset) == before
    assert not chip.irq


@pytest.mark.parametrize(
    ("lcr", "line_format"),
    [
        (0x00, LineFormat(BIT_AT_DIVISOR_1, 5, "N", 2)),
        (0x04, LineFormat(BIT_AT_DIVISOR_1, 5, "N", 3)),  # 1.5 stop bits
        (0x05, LineFormat(BIT_AT_DIVISOR_1, 6, "N", 4)),
        (0x1A, LineFormat(BIT_AT_DIVISOR_1, 7, "E", 2)),
        (0x0A, LineFormat(BIT_AT_DIVISOR_1, 7, "O", 2)),
        (0x2B, LineFormat(BIT_AT_DIVISOR_1, 8, "M", 2)),  # stick: the opposite of bit 4
        (0x3F, LineFormat(BIT_AT_DIVISOR_1, 8, "S", 4)),
        (0x33, LineFormat(BIT_AT_DIVISOR_1, 8, "N", 2)),  # no parity: bits 4 and 5 mean nothing
    ],
)
def test_lcr_makes_the_format(lcr: int, line_format: LineFormat) -> None:
    assert Chip(lcr=lcr).uart.line_format == line_format


@pytest.mark.parametrize(("divisor", "bits"), [(1, 1), (2, 2), (12, 12), (0xFFFF, 0xFFFF), (0, 0x10000)])
def test_a_bit_lasts_sixteen_periods_for_each_count_of_the_divisor(divisor: int, bits: int) -> None:
    chip = Chip()
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.DLL, divisor & 0xFF)
    chip.write(Offset.DLM, divisor >> 8)
    assert chip.uart.line_format.bit_ticks == bits * BIT_AT_DIVISOR_1


def test_divisor_zero_still_transmits_at_the_slowest_speed() -> None:
    chip = Chip(lcr=0x83, settled=False)
    chip.write(Offset.DLL, 0)
    chip.write(Offset.LCR, 3)
    chip.send(b"a")
    (frame,) = chip.uart.take_sent()
    assert frame.line_format.frame_ticks == 10 * 65536 * BIT_AT_DIVISOR_1


# -- FCR ---------------------------------------------------------------------------------------------------


def test_iir_shows_that_the_fifos_are_on() -> None:
    chip = Chip(fcr=0)
    assert chip.read(Offset.IIR) == 0x01
    chip.write(Offset.FCR, 0x01)
    assert chip.read(Offset.IIR) == 0xC1
    chip.write(Offset.FCR, 0x00)
    assert chip.read(Offset.IIR) == 0x01


def test_fcr_bits_4_and_5_do_nothing_in_a_16550a() -> None:
    chip = Chip(fcr=0xF9)
    assert chip.read(Offset.IIR) == 0xC1
    assert chip.uart.receiver.trigger == 14
    assert chip.uart.receiver.depth == 16


def test_fcr_without_bit_0_programs_nothing_else() -> None:
    chip = Chip(fcr=0x00, ier=0x02)
    chip.read(Offset.IIR)
    chip.receive(0x41)
    chip.write(Offset.FCR, 0xC6)
    assert chip.lsr & LSR.DR, "the receiver was not reset"
    assert chip.iir == 0x01, "the transmitter was not reset"
    chip.write(Offset.FCR, 0x01)
    assert chip.uart.receiver.trigger == 1


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0)])
def test_a_change_of_fcr0_empties_both_fifos(before: int, after: int) -> None:
    chip = Chip(fcr=before)
    chip.send(b"xy")
    chip.receive(0x41)
    chip.write(Offset.FCR, after)
    assert chip.lsr & (LSR.DR | LSR.THRE) == LSR.THRE
    assert not chip.uart.transmitter.fifo


def test_rewriting_fcr_without_change_keeps_what_is_in_the_fifos() -> None:
    chip = Chip(fcr=0x01)
    chip.send(b"xyz")
    chip.receive(0x41)
    chip.write(Offset.FCR, 0xC1)
    assert chip.lsr & (LSR.DR | LSR.THRE) == LSR.DR
    assert chip.uart.receiver.trigger == 14


def test_fifo_resets_clear_themselves() -> None:
    chip = Chip(fcr=0x07)
    chip.receive(0x41)
    chip.write(Offset.FCR, 0x01)
    assert chip.lsr & LSR.DR


def test_the_transmitter_reset_leaves_the_shift_register_alone() -> None:
    chip = Chip()
    chip.send(b"abc")
    chip.write(Offset.FCR, 0x05)
    assert chip.lsr & (LSR.THRE | LSR.TEMT) == LSR.THRE
    chip.wait(159)
    assert not chip.lsr & LSR.TEMT
    chip.wait(1)
    assert chip.lsr & LSR.TEMT
    assert bytes(frame.character for frame in chip.uart.take_sent()) == b"a"


# -- bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-1, 8, 1000])
def test_an_offset_outside_the_chip_is_refused(offset: int) -> None:
    uart = Uart()
    with pytest.raises(ValueError, match=f"offset is {offset}"):
        uart.read(offset, 0)
    with pytest.raises(ValueError, match=f"offset is {offset}"):
        uart.write(offset, 0, 0)


@pytest.mark.parametrize("value", [-1, 256])
def test_a_value_outside_a_byte_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match=f"value is {value}"):
        Uart().write(0, value, 0)


def test_time_does_not_go_backwards() -> None:
    uart = Uart()
    uart.advance(1000)
    calls: list[Callable[[], object]] = [
        lambda: uart.read(5, 999),
        lambda: uart.write(7, 0, 999),
        lambda: uart.advance(999),
        lambda: uart.receive(0, 0, 999),
        lambda: uart.receive_run(b"a", 999, 1),
        lambda: uart.write_run(b"a", 999),
        lambda: uart.next_event(999),
        lambda: uart.next_interrupt(999),
        lambda: uart.set_modem_inputs(0, 999),
        lambda: uart.reset(999),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="time went backwards: 999 after 1000"):
            call()
    assert uart.now == 1000


def test_a_refused_access_changes_nothing() -> None:
    chip = Chip()
    now = chip.uart.now
    with pytest.raises(ValueError, match="value is 256"):
        chip.uart.write(0, 256, now + 5)
    assert chip.uart.now == now
    assert chip.lsr == 0x60


@pytest.mark.parametrize(
    "options", [{"variant": "16950"}, {"out2_gate": "maybe"}, {"timeout_rule": "never"}], ids=["part", "gate", "rule"]
)
def test_an_unknown_option_is_refused_with_the_known_ones(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="use"):
        Uart(**options)  # type: ignore[arg-type]


def test_registers_take_flags_as_well_as_numbers() -> None:
    chip = Chip()
    chip.write(Offset.IER, IER.ERBFI | IER.ELSI)
    assert type(chip.read(Offset.IER)) is int
    chip.write(Offset.LCR, LCR.BREAK)
    assert type(chip.read(Offset.LCR)) is int
