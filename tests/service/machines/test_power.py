"""Power: what each operation does to a machine, its guest and its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.guests.test_script import make_script
from tests.machine.rig import virtual_time
from tests.service.machines.tenant import (
    add_machine,
    booted,
    in_state,
    machine_id,
    output_with,
    running,
    the_machine,
    until,
)
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.store import Store

#: A guest that shuts down on the power button, but takes its time.
OBEDIENT = """
    import trio
    async def main(host):
        pressed = trio.Event()
        host.on_power_button = pressed.set
        host.tty.open()
        await host.tty.write(b"up")
        await pressed.wait()
        await host.tty.write(b"going down")
        await trio.sleep(5)
        await host.tty.write(b"last words")
        return "poweroff"
"""
#: A guest that notices the power button, and does nothing.
DEAF = OBEDIENT.replace("pressed.wait()", "trio.sleep_forever()")
#: A guest that says how often it was started, and switches itself off after a minute.
BRIEF = """
    import trio
    async def main(host):
        host.disk["boots"] = host.disk.get("boots", 0) + 1
        host.tty.open()
        await host.tty.write(f"boot {host.disk['boots']}.".encode())
        await trio.sleep(60)
        return "poweroff"
"""
CRASHING = """
    async def main(host):
        host.tty.open()
        await host.tty.write(b"so far")
        raise ValueError("no such luck")
