"""The client of qemu-guest-agent against an agent that is a few lines of test, well-behaved or hostile."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.guests.line import guest
from tests.machine.rig import virtual_time
from uartsim.errors import UsageError
from uartsim.guest import qemu_agent
from uartsim.guest.manifest import parse_manifest
from uartsim.guest.qemu import QemuGuest
from uartsim.guest.qemu_agent import ANSWER_BYTES, ANSWER_TIMEOUT_S, QemuAgent
from uartsim.machine import AgentError, CommandResult

Reply = Callable[["Agent", dict[str, Any]], Awaitable[None]]


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def as_line(value: object) -> bytes:
    return json.dumps({"return": value}).encode()


class Agent:
    """The guest's end of the port."""

    def __init__(self, port: trio.SocketStream, reply: Reply) -> None:
        self.port = port
        self.asked: list[dict[str, Any]] = []
        self._reply = reply

    async def run(self) -> None:
        buffer = b""
        async for data in self.port:
            buffer += data
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                message = json.loads(line.rpartition(b"\xff")[2])
                if message["execute"] == "guest-sync-delimited":
                    assert line.startswith(b"\xff")
                else:
                    self.asked.append(message)
                await self._reply(self, message)

    async def answer(self, value: object, before: bytes = b"") -> None:
        await self.port.send_all(before + json.dumps({"return": value}).encode() + b"\n")

    async def well(self, message: dict[str, Any], **exited: object) -> None:
        """Answer as qemu-guest-agent does; a program has ended with ``exited``."""
        match message["execute"]:
            case "guest-sync-delimited":
                await self.answer(message["arguments"]["id"], b"\xff")
            case "guest-exec":
                await self.answer({"pid": 321})
            case "guest-exec-status":
                await self.answer({"exited": True, "exitcode": 0, **exited})
            case _:
                await self.answer({})


@asynccontextmanager
async def agent_that(reply: Reply) -> AsyncIterator[tuple[QemuAgent, Agent]]:
    client = QemuAgent("box")
    try:
        port = trio.SocketStream(trio.socket.fromfd(client.descriptor, trio.socket.AF_UNIX, trio.socket.SOCK_STREAM))
        other = Agent(port, reply)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.run)
            yield client, other
            nursery.cancel_scope.cancel()
        port.socket.close()
    finally:
        client.close()


async def run(client: QemuAgent, script: str = "x", timeout_s: float | None = 60.0) -> CommandResult:
    return await client.run_command(script, shell="sh", timeout_s=timeout_s)


@virtual_time
async def test_a_script_is_run_by_the_shell_and_its_end_is_waited_for() -> None:
    polls = 0

    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        nonlocal polls
        if message["execute"] == "guest-exec-status":
            polls += 1
            if polls < 3:
                await agent.answer({"exited": False})
                return
        await agent.well(message, exitcode=4, **{"out-data": encoded("yes \xe4"), "err-data": encoded(b"no\xff")})

    async with agent_that(reply) as (client, agent):
        assert await run(client, "echo 'a\nb'") == CommandResult(4, "yes \xe4", "no\ufffd")
    assert agent.asked[0]["arguments"] == {"path": "sh", "arg": ["-c", "echo 'a\nb'"], "capture-output": True}
    assert [each["arguments"] for each in agent.asked[1:]] == [{"pid": 321}] * 3


@virtual_time
async def test_a_program_that_a_signal_ended_has_the_status_of_a_shell() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        if message["execute"] == "guest-exec-status":
            await agent.answer({"exited": True, "signal": 9})
        else:
            await agent.well(message)

    async with agent_that(reply) as (client, _):
        assert (await run(client)).status == 137


@virtual_time
async def test_a_user_is_created_if_absent_before_the_password_is_set() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        await agent.well(message)

    async with agent_that(reply) as (client, agent):
        await client.set_password("ann", "p:w \xfc")
    assert agent.asked[0]["arguments"]["arg"][2:] == ["sh", "ann"]
    assert "useradd" in agent.asked[0]["arguments"]["arg"][1]
    assert agent.asked[-1] == {
        "execute": "guest-set-user-password",
        "arguments": {"username": "ann", "password": encoded("p:w \xfc"), "crypted": False},
    }


