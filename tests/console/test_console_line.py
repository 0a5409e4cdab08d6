"""What a test does to its line: faults, modem lines, another chip."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import uartsim
from tests.machine.rig import virtual_time
from uartsim import UsageError, blocking


def test_a_test_makes_the_line_bad_and_good_again() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        console.login()
        console.line.add_fault("lost:rate=1,direction=in")
        console.sendline("echo gone")
        with pytest.raises(TimeoutError):
            console.expect_exact("gone", timeout=3)
        assert [str(fault) for fault in console.line.faults] == ["lost:rate=1,seed=0,direction=in"]
        assert console.line.clear_faults() == 1
        assert console.line.fault_counters["in"]["lost"]["characters_lost"] == len("echo gone\r")
        console.sendline("echo he''re")
        console.expect_exact("here")


@pytest.mark.parametrize("uart", ["16450", "16750"])
def test_a_test_chooses_the_chip_and_drives_the_modem_lines(uart: str) -> None:
    with blocking.open_console("demo", clock="virtual", uart=uart) as console:
        console.login()
        assert console.line.status["uart"] == uart
        console.line.set_modem(dtr=False)
        assert not console.line.modem["dcd"]
        assert console.line.modem["cts"]
        console.line.set_modem(dtr=True, rts=False)
        assert console.line.modem["dcd"]
        assert not console.line.modem["cts"]


def test_seven_bits_with_parity_are_garbage_at_an_end_of_eight() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        console.login()
        console.line.set_speed(115200)
        console.sendline("stty cs7 parenb -parodd")
        console.wait_for_quiet(1)
        console.sendline()
        console.wait_for_quiet(1)
        prompt = console.raw.rpartition(b"\n")[2]
        assert prompt == bytes(each | (each.bit_count() % 2) << 7 for each in b"root@demo:~# ")  # their parity bits
        console.line.set_speed(115200, "7E1")
        console.sendline()
        assert console.run("echo well").output == "well\n"
        console.line.set_speed(None)
        assert console.run("echo well").output == "well\n"


@pytest.mark.parametrize("characters", ["9N1", "8X1", "", None, 8])
def test_format_that_cannot_be_is_refused_with_what_can(characters: Any) -> None:
    with (
        blocking.open_console("demo", clock="virtual") as console,
        pytest.raises(UsageError, match=r"set_speed\(characters=.*such as 8N1, 7E1"),
    ):
        console.line.set_speed(115200, characters)


@virtual_time
async def test_a_fault_may_be_there_from_the_first_byte() -> None:
    async with uartsim.open_console("demo", faults=["noise:rate=0.05,seed=1,direction=out"], timeout=600) as console:
        with pytest.raises(TimeoutError):
            await console.expect_exact("box login: ", timeout=60)
        assert console.line.fault_counters["out"]["noise"]["bits_inverted"] > 100
        assert console.raw, "what came was garbage, but it came"


def test_a_fault_that_cannot_be_is_refused_with_what_can() -> None:
    with (
        blocking.open_console("demo", clock="virtual") as console,
        pytest.raises(UsageError, match="'nois' is not a fault: use one of noise, glitches"),
    ):
        console.line.add_fault("nois:rate=1")
    with pytest.raises(UsageError, match="lost needs rate"), blocking.open_console("demo", faults=["lost"]):
        pass


@pytest.mark.parametrize("fault", [5, None, ["noise"], b"xoff"])
def test_what_is_no_fault_is_refused_with_a_sentence(fault: object) -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        with pytest.raises(UsageError, match="is not a fault: write it as text"):
            console.line.add_fault(fault)  # type: ignore[arg-type]
        assert console.line.faults == []


def test_a_kind_or_a_level_that_does_not_exist_is_refused_with_a_sentence() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        with pytest.raises(UsageError, match="'nois' is not a kind of fault: use one of noise, glitches"):
            console.line.clear_faults("nois")
        with pytest.raises(UsageError, match="dtr is 'low': use True"):
            console.line.set_modem(dtr="low")  # type: ignore[arg-type]


@virtual_time
async def test_what_faults_did_is_counted_from_the_reset_on() -> None:
    async with uartsim.open_console("demo") as console:
        console.line.add_fault("dcd-drop")
        await trio.sleep(1)
        assert console.line.status["fault_counters"]["in"]["dcd-drop"]["milliseconds_held"] == 1000
        console.line.clear_faults()
        assert console.line.fault_counters["in"]["dcd-drop"] == {"times": 1, "milliseconds_held": 1000}
        console.line.reset_fault_counters()
        assert console.line.fault_counters == {}