"""


def power_of(store: Store, name: str = "vm1") -> object:
    resource = store.get(machine_id(name))
    assert resource is not None
    return resource.private["power"]


@virtual_time
async def test_start_boots_the_guest_and_serves_its_line() -> None:
    store = Store(None)
    add_machine(store)
    async with the_machine(store) as machine:
        assert (machine.power_state, machine.hub) == (PowerState.DEALLOCATED, None)
        await machine.start()
        assert (machine.power_state, power_of(store)) == (PowerState.RUNNING, "running")
        await output_with(machine, b"demo login: ")


@virtual_time
async def test_a_machine_is_found_in_whatever_case_and_only_if_its_resource_is_there() -> None:
    store = Store(None)
    add_machine(store)
    async with running(store) as machines:
        upper = machines.get(type(machine_id())(str(machine_id()).upper()))
        assert upper is machines.get(machine_id()) is not None
        assert machines.get(machine_id("vm2")) is None
        assert machines.get(machine_id().parent) is None


@virtual_time
async def test_power_off_has_the_guest_shut_down_and_its_last_words_are_heard(tmp_path: Path) -> None:
    store = Store(None)
    make_script(tmp_path / "g", OBEDIENT)
    add_machine(store, guest=str(tmp_path / "g"))
    async with the_machine(store) as machine:
        await machine.start()
        await output_with(machine, b"up")
        hub = machine.hub
        assert hub is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(machine.power_off)
            await in_state(machine, PowerState.STOPPING)
            assert machine.hub is hub
            assert not hub.closed
        assert hub.history() == b"upgoing downlast words"
        assert hub.closed
        assert (machine.hub, machine.power_state, power_of(store)) == (None, PowerState.STOPPED, "stopped")


@virtual_time
async def test_a_guest_that_does_not_shut_down_loses_its_power_and_that_is_said(tmp_path: Path) -> None:
    store, said = Store(None), list[str]()
    make_script(tmp_path / "g", DEAF)
    add_machine(store, guest=str(tmp_path / "g"))
    async with the_machine(store, said, shutdown_s=40) as machine:
        await machine.start()
        await output_with(machine, b"up")
        before = trio.current_time()
        await machine.power_off()
        assert trio.current_time() - before == pytest.approx(40, abs=0.1)
    assert said == ["vm1: the guest has not shut down within 40 s: the power is cut"]


@virtual_time
async def test_power_off_without_shutdown_is_immediate_even_while_a_shutdown_is_waited_for(tmp_path: Path) -> None:
    store = Store(None)
    make_script(tmp_path / "g", DEAF)
    add_machine(store, guest=str(tmp_path / "g"))
    async with the_machine(store, shutdown_s=1000) as machine:
        await machine.start()
        await output_with(machine, b"up")
        before = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(machine.deallocate)
            await in_state(machine, PowerState.DEALLOCATING)
            await machine.power_off(skip_shutdown=True)
        assert trio.current_time() - before < 1
        assert machine.power_state is PowerState.DEALLOCATED


@virtual_time
async def test_deallocate_and_start_shows_the_new_boot_only() -> None:
    store = Store(None)
    add_machine(store)
    async with booted(store) as machine:
        await machine.deallocate()
        assert (machine.power_state, power_of(store), machine.hub) == (PowerState.DEALLOCATED, "deallocated", None)
        await machine.start()
        assert machine.power_ons == 2
        output = await output_with(machine, b"demo login: ")
        assert output.count(b"Booting from Hard Disk") == 1
        assert b"Power down" not in output


@virtual_time
async def test_restart_shuts_down_and_boots_and_the_machine_counts_as_running_throughout() -> None:
    store = Store(None)
    add_machine(store)
    async with booted(store) as machine:
        first, seen = machine.hub, set()
        assert first is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(machine.restart)
            while machine.power_ons == 1 or machine.hub is None:
                await machine.changed.park()
                seen.add((machine.power_state, machine.hub is None))
        assert {state for state, _ in seen} == {PowerState.RUNNING}
        assert (PowerState.RUNNING, True) in seen  # between the two boots
        assert b"reboot: Power down" in first.history()
        assert machine.hub is not first
        assert b"Power down" not in await output_with(machine, b"demo login: ")


@virtual_time
async def test_reset_is_a_power_cycle_on_the_same_line_without_a_shutdown() -> None:
    store = Store(None)
    add_machine(store, settings={"grub_timeout": 5})
    async with booted(store) as machine:
        hub = machine.hub
        assert hub is not None
        begin = hub.end
        await machine.reset()
        while b"GNU GRUB" not in hub.history()[begin:]:
            await hub.wait_news()
        with hub.attach("somebody", force=True) as client:  # GRUB is caught in the console that was open before
            await client.send(b"c")
            while b"grub> " not in hub.history()[begin:]:
                await hub.wait_news()
        assert machine.hub is hub
        assert b"Power down" not in hub.history()
        assert (machine.power_state, machine.power_ons) == (PowerState.RUNNING, 1)


@virtual_time
async def test_a_guest_that_powers_off_leaves_the_machine_stopped_and_a_start_boots_it_again(tmp_path: Path) -> None:
    store, said = Store(None), list[str]()
    make_script(tmp_path / "g", BRIEF)
    add_machine(store, guest=str(tmp_path / "g"))
    async with the_machine(store, said) as machine:
        await machine.start()
        await in_state(machine, PowerState.STOPPED)
        assert (machine.hub, machine.failure, power_of(store)) == (None, None, "stopped")
        assert said == ["vm1: the guest powered off"]
        await machine.start()
        assert await output_with(machine, b".") == b"boot 2."  # its disk is as it left it


@virtual_time
async def test_a_guest_that_fails_stops_its_machine_with_the_reason_and_no_other(tmp_path: Path) -> None:
    store, said = Store(None), list[str]()
    make_script(tmp_path / "bad", CRASHING)
    make_script(tmp_path / "good", OBEDIENT)
    add_machine(store, "vm1", guest=str(tmp_path / "bad"), power="running")
    add_machine(store, "vm2", guest=str(tmp_path / "good"), power="running")
    add_machine(store, "vm3", guest=str(tmp_path / "missing"), power="running")
    async with running(store, said) as machines:
        bad, good, missing = (machines.get(machine_id(name)) for name in ("vm1", "vm2", "vm3"))
        assert bad is not None
        assert good is not None
        assert missing is not None
        await until(bad, lambda: bad.failure)
        await until(missing, lambda: missing.failure)
        assert "ValueError: no such luck (guest.py:5)" in str(bad.failure)
        assert "there is no such folder" in str(missing.failure)
        assert (bad.power_state, missing.power_state) == (PowerState.STOPPED, PowerState.STOPPED)
        await output_with(good, b"up")
        assert power_of(store, "vm1") == "running"  # it is tried again with the next start of the service
        with pytest.raises(ArmError, match=r"could not be started.*there is no such folder") as caught:
            await missing.start()
        assert caught.value.status == 409
        make_script(tmp_path / "missing", OBEDIENT)
        await missing.start()
        assert (missing.power_state, missing.failure) == (PowerState.RUNNING, None)
    assert any(line.startswith("vm1: the machine has stopped: failed: ValueError") for line in said)


@pytest.mark.parametrize("operation", ["restart", "power_off"])
@virtual_time
async def test_an_operation_just_after_the_service_has_started_counts(operation: str) -> None:
    for _ in range(6):  # whether the operation or the start of the machine comes first is chance
        store = Store(None)
        add_machine(store, power="running")
        async with running(store) as machines:
            machine = machines.get(machine_id())
            assert machine is not None
            await getattr(machine, operation)()
            await trio.sleep(1)
            running_then = operation == "restart"
            assert machine.power_state is (PowerState.RUNNING if running_then else PowerState.STOPPED)
            assert power_of(store) == ("running" if running_then else "stopped")


@pytest.mark.parametrize(
    "private",
    [{"settings": "grub_timeout=0"}, {"settings": {"nonsense": 1}}, {"port": {"rate": "fast"}}, {"port": {"speed": 1}}],
)
@virtual_time
async def test_whatever_is_wrong_with_a_machine_is_said_and_no_other_notices(private: dict[str, object]) -> None:
    store, said = Store(None), list[str]()
    add_machine(store, "vm1", power="running", guest="demo", **private)
    add_machine(store, "vm2", power="running")
    async with running(store, said) as machines:
        wrong, right = machines.get(machine_id("vm1")), machines.get(machine_id("vm2"))
        assert wrong is not None
        assert right is not None
        await until(wrong, lambda: wrong.failure)
        assert wrong.power_state is PowerState.STOPPED
        assert said == [f"vm1: the machine has stopped: {wrong.failure}"]
        await in_state(right, PowerState.RUNNING) if right.hub is None else None
        await output_with(right, b"demo login: ")


@virtual_time
async def test_what_ran_runs_again_when_the_service_starts_again_and_nothing_else_does() -> None:
    store = Store(None)
    for name, power in (("vm1", "running"), ("vm2", "stopped"), ("vm3", "deallocated")):
        add_machine(store, name, power=power)
    for _ in range(2):
        async with running(store) as machines:
            found = [machines.get(machine_id(name)) for name in ("vm1", "vm2", "vm3")]
            first = found[0]
            assert first is not None
            await output_with(first, b"demo login: ") if first.hub else await in_state(first, PowerState.RUNNING)
            assert [one and one.power_state for one in found] == [
                PowerState.RUNNING,
                PowerState.STOPPED,
                PowerState.DEALLOCATED,
            ]
    assert [power_of(store, name) for name in ("vm1", "vm2", "vm3")] == ["running", "stopped", "deallocated"]


@virtual_time
async def test_a_stopped_machine_can_be_deallocated_and_a_deallocated_one_stays_so_when_it_is_powered_off() -> None:
    store = Store(None)
    add_machine(store, power="stopped")
    async with the_machine(store) as machine:
        await machine.deallocate()
        assert machine.power_state is PowerState.DEALLOCATED
        await machine.power_off()
        assert (machine.power_state, power_of(store)) == (PowerState.DEALLOCATED, "deallocated")


@virtual_time
async def test_what_needs_a_running_machine_is_refused_while_it_is_off() -> None:
    store = Store(None)
    add_machine(store)
    async with the_machine(store) as machine:
        for attempt in (machine.restart(), machine.reset(), machine.nmi(), machine.sysrq("h")):
            with pytest.raises(ArmError, match="needs a running virtual machine") as caught:
                await attempt
            assert (caught.value.status, caught.value.code) == (409, "OperationNotAllowed")


@virtual_time
async def test_an_nmi_reaches_the_guests_kernel() -> None:
    store = Store(None)
    add_machine(store)
    async with booted(store) as machine:
        await machine.nmi()
        await output_with(machine, b"Uhhuh. NMI received")


@virtual_time
async def test_sysrq_sequences_of_two_callers_do_not_mix() -> None:
    store = Store(None)
    add_machine(store)
    async with booted(store) as machine:
        hub = machine.hub
        assert hub is not None
        begin = hub.end
        async with trio.open_nursery() as nursery:
            nursery.start_soon(machine.sysrq, "999")
            nursery.start_soon(machine.sysrq, "h1h")
        await trio.sleep(3)
        said = hub.history()[begin:]
        assert said.count(b"sysrq: HELP") == 2
        assert said.count(b"Changing Loglevel") == 4
        assert b"demo login: 9" not in said


@virtual_time
@pytest.mark.parametrize("keys", ["", "ä", "h ", "-", "a" * 65, "b\n"])
async def test_sysrq_takes_letters_and_numbers_only(keys: str) -> None:
    store = Store(None)
    add_machine(store)
    async with the_machine(store) as machine:
        with pytest.raises(ArmError, match="letters and numbers") as caught:
            await machine.sysrq(keys)
        assert caught.value.status == 400


@virtual_time
async def test_a_deleted_resource_takes_its_machine_with_it() -> None:
    store = Store(None)
    add_machine(store)
    async with running(store) as machines:
        machine = machines.get(machine_id())
        assert machine is not None
        await machine.start()
        hub = machine.hub
        assert hub is not None
        store.delete(machine_id())
        await in_state(machine, PowerState.STOPPED)
        assert hub.closed
        assert machines.get(machine_id()) is None


@virtual_time
async def test_another_guest_or_another_setting_takes_effect_at_the_next_start(tmp_path: Path) -> None:
    store = Store(None)
    make_script(tmp_path / "g", BRIEF)
    add_machine(store)
    async with booted(store) as machine:
        disk = next(store.list("Microsoft.Compute/disks"))
        store.put(disk.with_private(settings={"grub_timeout": 0, "hostname": "other"}))
        await machine.deallocate()
        await machine.start()
        await output_with(machine, b"other login: ")


@virtual_time
async def test_all_output_goes_to_the_watcher_whose_failure_is_none_of_the_guests(tmp_path: Path) -> None:
    store, said, heard = Store(None), list[str](), list[bytes]()

    def output(resource_id: object, data: bytes) -> None:
        assert resource_id == machine_id()
        heard.append(data)
        if b"last" in data:
            raise OSError("no space left")

    make_script(tmp_path / "g", OBEDIENT)
    add_machine(store, guest=str(tmp_path / "g"))
    async with the_machine(store, said, output=output) as machine:
        await machine.start()
        await output_with(machine, b"up")
        await machine.power_off()
        assert machine.failure is None
    assert b"".join(heard) == b"upgoing downlast words"
    assert said == [f"vm1: boot diagnostics miss {len(heard[-1])} bytes: no space left"]


@virtual_time
async def test_an_operation_that_an_earlier_service_has_left_under_way_is_over() -> None:
    store = Store(None)
    add_machine(store)
    resource = store.get(machine_id())
    assert resource is not None
    store.put(resource.with_properties(provisioningState="Updating"))
    async with running(store) as machines:
        await trio.sleep(1)
        resource = store.get(machine_id())
        assert resource is not None
        assert resource.properties["provisioningState"] == "Succeeded"
        assert machines.get(machine_id()) is not None


@virtual_time
async def test_three_machines_are_worked_on_at_the_same_time(tmp_path: Path) -> None:
    store = Store(None)
    make_script(tmp_path / "g", OBEDIENT)
    names = ("vm1", "vm2", "vm3")
    for name in names:
        add_machine(store, name, guest=str(tmp_path / "g"))
    async with running(store) as machines:
        found = [machine for name in names if (machine := machines.get(machine_id(name))) is not None]
        async with trio.open_nursery() as nursery:
            for machine in found:
                nursery.start_soon(machine.start)
        for machine in found:
            await output_with(machine, b"up")
        before = trio.current_time()
        async with trio.open_nursery() as nursery:
            for machine in found:
                nursery.start_soon(machine.restart)
        assert [machine.power_ons for machine in found] == [2, 2, 2]
        assert trio.current_time() - before < 6  # a shutdown of 5 s, and not three


@virtual_time
async def test_a_guest_that_reboots_by_itself_keeps_its_line_and_its_machine_stays_running(tmp_path: Path) -> None:
    store = Store(None)
    make_script(tmp_path / "g", BRIEF.replace("poweroff", "reboot"))
    add_machine(store, guest=str(tmp_path / "g"))
    async with the_machine(store) as machine:
        await machine.start()
        assert await output_with(machine, b"boot 1.", b"boot 2.") == b"boot 1.boot 2."
        assert (machine.power_ons, machine.power_state) == (1, PowerState.RUNNING)
