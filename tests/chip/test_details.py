"""Details of the chip and its bench that no other test looks at: what is shown, what is forgotten, and where limits lie."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.chip.probe import BIT, FRAME, Chip
from tests.chip.test_state import busy_chip, with_part
from uartsim.chip.bench import Bench
from uartsim.chip.checks import bits, octet, ticks, whole_number
from uartsim.line_format import NEVER
from uartsim.registers import LCR, LSR, Offset


def test_modem_status_is_shown_without_the_effects_of_a_read() -> None:
    chip = Chip()
    chip.set_pins(0x00)
    assert chip.uart.modem.status == 0x0B
    assert chip.uart.modem.status == chip.read(Offset.MSR) == 0x0B
    assert chip.uart.modem.status == 0x00
    chip.set_pins(0xF0)
    assert chip.uart.modem.status == 0xFB


def test_what_is_on_its_way_around_the_loop_is_gone_with_the_loop_even_if_that_comes_back_at_once() -> None:
    chip = Chip(mcr=0x1B)
    chip.send(b"ab")
    chip.wait(3 * BIT)
    chip.write(Offset.MCR, 0x0B)
    chip.write(Offset.MCR, 0x1B)
    chip.wait(10 * FRAME)
    assert chip.read_all() == b"b"  # it had not left the FIFO


def test_a_break_around_the_loop_is_gone_with_the_loop() -> None:
    chip = Chip(mcr=0x1B)
    chip.write(Offset.LCR, 0x43)
    chip.wait(3 * BIT)
    chip.write(Offset.MCR, 0x0B)
    chip.write(Offset.LCR, 0x03)
    chip.write(Offset.MCR, 0x1B)
    chip.wait(10 * FRAME)
    assert chip.lsr == 0x60


def test_characters_come_around_one_frame_after_the_other() -> None:
    chip = Chip(mcr=0x1B)
    chip.send(b"abc")
    for number in range(3):
        chip.wait_until(chip.now + (152 if number == 0 else FRAME) - 1)
        assert chip.uart.receiver.received == number
        chip.wait(1)
        assert chip.uart.receiver.received == number + 1
    assert chip.read_all() == b"abc"


def test_every_octet_and_every_tick_from_0_is_taken() -> None:
    assert [octet("x", value) for value in (0, 255)] == [0, 255]
    assert [ticks("x", value) for value in (0, 1)] == [0, 1]
    assert bits("x", 0x0F, 0x0F) == 0x0F
    assert whole_number("x", LCR.BREAK) == 0x40
    assert type(whole_number("x", LCR.BREAK)) is int
    for value in (-1, 256):
        with pytest.raises(ValueError, match=f"x is {value}: use 0 to 255"):
            octet("x", value)
    with pytest.raises(ValueError, match="x is -1: use 0 or more"):
        ticks("x", -1)
    with pytest.raises(ValueError, match="x is 16: use bits of 0x0F only"):
        bits("x", 16, 0x0F)


def test_a_state_holds_runs_and_nothing_else() -> None:
    with pytest.raises(ValueError, match=r"transmitter\.sent is 5: use a RunState"):
        with_part(busy_chip().state(), "transmitter", sent=(5,))


def bench() -> Bench:
    made = Bench()
    for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 1)):
        made.write(offset, value)
    return made


def test_no_time_at_all_may_pass_on_the_bench() -> None:
    made = bench()
    before = made.now_ticks
    made.advance(0)
    assert made.now_ticks == before
    with pytest.raises(ValueError, match=r"time went backwards: advance\(-1\)"):
        made.advance(-1)


def test_each_frame_begins_on_the_bench_when_the_one_before_has_ended() -> None:
    frame, sampled = FRAME * 78_125, 152 * 78_125
    made = bench()
    made.write(2, 0)
    began = made.now_ticks
    made.receive(b"ab")
    assert made.now_ticks == began + frame + sampled
    made.receive_error(0x63, "P")
    assert made.now_ticks == began + 2 * frame + sampled
    made.receive_error(0x64, "F")
    assert made.now_ticks == began + 3 * frame + sampled
    made.receive_break()
    assert made.now_ticks == began + 6 * frame
    made.receive(b"e")
    assert made.now_ticks == began + 6 * frame + sampled
    made.advance(1_000_000)
    began = made.now_ticks
    made.receive(b"f")
    assert made.now_ticks == began + sampled


def test_the_bench_says_how_much_time_is_left() -> None:
    made = bench()
    made.advance(123_456_789)
    with pytest.raises(
        ValueError, match=r"^ns is \d+: time ends before NEVER; give \d+ nanoseconds or fewer$"
    ) as error:
        made.advance(NEVER)
    most = int(str(error.value).split()[8])
    with pytest.raises(ValueError, match="time ends"):
        made.advance(most + 1)
    made.advance(most)
    assert NEVER - 144 <= made.now_ticks < NEVER


def test_a_break_for_which_no_time_is_left_is_refused_and_changes_nothing() -> None:
    for left, fits in ((2 * FRAME, False), (2 * FRAME + 1, True)):
        made = bench()
        made._now = NEVER - left * 78_125
        made.uart.advance(made._now)
        before = made.uart.state()
        if fits:
            made.receive_break()
            assert made.read(5) & 0x10
        else:
            with pytest.raises(ValueError, match="time ends before NEVER"):
                made.receive_break()
            assert made.uart.state() == before


def test_a_break_that_was_over_before_a_frame_began_does_not_touch_it() -> None:
    made = bench()
    made.write(3, 0x43)
    made.advance(1_000_000)
    made.write(3, 0x03)
    assert made.take_tx() == b""
    for character in b"abc":
        made.write(0, character)
    made.settle()
    assert made.take_tx() == b"abc"


def test_frames_under_a_break_are_not_taken_however_often_one_looks() -> None:
    made = bench()
    made.write(0, 0x61)
    made.advance(20_000)
    made.write(3, 0x43)
    taken = [made.take_tx()]
    made.advance(20_000)
    made.write(3, 0x03)
    for _ in range(4):
        taken.append(made.take_tx())
        made.advance(20_000)
    assert taken == [b""] * 5
    made.write(0, 0x62)
    made.write(3, 0x43)
    for _ in range(10):
        made.advance(100_000)
        assert made.take_tx() == b""
    made.write(3, 0x03)
    made.write(0, 0x63)
    made.settle()
    assert made.take_tx() == b"c"


def test_characters_with_errors_show_what_they_have_and_are_counted_in_lsr_7() -> None:
    chip = Chip()
    chip.receive(1)
    chip.receive(2, errors=LSR.PE)
    chip.receive(3, errors=LSR.FE)
    assert [chip.read(Offset.LSR), chip.read(Offset.RBR)] == [0xE1, 1]
    assert [chip.read(Offset.LSR), chip.read(Offset.RBR)] == [0xE5, 2]
    assert [chip.read(Offset.LSR), chip.read(Offset.RBR)] == [0xE9, 3]
    assert chip.read(Offset.LSR) == 0x60


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_errors_of_characters_that_are_read_as_a_slice_show_as_if_they_were_read_one_by_one(count: int) -> None:
    at_once, one_by_one = Chip(), Chip()
    for chip in (at_once, one_by_one):
        for character, errors in ((1, LSR.PE), (2, LSR.FE), (3, LSR(0)), (4, LSR.PE | LSR.FE), (5, LSR(0))):
            chip.receive(character, errors=errors)
    data = at_once.uart.read_run(count, at_once.uart.now)
    assert data == bytes(one_by_one.read(Offset.RBR) for _ in range(min(count, 5)))
    for _ in range(6):
        assert at_once.read(Offset.LSR) == one_by_one.read(Offset.LSR)
        assert at_once.read(Offset.RBR) == one_by_one.read(Offset.RBR)
    assert at_once.uart.state() == one_by_one.uart.state()


def test_lsr_that_is_polled_by_its_number_shows_every_change() -> None:
    chip = Chip()
    seen = []

    def poll() -> None:
        value = chip.read(5)
        assert chip.read(5) == value & ~0x1E | chip.lsr & 0x1E  # errors are shown once
        assert chip.read(5) == chip.lsr
        seen.append(value)

    poll()
    chip.send(b"abc")
    poll()
    chip.wait(3 * FRAME)
    poll()
    chip.receive(1)
    chip.receive(2, errors=LSR.FE)
    poll()
    chip.read(0)
    poll()
    chip.read(0)
    poll()
    assert seen == [0x60, 0x00, 0x60, 0xE1, 0xE9, 0x60]


def test_a_reset_ends_a_break_and_another_is_another() -> None:
    chip = Chip()
    chip.write(Offset.LCR, 0x43)
    begun = chip.now
    chip.wait(5)
    chip.uart.reset(chip.uart.now)
    ended = chip.now
    chip.wait(5)
    chip.write(Offset.LCR, 0x43)
    from_crystal = 78_125
    changes = [(at // from_crystal, on) for at, on in chip.uart.take_break_changes()]
    assert changes == [(begun, True), (ended, False), (chip.now, True)]
    assert chip.uart.take_break_changes() == []
    chip.uart.reset(chip.uart.now)
    chip.uart.reset(chip.uart.now)
    assert [on for _, on in chip.uart.take_break_changes()] == [False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"break_changes": ((1, True), (2, True))},
            r"^break_changes is \(\(1, True\), \(2, True\)\): on and off must take",
        ),
        ({"break_changes": ((1, True),)}, r"^break_changes is \(\(1, True\),\): the last one contradicts lcr \(0x03\)"),
        ({"thr_empty_latch": True}, r"^thr_empty_latch is True: LSR\.THRE is 0, so it can only be False"),
        ({"receiver": None}, r"^receiver is None: use a ReceiverState$"),
        ({"out2_gate": "no"}, r"^out2_gate is 'no': use one of bit, pin, none$"),
        ({"timeout_rule": 1}, r"^timeout_rule is 1: use one of frames, word$"),
        ({"fcr": 2}, r"^fcr is 2: use bits of 0x\w\w only$"),
        ({"ier": 16}, r"^ier is 16: use 0 to 15$"),
        ({"unlimited": 0}, r"^unlimited is 0: use True or False$"),
        ({"break_changes": []}, r"^break_changes is \[\]: use a tuple$"),
    ],
)
def test_what_a_state_cannot_be_is_said_as_name_value_and_what_to_use(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(busy_chip().state(), **change)


def test_frames_without_a_gap_are_one_run_and_a_gap_begins_another() -> None:
    chip = Chip()
    runs = []
    for pause, data in ((0, b"a"), (3 * FRAME, b"bc"), (9 * FRAME, b"d"), (1, b"e")):
        chip.wait(pause)
        chip.send(data)
    chip.wait(9 * FRAME)
    runs = [bytes(run.characters) for run in chip.uart.take_sent_runs()]
    assert runs == [b"a", b"bc", b"de"]
    assert chip.uart.take_sent_runs() == []


def test_a_character_that_waits_for_its_start_bit_is_gone_when_the_mode_changes() -> None:
    chip = Chip(fcr=0)
    chip.send(b"a")
    assert chip.uart.transmitter.start_at > chip.uart.now
    chip.write(Offset.FCR, 0x01)
    chip.wait(9 * FRAME)
    assert chip.uart.take_sent() == []
    assert chip.lsr == 0x60
    assert chip.uart.transmitter.state(chip.uart.now).start_at is None
    chip.send(b"b")
    chip.wait(9 * FRAME)
    assert [sent.character for sent in chip.uart.take_sent()] == [0x62]


@pytest.mark.parametrize("fcr", [0x05, 0x07])
def test_clearing_the_fifo_lets_the_frame_on_the_line_end_and_nothing_follow(fcr: int) -> None:
    chip = Chip()
    chip.send(b"abc")
    chip.wait(BIT)
    chip.write(Offset.FCR, fcr)
    assert chip.lsr == 0x20
    assert not chip.uart.transmitter.state(chip.uart.now).just_taken
    chip.wait(9 * FRAME)
    assert [sent.character for sent in chip.uart.take_sent()] == [0x61]
    assert chip.lsr == 0x60


def test_a_run_of_received_characters_goes_through_the_word_length_and_the_fifo() -> None:
    seven = Chip(lcr=0x02)
    seven.uart.receive_run(bytes((0xC1, 0x7F, 0x80)), seven.uart.now, FRAME * 78_125)
    assert seven.uart.read_run(9, seven.uart.now + 2 * FRAME * 78_125) == b"\x41\x7f\x00"


def test_an_interrupt_that_is_not_enabled_is_not_to_come() -> None:
    for ier, comes in ((0x00, False), (0x01, False), (0x02, True)):
        chip = Chip(ier=ier)
        if chip.irq:
            chip.read(Offset.IIR)
        chip.send(b"abc")
        assert (chip.uart.next_interrupt(chip.uart.now) < NEVER) is comes
    chip = Chip(ier=0x01, fcr=0x81)
    chip.receive(1)
    assert chip.uart.next_interrupt(chip.uart.now) == chip.uart.now + 4 * FRAME * 78_125
    chip.write(Offset.IER, 0)
    assert chip.uart.next_interrupt(chip.uart.now) == NEVER
