"""Modem lines and their deltas, and the loopback: at line speed, through LCR, with modem lines and break."""

from __future__ import annotations

import pytest

from tests.chip.probe import BIT, FRAME, Chip
from uartsim.registers import LCR, LSR, MCR, MSR, InterruptId, Offset

LOOP = 0x10


# -- modem lines -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "delta"), [(MSR.CTS, MSR.DCTS), (MSR.DSR, MSR.DDSR), (MSR.DCD, MSR.DDCD)])
def test_three_lines_set_their_delta_on_both_edges(line: MSR, delta: MSR) -> None:
    chip = Chip(modem_inputs=0, ier=0x08)
    chip.set_pins(line)
    assert chip.iir == InterruptId.MODEM_STATUS
    assert chip.read(Offset.MSR) == line | delta
    assert chip.read(Offset.MSR) == line
    chip.set_pins(0)
    assert chip.read(Offset.MSR) == delta


def test_ri_sets_teri_only_when_it_ends() -> None:
    chip = Chip(modem_inputs=0, ier=0x08)
    chip.set_pins(MSR.RI)
    assert not chip.irq
    assert chip.read(Offset.MSR) == MSR.RI
    chip.set_pins(0)
    assert chip.irq
    assert chip.read(Offset.MSR) == MSR.TERI


def test_a_delta_stays_when_the_line_goes_back() -> None:
    chip = Chip(modem_inputs=0)
    chip.set_pins(MSR.DCD)
    chip.set_pins(0)
    assert chip.read(Offset.MSR) == MSR.DDCD


def test_reset_leaves_the_inputs_and_clears_the_deltas() -> None:
    chip = Chip(modem_inputs=0)
    chip.set_pins(MSR.DCD | MSR.CTS)
    chip.uart.reset(chip.uart.now)
    assert chip.read(Offset.MSR) == MSR.DCD | MSR.CTS


def test_outputs_follow_mcr() -> None:
    chip = Chip(mcr=0)
    for bit in (MCR.DTR, MCR.RTS, MCR.OUT1, MCR.OUT2):
        chip.write(Offset.MCR, bit)
        assert chip.uart.modem.outputs == bit


# -- modem lines in loopback -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "line"), [(MCR.RTS, MSR.CTS), (MCR.DTR, MSR.DSR), (MCR.OUT1, MSR.RI), (MCR.OUT2, MSR.DCD)]
)
def test_outputs_come_back_as_inputs(output: MCR, line: MSR) -> None:
    chip = Chip()
    chip.write(Offset.MCR, LOOP | output)
    assert chip.read(Offset.MSR) & 0xF0 == line


def test_deltas_and_teri_work_in_loopback() -> None:
    chip = Chip(modem_inputs=0, mcr=0)
    shown = []
    for control in (0x1F, 0x1B, 0x10):
        chip.write(Offset.MCR, control)
        shown.append(chip.read(Offset.MSR))
    assert shown == [0xFB, 0xB4, 0x0B]


def test_entering_and_leaving_loopback_are_changes_of_the_inputs() -> None:
    chip = Chip(mcr=0x08, ier=0x08)
    chip.write(Offset.MCR, LOOP | MCR.OUT2)
    assert chip.irq
    assert chip.read(Offset.MSR) == MSR.DCD | MSR.DCTS | MSR.DDSR
    chip.write(Offset.MCR, MCR.OUT2)
    assert chip.irq
    assert chip.read(Offset.MSR) == 0xB0 | MSR.DCTS | MSR.DDSR


def test_the_cable_is_cut_off_in_loopback_and_seen_again_after_it() -> None:
    chip = Chip(mcr=LOOP)
    chip.set_pins(MSR.RI)
    assert chip.read(Offset.MSR) == 0
    chip.write(Offset.MCR, 0)
    assert chip.read(Offset.MSR) == MSR.RI


def test_output_pins_are_inactive_in_loopback() -> None:
    chip = Chip(mcr=0x0F)
    chip.write(Offset.MCR, 0x1F)
    assert chip.uart.modem.outputs == MCR(0)


# -- data in loopback --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lcr", [0x00, 0x03, 0x07, 0x0B, 0x1E, 0x04])
def test_a_character_comes_around_at_line_speed(lcr: int) -> None:
    chip = Chip(mcr=0x1B, lcr=lcr)
    chip.write(Offset.THR, 0x15)
    bits_to_the_middle_of_the_stop_bit = 1 + 5 + (lcr & 3) + bool(lcr & 8) + 0.5
    chip.wait(int(bits_to_the_middle_of_the_stop_bit * BIT) - 1)
    assert not chip.lsr & LSR.DR
    chip.wait(1)
    assert chip.lsr & LSR.DR
    assert chip.read(Offset.RBR) == 0x15


@pytest.mark.parametrize(("lcr", "mask"), [(0, 0x1F), (1, 0x3F), (2, 0x7F), (3, 0xFF)])
def test_loopback_goes_through_the_word_length(lcr: int, mask: int) -> None:
    chip = Chip(mcr=0x1B, lcr=lcr)
    chip.write(Offset.THR, 0xFF)
    chip.wait(FRAME)
    assert chip.read_all() == bytes((mask,))


