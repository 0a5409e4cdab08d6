"""Interrupts: priorities, the latch of THRE, what clears what, and the gate by OUT2."""

from __future__ import annotations

import itertools

import pytest

from tests.chip.probe import FRAME, Chip
from uartsim.registers import LSR, MCR, MSR, InterruptId, Offset

NONE, THR_EMPTY = InterruptId.NONE, InterruptId.THR_EMPTY


def pending(chip: Chip, sources: tuple[str, ...]) -> None:
    """Make the named sources pending in a chip with trigger level 4."""
    if "timeout" in sources or "data" in sources:
        chip.receive(*range(4))
    if "timeout" in sources:
        chip.wait(4 * FRAME)
    if "line status" in sources:
        chip.uart.receiver.latched |= LSR.OE
    if "modem" in sources:
        chip.set_pins(0)
    chip.write(Offset.IER, 0x0F if "empty" in sources else 0x0D)


PRIORITY = {"line status": 0x06, "timeout": 0x0C, "data": 0x04, "empty": 0x02, "modem": 0x00}


@pytest.mark.parametrize(
    "sources", [s for n in range(6) for s in itertools.combinations(PRIORITY, n)], ids=lambda s: "+".join(s) or "none"
)
def test_the_highest_priority_shows(sources: tuple[str, ...]) -> None:
    chip = Chip(fcr=0x41)
    pending(chip, sources)
    expected = next((code for name, code in PRIORITY.items() if name in sources), 0x01)
    assert chip.read(Offset.IIR) == 0xC0 | expected
    assert chip.irq == (bool(sources) and (sources != ("empty",)))  # that one was cleared by the read


@pytest.mark.parametrize(("bit", "source"), [(0x01, "data"), (0x02, "empty"), (0x04, "line status"), (0x08, "modem")])
def test_each_source_has_its_own_enable(bit: int, source: str) -> None:
    chip = Chip(fcr=0x41)
    pending(chip, ("data", "empty", "line status", "modem"))
    chip.write(Offset.IER, 0)
    assert not chip.irq
    assert chip.iir == NONE
    chip.write(Offset.IER, bit)
    assert chip.iir == PRIORITY[source]
    assert chip.irq


# -- THRE --------------------------------------------------------------------------------------------------


def test_enabling_it_while_the_transmitter_is_empty_interrupts() -> None:
    chip = Chip()
    chip.write(Offset.IER, 0x02)
    assert chip.irq
    assert chip.read(Offset.IIR) == 0xC2


def test_reading_iir_clears_it_when_it_was_what_was_read() -> None:
    chip = Chip(ier=0x02)
    assert [chip.read(Offset.IIR) for _ in range(2)] == [0xC2, 0xC1]
    assert not chip.irq


def test_reading_iir_does_not_clear_it_when_something_higher_was_read() -> None:
    chip = Chip(ier=0x03)
    chip.receive(0x41)
    assert [chip.read(Offset.IIR) for _ in range(2)] == [0xC4, 0xC4]
    chip.read(Offset.RBR)
    assert chip.read(Offset.IIR) == 0xC2


def test_writing_thr_clears_it_and_the_empty_fifo_sets_it_again() -> None:
    chip = Chip(ier=0x02)
    chip.send(b"ab")
    assert not chip.irq
    chip.wait(FRAME - 1)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


def test_the_late_indication_makes_the_interrupt_late() -> None:
    chip = Chip(ier=0x02)
    chip.send(b"a")
    chip.wait(143)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


def test_after_iir_was_read_only_a_new_empty_indication_interrupts() -> None:
    chip = Chip(ier=0x02)
    chip.read(Offset.IIR)
    chip.wait(10 * FRAME)
    assert not chip.irq
    chip.send(b"ab")
    chip.wait(FRAME)
    assert chip.irq


def test_only_the_rising_edge_of_the_enable_raises_it_again() -> None:
    chip = Chip(ier=0x02)
    chip.read(Offset.IIR)
    for value in (0x02, 0x03, 0x02):
        chip.write(Offset.IER, value)
        assert not chip.irq, value
    chip.write(Offset.IER, 0x00)
    chip.write(Offset.IER, 0x02)
    assert chip.irq


def test_enabling_it_while_the_transmitter_is_busy_interrupts_when_it_is_empty() -> None:
    chip = Chip()
    chip.send(b"ab")
    chip.write(Offset.IER, 0x02)
    assert not chip.irq
    chip.wait(FRAME)
    assert chip.irq


