"""Parts of a port by themselves: the tally of faults, a guest that does nothing, options by their older names, status."""

from __future__ import annotations

import pytest

from tests.machine.rig import open_port, virtual_time
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine.fault_tally import FaultTally
from uartsim.machine.port_options import _with_current_names
from uartsim.machine.sides import QuietGuest
from uartsim.registers import MCR, ModemInput, Offset
from uartsim.wire.faults import Fault

MS = TICKS_PER_SECOND // 1000
CTS, DCD = Fault("lost-cts"), Fault("dcd-drop")


def test_a_fault_counts_each_time_and_for_as_long_as_it_lasts() -> None:
    tally = FaultTally()
    assert tally.counters([], 0) == {}
    tally.begin(CTS, 10 * MS)
    assert tally.counters([CTS], 13 * MS)["in"]["lost-cts"] == {"times": 1, "milliseconds_held": 3}
    tally.end(CTS, 15 * MS)
    assert tally.counters([], 99 * MS)["in"]["lost-cts"] == {"times": 1, "milliseconds_held": 5}
    tally.begin(CTS, 20 * MS)
    tally.end(CTS, 27 * MS)
    tally.begin(CTS, 30 * MS)
    both = {"times": 3, "milliseconds_held": 5 + 7 + 2}
    assert tally.counters([CTS], 32 * MS + 1) == {"in": {"lost-cts": both}, "out": {"lost-cts": both}}


def test_dcd_only_comes_in_and_a_direction_that_was_given_counts() -> None:
    tally = FaultTally()
    tally.begin(DCD, 0)
    tally.begin(Fault("lost-cts", direction="out"), 0)
    tally.sent("xoff")
    tally.sent("xoff")
    assert tally.counters([], 0) == {
        "in": {"dcd-drop": {"times": 1, "milliseconds_held": 0}, "xoff": {"sent": 2}},
        "out": {"lost-cts": {"times": 1, "milliseconds_held": 0}},
    }


def test_counting_begins_again_with_the_faults_at_work() -> None:
    tally = FaultTally()
    tally.begin(CTS, 0)
    tally.begin(DCD, 0)
    tally.end(DCD, 5 * MS)
    tally.sent("xoff")
    tally.reset([CTS], 10 * MS)
    counted = {"lost-cts": {"times": 1, "milliseconds_held": 4}}
    assert tally.counters([CTS], 14 * MS) == {"in": counted, "out": counted}


def test_a_guest_that_leaves_the_chip_alone_has_nothing_and_takes_nothing() -> None:
    guest = QuietGuest()
    assert guest.refill(0) is False
    assert (guest.waiting(), guest.room()) == (0, 0)
    flags = (guest.serves_interrupts, guest.serves_at_once, guest.posts_accesses, guest.follows_changes)
    assert flags == (False,) * 4


def test_older_names_of_options_say_the_same() -> None:
    assert _with_current_names({"unlimited": True})["rate"] == "unlimited"
    assert _with_current_names({"unlimited": False})["rate"] == _with_current_names({})["rate"] != "unlimited"
    assert _with_current_names({"flow_control": True})["flow"] == "rtscts"
    assert _with_current_names({"flow_control": False})["flow"] == _with_current_names({})["flow"] != "rtscts"


@virtual_time
async def test_status_says_which_modem_lines_are_active() -> None:
    async with open_port(LineFormat()) as (com1, _):
        for pin, name in (
            (ModemInput.CTS, "cts"),
            (ModemInput.DSR, "dsr"),
            (ModemInput.RI, "ri"),
            (ModemInput.DCD, "dcd"),
        ):
            com1.uart.set_modem_inputs(int(pin), com1.clock.now())
            modem = com1.status()["modem"]
            assert [each for each in ("cts", "dsr", "ri", "dcd") if modem[each]] == [name]
        for value, active in ((0, []), (MCR.DTR, ["dtr"]), (MCR.RTS, ["rts"])):
            com1.write(Offset.MCR, int(value))
            modem = com1.status()["modem"]
            assert [each for each in ("dtr", "rts") if modem[each]] == active


@pytest.mark.parametrize("divisor", [1, 12, 0x0180, 0xFFFF])
@virtual_time
async def test_a_driver_programs_both_halves_of_the_divisor(divisor: int) -> None:
    async with open_port(LineFormat()) as (com1, driver):
        driver.set_format(LineFormat(divisor * LineFormat().bit_ticks))
        assert com1.uart.divisor == divisor
        assert com1.status()["divisor"] == divisor