def test_a_full_fifo_comes_around_and_overruns() -> None:
    chip = Chip(mcr=0x1B)
    chip.send(bytes(range(17)))
    chip.wait(20 * FRAME)
    assert chip.read(Offset.LSR) == 0x63
    assert chip.read_all() == bytes(range(16))


def test_received_characters_interrupt_in_loopback() -> None:
    chip = Chip(fcr=0x41, mcr=0x1B, ier=0x01)
    chip.send(b"abcd")
    chip.wait(3 * FRAME + 151)
    assert not chip.irq
    chip.wait(1)
    assert chip.irq


def test_the_timeout_runs_in_loopback() -> None:
    chip = Chip(fcr=0xC1, mcr=0x1B, ier=0x01)
    chip.send(b"a")
    chip.wait(152 + 639)
    assert not chip.irq
    chip.wait(1)
    assert chip.iir == InterruptId.CHARACTER_TIMEOUT


def test_nothing_leaves_on_sout_and_nothing_comes_in_on_sin() -> None:
    chip = Chip(mcr=0x1B)
    chip.send(b"a")
    chip.receive(0x42)
    chip.wait(FRAME)
    assert chip.uart.take_sent() == []
    assert chip.read_all() == b"a"
    assert chip.uart.receiver.received == 1


def test_loopback_works_without_fifo() -> None:
    chip = Chip(fcr=0, mcr=0x1B)
    chip.send(b"a")
    chip.wait(BIT + 152)
    assert chip.read_all() == b"a"


def test_leaving_loopback_cuts_off_what_was_on_its_way() -> None:
    chip = Chip(mcr=0x1B)
    chip.send(b"a")
    chip.wait(100)
    chip.write(Offset.MCR, 0x0B)
    chip.wait(10 * FRAME)
    assert not chip.lsr & LSR.DR


def test_characters_that_wait_when_loopback_begins_come_around() -> None:
    chip = Chip()
    chip.send(b"abc")
    chip.wait(10)
    chip.write(Offset.MCR, 0x1B)
    chip.wait(10 * FRAME)
    assert bytes(frame.character for frame in chip.uart.take_sent()) == b"a"
    assert chip.read_all() == b"bc"


# -- break in loopback -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lcr", "status"), [(0x03, 0xF9), (0x0B, 0xFD), (0x1B, 0xF9)])
def test_a_break_in_loopback_is_received_once_and_not_sent(lcr: int, status: int) -> None:
    chip = Chip(mcr=0x1B, lcr=lcr)
    chip.write(Offset.LCR, lcr | LCR.BREAK)
    chip.wait(100 * FRAME)
    assert chip.read(Offset.LSR) == status
    assert chip.read_all() == b"\0"
    chip.write(Offset.LCR, lcr)
    chip.wait(100 * FRAME)
    assert not chip.lsr & LSR.DR
    assert chip.uart.take_break_changes() == []


def test_a_break_in_loopback_is_complete_at_the_sample_of_its_stop_bit() -> None:
    chip = Chip(mcr=0x1B)
    chip.write(Offset.LCR, 3 | LCR.BREAK)
    chip.wait(151)
    assert not chip.lsr & LSR.DR
    chip.wait(1)
    assert chip.lsr & LSR.BI


def test_linux_autoconfigs_glitch_is_no_break_in_loopback() -> None:
    chip = Chip(mcr=0x1B)
    chip.write(Offset.LCR, 0xBF)
    chip.write(Offset.LCR, 3)
    chip.wait(10 * FRAME)
    assert not chip.lsr & LSR.DR


def test_a_break_that_is_let_go_for_no_time_is_one_break() -> None:
    chip = Chip(mcr=0x1B)
    for begin in (0, 80, 160):
        chip.write(Offset.LCR, 3)
        chip.write(Offset.LCR, 3 | LCR.BREAK)
        chip.wait_until(chip.now + 80)
        assert chip.uart.receiver.received == (begin >= 80), "complete after 152 sixteenths, once"


def test_characters_under_a_break_do_not_come_around_and_those_after_it_do() -> None:
    chip = Chip(mcr=0x1B)
    chip.write(Offset.LCR, 3 | LCR.BREAK)
    chip.send(b"ab")
    chip.wait(2 * FRAME)
    chip.write(Offset.LCR, 3)
    chip.wait(BIT)
    chip.send(b"c")
    chip.wait(FRAME)
    assert chip.read_all() == b"\0c"


def test_entering_loopback_takes_a_break_off_the_line_and_leaving_puts_it_back() -> None:
    chip = Chip()
    chip.write(Offset.LCR, 3 | LCR.BREAK)
    chip.write(Offset.MCR, 0x1B)
    chip.write(Offset.MCR, 0x0B)
    assert [on for _, on in chip.uart.take_break_changes()] == [True, False, True]


def test_cts_holds_the_loop_too_under_automatic_flow_control() -> None:
    chip = Chip(variant="16750", mcr=LOOP | MCR.AFE)
    chip.send(b"a")
    chip.wait(FRAME)
    assert not chip.lsr & LSR.DR
    chip.write(Offset.MCR, LOOP | MCR.AFE | MCR.RTS)
    chip.wait(FRAME)
    assert chip.read_all() == b"a"
    assert chip.uart.take_sent() == []
