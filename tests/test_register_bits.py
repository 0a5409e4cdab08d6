"""The bits as plain numbers: those of the registers, and what follows from several of them."""

from __future__ import annotations

import pytest

from uartsim import register_bits, registers

VALUES = {
    "RBR": 0,
    "THR": 0,
    "IER": 1,
    "IIR": 2,
    "MCR": 4,
    "LSR": 5,
    "MSR": 6,
    "ERBFI": 0x01,
    "ETBEI": 0x02,
    "ELSI": 0x04,
    "EDSSI": 0x08,
    "NO_INTERRUPT": 1,
    "LINE_STATUS": 6,
    "RECEIVED_DATA": 4,
    "CHARACTER_TIMEOUT": 12,
    "THR_EMPTY": 2,
    "MODEM_STATUS": 0,
    "FIFO_ENABLE": 0x01,
    "RCVR_RESET": 0x02,
    "XMIT_RESET": 0x04,
    "FIFO_64": 0x20,
    "FORMAT": 0x3F,
    "BREAK": 0x40,
    "DLAB": 0x80,
    "RTS": 0x02,
    "OUT2": 0x08,
    "LOOP": 0x10,
    "AFE": 0x20,
    "MODEM_OUTPUTS": 0x0F,
    "DR": 0x01,
    "OVERRUN": 0x02,
    "THRE": 0x20,
    "TEMT": 0x40,
    "FIFO_ERROR": 0x80,
    "PARITY_ERROR": 0x04,
    "FRAMING_ERROR": 0x08,
    "BREAK_INTERRUPT": 0x10,
    "CHARACTER_ERRORS": 0x1C,
    "ALL_ERRORS": 0x1E,
    "DCTS": 0x01,
    "TERI": 0x04,
    "CTS": 0x10,
    "RI": 0x40,
    "MODEM_INPUTS": 0xF0,
    "DELTAS": 0x0F,
}


def test_every_constant_is_a_plain_number_and_has_its_value() -> None:
    found = {name: value for name, value in vars(register_bits).items() if name.isupper() and isinstance(value, int)}
    assert found == VALUES
    assert {type(value) for value in found.values()} == {int}


def test_in_loopback_each_output_shows_as_its_input() -> None:
    pairs = {registers.MCR.RTS: "CTS", registers.MCR.DTR: "DSR", registers.MCR.OUT1: "RI", registers.MCR.OUT2: "DCD"}
    assert len(register_bits.LOOPED_INPUTS) == 16
    for outputs, inputs in enumerate(register_bits.LOOPED_INPUTS):
        assert inputs == sum(registers.MSR[name] for output, name in pairs.items() if outputs & output)
        assert register_bits.shown_inputs(0x10 | outputs, 0xF0, False) == inputs
        assert register_bits.shown_inputs(0x30 | outputs, 0xF0, True) == inputs & ~0x10


@pytest.mark.parametrize("pins", [0x00, 0x10, 0xA0, 0xF0])
def test_outside_loopback_inputs_are_the_pins_and_outputs_are_mcrs(pins: int) -> None:
    for control in (0x00, 0x0B, 0x2F):
        for dropped in (False, True):
            assert register_bits.shown_inputs(control, pins, dropped) == pins
    assert register_bits.driven_outputs(0xFF, False) == 0x0F
    assert register_bits.driven_outputs(0xFF, True) == 0x0D
    assert register_bits.driven_outputs(0x02, True) == 0x00