@virtual_time
async def test_no_password_is_set_for_a_user_who_cannot_be_created() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        await agent.well(message, exitcode=3, **{"err-data": encoded("useradd: no room\n")})

    async with agent_that(reply) as (client, agent):
        with pytest.raises(AgentError, match="box: the user ann cannot be created: useradd: no room"):
            await client.set_password("ann", "secret")
    assert "guest-set-user-password" not in [each["execute"] for each in agent.asked]


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("a b", "x"), ("-r", "x"), ("ann", ""), ("ann", "a\nb")])
@virtual_time
async def test_an_impossible_user_or_password_never_reaches_the_guest(user: str, password: str) -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        raise AssertionError(message)

    async with agent_that(reply) as (client, _):
        with pytest.raises(UsageError, match="possible") as caught:
            await client.set_password(user, password)
    assert not password or repr(password) not in str(caught.value)


@pytest.mark.parametrize("script", ["x" * 130_000, "a\0b"])
@virtual_time
async def test_a_script_that_is_no_argument_of_a_program_is_refused(script: str) -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        raise AssertionError(message)

    async with agent_that(reply) as (client, _):
        with pytest.raises(UsageError, match="the script"):
            await run(client, script)


@virtual_time
async def test_what_came_before_the_right_answer_is_skipped() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        if message["execute"] == "guest-sync-delimited":
            await agent.port.send_all(b'garbage\xff\xff{"return": 99}\n[1]\n\xff{"return": "half')
        await agent.well(message)

    async with agent_that(reply) as (client, _):
        with pytest.raises(AgentError, match="has not answered within 30 s"):
            await run(client)  # "half" swallows the right answer: the next try is in step again

    async def later(agent: Agent, message: dict[str, Any]) -> None:
        if message["execute"] == "guest-sync-delimited":
            await agent.port.send_all(b'garbage\xff\xff{"return": 99}\n[1]\n\xff{"return": {}}\n')
        await agent.well(message)

    async with agent_that(later) as (client, _):
        assert await run(client) == CommandResult(0, "", "")


@virtual_time
async def test_an_agent_that_never_answers_is_given_up_and_nothing_was_asked_of_it() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()

    async with agent_that(reply) as (client, agent):
        start = trio.current_time()
        with pytest.raises(AgentError, match=r"within 2 s: its system may not have started yet"):
            await run(client, timeout_s=2)
        assert trio.current_time() - start == pytest.approx(2)
        with pytest.raises(AgentError, match=r"within 30 s: its system may not have started yet"):
            await client.set_password("ann", "x")
        assert trio.current_time() - start == pytest.approx(2 + ANSWER_TIMEOUT_S)
    assert agent.asked == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"garbage\n", "b'garbage' is not a JSON object"),
        (b"[" * 100_000 + b"\n", "is not a JSON object"),
        (b"\xfe\x00\n", "is not a JSON object"),
        (b"[]\n", "is not a JSON object"),
        (b"{}\n", "answer to guest-exec is '{}'"),
        (b'{"return": 7}\n', "answer to guest-exec is"),
        (b'{"return": {"pid": "7"}}\n', "has no number 'pid'"),
        (b'{"return": {"pid": true}}\n', "has no number 'pid'"),
        (b'{"error": {"class": "GenericError", "desc": "is disabled"}}\n', "box: .* refuses guest-exec: is disabled"),
        (b'{"error": "odd"}\n', "refuses guest-exec: odd"),
        (b'{"error": {"desc": "a\\u001b[2J\\nb"}}\n', "refuses guest-exec: a\u241b\\[2J\u240ab"),
    ],
)
@virtual_time
async def test_an_answer_that_is_none_is_an_error_that_shows_it(answer: bytes, message: str) -> None:
    async def reply(agent: Agent, asked: dict[str, Any]) -> None:
        if asked["execute"] == "guest-exec":
            await agent.port.send_all(answer)
        else:
            await agent.well(asked)

    async with agent_that(reply) as (client, _):
        with pytest.raises(AgentError, match=message):
            await run(client)


@pytest.mark.parametrize(
    "status",
    [
        {"out-data": "not base64!"},
        {"out-data": 7},
        {"exitcode": None},
        {"exitcode": "0"},
        {"signal": []},
    ],
)
@virtual_time
async def test_a_result_that_is_none_is_an_error(status: dict[str, object]) -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        await agent.well(message, **status)

    async with agent_that(reply) as (client, _):
        with pytest.raises(AgentError, match="the guest agent's"):
            await run(client)


