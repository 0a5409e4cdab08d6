"""What is true of the chip in every state: laziness shows nowhere, no event is late, no character vanishes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.chip.probe import copied
from tests.strategies import (
    Pins,
    Read,
    Receive,
    Reset,
    Step,
    Wait,
    Write,
    WriteRun,
    chip_options,
    programs,
    receptions,
    steps,
)
from uartsim.chip import Uart
from uartsim.chip.transmitter import SentFrame
from uartsim.line_format import NEVER
from uartsim.registers import LCR, LSR, MCR


class Seen(NamedTuple):
    """What the outside has seen of a chip."""

    reads: list[int]
    irq: list[bool]
    frames: list[SentFrame]
    breaks: list[tuple[int, bool]]


def perform(uart: Uart, step: Step, now: int) -> int | None:
    """One step at ``now``; the value of a read."""
    match step:
        case Read(offset):
            return uart.read(offset, now)
        case Write(offset, value):
            uart.write(offset, value, now)
        case WriteRun(data):
            uart.write_run(data, now)
        case Receive(character, errors):
            uart.receive(character, errors, now)
        case Pins(inputs):
            uart.set_modem_inputs(inputs & 0xF0, now)
        case Reset():
            uart.reset(now)
    return None


def run(uart: Uart, program: list[Step], cuts: dict[int, list[int]] | None = None) -> Seen:
    """Run a program; ``cuts`` says where the chip is told the time in between, in thousandths of a wait."""
    now, seen = uart.now, Seen([], [], [], [])
    for n, step in enumerate(program):
        if isinstance(step, Wait):
            for cut in sorted(cuts.get(n, ())) if cuts else ():
                uart.advance(now + step.ticks * cut // 1000)
            now += step.ticks
            uart.advance(now)
        else:
            value = perform(uart, step, now)
            if value is not None:
                seen.reads.append(value)
        uart.advance(now)
        seen.irq.append(uart.irq)
    uart.advance(now + 10**10)
    seen.irq.append(uart.irq)
    seen.frames.extend(uart.take_sent())
    seen.breaks.extend(uart.take_break_changes())
    return seen


@given(chip_options, programs, st.dictionaries(st.integers(7, 46), st.lists(st.integers(0, 1000), max_size=5)))
def test_being_told_the_time_more_often_changes_nothing(
    options: dict[str, Any], program: list[Step], cuts: dict[int, list[int]]
) -> None:
    assert run(Uart(**options), program) == run(Uart(**options), program, cuts)


@given(chip_options, programs)
def test_being_asked_for_its_events_and_walking_along_them_changes_nothing(
    options: dict[str, Any], program: list[Step]
) -> None:
    lazy, eager = Uart(**options), Uart(**options)
    now = 0
    for step in program:
        if isinstance(step, Wait):
            now += step.ticks
            while (due := eager.next_event(eager.now)) <= now:
                assert due > eager.now, "it always moves"
                eager.advance(due)
        assert perform(lazy, step, now) == perform(eager, step, now)
        lazy.advance(now)
        eager.advance(now)
        assert lazy.irq == eager.irq
    assert lazy.take_sent() == eager.take_sent()
    assert lazy.take_break_changes() == eager.take_break_changes()


#: What else a 16750 needs: its long FIFO, and automatic flow control.
special_steps = st.lists(
    st.sampled_from(
        [
            *(Write(3, 0x83), Write(2, 0x21), Write(2, 0x61), Write(3, 3), Write(2, 0xC1)),
            *(Write(4, 0x2B), Write(4, 0x3B), Write(4, 0x22), Pins(0xA0), Pins(0xB0)),
        ]
    ),
    max_size=6,
)


def observable(uart: Uart, now: int) -> tuple[object, ...]:
    """All that the outside could see of a chip, looked up in copies of it."""
    registers = [copied(uart).read(offset, now) for offset in (2, 5, 6)]
    after = copied(uart)
    after.advance(now)
    return (
        *registers,
        after.irq,
        after.modem.outputs,
        sum(len(run.characters) for run in after.transmitter.sent),
        len(after.receiver.data),
        after.break_changes,
    )


@given(chip_options, programs, special_steps, st.lists(steps, max_size=12), st.integers(0, 1000))
def test_nothing_can_be_seen_before_the_next_event_and_it_always_moves(
    options: dict[str, Any], program: list[Step], special: list[Step], then: list[Step], cut: int
) -> None:
    uart = Uart(**options)
    now = 0
    for step in [*program, *special, *then]:
        now += step.ticks if isinstance(step, Wait) else 0
        perform(uart, step, now)
    for _ in range(40):  # along the chain of its events
        due = uart.next_event(now)
        assert due > now, "it always moves"
        horizon = min(due, now + 10**11) - now
        before = observable(uart, now)
        assert observable(uart, now + horizon * cut // 1001) == before
        assert observable(uart, now + horizon - 1) == before
        if due == NEVER:
            return
        uart.advance(due)
        now = due


@given(chip_options, programs, special_steps)
def test_left_alone_a_chip_comes_to_rest(options: dict[str, Any], program: list[Step], special: list[Step]) -> None:
    """However many events are due, they are as many as what is in the chip can make."""
    uart = Uart(**options)
    now = 0
    for step in [*program, *special]:
        now += step.ticks if isinstance(step, Wait) else 0
        perform(uart, step, now)
    for _ in range(4 * (len(uart.transmitter.fifo) + 4)):
        now = uart.next_event(now)
        if now == NEVER:
            break
        uart.advance(now)
    assert now == NEVER


@given(chip_options, programs, st.integers(0, 1000))
def test_the_interrupt_line_does_not_change_before_the_next_interrupt(
    options: dict[str, Any], program: list[Step], cut: int
) -> None:
    uart = Uart(**options)
    now = 0
    for step in program:
        if isinstance(step, Wait):
            now += step.ticks
        perform(uart, step, now)
        due = uart.next_interrupt(now)
        assert due > now
        horizon = min(due, now + 10**11) - now
        for moment in (now + horizon * cut // 1001, now + horizon - 1):
            later = copied(uart)
            later.advance(moment)
            assert later.irq == uart.irq


@given(chip_options, programs)
def test_every_character_that_came_in_was_read_or_overrun_or_is_still_there(
    options: dict[str, Any], program: list[Step]
) -> None:
    uart = Uart(**options)
    now = taken = cleared = 0
    for step in program:
        if isinstance(step, Wait):
            now += step.ticks
        uart.advance(now)
        held = len(uart.receiver.data)
        perform(uart, step, now)
        uart_now = len(uart.receiver.data)
        if isinstance(step, Read):
            taken += held - uart_now
        elif isinstance(step, (Write, Reset)):
            cleared += held - uart_now
    assert taken >= 0
    assert cleared >= 0
    receiver = uart.receiver
    assert receiver.received == taken + cleared + receiver.overruns + len(receiver.data)
    assert receiver.bad == sum(bool(errors) for errors in receiver.errors)
    assert len(receiver.data) <= receiver.depth


@given(chip_options, programs)
def test_every_character_that_was_written_was_sent_or_dropped_or_is_still_there(
    options: dict[str, Any], program: list[Step]
) -> None:
    # Those that went around the loop are counted by the receiver; FIFO resets forget what waits.
    program = [
        step for step in program if not isinstance(step, Reset) and not (isinstance(step, Write) and step.offset == 2)
    ]
    program = [
        Write(4, step.value & ~MCR.LOOP) if isinstance(step, Write) and step.offset == 4 else step for step in program
    ]
    uart = Uart(**options)
    uart.write(2, 0x01, 0)
    run(uart, program[:0])
    frames, now = 0, uart.now
    for step in program:
        if isinstance(step, Wait):
            now += step.ticks
        uart.advance(now)
        perform(uart, step, now)
        frames += len(uart.take_sent())
    transmitter = uart.transmitter
    assert transmitter.thr_writes == frames + transmitter.dropped + len(transmitter.fifo)


# -- slices ------------------------------------------------------------------------------------------------


@given(chip_options, programs, st.binary(max_size=40))
def test_a_run_of_writes_is_the_same_as_single_writes(
    options: dict[str, Any], program: list[Step], data: bytes
) -> None:
    single, at_once = Uart(**options), Uart(**options)
    run(single, program)
    run(at_once, program)
    assume(not single.lcr & LCR.DLAB)
    for character in data:
        single.write(0, character, single.now)
    at_once.write_run(data, at_once.now)
    assert single.state() == at_once.state()
    assert run(single, []) == run(at_once, [])


@given(
    chip_options, programs, st.binary(max_size=40), st.integers(0, 10**9), st.sampled_from([0, 1, 12_500_000, 10**9])
)
def test_a_run_of_received_characters_is_the_same_as_single_ones(
    options: dict[str, Any], program: list[Step], data: bytes, gap: int, interval: int
) -> None:
    single, at_once = Uart(**options), Uart(**options)
    run(single, program)
    run(at_once, program)
    first = single.now + gap
    for n, character in enumerate(data):
        single.receive(character, 0, first + n * interval)
    at_once.receive_run(data, first, interval)
    assert single.state() == at_once.state()
    assert single.read(5, single.now) == at_once.read(5, at_once.now)
    assert run(single, [Read(0)] * 20) == run(at_once, [Read(0)] * 20)


@given(chip_options, programs, st.lists(receptions, max_size=20), st.integers(0, 20))
def test_a_run_of_reads_is_the_same_as_single_reads(
    options: dict[str, Any], program: list[Step], received: list[Receive], count: int
) -> None:
    single, at_once = Uart(**options), Uart(**options)
    run(single, [*program, *received])
    run(at_once, [*program, *received])
    assume(not single.lcr & LCR.DLAB)
    data = bytes(single.read(0, single.now) for _ in range(min(count, len(single.receiver.data))))
    assert at_once.read_run(count, at_once.now) == data
    assert single.state() == at_once.state()
    assert run(single, [Read(5), Read(2)]) == run(at_once, [Read(5), Read(2)])


@given(chip_options, programs)
def test_lsr_from_the_cache_is_lsr_worked_out(options: dict[str, Any], program: list[Step]) -> None:
    uart = Uart(**options)
    now = 0
    for step in program:
        if isinstance(step, Wait):
            now += step.ticks
        perform(uart, step, now)
        uart.advance(now)
        receiver, transmitter = uart.receiver, uart.transmitter
        expected = LSR(receiver.latched)
        expected |= LSR.DR if receiver.data else LSR(0)
        expected |= LSR.FIFO_ERROR if receiver.fifo_mode and any(receiver.errors) else LSR(0)
        expected |= LSR.THRE if transmitter.thre else LSR(0)
        expected |= LSR.TEMT if transmitter.empty else LSR(0)
        if not expected & (LSR.OE | LSR.PE | LSR.FE | LSR.BI):
            assert [uart.read(5, now) for _ in range(2)] == [expected, expected]
        else:
            assert copied(uart).read(5, now) == expected


@given(programs)
def test_a_frame_never_overlaps_the_one_before_it(program: list[Step]) -> None:
    frames = run(Uart(), [step for step in program if not isinstance(step, Reset)]).frames
    for before, after in pairwise(frames):
        assert after.start >= before.start + before.line_format.frame_ticks


def test_never_is_later_than_any_event() -> None:
    assert Uart().next_event(0) == NEVER
