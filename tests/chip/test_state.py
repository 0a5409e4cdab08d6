"""Saving and restoring: a restored chip behaves as the first one does, and a state that cannot be is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.chip.test_properties import perform, special_steps
from tests.strategies import Pins, Read, Receive, Step, Wait, Write, WriteRun, chip_options, programs, steps
from uartsim.chip import Uart, UartState
from uartsim.line_format import CRYSTAL_PERIOD, NEVER
from uartsim.registers import LCR, MCR, Variant

FRAME = 160 * CRYSTAL_PERIOD


A_16750 = {"variant": "16750"}
programs_and_special_steps = st.builds(lambda program, special: [*program, *special], programs, special_steps)


def drive(uart: Uart, program: list[Step], *, take: bool) -> Iterator[tuple[object, ...]]:
    """Run a program and give what can be seen after each step; ``take``: also what went onto the line so far."""
    now = uart.now
    for step in program:
        now += step.ticks if isinstance(step, Wait) else 0
        value = perform(uart, step, now)
        due = uart.next_event(now)
        sent = (uart.take_sent(), uart.take_break_changes()) if take else ()
        yield (value, uart.irq, uart.iir, uart.line_status, uart.modem.status, uart.modem.outputs, due, *sent)


def restored(uart: Uart) -> Uart:
    """A second chip, by way of JSON text."""
    text = json.dumps(uart.state().to_json_value())
    return Uart.restore(UartState.from_json_value(json.loads(text)))


@example(options={}, before=[Write(2, 1), Write(0, 1)], then=[Write(0, 2), Wait(3 * FRAME)], take=True)
@example(options={}, before=[Write(2, 1), Write(0, 1), Write(2, 5)], then=[Write(0, 2)], take=True)
@example(options={}, before=[Write(2, 1), Write(0, 1), Write(2, 0), Write(2, 1)], then=[Write(0, 2)], take=True)
@example(options={}, before=[Write(4, 0x18), Write(3, 0x43), Wait(99), Write(3, 3)], then=[Write(3, 0x43)], take=True)
@example(options=A_16750, before=[Write(2, 0x41), Write(4, 0x22), *[Receive(1, 0)] * 4, Read(0)], then=[], take=True)
@example(options=A_16750, before=[Write(4, 0x20), Pins(0xA0), Write(2, 1), Write(0, 1)], then=[Pins(0xB0)], take=True)
@example(options={}, before=[Write(3, 0x13), Write(0, 1)], then=[Write(3, 3), Write(0, 2)], take=True)
@given(options=chip_options, before=programs_and_special_steps, then=st.lists(steps, max_size=25), take=st.booleans())
def test_a_restored_chip_goes_on_as_the_first_would_have(
    options: dict[str, Any], before: list[Step], then: list[Step], take: bool
) -> None:
    first = Uart(**options)
    for _ in drive(first, before, take=take):
        pass
    second = restored(first)
    assert second.state() == first.state()
    then = [*then, Wait(FRAME), Read(5), Wait(60 * FRAME), Read(2), Read(0)]
    assert list(drive(second, then, take=False)) == list(drive(first, then, take=False))
    assert second.take_sent_runs() == first.take_sent_runs()
    assert second.take_break_changes() == first.take_break_changes()
    assert second.state() == first.state()


@given(chip_options, programs)
def test_saving_changes_nothing(options: dict[str, Any], program: list[Step]) -> None:
    saved, other = Uart(**options), Uart(**options)
    seen = []
    for step in drive(saved, program, take=False):
        seen.append(step)
        saved.state()
    assert seen == list(drive(other, program, take=False))


def after(uart: Uart, *program: Step) -> Uart:
    """The chip when the program has run."""
    for _ in drive(uart, list(program), take=False):
        pass
    return uart


def busy_chip() -> Uart:
    """A 16750 with something in every part."""
    return after(
        Uart("16750", modem_inputs=0xB0),
        *(Write(3, 0x83), Write(0, 1), Write(1, 0), Write(3, 3), Write(2, 0x81), Write(4, 0x0B), Write(1, 0x0F)),
        *(Write(7, 0x5A), Wait(1000), WriteRun(bytes(range(5))), Receive(0x41, 0), Receive(0x42, 4), Wait(FRAME + 9)),
        *(Write(3, 3 | LCR.BREAK), Wait(10), Write(3, 3), Wait(10)),
    )


def looped_chip() -> Uart:
    """A chip with a character on its way around the loop, and one that follows."""
    program = (Write(3, 0x83), Write(0, 1), Write(1, 0), Write(3, 3), Write(2, 1), Write(4, 0x18), Wait(500))
    return after(Uart(), *program, WriteRun(b"ab"))


def broken_chip() -> Uart:
    """A chip in loopback whose break is on its way around."""
    program = (Write(3, 0x83), Write(0, 1), Write(1, 0), Write(3, 3), Write(4, 0x10), Wait(500), Write(3, 0x43))
    return after(Uart(), *program, Wait(1000))


def waiting_chip() -> Uart:
    """A 16450 whose start bit is still to come."""
    return after(Uart("16450"), Wait(7), Write(0, 0x41))


def late_chip() -> Uart:
    """A chip in the midst of its transmitter's delay."""
    return after(Uart(), Write(2, 1), Write(0, 1), Wait(10**12), Write(0, 2))


