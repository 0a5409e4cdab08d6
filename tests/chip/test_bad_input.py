"""The whole public face of the chip against arguments that cannot be: refused by name and value, and nothing changed.

Wrong values are a ``ValueError``, wrong types a ``TypeError``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from uartsim.chip import Bench, Uart, UartState
from uartsim.chip.streaming import stream_in, stream_out
from uartsim.line_format import BIT_AT_DIVISOR_1, NEVER, TICKS_PER_NS, LineFormat
from uartsim.registers import IER, LCR, MSR, VARIANTS, Offset

NAN = float("nan")
NO_TICKS: list[object] = [-1, 999, 1000.0, NAN, float("inf"), True, "1000", None, Decimal(1000), b"1"]
NO_OFFSET: list[object] = [
    -1,
    -8,
    8,
    1000,
    5.0,
    1.5,
    NAN,
    True,
    False,
    "5",
    None,
    Decimal(5),
    Fraction(5),
    b"\5",
    1 << 70,
]
NO_BYTE: list[object] = [-1, 256, 1 << 70, 65.0, NAN, True, "A", b"A", None, Decimal(65)]
NO_BYTES: list[object] = [5, "abc", None, [1, 2], (1, 2), range(3), 1.5]


class Bad(NamedTuple):
    """A call with one argument that cannot be, and how the message begins."""

    name: str
    call: Callable[[Uart, Any], object]
    values: list[object]


BAD = [
    Bad("offset", lambda uart, wrong: uart.read(wrong, 1000), NO_OFFSET),
    Bad("offset", lambda uart, wrong: uart.write(wrong, 0, 1000), NO_OFFSET),
    Bad("value", lambda uart, wrong: uart.write(7, wrong, 1000), NO_BYTE),
    Bad("value", lambda uart, wrong: uart.write(0, wrong, 1000), NO_BYTE),
    Bad("value", lambda uart, wrong: uart.write(3, wrong, 1000), NO_BYTE),
    Bad("characters", lambda uart, wrong: uart.write_run(wrong, 1000), NO_BYTES),
    Bad("character", lambda uart, wrong: uart.receive(wrong, 0, 1000), NO_BYTE),
    Bad("errors", lambda uart, wrong: uart.receive(0, wrong, 1000), [*NO_BYTE, 1, 2, 0x20, 0x40, 0x80, 0x1F]),
    Bad("characters", lambda uart, wrong: uart.receive_run(wrong, 1000, 10), NO_BYTES),
    Bad("interval", lambda uart, wrong: uart.receive_run(b"ab", 1000, wrong), [-1, 10.0, NAN, True, "10", None]),
    Bad("inputs", lambda uart, wrong: uart.set_modem_inputs(wrong, 1000), [*NO_BYTE, 1, 0x0F, 0xB8]),
    Bad("count", lambda uart, wrong: uart.read_run(wrong, 1000), [-1, 1.0, NAN, True, "1", None]),
]

#: Every method that is told the time.
TIMED: dict[str, Callable[[Uart, Any], object]] = {
    "read": lambda uart, now: uart.read(7, now),
    "write": lambda uart, now: uart.write(7, 1, now),
    "write_run": lambda uart, now: uart.write_run(b"a", now),
    "read_run": lambda uart, now: uart.read_run(1, now),
    "reset": lambda uart, now: uart.reset(now),
    "receive": lambda uart, now: uart.receive(1, 0, now),
    "receive_run": lambda uart, now: uart.receive_run(b"ab", now, 10),
    "set_modem_inputs": lambda uart, now: uart.set_modem_inputs(0, now),
    "advance": lambda uart, now: uart.advance(now),
    "next_event": lambda uart, now: uart.next_event(now),
    "next_interrupt": lambda uart, now: uart.next_interrupt(now),
    "check_time": lambda uart, now: uart.check_time(now),
    "finish_stream": lambda uart, now: uart.finish_stream(now, thre_interrupt=False),
}
#: Those that take nothing, or nothing from outside.
UNTIMED = {"take_sent", "take_sent_runs", "take_break_changes", "state", "restore", "become"}


def chip() -> Uart:
    """One that has LSR in its cache and something in its FIFOs, at tick 1000."""
    uart = Uart()
    for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 1), (4, 0x0B), (1, 0x0F)):
        uart.write(offset, value, 1000)
    uart.receive(0x41, 0, 1000)
    uart.write(0, 0x42, 1000)
    uart.write(0, 0x43, 1000)
    uart.read(5, 1000)
    return uart


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_an_argument_that_cannot_be_is_refused_by_its_name_and_value(bad: Bad) -> None:
    for wrong in bad.values:
        uart = chip()
        with pytest.raises((ValueError, TypeError)) as refused:
            bad.call(uart, wrong)
        message = str(refused.value)
        assert message.startswith((f"{bad.name} is ", f"{bad.name} are ")), message
        assert repr(wrong) in message
        right_type = type(wrong) is int and bad.name != "characters"
        assert type(refused.value) is (ValueError if right_type else TypeError), message
        assert uart.state() == chip().state(), "nothing has changed"


@pytest.mark.parametrize("method", TIMED)
def test_a_time_that_cannot_be_is_refused_by_its_value(method: str) -> None:
    for wrong in NO_TICKS:
        uart = chip()
        with pytest.raises((ValueError, TypeError), match=r"now is|time went backwards") as refused:
            TIMED[method](uart, wrong)
        assert (str(wrong) if type(wrong) is int else repr(wrong)) in str(refused.value)
        assert type(refused.value) is (ValueError if type(wrong) is int else TypeError)
        assert uart.state() == chip().state(), "nothing has changed"


@pytest.mark.parametrize("method", TIMED)
@pytest.mark.parametrize("wrong", [NEVER, NEVER + 5, 1 << 100])
def test_a_time_that_never_comes_is_refused_by_its_value(method: str, wrong: int) -> None:
    uart = chip()
    with pytest.raises(ValueError, match=str(wrong)):
        TIMED[method](uart, wrong)
    assert uart.state() == chip().state(), "nothing has changed"


@pytest.mark.parametrize("lcr", [0x03, 0x1F])
@pytest.mark.parametrize("mcr", [0x0B, 0x1B])
def test_the_last_moment_before_never_is_a_time_like_any_other(lcr: int, mcr: int) -> None:
    uart = Uart()
    for offset, value in ((3, lcr), (4, mcr), (2, 1), (1, 0x0F), (0, 0x41), (0, 0x42)):
        uart.write(offset, value, NEVER - 1000)
    assert uart.next_event(NEVER - 1) == uart.next_interrupt(NEVER - 1) == NEVER, "the frames end after it"
    assert uart.read(5, NEVER - 1) & 0x20 == 0


def test_characters_whose_last_would_never_come_are_refused() -> None:
    uart = chip()
    with pytest.raises(ValueError, match=f"interval {NEVER // 2}"):
        uart.receive_run(b"abc", 1000, NEVER // 2)
    assert uart.state() == chip().state(), "nothing has changed"


def test_every_public_method_is_tried() -> None:
    public = {name for name, _ in inspect.getmembers(Uart, inspect.isroutine) if not name.startswith("_")}
    assert public == TIMED.keys() | UNTIMED


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("variant", ["16950", "", "16550a", None, 16550, 1.5]),
        ("out2_gate", ["maybe", None, 1, ""]),
        ("timeout_rule", ["never", None, 4]),
        ("thre_delay", [None, 1, 0, "yes", 1.0]),
        ("unlimited", [None, 1, 0, "yes"]),
        ("modem_inputs", [-1, 1, 0x0F, 0x100, 1.5, NAN, "CTS", None, True]),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_value(name: str, values: list[object]) -> None:
    options: dict[str, Any]
    for wrong in values:
        options = {name: wrong}
        for kind in (Uart, Bench):
            with pytest.raises((ValueError, TypeError), match="use") as refused:
                kind(**options)
            assert repr(wrong) in str(refused.value)


def test_register_names_and_bits_are_taken_as_the_numbers_that_they_are() -> None:
    uart = Uart()
    uart.write(Offset.LCR, LCR.DLAB | LCR.WLS, 0)
    uart.write(Offset.DLL, LCR.BREAK, 0)
    uart.write(Offset.LCR, LCR.WLS, 0)
    uart.write(Offset.IER, IER.ERBFI, 0)
    uart.set_modem_inputs(MSR.CTS | MSR.DCD, 0)
    assert [type(uart.read(offset, 0)) for offset in Offset] == [int] * len(Offset)
    assert type(uart.divisor) is int
    assert uart.read(Offset.LSR, 0) == 0x60
    assert uart.read(Offset.LSR, 0) == 0x60


@pytest.mark.parametrize("until", [999, 1000.5, NAN, "1", None, True])
def test_slices_refuse_a_time_that_cannot_be(until: Any) -> None:
    for unlimited in (False, True):
        uart = Uart(unlimited=unlimited)
        for offset, value in ((2, 1), (4, 8), (1, 3)):
            uart.write(offset, value, 1000)
        uart.read(2, 1000)
        before = uart.state()
        with pytest.raises((ValueError, TypeError), match=r"now is|time went backwards"):
            stream_out(uart, bytearray(100), until)
        with pytest.raises((ValueError, TypeError), match=r"now is|time went backwards"):
            stream_in(uart, b"abc", until)
        assert uart.state() == before


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda bench: bench.read(8), "offset is 8"),
        (lambda bench: bench.read(True), "offset is True"),
        (lambda bench: bench.write(0, 256), "value is 256"),
        (lambda bench: bench.write(0, 1.0), "value is 1.0"),
        (lambda bench: bench.receive("abc"), "characters are 'abc'"),
        (lambda bench: bench.receive(3), "characters are 3"),
        (lambda bench: bench.receive_error(256, "P"), "character is 256"),
        (lambda bench: bench.receive_error(-1, "P"), "character is -1"),
        (lambda bench: bench.receive_error(1.5, "P"), "character is 1.5"),
        (lambda bench: bench.receive_error(1, "X"), "error is 'X'"),
        (lambda bench: bench.receive_error(1, []), r"error is \[\]"),
        (lambda bench: bench.advance(-1), "-1"),
        (lambda bench: bench.advance(1.5), "1.5"),
        (lambda bench: bench.advance(NAN), "nan"),
        (lambda bench: bench.advance("1"), "'1'"),
        (lambda bench: bench.advance(True), "True"),
        (lambda bench: bench.advance(1 << 90), str(1 << 90)),
    ],
)
def test_the_bench_refuses_the_same(call: Callable[[Bench], object], named: str) -> None:
    bench = Bench()
    before = bench.uart.state()
    with pytest.raises((ValueError, TypeError), match=named):
        call(bench)
    assert bench.uart.state() == before
    assert bench.now_ticks == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"bit_ticks": -1}, "bit_ticks is -1"),
        ({"data_bits": 4}, "data_bits is 4"),
        ({"data_bits": 9}, "data_bits is 9"),
        ({"parity": "X"}, "parity is 'X'"),
        ({"stop_halves": 1}, "stop_halves is 1"),
        ({"stop_halves": 5}, "stop_halves is 5"),
    ],
)
def test_a_format_that_cannot_be_is_refused_by_its_value(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        LineFormat(**options)


@pytest.mark.parametrize("value", [None, 5, "{}", [], {}, {"now": 1}])
def test_what_is_no_state_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="the state"):
        UartState.from_json_value(value)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_datasheet_defines_is_not_refused(variant: str) -> None:
    """Reserved bits and a divisor of 0 are the processor's to write."""
    for value in range(0x100):
        uart = Uart(variant)
        for offset in (3, 0, 1, 2, 4, 5, 6, 7):
            uart.write(offset, value, 0)
            uart.write(3, 0x80, 0)
            uart.write(0, 0, 0)
            uart.write(1, 0, 0)
        assert uart.line_format.bit_ticks == 0x10000 * BIT_AT_DIVISOR_1
        assert all(0 <= uart.read(offset, 0) <= 0xFF for offset in range(8))


@pytest.mark.parametrize("act", [lambda b: b.receive(b"abc"), lambda b: b.receive_error(1, "P"), Bench.receive_break])
def test_the_bench_lets_no_time_pass_to_never(act: Callable[[Bench], object]) -> None:
    bench = Bench()
    bench.advance(NEVER // TICKS_PER_NS - 1)
    before = bench.now_ticks, bench.uart.state()
    with pytest.raises(ValueError, match=r"now is \d{28}"):
        act(bench)
    assert (bench.now_ticks, bench.uart.state()) == before
    bench.settle()
    assert bench.irq is False
