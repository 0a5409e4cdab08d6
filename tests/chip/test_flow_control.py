"""16750: automatic flow control.  CTS holds the transmitter; the receiver's FIFO drops RTS."""

from __future__ import annotations

import pytest

from tests.chip.probe import BIT, FRAME, Chip
from uartsim.chip import Uart
from uartsim.line_format import CRYSTAL_PERIOD, NEVER
from uartsim.registers import LCR, LSR, MCR, MSR, InterruptId, Offset

BOTH = MCR.AFE | MCR.RTS


def rts(chip: Chip) -> bool:
    return bool(chip.uart.modem.outputs & MCR.RTS)


def with_trigger(fcr: int, *, long_fifo: bool, mcr: int = BOTH) -> Chip:
    chip = Chip(variant="16750", mcr=mcr)
    if long_fifo:
        chip.write(Offset.LCR, LCR.DLAB | 3)
        chip.write(Offset.FCR, 0x21)
        chip.write(Offset.LCR, 3)
    chip.write(Offset.FCR, fcr)
    return chip


def starts(chip: Chip) -> list[float]:
    """Where the frames began since the last look, in sixteenths."""
    return [frame.start / CRYSTAL_PERIOD for frame in chip.uart.take_sent()]


# -- RTS ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fcr", "long_fifo", "level"),
    [(0x01, False, 1), (0x41, False, 4), (0x81, False, 8), (0x01, True, 1), (0x41, True, 16), (0x81, True, 32)],
)
def test_rts_drops_at_the_trigger_level_and_rises_when_the_fifo_is_empty(fcr: int, long_fifo: bool, level: int) -> None:
    chip = with_trigger(fcr, long_fifo=long_fifo)
    chip.receive(*range(level - 1))
    assert rts(chip)
    chip.receive(level - 1)
    assert not rts(chip)
    for _ in range(level - 1):
        chip.read(Offset.RBR)
        assert not rts(chip), "not before it is empty"
    chip.read(Offset.RBR)
    assert rts(chip)


@pytest.mark.parametrize(("long_fifo", "depth"), [(False, 16), (True, 64)])
def test_at_the_highest_trigger_level_rts_drops_when_the_fifo_is_full_and_rises_when_it_has_room(
    long_fifo: bool, depth: int
) -> None:
    chip = with_trigger(0xC1, long_fifo=long_fifo)
    chip.receive(*range(depth - 1))
    assert rts(chip)
    chip.receive(0)
    assert not rts(chip)
    chip.read(Offset.RBR)
    assert rts(chip)


def test_a_sender_that_looks_at_rts_before_each_character_never_overruns_the_fifo() -> None:
    for fcr in (0x01, 0x41, 0x81, 0xC1):
        chip = with_trigger(fcr, long_fifo=False)
        sent = 0
        for _ in range(100):
            if rts(chip):
                chip.receive(sent & 0xFF)
                sent += 1
            chip.wait(FRAME)
        assert not chip.lsr & LSR.OE
        assert chip.read_all() == bytes(range(sent))


@pytest.mark.parametrize("mcr", [MCR.AFE, MCR.RTS, MCR(0)])
def test_rts_is_the_bit_in_mcr_without_automatic_flow_control(mcr: MCR) -> None:
    chip = with_trigger(0x01, long_fifo=False, mcr=mcr)
    chip.receive(1, 2, 3)
    assert rts(chip) == bool(mcr & MCR.RTS)


def test_rts_stays_up_without_fifo() -> None:
    chip = with_trigger(0x00, long_fifo=False)
    chip.receive(1)
    assert rts(chip)


def test_mcr_reads_back_as_it_was_written_while_rts_is_dropped() -> None:
    chip = with_trigger(0x01, long_fifo=False)
    chip.receive(1)
    assert not rts(chip)
    assert chip.read(Offset.MCR) == BOTH


@pytest.mark.parametrize(
    ("offset", "value"), [(Offset.FCR, 0x03), (Offset.FCR, 0x00), (Offset.MCR, MCR.RTS), (Offset.MCR, 0)]
)
def test_a_reset_of_the_fifo_or_the_end_of_automatic_flow_control_ends_the_drop(offset: Offset, value: int) -> None:
    chip = with_trigger(0x41, long_fifo=False)
    chip.receive(1, 2, 3, 4)
    assert not rts(chip)
    chip.write(offset, value)
    assert rts(chip) == bool(chip.read(Offset.MCR) & MCR.RTS)


def test_switched_on_over_a_fifo_at_its_trigger_level_it_drops_rts_at_once() -> None:
    chip = with_trigger(0x41, long_fifo=False, mcr=MCR.RTS)
    chip.receive(1, 2, 3, 4)
    assert rts(chip)
    chip.write(Offset.MCR, BOTH)
    assert not rts(chip)


def test_a_lower_trigger_level_drops_rts_at_once_and_a_higher_one_does_not_raise_it() -> None:
    chip = with_trigger(0x81, long_fifo=False)
    chip.receive(1, 2, 3, 4)
    assert rts(chip)
    chip.write(Offset.FCR, 0x41)
    assert not rts(chip)
    chip.write(Offset.FCR, 0x81)
    assert not rts(chip)


