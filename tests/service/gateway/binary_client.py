"""A client with ``frames=binary``: it keeps the guest's bytes, its place in them, and what the gateway says, apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import websocket

from tests.service.gateway.console_rig import Client, Rig


class BinaryClient:
    """A client that has sent its token, and counts as a page does.

    Args:
        rig: the gateway.
        name: the user.
        query: further options, without the question mark.

    Attributes:
        output: the guest's bytes.
        boot: the boot of the output; empty before the first hello.
        offset: where in the guest's output the next byte is.
        messages: all control messages.
    """

    def __init__(self, rig: Rig, name: str = "alice", query: str = "", **options: Any) -> None:
        self.client: Client = rig.client(rig.open(name, f"?frames=binary&{query}".rstrip("&")), **options)
        self.output, self.boot, self.offset = b"", "", 0
        self.messages: list[dict[str, Any]] = []
        assert self.client.receive() == "Connecting..."
        self.client.send(f"header.{name}.signature")

    @property
    def resume(self) -> str:
        """The options with which this client goes on."""
        return f"boot={self.boot}&from={self.offset}"

    def read(self) -> bool:
        """Read a frame; returns False if the gateway has closed."""
        opcode, data = self.client.socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            self.client.closed = (int.from_bytes(data[:2], "big"), data[2:].decode())
            return False
        if opcode == websocket.ABNF.OPCODE_BINARY:
            self.output += data
            self.offset += len(data)
            return True
        assert opcode == websocket.ABNF.OPCODE_TEXT
        message = json.loads(data)
        self.messages.append(message)
        if message["type"] in ("hello", "boot"):
            self.boot, self.offset = message["boot"], message["from"]
        elif message["type"] == "missing":
            self.offset += message["bytes"]
        return True

    def read_until(self, condition: Callable[[], object]) -> None:
        """Read frames until something is so."""
        while not condition():
            assert self.read(), f"closed with {self.client.closed} after {self.messages} {self.output[-200:]!r}"

    def read_output(self, wanted: bytes) -> bytes:
        """Read until some output has come; returns all of it."""
        self.read_until(lambda: wanted in self.output)
        return self.output

    def read_message(self, kind: str, **members: Any) -> dict[str, Any]:
        """Read until there is a message of a kind, with these members; returns it."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = [one for one in self.of_kind(kind) if members.items() <= one.items()]
            return bool(found)

        self.read_until(is_there)
        return found[0]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a kind that have come."""
        return [message for message in self.messages if message["type"] == kind]

    def read_to_end(self) -> None:
        """Read until the gateway has closed."""
        while self.read():
            pass