@virtual_time
async def test_a_shell_that_the_guest_lacks_is_a_mistake_of_the_caller() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        if message["execute"] == "guest-exec":
            text = "Guest command execution failed: Failed to execute child process “cmd” (No such file or directory)"
            await agent.port.send_all(json.dumps({"error": {"desc": text}}).encode() + b"\n")
        else:
            await agent.well(message)

    async with agent_that(reply) as (client, _):
        with pytest.raises(UsageError, match=r"box cannot run this: .*cmd"):
            await client.run_command("dir", shell="cmd", timeout_s=5)


@virtual_time
async def test_an_answer_without_end_is_refused_and_the_next_request_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_agent, "ANSWER_BYTES", 100_000)
    hostile = True

    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        if message["execute"] == "guest-exec" and hostile:
            await agent.port.send_all(b'{"return": "' + b"x" * 200_000)
        else:
            await agent.well(message)

    assert ANSWER_BYTES > 1 << 20
    async with agent_that(reply) as (client, _):
        with pytest.raises(AgentError, match="answer is longer than 100000 bytes"):
            await run(client)
        hostile = False
        assert (await run(client)).status == 0


@virtual_time
async def test_endless_garbage_in_place_of_the_first_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_agent, "ANSWER_BYTES", 100_000)

    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        while True:  # until the test ends, and cancels it
            await agent.port.send_all(b"x" * 10_000)

    async with agent_that(reply) as (client, _):
        with pytest.raises(AgentError, match="bytes that are no answer"):
            await run(client)


@virtual_time
async def test_a_command_that_takes_too_long_is_killed_in_the_guest() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        if message["execute"] == "guest-exec-status":
            await agent.answer({"exited": False})
        else:
            await agent.well(message)

    async with agent_that(reply) as (client, agent):
        start = trio.current_time()
        with pytest.raises(AgentError, match=r"the command took longer than 5 s, and was stopped"):
            await run(client, timeout_s=5)
        assert trio.current_time() - start == pytest.approx(5, abs=0.2)
    last = agent.asked[-1]["arguments"]["arg"]
    assert "kill -KILL" in last[1]
    assert last[2:] == ["sh", "321"]


@virtual_time
async def test_a_reset_ends_what_was_asked() -> None:
    async def reply(agent: Agent, message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()

    async def ask(client: QemuAgent) -> None:
        with pytest.raises(AgentError, match="was reset or switched off before its agent had answered"):
            await run(client, timeout_s=None)

    async with agent_that(reply) as (client, _):
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, client)
            await trio.sleep(1)
            client.interrupt()
        assert trio.current_time() - start == pytest.approx(1)


@virtual_time
async def test_the_end_of_qemu_is_an_error() -> None:
    client = QemuAgent("box")
    client._theirs.close()
    with pytest.raises(AgentError, match="box: QEMU has ended"):
        await run(client)
    client.close()


@pytest.mark.parametrize(("agent", "why"), [(True, "not running"), (False, r"agent = true in \[qemu\]")])
@virtual_time
async def test_a_guest_without_a_running_agent_says_that_it_cannot(tmp_path: Path, agent: bool, why: str) -> None:
    qemu = QemuGuest(guest("qemu", tmp_path, agent=agent))
    for request in (qemu.run_command("id"), qemu.set_password("ann", "x")):
        with pytest.raises(UsageError, match=f"test cannot run commands or set passwords from outside: .*{why}"):
            await request


def test_an_image_that_is_built_without_the_agent_cannot_be_said_to_have_it(tmp_path: Path) -> None:
    text = """[guest]
kind = "qemu"
description = "no agent"
[qemu]
agent = true
[image]
builder = "debian"
packages = ["linux-image-cloud-amd64", "systemd-sysv"]
"""
    with pytest.raises(UsageError, match=r"guest.toml:5: agent is true, but .* add 'qemu-guest-agent' to its packages"):
        parse_manifest(text, tmp_path / "guest.toml")
    assert parse_manifest(text.replace("systemd-sysv", "qemu-guest-agent"), tmp_path / "guest.toml").options["agent"]


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(as_line)
)
def test_no_answer_of_an_agent_is_worse_than_an_error(answer: bytes) -> None:
    async def reply(agent: Agent, asked: dict[str, Any]) -> None:
        if asked["execute"] == "guest-exec-status":
            await agent.port.send_all(answer.replace(b"\n", b"") + b"\n")
        else:
            await agent.well(asked)

    async def main() -> None:
        async with agent_that(reply) as (client, _):
            with pytest.raises(AgentError, match=r"box|guest agent"):
                await run(client, timeout_s=5)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