@pytest.mark.parametrize("variant", ["8250", "16450", "16550", "16550A"])
def test_other_parts_have_no_automatic_flow_control(variant: str) -> None:
    chip = Chip(variant=variant, mcr=BOTH)
    assert chip.read(Offset.MCR) == MCR.RTS
    chip.receive(1)
    assert rts(chip)


def test_a_slice_of_received_characters_drops_rts() -> None:
    chip = with_trigger(0x81, long_fifo=False)
    chip.uart.receive_run(bytes(7), chip.uart.now, 1000)
    assert rts(chip)
    chip.uart.receive_run(bytes(1), chip.uart.now, 1000)
    assert not rts(chip)


# -- CTS ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fcr", [0x00, 0x01])
def test_a_character_written_while_cts_is_inactive_starts_in_the_moment_it_is_active_again(fcr: int) -> None:
    chip = Chip(variant="16750", mcr=MCR.AFE, fcr=fcr)
    chip.set_pins(MSR.DSR)
    chip.send(b"a")
    chip.wait(3 * FRAME + 5)
    assert chip.uart.take_sent() == []
    assert not chip.lsr & (LSR.THRE | LSR.TEMT)
    assert chip.uart.next_event(chip.uart.now) == NEVER
    chip.set_pins(MSR.DSR | MSR.CTS)
    (frame,) = chip.uart.take_sent()
    assert frame.start == chip.uart.now


def test_cts_that_is_only_briefly_inactive_does_not_hurry_a_16450s_start_bit() -> None:
    chip = Chip(variant="16750", mcr=MCR.AFE, fcr=0)
    begin = chip.now
    chip.send(b"a")
    chip.wait(3)
    chip.set_pins(MSR.DSR)
    chip.wait(3)
    chip.set_pins(MSR.DSR | MSR.CTS)
    chip.wait(FRAME)
    (frame,) = chip.uart.take_sent()
    assert frame.start == (begin + BIT) * CRYSTAL_PERIOD


def test_cts_does_not_hold_the_transmitter_without_automatic_flow_control() -> None:
    chip = Chip(variant="16750", mcr=MCR.RTS)
    chip.set_pins(0)
    chip.send(b"a")
    assert len(chip.uart.take_sent()) == 1


def test_cts_holds_the_next_character_but_not_the_one_being_sent() -> None:
    chip = Chip(variant="16750", mcr=MCR.AFE | MCR.RTS)
    begin = chip.now
    chip.send(b"abc")
    chip.wait(10)
    chip.set_pins(MSR.DSR)
    chip.wait(10 * FRAME)
    assert starts(chip) == [begin]
    assert chip.uart.transmitter.drained_at() == NEVER
    chip.set_pins(MSR.DSR | MSR.CTS)
    chip.wait(3 * FRAME)
    assert starts(chip) == [begin + 10 + 10 * FRAME, begin + 10 + 11 * FRAME]


def test_a_change_of_cts_does_not_interrupt_under_automatic_flow_control() -> None:
    chip = Chip(variant="16750", mcr=MCR.AFE | MCR.OUT2, ier=0x08)
    chip.set_pins(MSR.DSR | MSR.DCD)
    assert chip.iir == InterruptId.NONE
    assert chip.read(Offset.MSR) & MSR.DCTS


# -- both, around the loop ---------------------------------------------------------------------------------


def test_around_the_loop_the_receiver_holds_the_transmitter_of_the_same_chip() -> None:
    chip = with_trigger(0x41, long_fifo=False, mcr=BOTH | MCR.LOOP)
    data = bytes(range(14))
    chip.send(data)
    chip.wait(100 * FRAME)
    assert len(chip.uart.receiver.data) == 4
    assert not chip.read(Offset.MSR) & MSR.CTS
    received = chip.read_all()
    while len(received) < len(data):
        chip.wait(10 * FRAME)
        received += chip.read_all()
    assert received == data
    assert not chip.lsr & LSR.OE


def test_rts_that_goes_up_and_down_around_the_loop_does_not_interrupt() -> None:
    chip = with_trigger(0x01, long_fifo=False, mcr=BOTH | MCR.LOOP | MCR.OUT2)
    chip.read(Offset.MSR)
    chip.write(Offset.IER, 0x08)
    chip.send(b"a")
    chip.wait(FRAME)
    assert chip.iir == InterruptId.NONE
    assert chip.read(Offset.MSR) & MSR.DCTS


def test_characters_that_cts_has_held_back_leave_at_once_where_frames_take_no_time() -> None:
    uart = Uart("16750", unlimited=True, modem_inputs=0)
    for offset, value in ((3, 0x03), (2, 0x01), (4, 0x20)):
        uart.write(offset, value, 0)
    for character in b"abcde":
        uart.write(0, character, 5)
    assert uart.take_sent() == []
    uart.set_modem_inputs(0x10, 9)
    assert [(sent.start, sent.character) for sent in uart.take_sent()] == [(9, character) for character in b"abcde"]
    assert uart.read(5, 9) == 0x60
