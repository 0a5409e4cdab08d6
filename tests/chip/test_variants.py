"""What tells the members of the family apart, each member against one table."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.chip.probe import Chip
from uartsim.chip.uart import Uart
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.registers import FCR, LCR, LSR, MCR, VARIANTS, Offset


class Part(NamedTuple):
    """What software can find out about a part.

    Attributes:
        scratch: what SCR reads after 0x5A was written.
        iir: IIR after FCR was written with 1.
        depth: characters that the receiver holds then, and the transmitter besides its shift register.
        long_depth: the same after FCR was written with 0x21 while the divisor latch was open.
        long_iir: IIR then.
        mcr: what MCR reads after 0xFF was written.
        triggers: characters at which IIR is 04, by FCR 7:6.
        long_triggers: the same after FCR.5.
    """

    scratch: int
    iir: int
    depth: int
    long_depth: int
    long_iir: int
    mcr: int
    triggers: tuple[int, ...]
    long_triggers: tuple[int, ...]


ONE = (1, 1, 1, 1)
SHORT = (1, 4, 8, 14)
PARTS = {
    "8250": Part(0xFF, 0x01, 1, 1, 0x01, 0x1F, ONE, ONE),
    "16450": Part(0x5A, 0x01, 1, 1, 0x01, 0x1F, ONE, ONE),
    "16550": Part(0x5A, 0x81, 1, 1, 0x81, 0x1F, ONE, ONE),
    "16550A": Part(0x5A, 0xC1, 16, 16, 0xC1, 0x1F, SHORT, SHORT),
    "16750": Part(0x5A, 0xC1, 16, 64, 0xE1, 0x3F, SHORT, (1, 16, 32, 56)),
}
each_part = pytest.mark.parametrize("name", PARTS)


def with_long_fifo(name: str) -> Chip:
    """A chip whose FCR.5 was set in the only way that works."""
    chip = Chip(variant=name, fcr=0, settled=False)
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.FCR, FCR.FIFO_ENABLE | FCR.FIFO_64)
    chip.write(Offset.LCR, 3)
    return chip


def held_by_the_receiver(chip: Chip) -> int:
    chip.receive(*range(100))
    return len(chip.read_all())


def held_by_the_transmitter(chip: Chip) -> int:
    """Beside the character in the shift register."""
    chip.send(bytes(1))
    chip.wait(20)  # 16450 mode: the start bit
    chip.send(bytes(100))
    chip.wait(200 * 160)
    return len(chip.uart.take_sent()) - 1


def levels_of_interrupt(chip: Chip, fcr: int) -> tuple[int, ...]:
    levels = []
    chip.write(Offset.IER, 0x01)
    for trigger in range(4):
        chip.write(Offset.FCR, fcr | trigger << 6 | FCR.RCVR_RESET)
        chip.read_all()
        level = 0
        while chip.iir != 0x04:
            chip.receive(0)
            level += 1
        levels.append(level)
    return tuple(levels)


def test_every_member_of_the_family_is_in_the_table() -> None:
    assert PARTS.keys() == VARIANTS.keys()


@each_part
def test_the_scratch_register_is_there_or_is_not(name: str) -> None:
    chip = Chip(variant=name)
    chip.write(Offset.SCR, 0x5A)
    assert chip.read(Offset.SCR) == PARTS[name].scratch


@each_part
def test_iir_says_which_fifo_there_is(name: str) -> None:
    assert Chip(variant=name, fcr=0).read(Offset.IIR) == 0x01
    assert Chip(variant=name, fcr=0x01).read(Offset.IIR) == PARTS[name].iir
    assert Chip(variant=name, fcr=0x21).read(Offset.IIR) == PARTS[name].iir, "FCR.5 without DLAB is nothing"
    assert with_long_fifo(name).read(Offset.IIR) == PARTS[name].long_iir


@each_part
def test_the_fifos_are_as_deep_as_they_are(name: str) -> None:
    part = PARTS[name]
    assert held_by_the_receiver(Chip(variant=name, fcr=0x01)) == part.depth
    assert held_by_the_receiver(Chip(variant=name, fcr=0x21)) == part.depth
    assert held_by_the_receiver(with_long_fifo(name)) == part.long_depth
    assert held_by_the_transmitter(Chip(variant=name, fcr=0x01)) == part.depth
    assert held_by_the_transmitter(with_long_fifo(name)) == part.long_depth


@each_part
def test_without_fcr0_every_part_holds_one_character(name: str) -> None:
    assert held_by_the_receiver(Chip(variant=name, fcr=0)) == 1
    assert held_by_the_transmitter(Chip(variant=name, fcr=0)) == 1


@each_part
def test_trigger_levels(name: str) -> None:
    assert levels_of_interrupt(Chip(variant=name, fcr=0x01), 0x01) == PARTS[name].triggers
    assert levels_of_interrupt(with_long_fifo(name), 0x01) == PARTS[name].long_triggers


@each_part
def test_mcr_has_the_bits_that_it_has(name: str) -> None:
    chip = Chip(variant=name)
    chip.write(Offset.MCR, 0xFF)
    assert chip.read(Offset.MCR) == PARTS[name].mcr
    assert bool(PARTS[name].mcr & MCR.AFE) == (name == "16750")


@each_part
def test_ier_has_four_bits(name: str) -> None:
    chip = Chip(variant=name)
    chip.write(Offset.IER, 0xFF)
    assert chip.read(Offset.IER) == 0x0F


def test_the_long_fifo_ends_only_through_the_divisor_latch_or_with_the_fifos() -> None:
    chip = with_long_fifo("16750")
    chip.write(Offset.FCR, 0x01)
    assert chip.read(Offset.IIR) & 0xE0 == 0xE0
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.FCR, 0x01)
    assert chip.read(Offset.IIR) & 0xE0 == 0xC0
    chip = with_long_fifo("16750")
    chip.write(Offset.FCR, 0x00)
    chip.write(Offset.FCR, 0x01)
    assert chip.read(Offset.IIR) & 0xE0 == 0xC0


def test_the_long_fifo_that_went_with_the_fifos_comes_back_only_by_being_asked_for() -> None:
    chip = with_long_fifo("16750")
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.FCR, FCR.FIFO_64)  # bit 0 is 0: the rest is not programmed
    chip.write(Offset.FCR, FCR.FIFO_ENABLE)
    chip.write(Offset.LCR, 3)
    assert chip.read(Offset.IIR) & 0xE0 == 0xC0
    assert held_by_the_receiver(chip) == 16
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.FCR, FCR.FIFO_ENABLE | FCR.FIFO_64)
    chip.write(Offset.LCR, 3)
    chip.read(Offset.LSR)
    assert held_by_the_receiver(chip) == 64


@pytest.mark.parametrize(("before", "after", "empties"), [(0x21, 0x01, True), (0x01, 0x21, True), (0x21, 0x21, False)])
def test_a_change_of_fcr_5_empties_both_fifos_and_the_shift_register_goes_on(
    before: int, after: int, empties: bool
) -> None:
    uart = Uart("16750")
    for offset, value in ((Offset.LCR, LCR.DLAB | 3), (Offset.DLL, 1), (Offset.DLM, 0), (Offset.FCR, before)):
        uart.write(offset, value, 0)
    uart.write(Offset.LCR, 3, 0)
    for character in b"abc":
        uart.write(Offset.THR, character, 0)
        uart.receive(character, 0, 0)
    uart.write(Offset.LCR, LCR.DLAB | 3, 1)
    uart.write(Offset.FCR, after, 1)
    uart.write(Offset.LCR, 3, 1)
    assert bool(uart.read(Offset.LSR, 1) & LSR.DR) is not empties
    uart.advance(TICKS_PER_SECOND)
    sent = b"".join(bytes(run.characters) for run in uart.take_sent_runs())
    assert sent == (b"a" if empties else b"abc")


def test_a_change_of_the_fifos_length_empties_them() -> None:
    chip = Chip(variant="16750", fcr=0x01)
    chip.receive(1, 2)
    chip.write(Offset.LCR, LCR.DLAB | 3)
    chip.write(Offset.FCR, 0x21)
    chip.write(Offset.LCR, 3)
    assert not chip.lsr & LSR.DR
