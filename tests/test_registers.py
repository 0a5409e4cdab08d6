"""The register map as the datasheets print it: PC16550D tables II to IV, TL16C750 for what the 16750 adds."""

from __future__ import annotations

from enum import IntEnum

import pytest

from uartsim import registers
from uartsim.registers import VARIANTS, Variant

BITS = {
    "IER": "ERBFI ETBEI ELSI EDSSI",
    "MCR": "DTR RTS OUT1 OUT2 LOOP AFE",
    "LSR": "DR OE PE FE BI THRE TEMT FIFO_ERROR",
    "MSR": "DCTS DDSR TERI DDCD CTS DSR RI DCD",
}


@pytest.mark.parametrize("register", BITS)
def test_bits_are_numbered_from_0(register: str) -> None:
    flags = getattr(registers, register)
    names = BITS[register].split()
    assert {flag.name: int(flag) for flag in flags} == {name: 1 << bit for bit, name in enumerate(names)}


def test_offsets() -> None:
    def at(*names: str) -> list[int]:
        return [int(registers.Offset[name]) for name in names]

    assert at("RBR", "IER", "IIR", "LCR", "MCR", "LSR", "MSR", "SCR") == list(range(8))
    assert at("THR", "FCR", "DLL", "DLM") == [0, 2, 0, 1]


def test_fields_of_several_bits() -> None:
    assert {member.name: int(member) for member in registers.FCR.__members__.values()} == {
        "FIFO_ENABLE": 0x01,
        "RCVR_RESET": 0x02,
        "XMIT_RESET": 0x04,
        "DMA_MODE": 0x08,
        "FIFO_64": 0x20,
        "TRIGGER": 0xC0,
    }
    assert {member.name: int(member) for member in registers.LCR.__members__.values()} == {
        "WLS": 0x03,
        "STB": 0x04,
        "PEN": 0x08,
        "EPS": 0x10,
        "STICK": 0x20,
        "BREAK": 0x40,
        "DLAB": 0x80,
    }


def test_interrupts_by_priority() -> None:
    assert issubclass(registers.InterruptId, IntEnum)
    assert {member.name: int(member) for member in registers.InterruptId} == {
        "NONE": 0x1,
        "LINE_STATUS": 0x6,
        "RECEIVED_DATA": 0x4,
        "CHARACTER_TIMEOUT": 0xC,
        "THR_EMPTY": 0x2,
        "MODEM_STATUS": 0x0,
    }


def test_views_of_the_bits_keep_their_places() -> None:
    assert {error.name: int(error) for error in registers.LineError} == {"PE": 0x04, "FE": 0x08, "BI": 0x10}
    assert {pin.name: int(pin) for pin in registers.ModemInput} == {"CTS": 0x10, "DSR": 0x20, "RI": 0x40, "DCD": 0x80}
    assert {pin.name: int(pin) for pin in registers.ModemOutput} == {"DTR": 1, "RTS": 2, "OUT1": 4, "OUT2": 8}


def test_what_master_reset_and_power_on_give() -> None:
    assert dict(registers.RESET_VALUES) == {"IER": 0, "IIR": 1, "FCR": 0, "LCR": 0, "MCR": 0, "LSR": 0x60}
    assert registers.POWER_ON_DIVISOR == 12
    assert registers.DIVISOR_OF_ZERO == 65_536


@pytest.mark.parametrize(
    ("variant", "depth", "works", "fcr_bits", "mcr_bits", "iir_bits", "has_scratch"),
    [
        ("8250", 1, False, 0x00, 0x1F, 0x00, False),
        ("16450", 1, False, 0x00, 0x1F, 0x00, True),
        ("16550", 1, False, 0xC9, 0x1F, 0x80, True),
        ("16550A", 16, True, 0xC9, 0x1F, 0xC0, True),
        ("16750", 16, True, 0xE9, 0x3F, 0xC0, True),
    ],
)
def test_what_each_variant_has(
    variant: str, depth: int, works: bool, fcr_bits: int, mcr_bits: int, iir_bits: int, has_scratch: bool
) -> None:
    found = VARIANTS[variant]
    assert found.name == variant
    assert (found.fcr_bits, found.mcr_bits, found.iir_fifo_bits) == (fcr_bits, mcr_bits, iir_bits)
    assert (found.fifo_works, found.has_scratch, found.has_fcr) == (works, has_scratch, fcr_bits > 0)
    assert found.fifo_depth == depth
    assert found.fifo_mode(0x01) == (works, depth)
    assert found.fifo_mode(0x00) == found.fifo_mode(0xE0) == (False, 1)
    assert [found.trigger(fcr) for fcr in (0x01, 0x41, 0x81, 0xC1)] == ([1, 4, 8, 14] if works else [1] * 4)
    assert [found.trigger(fcr) for fcr in (0x00, 0xC0)] == [1, 1]
    assert found.auto_flow is (variant == "16750")


def test_there_is_no_other_variant() -> None:
    assert list(VARIANTS) == ["8250", "16450", "16550", "16550A", "16750"]


def test_the_16750s_deep_fifo() -> None:
    deep = VARIANTS["16750"]
    assert deep.fifo_mode(0x21) == (True, 64)
    assert deep.fifo_mode(0x20) == (False, 1)
    assert [deep.trigger(fcr) for fcr in (0x21, 0x61, 0xA1, 0xE1)] == [1, 16, 32, 56]


def test_a_variant_of_ones_own_is_a_16550a_but_for_what_is_said() -> None:
    own, model = Variant("mine"), VARIANTS["16550A"]
    for name in Variant.__slots__:
        assert name == "name" or getattr(own, name) == getattr(model, name)
