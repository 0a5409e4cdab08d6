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
from uartsim.chip.modem import Modem
from uartsim.chip.receiver import Receiver
from uartsim.chip.timing import FrameTimes
from uartsim.chip.transmitter import Transmitter
from uartsim.line_format import CRYSTAL_PERIOD, NEVER
from uartsim.register_bits import LOOPED_INPUTS
from uartsim.registers import LCR, LSR, MCR, Offset

#: Few, and as many as the FIFOs hold or one more.
some_characters = st.sampled_from([1, 1, 1, 2, 2, 3, 4, 8, 14, 15, 16, 17, 18, 56, 64, 65]).flatmap(
    lambda count: st.binary(min_size=count, max_size=count)
)


class TwoChips(RuleBasedStateMachine):
    """Both chips, with the same clock.

    Loopback, break and format change only while no frame is under way: what becomes of the frame's remaining bits is a
    matter of the wire.
    """

    @initialize(
        variant=st.sampled_from(["16550A", "16550A", "16750", "16750", "16550", "16450", "8250"]),
        delay=st.booleans(),
        by_word=st.booleans(),
        lcr=st.sampled_from([3, 3, 0x1B, 0x04, 0x2A, 0x07]),
        fcr=st.sampled_from([0, 1, 0x41, 0xC1]),
        ier=st.sampled_from([0, 1, 2, 3, 0x0F]),
        mcr=st.sampled_from([MCR.OUT2, MCR.OUT2 | MCR.LOOP]),
        warm=st.booleans(),
    )
    def power_on(
        self, variant: str, delay: bool, by_word: bool, lcr: int, fcr: int, ier: int, mcr: int, warm: bool
    ) -> None:
        self.prepare(variant, delay, by_word, lcr, fcr, ier, mcr, warm)

    def prepare(
        self, variant: str, delay: bool, by_word: bool, lcr: int, fcr: int, ier: int, mcr: int, warm: bool
    ) -> None:
        self.lazy = Uart(variant, thre_delay=delay, timeout_rule="word" if by_word else "frames")
        self.naive = NaiveUart(variant, delay_circuit=delay, timeout_by_word=by_word)
        self.broke_at = 0
        for offset, value in ((3, 0x80), (0, 1), (1, 0), (3, lcr)):
            self.lazy.write(offset, value, 0)
        self.naive.write(3, lcr)
        self.both_write(Offset.FCR, fcr)
        if warm:  # the first empty indication, which is immediate, is over
            self.both_write(Offset.THR, 0)
            self.wait(300, walk=False)
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

    @rule(count=sixteenths, walk=st.booleans())
    def wait(self, count: int, walk: bool) -> None:
        """Time passes; ``walk``: from event to event, otherwise at once.  Either way no event may be late."""
        due = self.lazy.next_event(self.now)
        for _ in range(count):
            before = self.naive.visible()
            self.naive.step()
            if due > self.now:
                assert self.naive.visible() == before, "something was seen before the next event"
            elif walk:
                assert due == self.now, "an event falls between two clocks"
                due = self.lazy.next_event(self.now)
                assert due > self.now, "it does not move"
        self.lazy.advance(self.now)

    @rule(offset=st.sampled_from([0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7]))
    def read(self, offset: int) -> None:
        assert self.lazy.read(offset, self.now) == self.naive.read(offset)

    @rule(data=some_characters)
    def write_thr(self, data: bytes) -> None:
        for character in data:
            self.both_write(Offset.THR, character)

    @rule(data=st.sampled_from([b"a", b"ab"]), count=st.sampled_from([8, 16, 143, 144, 160]))
    def send_little_and_wait(self, data: bytes, count: int) -> None:
        self.write_thr(data)
        self.wait(count, walk=False)

    @rule(access=st.sampled_from([1, 1, 2, 7]).flatmap(lambda n: st.tuples(st.just(n), register_values[n])))
    def write_register(self, access: tuple[int, int]) -> None:
        self.both_write(*access)

    @rule(value=register_values[2])
    def change_the_length_of_the_fifo(self, value: int) -> None:
        """A 16750 takes FCR.5 only while the divisor latch is open."""
        lcr = self.naive.lcr
        self.both_write(Offset.LCR, lcr | LCR.DLAB)
        self.both_write(Offset.FCR, value | 0x20)
        self.both_write(Offset.LCR, lcr)

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
        self.wait(1, walk=False)  # mark, so that the next start bit has an edge

    @rule(value=register_values[4])
    def write_mcr(self, value: int) -> None:
        if (value ^ self.naive.mcr) & MCR.LOOP:
            if not self.idle:
                value ^= MCR.LOOP
            else:
                self.broke_at = self.naive.time
        self.both_write(Offset.MCR, value)

    @rule(data=some_characters, errors=character_errors)
    def receive(self, data: bytes, errors: int) -> None:
        for character in data:
            self.lazy.receive(character, errors, self.now)
            self.naive.receive(character, errors)

    @rule(value=characters)
    def drive_modem_lines(self, value: int) -> None:
        self.lazy.set_modem_inputs(value & 0xF0, self.now)
        self.naive.set_pins(value & 0xF0)

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
    def modem_lines_are_equal(self) -> None:
        assert self.lazy.modem.outputs == MCR(self.naive.outputs)
        assert self.lazy.modem.rts == bool(self.naive.outputs & MCR.RTS)
        assert self.lazy.modem.status == self.naive.inputs | self.naive.deltas

    @invariant()
    def what_shows_on_the_line_is_equal(self) -> None:
        frames = [(frame.start // CRYSTAL_PERIOD, frame.character) for frame in self.lazy.take_sent()]
        assert frames == self.naive.sent
        self.naive.sent.clear()


class TwoFlowControllingChips(TwoChips):
    """The same with automatic flow control switched on, and a receiver that fills and is read."""

    @initialize(
        fcr=st.sampled_from([0x01, 0x41, 0x81, 0xC1]),
        long_fifo=st.booleans(),
        ier=st.sampled_from([0, 3, 0x0F]),
        mcr=st.sampled_from([0x2B, 0x2B, 0x2A, 0x3B, 0x29]),
    )
    def power_on(self, fcr: int, long_fifo: bool, ier: int, mcr: int) -> None:
        self.prepare("16750", True, False, 3, 0, ier, 0, False)
        if long_fifo:
            self.change_the_length_of_the_fifo(fcr)
        self.both_write(Offset.FCR, fcr)
        self.both_write(Offset.MCR, mcr)

    @rule(count=st.sampled_from([1, 1, 2, 4, 8, 15, 16, 17, 64]))
    def read_some(self, count: int) -> None:
        for _ in range(count):
            self.read(Offset.RBR)

    @rule(count=st.sampled_from([1, 4, 5, 8, 9, 16, 17]), left=st.integers(0, 2))
    def fill_and_read_in_part(self, count: int, left: int) -> None:
        self.receive(bytes(count), 0)
        self.read_some(count - left)

    @rule(cts=st.booleans())
    def drive_cts(self, cts: bool) -> None:
        self.drive_modem_lines(0xB0 if cts else 0xA0)


@pytest.mark.parametrize("machine", [TwoChips, TwoFlowControllingChips])
def test_the_chip_equals_the_naive_one_for_every_interleaving_of_accesses_and_time(machine: type[TwoChips]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=100, stateful_step_count=40, deadline=None))


def shorter_timeout(receiver: Any, times: FrameTimes) -> None:
    receiver.timeout_ticks = 3 * times.frame


def deeper_fifo(receiver: Any, on: bool, depth: int) -> None:
    receiver.fifo_mode = on
    receiver.depth = depth + 1 if on else 1


never_on = property(lambda transmitter: False, lambda transmitter, on: None)


def kept_latch(uart: Any) -> int:
    return uart.iir | (0xC0 if uart.fcr & 1 else 0)  # type: ignore[no-any-return]


def teri_on_the_wrong_edge(modem: Any) -> None:
    new = LOOPED_INPUTS[modem.control & 0x0F] if modem.control & MCR.LOOP else modem.pins
    changed = new ^ modem.shown
    modem.deltas |= changed >> 4 & 0x0B | (4 if changed & new & 0x40 else 0)
    modem.shown = new


def rts_raised_below_the_trigger_level(receiver: Any, throttled: bool, highest_trigger: bool) -> bool:
    return bool(receiver.fifo_mode and len(receiver.data) >= (receiver.depth if highest_trigger else receiver.trigger))


def the_end_of_a_held_frame_is_late(transmitter: Any) -> None:
    due = transmitter.start_at
    if transmitter.shifting:
        due = min(transmitter.thre_at, NEVER if transmitter.held else transmitter.frame_end)
    transmitter.due = due


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        (Receiver, "set_format", shorter_timeout),
        (Uart, "_read_iir", kept_latch),
        (Transmitter, "delay_circuit", never_on),
        (Modem, "_refresh", teri_on_the_wrong_edge),
    ],
    ids=lambda part: part if isinstance(part, str) else getattr(part, "__name__", "wrong"),
)
def test_a_chip_with_one_thing_wrong_is_found_out(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, wrong: object
) -> None:
    """A machine that never finds a difference proves nothing."""
    assert_found(TwoChips, monkeypatch, where, name, wrong)


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        (Receiver, "set_fifo_mode", deeper_fifo),
        (Receiver, "throttles", rts_raised_below_the_trigger_level),
        (Transmitter, "_plan", the_end_of_a_held_frame_is_late),
    ],
    ids=lambda part: part if isinstance(part, str) else getattr(part, "__name__", "wrong"),
)
def test_a_flow_controlling_chip_with_one_thing_wrong_is_found_out(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, wrong: object
) -> None:
    assert_found(TwoFlowControllingChips, monkeypatch, where, name, wrong)


def assert_found(
    machine: type[TwoChips], monkeypatch: pytest.MonkeyPatch, where: type, name: str, wrong: object
) -> None:
    monkeypatch.setattr(where, name, wrong)
    hurried = settings(
        max_examples=5000,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        print_blob=False,
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=hurried)