CHIPS = {
    "busy": busy_chip,
    "looped": looped_chip,
    "broken": broken_chip,
    "waiting": waiting_chip,
    "late": late_chip,
}


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the single values of a JSON value are."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path


def looked_up(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def changed(value: Any, path: tuple[str | int, ...], to: object) -> Any:
    """A copy of a JSON value with one thing changed."""
    copy = json.loads(json.dumps(value))
    looked_up(copy, path[:-1])[path[-1]] = to
    return copy


EVERY_LEAF = [(name, path) for name, make in CHIPS.items() for path in leaves(make().state().to_json_value())]


@given(where=st.sampled_from(EVERY_LEAF), data=st.data())
@settings(max_examples=300)
def test_a_single_value_out_of_range_is_refused_by_its_name(
    where: tuple[str, tuple[str | int, ...]], data: st.DataObject
) -> None:
    name, path = where
    value = CHIPS[name]().state().to_json_value()
    found = looked_up(value, path)
    wrong: list[object] = [1.5, [], {}, "no such", float("nan")]
    if isinstance(found, bool):
        wrong += [0, 1, None, -1]
    elif isinstance(found, int):
        wrong += [-2, 1 << 100, True, False, str(found), float(found)]
        if not str(path[-1]).endswith("_at"):  # nothing need be due
            wrong.append(None)
    elif isinstance(found, str):
        wrong += [0, None, "zz", found + found * 300 + "0", True]
    else:
        wrong += [-1, 1, NEVER, True]
    field = next(str(key) for key in reversed(path) if isinstance(key, str))
    with pytest.raises(ValueError, match=field):
        UartState.from_json_value(changed(value, path, data.draw(st.sampled_from(wrong))))


def test_every_field_of_a_state_is_among_those_that_are_tried() -> None:
    tried = {key for _, path in EVERY_LEAF for key in path if isinstance(key, str)}
    state = busy_chip().state()
    declared = {field.name for field in dataclasses.fields(state)}
    for part in (state.receiver, state.transmitter, state.modem, state.loop, state.transmitter.sent[0]):
        declared |= {field.name for field in dataclasses.fields(part)}
    assert declared == tried


def with_part(state: UartState, name: str, **changes: Any) -> UartState:
    """A copy of a state with something changed in one of its parts."""
    return dataclasses.replace(state, **{name: dataclasses.replace(getattr(state, name), **changes)})


def cases() -> dict[str, Any]:
    busy, looped, broken, waiting, late = (make().state() for make in CHIPS.values())
    now = busy.now
    return {
        "variant is '16950'": lambda: dataclasses.replace(busy, variant="16950"),
        "fcr is 1: use bits of 0x00": lambda: dataclasses.replace(waiting, fcr=1),
        "fcr is 32": lambda: dataclasses.replace(waiting, variant="16750", fcr=0x20),
        "modem.control is 32: use bits of 0x1F": lambda: with_part(late, "modem", control=int(MCR.AFE)),
        "scratch is 1: use 0 to 0": lambda: dataclasses.replace(waiting, variant="8250", scratch=1),
        "receiver.data is .*: it holds 16": lambda: with_part(
            busy, "receiver", data=bytes(17), errors=bytes(17), timeout=True, timeout_at=None
        ),
        r"receiver.errors is b'\\x00'": lambda: with_part(busy, "receiver", errors=bytes(1)),
        r"receiver.errors is b'\\x02\\x00'": lambda: with_part(busy, "receiver", errors=b"\x02\x00"),
        "receiver.overruns is 3: use 0 to 2": lambda: with_part(busy, "receiver", overruns=3),
        "receiver.timeout_at is None": lambda: with_part(busy, "receiver", timeout_at=None),
        "receiver.timeout_at is .* timeout is True": lambda: with_part(busy, "receiver", timeout=True),
        f"receiver.timeout_at is {now}: use None, or a time after now": lambda: with_part(
            busy, "receiver", timeout_at=now
        ),
        "receiver.last is 1: RBR holds 65": lambda: with_part(
            waiting, "receiver", data=b"A", errors=b"\0", last=1, received=1
        ),
        "transmitter.fifo is .*: it holds 16": lambda: with_part(busy, "transmitter", fifo=bytes(17), written=17),
        "transmitter.fifo is .* nothing holds it back": lambda: with_part(busy, "transmitter", frame_end=now),
        "transmitter.frame_end is 4": lambda: with_part(busy, "transmitter", frame_end=NEVER - 5),
        "transmitter.written is 1: use 3": lambda: with_part(busy, "transmitter", written=1),
        "transmitter.written is 9: LSR.THRE is 1": lambda: with_part(
            busy, "transmitter", fifo=b"", written=9, frame_end=0
        ),
        "transmitter.just_taken is True": lambda: with_part(waiting, "transmitter", just_taken=True),
        "transmitter.start_at is": lambda: with_part(busy, "transmitter", start_at=now + 1),
        "transmitter.thre_at is": lambda: with_part(busy, "transmitter", thre_at=now + 1),
        "transmitter.thre_at is .* no indication": lambda: with_part(late, "transmitter", frame_end=late.now),
        "thr_empty_latch is True: LSR.THRE is 0": lambda: dataclasses.replace(busy, thr_empty_latch=True),
        "transmitter.dropped is": lambda: with_part(busy, "transmitter", dropped=99),
        "modem.rts_dropped is True: the receiver holds 2": lambda: with_part(busy, "modem", rts_dropped=True),
        "modem.rts_dropped is False: the receiver holds 2": lambda: with_part(
            dataclasses.replace(busy, fcr=1), "modem", control=int(MCR.AFE | MCR.RTS)
        ),
        "break_changes is .* take turns": lambda: dataclasses.replace(busy, break_changes=((1, True), (2, True))),
        "break_changes is .* contradicts lcr": lambda: dataclasses.replace(busy, break_changes=((1, True),)),
        "break_changes is 5": lambda: dataclasses.replace(busy, break_changes=((9, True), (5, False))),
        "loop is .* has no loopback": lambda: dataclasses.replace(busy, loop=looped.loop),
        "loop.arrivals is": lambda: with_part(looped, "loop", arrivals=((looped.now, 1),)),
        "loop.arrivals is .* a break covers them": lambda: dataclasses.replace(looped, lcr=0x43),
        "loop.break_at is .* has no break": lambda: with_part(looped, "loop", break_at=looped.now + 1),
        "loop.break_at is .*a time after now": lambda: with_part(broken, "loop", break_at=broken.now),
        "loop.break_at is .*at most": lambda: with_part(broken, "loop", break_at=broken.now + (1 << 60)),
        "loop.arrivals is 510: use None, or a time after now .520": lambda: with_part(
            looped, "loop", arrivals=((looped.now + 20, 1), (looped.now + 10, 2))
        ),
        "loop.space_since is": lambda: with_part(looped, "loop", space_since=looped.now + 1),
        "loop.space_until is": lambda: with_part(looped, "loop", space_until=looped.now + 1),
        "data_bits is 9": lambda: dataclasses.replace(busy.transmitter.sent[0], data_bits=9),
        "sent.characters is b'': use": lambda: dataclasses.replace(busy.transmitter.sent[0], characters=b""),
        "receiver is None: use a ReceiverState": lambda: dataclasses.replace(busy, receiver=None),  # type: ignore[arg-type]
        "the state is 5: use a dictionary": lambda: UartState.from_json_value(5),
        "wrong fields: now missing": lambda: UartState.from_json_value(
            {key: value for key, value in busy.to_json_value().items() if key != "now"}
        ),
        "wrong fields: colour missing or unknown": lambda: UartState.from_json_value(
            {**busy.to_json_value(), "colour": 1}
        ),
    }


@pytest.mark.parametrize("message", cases())
def test_a_state_that_no_chip_can_be_in_is_refused_with_the_field_and_its_value(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cases()[message]()


def test_a_state_is_a_value() -> None:
    state = busy_chip().state()
    assert state == busy_chip().state()
    assert hash(state) == hash(busy_chip().state())
    assert state != dataclasses.replace(state, scratch=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.scratch = 1  # type: ignore[misc]


def test_a_variant_of_ones_own_cannot_be_saved_by_its_name() -> None:
    with pytest.raises(ValueError, match="variant is"):
        Uart(Variant("16550A", fifo_depth=32)).state()


def test_only_a_state_can_be_restored() -> None:
    with pytest.raises(TypeError, match="state is 'abc'"):
        Uart.restore("abc")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="state is 'abc'"):
        Uart().become("abc")  # type: ignore[arg-type]
