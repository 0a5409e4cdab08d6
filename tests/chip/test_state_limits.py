"""A state's limits, every one of them; and that each kind of chip goes on after it has been restored."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.chip.test_state import CHIPS, FRAME, after, busy_chip, changed, drive, leaves, looked_up, restored, with_part
from tests.strategies import Pins, Read, Receive, Step, Wait, Write, WriteRun
from uartsim.chip import Uart, UartState
from uartsim.chip.timing import frame_times
from uartsim.line_format import NEVER

#: The frame of 12 bits at divisor 0, and four of them: nothing that a chip does takes longer.
LONGEST_FRAME = 12 * 65536 * 16 * 78_125
HUGE = NEVER - 1


def wrong_values(found: object, name: str) -> list[object]:
    """Values that a field which holds `found` cannot have."""
    wrong: list[object] = [1.5, [], {}, "no such", float("nan")]
    if isinstance(found, bool):
        return [*wrong, 0, 1, None, -1]
    if isinstance(found, int):
        return [*wrong, -2, 1 << 100, True, False, str(found), float(found), *([] if name.endswith("_at") else [None])]
    if isinstance(found, str):
        return [*wrong, 0, None, "zz", found + found * 300 + "0", True]
    return [*wrong, -1, 1, NEVER, True]


@pytest.mark.parametrize("chip", CHIPS)
def test_every_single_value_out_of_range_is_refused_by_its_name(chip: str) -> None:
    value = CHIPS[chip]().state().to_json_value()
    for path in leaves(value):
        name = next(str(key) for key in reversed(path) if isinstance(key, str))
        for wrong in wrong_values(looked_up(value, path), name):
            with pytest.raises(ValueError, match=name):
                UartState.from_json_value(changed(value, path, wrong))


@pytest.mark.parametrize(
    ("part", "name", "low", "high"),
    [
        (None, "divisor", 0, 0xFFFF),
        (None, "scratch", 0, 0xFF),
        (None, "ier", 0, 0x0F),
        (None, "lcr", 0, 0xFF),
        ("receiver", "last", 0, 0xFF),
        ("receiver", "latched", 0, 0x1E),
        ("receiver", "received", 0, HUGE),
        ("receiver", "overruns", 0, 2),
        ("receiver", "rbr_reads", 0, HUGE),
        ("transmitter", "thr_writes", 0, HUGE),
        ("transmitter", "dropped", 0, 5),
        ("transmitter", "written", 3, HUGE),
        ("modem", "pins", 0, 0xF0),
        ("modem", "deltas", 0, 0x0F),
        ("modem", "control", 0, 0x3F),
    ],
)
def test_a_number_may_have_its_limits_and_nothing_beyond(part: str | None, name: str, low: int, high: int) -> None:
    busy = busy_chip().state()
    also: dict[str, dict[str, Any]] = {"received": {"overruns": 0}, "lcr": {"break_changes": ()}}

    def state(value: int) -> UartState:
        change: dict[str, Any] = {name: value, **also.get(name, {})}
        return with_part(busy, part, **change) if part else dataclasses.replace(busy, **change)

    for value in (low, high):
        made = state(value)
        assert getattr(getattr(made, part) if part else made, name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=rf"{name} is {value}: use"):
            state(value)


def test_what_may_be_due_may_be_due_after_the_longest_frame_and_no_later() -> None:
    busy, late, broken, looped = (CHIPS[name]().state() for name in ("busy", "late", "broken", "looped"))
    now = busy.now
    for offset, fits in ((0, False), (1, True), (4 * LONGEST_FRAME, True), (4 * LONGEST_FRAME + 1, False)):
        check(fits, "receiver.timeout_at", lambda at=now + offset: with_part(busy, "receiver", timeout_at=at))
    for offset, fits in ((LONGEST_FRAME, True), (LONGEST_FRAME + 1, False)):
        check(fits, "transmitter.frame_end", lambda at=now + offset: with_part(busy, "transmitter", frame_end=at))
    for offset, fits in ((0, False), (1, True), (LONGEST_FRAME, True), (LONGEST_FRAME + 1, False)):
        check(fits, "loop.break_at", lambda at=broken.now + offset: with_part(broken, "loop", break_at=at))
        check(fits, "loop.arrivals", lambda at=looped.now + offset: with_part(looped, "loop", arrivals=((at, 1),)))
    for offset, fits in ((0, True), (1, False)):
        check(
            fits, "thre_at", lambda at=late.transmitter.frame_end + offset: with_part(late, "transmitter", thre_at=at)
        )
        check(fits, "loop.space_since", lambda at=looped.now + offset: with_part(looped, "loop", space_since=at))
        check(fits, "loop.space_until", lambda at=looped.now + offset: with_part(looped, "loop", space_until=at))
        check(
            fits,
            "break_changes",
            lambda at=now + offset: dataclasses.replace(busy, break_changes=((0, True), (at, False))),
        )
        check(
            fits,
            "sent.start",
            lambda at=now + offset: with_part(
                busy, "transmitter", sent=(dataclasses.replace(busy.transmitter.sent[0], start=at),)
            ),
        )


def check(fits: bool, name: str, make: Any) -> None:
    if fits:
        make()
    else:
        # The name, the value as it is, and in words what can be.
        with pytest.raises(ValueError, match=rf"{name} is [^'\"].*: [a-z]"):
            make()


def test_runs_on_the_line_and_breaks_are_in_the_order_of_time() -> None:
    busy = busy_chip().state()
    run = busy.transmitter.sent[0]
    one, other = dataclasses.replace(run, start=1), dataclasses.replace(run, start=2)
    with_part(busy, "transmitter", sent=(one, one, other))
    with pytest.raises(ValueError, match=r"sent\.start is 1: use 2 to"):
        with_part(busy, "transmitter", sent=(other, one))
    for wrong in ((1,), (1, True, 2), [1, True], 7):
        with pytest.raises(ValueError, match=r"break_changes is .*use pairs of a time and whether the break is on"):
            dataclasses.replace(busy, break_changes=(wrong,))  # type: ignore[arg-type]
    looped = CHIPS["looped"]().state()
    for pair in ((looped.now + 1,), (looped.now + 1, 1, 1), 7):
        with pytest.raises(ValueError, match=r"loop\.arrivals is .*use pairs of a time and a character"):
            with_part(looped, "loop", arrivals=(pair,))
    for character in (-1, 256):
        with pytest.raises(ValueError, match=rf"loop\.arrivals is {character}: use 0 to 255"):
            with_part(looped, "loop", arrivals=((looped.now + 1, character),))


def test_at_unlimited_rate_nothing_takes_time() -> None:
    state = after(Uart(unlimited=True), Write(2, 1), Write(0, 1), Wait(5)).state()
    assert state.transmitter.frame_end <= state.now
    for name, part in (("frame_end", "transmitter"), ("timeout_at", "receiver")):
        with pytest.raises(ValueError, match=name):
            with_part(state, part, **{name: state.now + 1})


@pytest.mark.parametrize(
    ("fcr", "drops_at", "raises_at"), [(0x01, 1, 0), (0x41, 4, 0), (0x81, 8, 0), (0xC1, 16, 15), (0xE1, 64, 63)]
)
def test_rts_may_be_dropped_above_a_level_and_must_be_at_the_trigger(fcr: int, drops_at: int, raises_at: int) -> None:
    empty = after(Uart("16750"), Write(3, 0x80), Write(2, fcr), Write(3, 3), Write(4, 0x22)).state()
    assert empty.fcr == fcr

    def state(level: int, dropped: bool) -> UartState:
        receiver = dataclasses.replace(
            empty.receiver, data=bytes(level), errors=bytes(level), received=level, timeout=level > 0
        )
        modem = dataclasses.replace(empty.modem, rts_dropped=dropped)
        return dataclasses.replace(empty, receiver=receiver, modem=modem)

    for level in sorted({0, 1, raises_at, raises_at + 1, drops_at - 1, drops_at}):
        for dropped in (False, True):
            possible = level > raises_at if dropped else level < drops_at
            check(possible, "rts_dropped", lambda level=level, dropped=dropped: state(level, dropped))


TAKEN_APART: list[tuple[str, dict[str, Any], list[Step], list[Step]]] = [
    (
        "characters with errors wait in the FIFO",
        {},
        [Write(2, 0x01), Receive(1, 0), Receive(2, 4), Receive(3, 8), Receive(4, 0)],
        [Read(5), Read(0), Read(5), Read(5), Read(0), Read(5), Read(5), Read(0), Read(5), Read(5), Read(0), Read(5)],
    ),
    (
        "an overrun is latched",
        {},
        [Receive(1, 0), Receive(2, 0)],
        [Read(2), Read(5), Read(5), Read(0), Read(0), Read(0)],
    ),
    (
        "the timeout has come",
        {},
        [Write(1, 1), Write(4, 8), Write(2, 0x81), Receive(1, 0), Wait(5 * 12 * 16 * 78_125 * 65_536)],
        [Read(2), Read(0), Read(2), Receive(1, 0), Wait(FRAME), Read(2), Wait(5 * 12 * 16 * 78_125 * 65_536), Read(2)],
    ),
    (
        "modem lines have changed",
        {"modem_inputs": 0xB0},
        [Write(1, 8), Write(4, 8), Pins(0x40), Pins(0x00)],
        [Read(2), Read(6), Read(6), Read(2), Pins(0xF0), Read(6)],
    ),
    (
        "RTS was dropped",
        {"variant": "16750"},
        [Write(2, 0x41), Write(4, 0x22), *[Receive(n, 0) for n in range(4)]],
        [Read(0), Read(0), Read(0), Receive(9, 0), Read(0), Read(0), *[Receive(n, 0) for n in range(4)]],
    ),
    (
        "CTS holds the transmitter",
        {"variant": "16750", "modem_inputs": 0x00},
        [Write(4, 0x20), Write(2, 1), WriteRun(b"abc"), Wait(2 * FRAME)],
        [Read(5), Pins(0x10), Wait(FRAME), Read(5), Pins(0x00), Wait(9 * FRAME), Read(5), Pins(0x10), Wait(9 * FRAME)],
    ),
    (
        "a break is on",
        {},
        [Write(3, 0x43), Wait(3 * FRAME), WriteRun(b"a"), Wait(FRAME // 2)],
        [Write(3, 0x03), Wait(FRAME), Write(0, 0x62), Wait(FRAME), Write(3, 0x43)],
    ),
    (
        "a character has just been taken",
        {},
        [Write(2, 1), Write(0, 0x61)],
        [Read(5), Read(2), Write(0, 0x62), Read(5), Wait(1), Read(5), Wait(FRAME), Read(5), Wait(FRAME), Read(5)],
    ),
    (
        "in loopback a break is on its way",
        {},
        [Write(2, 1), Write(4, 0x1F), WriteRun(b"ab"), Wait(FRAME // 3), Write(3, 0x43)],
        [Wait(FRAME), Read(5), Wait(99 * FRAME), Write(3, 3), Wait(FRAME), Read(5), Read(0), Read(5), Read(0)],
    ),
    (
        "everything is written to",
        {"variant": "16750", "out2_gate": "pin", "timeout_rule": "word", "thre_delay": False},
        [Write(3, 0x9F), Write(0, 7), Write(1, 1), Write(3, 0x1F), Write(2, 0xA1), Write(1, 0x0F), Write(7, 0x5A)],
        [Write(2, 0xA7), Read(2), Read(3), Read(1), Read(7), Write(3, 0x9F), Read(0), Read(1), Write(3, 3), Read(2)],
    ),
]


@pytest.mark.parametrize(
    ("options", "before", "then"), [case[1:] for case in TAKEN_APART], ids=[c[0] for c in TAKEN_APART]
)
def test_a_restored_chip_goes_on(options: dict[str, Any], before: list[Step], then: list[Step]) -> None:
    first = after(Uart(**options), *before)
    for take in (False, True):
        second, third = restored(first), restored(first)
        assert second.state() == first.state()
        assert list(drive(second, then, take=take)) == list(drive(third, then, take=take))
    second = restored(first)
    assert list(drive(second, then, take=False)) == list(drive(first, then, take=False))
    assert second.state() == first.state()


@pytest.mark.parametrize("chip", CHIPS)
def test_each_chip_goes_on_however_long_it_waits(chip: str) -> None:
    for pause in (0, 1, FRAME // 3, FRAME, 20 * FRAME, 70 * LONGEST_FRAME):
        first = CHIPS[chip]()
        second = restored(first)
        then: list[Step] = [Wait(pause), Read(5), Read(2), Read(0), Read(5), Write(0, 0x55), Wait(2 * FRAME), Read(5)]
        assert list(drive(second, then, take=False)) == list(drive(first, then, take=False))
        assert second.state() == first.state()


@pytest.mark.parametrize(
    ("lcr", "frame_halves", "sampled_halves", "but_last", "word_bits", "errors"),
    [
        (0x00, 14, 13, 12, 32, 0x18),  # 5N1
        (0x04, 15, 13, 14, 32, 0x18),  # 5N1.5
        (0x03, 20, 19, 18, 44, 0x18),  # 8N1
        (0x07, 22, 19, 20, 44, 0x18),  # 8N2
        (0x0B, 22, 21, 20, 44, 0x1C),  # 8O1: a parity bit of 0 is wrong for a character of zeros
        (0x1B, 22, 21, 20, 44, 0x18),  # 8E1
        (0x2B, 22, 21, 20, 44, 0x1C),  # 8M1
        (0x3B, 22, 21, 20, 44, 0x18),  # 8S1
        (0x3A, 20, 19, 18, 40, 0x18),  # 7S1
    ],
)
def test_the_times_of_a_format(
    lcr: int, frame_halves: int, sampled_halves: int, but_last: int, word_bits: int, errors: int
) -> None:
    times = frame_times(lcr, 3, False)
    half = 3 * 16 * 78_125 // 2
    assert times.bit == 2 * half
    assert times.frame == frame_halves * half
    assert times.sampled == sampled_halves * half
    assert times.all_but_last_stop == but_last * half
    assert times.timeout == 4 * times.frame
    assert times.word_timeout == word_bits * times.bit
    assert times.mask == (1 << 5 + (lcr & 3)) - 1
    assert times.break_errors == errors
    assert frame_times(lcr, 0, False).bit == 65_536 * 16 * 78_125
    at_once = frame_times(lcr, 3, True)
    assert {at_once.bit, at_once.frame, at_once.sampled, at_once.timeout, at_once.word_timeout} == {0}