def test_the_mask_hides_it_without_clearing_it() -> None:
    chip = Chip(ier=0x02)
    chip.write(Offset.IER, 0x00)
    assert not chip.irq
    chip.write(Offset.IER, 0x02)
    assert chip.irq


def test_a_reset_of_the_transmitter_fifo_raises_it() -> None:
    chip = Chip(ier=0x02)
    chip.read(Offset.IIR)
    chip.write(Offset.FCR, 0x05)
    assert chip.iir == THR_EMPTY


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0)])
def test_a_change_of_fcr0_raises_it(before: int, after: int) -> None:
    chip = Chip(fcr=before, ier=0x02)
    chip.read(Offset.IIR)
    chip.write(Offset.FCR, after)
    assert chip.iir == THR_EMPTY


def test_it_also_works_without_fifo() -> None:
    chip = Chip(fcr=0, ier=0x02)
    assert chip.read(Offset.IIR) == 0x02
    chip.send(b"a")
    assert not chip.irq
    chip.wait(24)
    assert chip.irq


# -- others ------------------------------------------------------------------------------------------------


def test_line_status_is_cleared_by_reading_lsr_and_by_nothing_else() -> None:
    chip = Chip(ier=0x04)
    chip.receive(0x41, errors=LSR.PE)
    for offset in (0, 1, 2, 3, 4, 6, 7):
        chip.read(offset)
        assert chip.irq, offset
    chip.read(Offset.LSR)
    assert not chip.irq


def test_modem_status_is_cleared_by_reading_msr_and_by_nothing_else() -> None:
    chip = Chip(ier=0x08)
    chip.set_pins(0)
    for offset in (0, 1, 2, 3, 4, 5, 7):
        chip.read(offset)
        assert chip.irq, offset
    chip.read(Offset.MSR)
    assert not chip.irq


# -- OUT2 --------------------------------------------------------------------------------------------------


def test_out2_gates_the_line_and_not_iir() -> None:
    chip = Chip(ier=0x02, mcr=0)
    assert chip.iir == THR_EMPTY
    assert not chip.irq
    chip.write(Offset.MCR, MCR.OUT2)
    assert chip.irq
    chip.write(Offset.MCR, 0)
    assert not chip.irq


@pytest.mark.parametrize(
    ("gate", "control", "out"),
    [
        ("bit", MCR.OUT2, True),
        ("bit", MCR.OUT2 | MCR.LOOP, True),
        ("bit", MCR.LOOP, False),
        ("pin", MCR.OUT2, True),
        ("pin", MCR.OUT2 | MCR.LOOP, False),  # the pin is inactive in loopback
        ("pin", MCR.LOOP, False),
        ("none", 0, True),
        ("none", MCR.LOOP, True),
    ],
)
def test_the_gate_can_look_at_the_bit_or_at_the_pin_or_not_be_there(gate: str, control: int, out: bool) -> None:
    chip = Chip(out2_gate=gate)
    chip.write(Offset.MCR, int(control))
    chip.read(Offset.MSR)
    chip.write(Offset.IER, 0x02)
    assert chip.irq == out
    assert chip.iir == THR_EMPTY


def test_a_delta_that_was_read_does_not_come_back() -> None:
    chip = Chip(ier=0x08)
    chip.set_pins(0)
    assert chip.read(Offset.MSR) == MSR.DCTS | MSR.DDSR | MSR.DDCD
    assert chip.read(Offset.MSR) == 0
    chip.set_pins(0)
    assert not chip.irq


@pytest.mark.parametrize("ier", range(16))
def test_a_source_interrupts_only_if_its_own_bit_is_set(ier: int) -> None:
    modem = Chip()
    modem.set_pins(0x00)
    modem.uart.thr_empty_latch = False
    modem.write(Offset.IER, ier & ~2)
    assert modem.irq is bool(ier & 8)
    data = Chip()
    data.receive(0x41)
    data.write(Offset.IER, ier & ~2)
    assert data.irq is bool(ier & 1)
    status = Chip(fcr=0)
    status.receive(0x41, errors=8)
    status.read(Offset.RBR)
    status.write(Offset.IER, ier & ~2)
    assert status.irq is bool(ier & 4)
    transmitter = Chip()
    transmitter.write(Offset.IER, ier)
    assert transmitter.irq is bool(ier & 2)
