"""The QMP client against a QEMU that is a few lines of test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from tests.guests.line import in_trio
from tests.patience import patience
from uartsim.guest.qmp import LINE_LIMIT_BYTES, QmpClient, QmpError

GREETING = b'{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}\r\n'


class Qemu:
    """The other end: reads commands, says what the test tells it to."""

    def __init__(self, stream: trio.StapledStream[Any, Any]) -> None:
        self.stream = stream
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._buffer = b""

    async def command(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            self._buffer += await self.stream.receive_some()
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    async def say(self, **message: Any) -> None:
        await self.stream.send_all(json.dumps(message).encode() + b"\r\n")

    async def negotiate(self) -> None:
        await self.stream.send_all(GREETING)
        command = await self.command()
        assert command["execute"] == "qmp_capabilities"
        await self.say(**{"return": {}, "id": command["id"]})

    async def on_event(self, name: str, data: dict[str, Any]) -> None:
        self.events.append((name, data))


@asynccontextmanager
async def conversation() -> AsyncIterator[tuple[QmpClient, Qemu]]:
    ours, theirs = trio.testing.memory_stream_pair()
    qemu = Qemu(theirs)
    client = QmpClient(ours, qemu.on_event)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        yield client, qemu
        nursery.cancel_scope.cancel()


@in_trio
async def test_a_command_is_answered_after_the_negotiation() -> None:
    async with conversation() as (client, qemu), trio.open_nursery() as nursery:

        async def answer() -> None:
            await qemu.negotiate()
            command = await qemu.command()
            assert command["execute"] == "human-monitor-command"
            assert command["arguments"] == {"command-line": "info", "cpu-index": 0}
            await qemu.say(event="RESET", data={"guest": True}, timestamp={})
            await qemu.say(**{"return": "text", "id": command["id"]})

        nursery.start_soon(answer)
        await client.ready.wait()
        assert await client.execute("human-monitor-command", command_line="info", cpu_index=0) == "text"
        assert qemu.events == [("RESET", {"guest": True})]


@in_trio
async def test_answers_find_their_commands_in_any_order() -> None:
    async with conversation() as (client, qemu), trio.open_nursery() as nursery:
        results: dict[str, object] = {}

        async def ask(name: str) -> None:
            results[name] = await client.execute(name)

        await qemu.negotiate()
        nursery.start_soon(ask, "stop")
        nursery.start_soon(ask, "cont")
        commands = [await qemu.command(), await qemu.command()]
        for command in reversed(commands):
            await qemu.say(**{"return": command["execute"], "id": command["id"]})
        with trio.fail_after(patience(5)):
            while len(results) < 2:
                await trio.lowlevel.checkpoint()
        assert results == {"stop": "stop", "cont": "cont"}


@in_trio
async def test_a_refusal_is_an_error_with_qemus_words() -> None:
    async with conversation() as (client, qemu), trio.open_nursery() as nursery:
        await qemu.negotiate()

        async def refuse() -> None:
            command = await qemu.command()
            await qemu.say(error={"class": "GenericError", "desc": "Chardev 'x' not found"}, id=command["id"])

        nursery.start_soon(refuse)
        with pytest.raises(QmpError, match="QMP chardev-send-break: Chardev 'x' not found"):
            await client.execute("chardev-send-break", id="x")


@in_trio
async def test_messages_cut_anywhere_are_the_same_messages() -> None:
    async with conversation() as (_, qemu):
        await qemu.negotiate()
        for byte in b'{"event": "STOP"}\r\n{"event": "RESUME", "data": {"x": "\\n"}}\r\n':
            await qemu.stream.send_all(bytes([byte]))
            await trio.testing.wait_all_tasks_blocked()
        assert qemu.events == [("STOP", {}), ("RESUME", {"x": "\n"})]


@in_trio
async def test_a_command_that_waits_fails_when_qemu_ends_and_so_does_a_later_one() -> None:
    async with conversation() as (client, qemu), trio.open_nursery() as nursery:
        await qemu.negotiate()
        nursery.start_soon(qemu.command)

        async def end() -> None:
            await trio.testing.wait_all_tasks_blocked()
            await qemu.stream.aclose()

        nursery.start_soon(end)
        with pytest.raises(QmpError, match="QMP system_reset: QEMU has ended"):
            await client.execute("system_reset")
        with pytest.raises(QmpError, match="QMP inject-nmi: QEMU has ended"):
            await client.execute("inject-nmi")


@in_trio
async def test_a_qemu_that_ends_before_its_greeting_is_not_waited_for() -> None:
    async with conversation() as (client, qemu):
        await qemu.stream.aclose()
        with trio.fail_after(patience(5)):
            await client.ready.wait()
        with pytest.raises(QmpError, match="has ended"):
            await client.execute("quit")


@pytest.mark.parametrize("noise", [b"hello\n", b"[1]\n", b"\xff\n", b"x" * (LINE_LIMIT_BYTES + 1)])
@in_trio
async def test_what_is_no_qmp_is_an_error(noise: bytes) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    client = QmpClient(ours, Qemu(theirs).on_event)
    await theirs.send_all(noise)
    with pytest.raises(QmpError, match=r"^QMP: "):
        await client.run()
    assert client.ready.is_set()
