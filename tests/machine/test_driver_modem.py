"""Carrier, as the guest's driver sees it."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.machine.rig import FarEnd, FunctionGuest, Listener, open_machine, open_port, virtual_time
from uartsim.guest.script import ScriptHost
from uartsim.machine import Machine
from uartsim.machine.port_options import read_fault
from uartsim.registers import MCR, MSR, ModemOutput

UP = ModemOutput.DTR | ModemOutput.RTS
NO_CARRIER = ModemOutput.RTS


@virtual_time
async def test_dtr_of_the_far_end_is_carrier() -> None:
    async with open_port() as (com1, driver):
        told: list[bool] = []
        driver.modem.on_carrier = told.append
        assert driver.modem.carrier
        for outputs in (ModemOutput.DTR, NO_CARRIER, ModemOutput(0), UP, UP):
            com1.set_far_outputs(outputs)
        assert told == [False, True]
        assert driver.modem.carrier


@virtual_time
async def test_a_port_that_is_opened_without_carrier_sees_it_come() -> None:
    async with open_port() as (com1, driver):
        driver.close()
        com1.set_far_outputs(NO_CARRIER)
        driver.open()
        assert not driver.modem.carrier
        com1.set_far_outputs(UP)
        assert driver.modem.carrier


@virtual_time
async def test_waiting_for_carrier_ends_when_it_comes_and_for_its_loss_when_it_goes() -> None:
    async with open_port() as (com1, driver):
        await driver.modem.wait_carrier()
        seen: list[tuple[str, float]] = []

        async def watch() -> None:
            await driver.modem.wait_carrier(up=False)
            seen.append(("lost", trio.current_time()))
            await driver.modem.wait_carrier()
            seen.append(("back", trio.current_time()))

        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            await trio.sleep(1)
            com1.set_far_outputs(NO_CARRIER)
            await trio.sleep(2)
            com1.set_far_outputs(UP)
        assert [what for what, _ in seen] == ["lost", "back"]
        assert [at - begin for _, at in seen] == pytest.approx([1, 3])


@virtual_time
async def test_a_dropped_carrier_is_told_and_comes_back_when_the_fault_is_over() -> None:
    async with open_port() as (com1, driver):
        told: list[tuple[bool, float]] = []
        begin = trio.current_time()
        driver.modem.on_carrier = lambda up: told.append((up, trio.current_time() - begin))
        com1.add_fault(read_fault("dcd-drop:seconds=2"))
        await trio.sleep(5)
        assert [up for up, _ in told] == [False, True]
        assert [at for _, at in told] == pytest.approx([0, 2], abs=1e-6)


@virtual_time
async def test_a_lost_carrier_alone_stops_no_byte() -> None:
    async with open_port() as (com1, driver):
        far = FarEnd(com1)
        driver.modem.on_carrier = lambda up: None
        com1.set_far_outputs(NO_CARRIER)
        await driver.write(b"still here")
        assert await far.wait_for(10) == b"still here"


@virtual_time
async def test_a_script_guest_can_hang_up_when_carrier_is_lost(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("guest")

    async def main(machine: Machine) -> None:
        host = ScriptHost(machine, {}, folder)
        host.tty.open()
        await host.tty.write(b"hello")
        await host.tty.modem.wait_carrier(up=False)
        await host.tty.write(b" goodbye")
        await host.tty.drain()

    async with open_machine(FunctionGuest(main)) as machine:
        far = FarEnd(machine.com1)
        await far.wait_for(5)
        machine.com1.set_far_outputs(NO_CARRIER)
        assert await far.wait_for(13) == b"hello goodbye"
        await machine.wait_ended()


@virtual_time
async def test_a_break_comes_behind_what_was_written_and_before_what_is_written_next() -> None:
    async with open_port() as (com1, driver):
        events: list[object] = []
        Listener(com1, lambda data, at: events.append(data), lambda at: events.append("break"))
        await driver.write(b"before")
        await driver.send_break(0.01)
        await driver.write(b"after")
        await driver.drain()
        assert b"".join(event for event in events[: events.index("break")] if isinstance(event, bytes)) == b"before"
        assert b"".join(event for event in events[events.index("break") + 1 :] if isinstance(event, bytes)) == b"after"
        assert com1.status()["line"]["breaks_out"] == 1


@virtual_time
async def test_a_break_takes_no_time_to_be_told_at_unlimited_rate() -> None:
    async with open_port(unlimited=True) as (com1, driver):
        await driver.write(b"before")
        await driver.send_break(0.01)
        assert com1.status()["line"]["breaks_out"] == 1


@virtual_time
async def test_a_driver_that_passes_lines_on_drives_dtr_and_rts() -> None:
    async with open_port() as (com1, driver):
        driver.modem.set_outputs(dtr=False, rts=True)
        assert com1.status()["registers"]["MCR"] == MCR.RTS | MCR.OUT2
        driver.open()
        assert com1.status()["registers"]["MCR"] == MCR.DTR | MCR.RTS | MCR.OUT2


@virtual_time
async def test_a_change_of_the_inputs_can_be_waited_for() -> None:
    async with open_port() as (com1, driver):
        everything = MSR.CTS | MSR.DSR | MSR.DCD
        assert await driver.modem.wait_inputs(other_than=0) == everything
        com1.set_far_outputs(ModemOutput.DTR)
        assert await driver.modem.wait_inputs(other_than=int(everything)) == MSR.DSR | MSR.DCD
