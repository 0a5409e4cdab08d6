"""The verbs of a console for the guest's agent, beside the line."""

from __future__ import annotations

import pytest

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import GuestEnded
from uartsim.errors import UsageError
from uartsim.machine import AgentError

QUICK = {"grub_timeout": 0, "boot_seconds": 0}


def test_a_password_that_was_set_from_outside_is_good_for_a_login() -> None:
    with blocking.open_console("ssh-key-only", settings=QUICK, clock="virtual") as console:
        console.expect("login: ")
        console.agent.set_password("azureuser", "Passw0rd!")
        console.login("azureuser", "Passw0rd!")
        assert console.run("id -un").output == "azureuser\n"
        result = console.agent.run_command("id -un; echo beside >&2", timeout=5)
        assert (result.status, result.stdout, result.stderr) == (0, "root\n", "beside\n")
        assert "beside" not in console.text


def test_a_command_ends_with_the_console_s_time_limit_and_scale() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual", timeout=4, timeout_scale=2) as console:
        console.expect("login: ")
        with pytest.raises(AgentError, match="longer than 8 s"):
            console.agent.run_command("sleep 60")
        with pytest.raises(AgentError, match="longer than 2 s"):
            console.agent.run_command("sleep 60", timeout=1)


def test_wrong_arguments_and_a_guest_that_has_ended_are_errors() -> None:
    with blocking.open_console("demo", settings=QUICK, clock="virtual") as console:
        console.expect("login: ")
        with pytest.raises(UsageError, match="as text"):
            console.agent.run_command(b"id")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="as text") as caught:
            console.agent.set_password("root", 12345)  # type: ignore[arg-type]
        assert "12345" not in str(caught.value)
        console.agent.run_command("poweroff")
        console.expect(GuestEnded)
        with pytest.raises(GuestEnded, match=r"agent.run_command\(\) needs it running"):
            console.agent.run_command("id")


def test_a_guest_without_an_agent_and_a_line_without_a_machine_say_so() -> None:
    with (
        blocking.open_console("firmware", clock="virtual") as console,
        pytest.raises(UsageError, match="firmware cannot run commands"),
    ):
        console.agent.run_command("id")

    async def scenario(console: Console, _client: FakeClient, _machine: FakeMachine) -> None:
        with pytest.raises(UsageError, match="no machine behind this console"):
            await console.agent.run_command("id")

    run_virtually(scenario)
