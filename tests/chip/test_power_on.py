"""A chip at power-on and after a reset, at its first tick, and as a state that JSON holds wrongly."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.chip.probe import FRAME, Chip
from tests.chip.test_state import busy_chip
from uartsim.chip import Uart, UartState
from uartsim.chip.part_states import LoopState, ModemState, ReceiverState, TransmitterState
from uartsim.line_format import NEVER
from uartsim.registers import POWER_ON_DIVISOR, Offset


def test_a_chip_that_was_made_is_as_after_power_on() -> None:
    assert Uart().state() == UartState(
        variant="16550A",
        thre_delay=True,
        out2_gate="bit",
        timeout_rule="frames",
        unlimited=False,
        now=0,
        divisor=POWER_ON_DIVISOR,
        scratch=0,
        ier=0,
        fcr=0,
        lcr=0,
        thr_empty_latch=False,
        break_changes=(),
        receiver=ReceiverState(b"", b"", 0, 0, False, None, 0, 0, 0),
        transmitter=TransmitterState(b"", 0, None, None, 0, False, False, (), 0, 0),
        modem=ModemState(0, 0xB0, 0, False),
        loop=LoopState(),
    )
    uart = Uart()
    assert [uart.read(offset, 0) for offset in range(8)] == [0, 0, 0x01, 0, 0, 0x60, 0xB0, 0]
    assert (uart.irq, uart.looping, uart.next_event(0), uart.next_interrupt(0)) == (False, False, NEVER, NEVER)
    assert (uart.take_sent(), uart.take_break_changes()) == ([], [])


def test_the_first_tick_is_a_time_like_any_other() -> None:
    """At time 0 everything can happen that can happen later: a chip's clock begins with power-on."""
    for began in (0, 1, 12_345):
        uart = Uart()
        for offset, value in ((3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, 0x01), (0, 0x61)):
            uart.write(offset, value, began)
        assert [uart.read(5, began) for _ in range(2)] == [0x20, 0x20]  # the first indication is not late
        assert uart.state().transmitter.just_taken
        uart.write(0, 0x62, began)
        assert [uart.read(5, began) for _ in range(2)] == [0x00, 0x00]
        uart.receive(0x63, 0, began)
        assert [uart.read(5, began) for _ in range(2)] == [0x01, 0x01]
        assert uart.read(0, began) == 0x63
        assert [uart.read(5, began) for _ in range(2)] == [0x00, 0x00]
        uart.write(3, 0x43, began)
        assert uart.take_break_changes() == [(began, True)]


def test_a_reset_gives_back_what_power_on_gave_but_for_what_it_leaves() -> None:
    chip = Chip(fcr=0xC1, ier=0x0F, mcr=0x1F)
    chip.send(b"abcdef")
    chip.wait(3 * FRAME)
    chip.write(Offset.SCR, 0x5A)
    chip.write(Offset.LCR, 0xC7)
    uart = chip.uart
    before = uart.state()
    uart.reset(uart.now)
    new = Uart().state()
    after_reset = uart.state()
    assert after_reset == dataclasses.replace(
        new,
        now=before.now,
        scratch=0x5A,
        divisor=before.divisor,
        receiver=dataclasses.replace(
            new.receiver,
            **{name: getattr(before.receiver, name) for name in ("last", "received", "overruns", "rbr_reads")},
        ),
        transmitter=dataclasses.replace(
            new.transmitter, thr_writes=before.transmitter.thr_writes, dropped=before.transmitter.dropped
        ),
    )
    assert (uart.irq, uart.looping, uart.next_event(uart.now)) == (False, False, NEVER)
    assert uart.modem.outputs == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"break_changes": "on"}, r"^break_changes is 'on': use a list$"),
        ({"break_changes": {}}, r"^break_changes is \{\}: use a list$"),
        ({"transmitter": {"sent": 5}}, r"^sent is 5: use a list$"),
        ({"loop": {"arrivals": None}}, r"^arrivals is None: use a list$"),
        ({"receiver": {"data": "0g"}}, r"^data is '0g': use hexadecimal digits$"),
        ({"receiver": {"errors": None}}, r"^errors is None: use hexadecimal digits$"),
        ({"receiver": []}, r"^receiver is \[\]: use a dictionary$"),
        ({"modem": {"more": 1}}, r"^modem has the wrong fields: more missing or unknown$"),
        ({"more": 1}, r"^the state has the wrong fields: more missing or unknown$"),
    ],
)
def test_what_json_holds_in_place_of_a_list_is_refused(change: dict[str, Any], message: str) -> None:
    value = busy_chip().state().to_json_value()
    for name, wrong in change.items():
        value[name] = {**value[name], **wrong} if isinstance(wrong, dict) and wrong else wrong
    with pytest.raises(ValueError, match=message):
        UartState.from_json_value(value)


@pytest.mark.parametrize(
    ("control", "pins", "dropped", "holds"),
    [
        *((0x20, 0x10, False, False), (0x20, 0x00, False, True), (0x00, 0x00, False, False)),
        # In loopback CTS is RTS, as far as automatic flow control has not dropped it.
        *((0x32, 0x00, False, False), (0x32, 0x10, True, True), (0x30, 0x10, False, True)),
    ],
)
def test_cts_holds_the_transmitter_as_msr_shows_it(control: int, pins: int, dropped: bool, holds: bool) -> None:
    assert ModemState(control, pins, 0, dropped).holds_transmitter is holds


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_error_shows_when_its_character_is_next_and_not_before(count: int) -> None:
    chip = Chip()
    for number in range(5):
        chip.receive(number, errors=0x18 if number == 3 else 0)
    assert chip.uart.read_run(count, chip.uart.now) == bytes(range(count))
    assert bool(chip.read(Offset.LSR) & 0x10) is (count == 3)
