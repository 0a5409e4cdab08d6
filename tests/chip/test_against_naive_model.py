"""The lazy chip and the naive one, driven alike by a state machine: they agree on everything, at every moment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.chip.naive_model import NaiveUart
from tests.strategies import character_errors, characters, register_values, sixteenths
from uartsim.chip import Uart
from uartsim.chip.modem import LOOPED_INPUTS, Modem
from uartsim.chip.receiver import Receiver
from uartsim.chip.registers import LCR, LSR, MCR, Offset
from uartsim.chip.timing import FrameTimes
from uartsim.chip.transmitter import Transmitter
from uartsim.line_format import CRYSTAL_PERIOD


class TwoChips(RuleBasedStateMachine):
    """Both chips, with the same clock.

    Loopback, break and format change only while no frame is under way: what becomes of the frame's remaining bits is a
    matter of the wire.
    """

    @initialize(
        delay=st.booleans(),
        by_word=st.booleans(),
        lcr=st.sampled_from([3, 3, 0x1B, 0x04, 0x2A, 0x07]),
        fcr=st.sampled_from([0, 1, 0x41, 0xC1]),
        ier=st.sampled_from([0, 1, 2, 3, 0x0F]),
        mcr=st.sampled_from([MCR.OUT2, MCR.OUT2 | MCR.LOOP]),
        warm=st.booleans(),
    )
    def power_on(self, delay: bool, by_word: bool, lcr: int, fcr: int, ier: int, mcr: int, warm: bool) -> None:
        self.lazy = Uart(thre_delay=delay, timeout_rule="word" if by_word else "frames")
        self.naive = NaiveUart(delay_circuit=delay, timeout_by_word=by_word)
        self.broke_at = 0
        for offset, value in ((3, 0x80), (0, 1), (1, 0), (3, lcr)):
            self.lazy.write(offset, value, 0)
        self.naive.write(3, lcr)
        self.both_write(Offset.FCR, fcr)
        if warm:  # the first empty indication, which is immediate, is over
            self.both_write(Offset.THR, 0)
            self.wait(300)
        self.both_write(Offset.MCR, int(mcr))
        self.both_write(Offset.IER, ier)

    @property
    def now(self) -> int:
        return self.naive.time * CRYSTAL_PERIOD

    @property
    def idle(self) -> bool:
        return not self.naive.levels and not self.naive.tx and self.naive.samples is None

    def both_write(self, offset: int, value: int) -> None:
        self.lazy.write(offset, value, self.now)
        self.naive.write(offset, value)

    @rule(count=sixteenths)
    def wait(self, count: int) -> None:
        for _ in range(count):
            self.naive.step()
        self.lazy.advance(self.now)

    @rule(offset=st.sampled_from([0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7]))
    def read(self, offset: int) -> None:
        assert self.lazy.read(offset, self.now) == self.naive.read(offset)

    @rule(data=st.binary(min_size=1, max_size=2) | st.binary(min_size=1, max_size=20))
    def write_thr(self, data: bytes) -> None:
        for character in data:
            self.both_write(Offset.THR, character)

    @rule(access=st.sampled_from([1, 1, 2, 7]).flatmap(lambda n: st.tuples(st.just(n), register_values[n])))
    def write_register(self, access: tuple[int, int]) -> None:
        self.both_write(*access)

    @precondition(lambda self: self.idle and not (self.naive.looped and self.naive.lcr & LCR.BREAK))
    @rule(value=register_values[3].map(lambda value: value & 0x3F))
    def write_lcr(self, value: int) -> None:
        self.both_write(Offset.LCR, value | self.naive.lcr & LCR.BREAK)

    @precondition(lambda self: self.idle)
    @rule()
    def begin_break(self) -> None:
        self.broke_at = self.naive.time
        self.both_write(Offset.LCR, self.naive.lcr | LCR.BREAK)

    @precondition(lambda self: self.idle and (not self.naive.looped or self.naive.time >= self.broke_at + 13 * 16))
    @rule()
    def end_break(self) -> None:
        self.both_write(Offset.LCR, self.naive.lcr & ~LCR.BREAK)
        self.wait(1)  # mark, so that the next start bit has an edge

    @rule(value=register_values[4])
    def write_mcr(self, value: int) -> None:
        if (value ^ self.naive.mcr) & MCR.LOOP:
            if not self.idle:
                value ^= MCR.LOOP
            else:
                self.broke_at = self.naive.time
        self.both_write(Offset.MCR, value)

    @rule(data=st.binary(min_size=1, max_size=3) | st.binary(min_size=1, max_size=18), errors=character_errors)
    def receive(self, data: bytes, errors: int) -> None:
        for character in data:
            self.lazy.receive(character, errors, self.now)
            self.naive.receive(character, errors)

    @rule(value=characters)
    def drive_modem_lines(self, value: int) -> None:
        self.lazy.set_modem_inputs(value, self.now)
        self.naive.set_pins(value)

    @rule(button=st.integers(0, 9))
    def sometimes_reset(self, button: int) -> None:
        if button == 9:
            self.lazy.reset(self.now)
            self.naive.master_reset()

    @invariant()
    def the_interrupt_lines_are_equal(self) -> None:
        assert self.lazy.irq == self.naive.irq

    @invariant()
    def iir_and_lsr_are_equal(self) -> None:
        assert self.lazy.iir == self.naive.identification
        assert LSR(self.lazy.line_status) == LSR(self.naive.line_status)

    @invariant()
    def what_shows_on_the_line_is_equal(self) -> None:
        frames = [(frame.start // CRYSTAL_PERIOD, frame.character) for frame in self.lazy.take_sent()]
        assert frames == self.naive.sent
        self.naive.sent.clear()


def test_the_chip_equals_the_naive_one_for_every_interleaving_of_accesses_and_time() -> None:
    run_state_machine_as_test(TwoChips, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


def shorter_timeout(receiver: Any, times: FrameTimes) -> None:
    receiver.timeout_ticks = 3 * times.frame


def deeper_fifo(receiver: Any, on: bool, depth: int) -> None:
    receiver.fifo_mode = on
    receiver.depth = depth + 1 if on else 1


def kept_latch(uart: Any) -> int:
    return uart.iir | (0xC0 if uart.fcr & 1 else 0)  # type: ignore[no-any-return]


def teri_on_the_wrong_edge(modem: Any) -> None:
    new = LOOPED_INPUTS[modem.control & 0x0F] if modem.control & MCR.LOOP else modem.pins
    changed = new ^ modem.shown
    modem.deltas |= changed >> 4 & 0x0B | (4 if changed & new & 0x40 else 0)
    modem.shown = new


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        (Receiver, "set_format", shorter_timeout),
        (Receiver, "set_fifo_mode", deeper_fifo),
        (Transmitter, "late", False),
        (Uart, "_read_iir", kept_latch),
        (Modem, "_refresh", teri_on_the_wrong_edge),
    ],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
def test_a_chip_with_one_thing_wrong_is_found_out(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, wrong: object
) -> None:
    """A machine that never finds a difference proves nothing."""
    monkeypatch.setattr(where, name, wrong)
    hurried = settings(max_examples=5000, deadline=None, database=None, phases=[Phase.generate], print_blob=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(TwoChips, settings=hurried)
