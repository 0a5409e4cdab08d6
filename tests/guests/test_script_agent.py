"""The agent and the disk of a guest that is a script."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.guests.test_script import make_script
from tests.machine.rig import FarEnd, virtual_time
from uartsim.errors import UsageError
from uartsim.guest.make_guest import make_guest
from uartsim.machine import AgentError, AgentGuest, CommandResult, GuestEnd, Machine, agent_of, open_machine

AGENT = """
    import trio
    from uartsim.guest.script import CommandResult

    class Agent:
        async def run_command(self, script, *, shell):
            if script == "hang":
                await trio.sleep_forever()
            if script == "fail":
                raise ValueError("out of order")
            return CommandResult(3, f"{shell} ran {script}", "oops")

        async def set_password(self, user, password):
            host_disk[user] = password

    async def main(host):
        global host_disk
        host_disk = host.disk
        host.tty.open()
        await trio.sleep(1)
        host.agent = Agent()
        await host.tty.write(f"users {host.disk}.".encode())
        if "last" in host.disk:
            await host.tty.drain()
            return "poweroff"
        await trio.sleep_forever()
"""


@virtual_time
async def test_a_command_goes_to_the_agent_that_the_script_has_set(tmp_path: Path) -> None:
    async with open_machine(make_guest(make_script(tmp_path / "g", AGENT))) as machine:
        await trio.sleep(2)
        guest = agent_of(machine)
        assert isinstance(guest, AgentGuest)
        assert await guest.run_command("ls", shell="cmd") == CommandResult(3, "cmd ran ls", "oops")


@virtual_time
async def test_without_an_agent_the_guest_says_that_it_cannot(tmp_path: Path) -> None:
    async with open_machine(make_guest(make_script(tmp_path / "box", AGENT)), "vm") as machine:
        await trio.sleep(0.5)
        for attempt in (agent_of(machine).run_command("ls"), agent_of(machine).set_password("root", "x")):
            with pytest.raises(UsageError, match=r"box cannot run commands or set passwords.*no guest agent runs"):
                await attempt


@virtual_time
async def test_an_agent_is_gone_after_a_reset_until_the_script_sets_one_again(tmp_path: Path) -> None:
    async with open_machine(make_guest(make_script(tmp_path / "g", AGENT))) as machine:
        await trio.sleep(2)
        await machine.reset()
        await trio.sleep(0.5)
        with pytest.raises(UsageError, match="no guest agent"):
            await agent_of(machine).run_command("ls")
        await trio.sleep(2)
        assert (await agent_of(machine).run_command("ls")).status == 3


@virtual_time
async def test_a_command_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async with open_machine(make_guest(make_script(tmp_path / "g", AGENT))) as machine:
        await trio.sleep(2)
        before = trio.current_time()
        with pytest.raises(AgentError, match=r"longer than 2.5 s"):
            await agent_of(machine).run_command("hang", timeout_s=2.5)
        assert trio.current_time() - before == pytest.approx(2.5)


@virtual_time
async def test_a_reset_ends_a_command_that_is_running(tmp_path: Path) -> None:
    errors: list[str] = []

    async def ask(machine: Machine) -> None:
        with pytest.raises(AgentError) as caught:
            await agent_of(machine).run_command("hang", timeout_s=None)
        errors.append(str(caught.value))

    async with open_machine(make_guest(make_script(tmp_path / "g", AGENT))) as machine, trio.open_nursery() as nursery:
        await trio.sleep(2)
        nursery.start_soon(ask, machine)
        await trio.sleep(1)
        await machine.reset()
        with trio.fail_after(1):
            while not errors:
                await trio.sleep(0.1)
    assert "reset or switched off before" in errors[0]


@virtual_time
async def test_a_failure_of_the_agent_is_an_error_of_the_agent_with_its_place(tmp_path: Path) -> None:
    async with open_machine(make_guest(make_script(tmp_path / "g", AGENT))) as machine:
        await trio.sleep(2)
        with pytest.raises(AgentError, match=r"ValueError: out of order \(guest.py:\d+\)"):
            await agent_of(machine).run_command("fail")
        assert machine.ended is None


@virtual_time
async def test_the_disk_survives_a_reset_and_a_power_cycle_of_the_same_guest(tmp_path: Path) -> None:
    guest = make_guest(make_script(tmp_path / "g", AGENT))
    async with open_machine(guest) as machine:
        await trio.sleep(2)
        await agent_of(machine).set_password("ann", "secret")
        ears = FarEnd(machine.com1)
        await machine.reset()
        assert b"{'ann': 'secret'}" in await ears.wait_for(len("users {'ann': 'secret'}."))
        await agent_of(machine).set_password("last", "boot")
    async with open_machine(guest) as machine:
        assert await machine.wait_ended() == GuestEnd("poweroff")


@virtual_time
async def test_a_guest_of_a_kind_without_agents_says_that_it_cannot() -> None:
    class Silent:
        kind = "firmware"  # one that a virtual clock is for

        async def run(
            self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
        ) -> GuestEnd:
            task_status.started()
            await trio.sleep_forever()

        async def reset(self) -> None:
            await trio.lowlevel.checkpoint()

        async def nmi(self) -> None:
            await trio.lowlevel.checkpoint()

    async with open_machine(Silent(), "vm1") as machine:
        with pytest.raises(UsageError, match=r"vm1 cannot run commands.*kind firmware has no guest agent"):
            agent_of(machine)
