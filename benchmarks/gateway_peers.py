"""What the benchmarks of the gateway measure: a service in a process of its own, and a WebSocket client without a library.

    python -m benchmarks.gateway_peers service FOLDER GUEST [tls] [bare]
    python -m benchmarks.gateway_peers trio-websocket

is what they start: it prints where it listens, and obeys lines on its standard input.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import trio

from benchmarks.rig import GUESTS, ROOT, environment

#: A piece of the source.
PIECE: Final = 4096
_SUBSCRIPTION: Final = "11111111-2222-4333-8444-555555555555"
_TENANT: Final = """
[[subscription]]
id = "{subscription}"
name = "Example"
[[resource_group]]
name = "rg"
[[user]]
name = "owner"
password = "benchmark"
roles = ["Owner"]
[[vm]]
name = "vm1"
guest = "{guest}"
port = {{ rate = "unlimited" }}
"""


async def _service(folder: str, guest: str, options: Sequence[str]) -> None:
    """A service with one machine; for each line ``N`` of standard input, its hub gets N bytes in pieces.

    With "bare" that hub has no serial log: a source that stands for the guest is measured with the gateway alone.
    """
    from uartsim.access.hub import Hub
    from uartsim.machine.fairness import Turn
    from uartsim.service.identity.directory import Directory
    from uartsim.service.serving.loopback_sockets import open_sockets
    from uartsim.service.serving.running_service import ServiceOptions, run_service
    from uartsim.service.serving.state_folder import StateFolder
    from uartsim.service.store import ResourceId

    setup = Path(folder) / "tenant.toml"
    setup.write_text(_TENANT.format(subscription=_SUBSCRIPTION, guest=GUESTS / guest))
    vm_id = ResourceId(
        f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1"
    )
    running = ServiceOptions(setup, "tls" in options, secret_cost=2)
    with StateFolder(f"{folder}/state") as state:
        async with run_service(state, open_sockets(0), running) as service:
            parts = service.parts
            machine = parts.machines.get(vm_id)
            assert machine is not None
            while machine.hub is None:
                await machine.changed.park()
            if "bare" in options:
                machine.hub = Hub(machine.hub.com1)
            owner = Directory(parts.store).user("owner@example.com")
            assert owner is not None
            token = parts.tokens.issue(owner)
            session = parts.sessions.open(parts.tokens.read(token), vm_id)
            _print({"url": parts.sessions.connection_string(session), "token": token, "ca": service.ca_file})
            turn = Turn()
            hub, piece = machine.hub, bytes(range(32, 96)) * (PIECE // 64)
            async for line in _lines():
                for _ in range(int(line) // PIECE):
                    while hub.is_busy():
                        await trio.lowlevel.checkpoint()
                    hub.output(piece, hub.com1.clock.now())
                    await turn.take(PIECE)  # as whatever sends in this house


async def _trio_websocket() -> None:
    """trio-websocket; for each line ``N`` of standard input, it sends N bytes in pieces."""
    from trio_websocket import WebSocketRequest, serve_websocket

    piece = (bytes(range(32, 96)) * (PIECE // 64)).decode()

    async def handle(request: WebSocketRequest) -> None:
        connection = await request.accept()
        await connection.send_message("Connecting...")
        await connection.get_message()
        async for line in _lines():
            for _ in range(int(line) // PIECE):
                await connection.send_message(piece)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, handle, "127.0.0.1", 0, None))
        _print({"url": f"ws://127.0.0.1:{server.port}/", "token": "x", "ca": ""})


async def _lines() -> AsyncIterator[str]:
    """The lines of standard input."""
    while line := await trio.to_thread.run_sync(sys.stdin.readline):
        yield line


def _print(what: dict[str, str]) -> None:
    print(json.dumps(what), flush=True)


class RawSocket:
    """A WebSocket client without a library: it counts what comes, and is the same for every peer.

    Args:
        url: where to connect.
        ca: the file of the authority to trust; unused without TLS.
        token: what it sends after the first frame.
    """

    def __init__(self, url: str, ca: str, token: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        raw = socket.create_connection(("127.0.0.1", parts.port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure = parts.scheme == "wss"
        self._socket = (
            ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname="localhost") if secure else raw
        )
        self._socket.settimeout(60)
        self._buffer = bytearray(1 << 18)
        self._socket.sendall(
            f"GET {parts.path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"Connecting..."):
            head += self._socket.recv(4096)
        self.send(token.encode())

    def send(self, text: bytes) -> None:
        """Send a text frame."""
        size = len(text)
        length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 126,)) + size.to_bytes(2, "big")
        self._socket.sendall(b"\x81" + length + b"\0\0\0\0" + text)

    def receive(self) -> bytes:
        """What comes next, with the headers of its frames."""
        return self._socket.recv(65536)

    def count(self, size: int) -> int:
        """Read frames until they have brought ``size`` bytes of payload; returns how many frames that were."""
        frames, left, header, buffer = 0, 0, b"", memoryview(self._buffer)
        while size > 0 or left:
            got = self._socket.recv_into(self._buffer)
            if not got:
                raise EOFError("the server has closed")
            at = 0
            while at < got:
                if not left:
                    header += bytes(buffer[at : at + 10])
                    needed = {126: 4, 127: 10}.get(header[1] if len(header) > 1 else 0, 2)
                    if len(header) < needed:
                        at = got
                        continue
                    at += needed - (len(header) - min(10, got - at))
                    left = header[1] if needed == 2 else int.from_bytes(header[2:needed], "big")
                    size -= left if header[0] & 0x0F < 8 else 0
                    header, frames = b"", frames + 1
                taken = min(left, got - at)
                left -= taken
                at += taken
        return frames

    def close(self) -> None:
        """Close."""
        self._socket.close()


@contextmanager
def peer(kind: str, *arguments: str) -> Iterator[tuple[RawSocket, subprocess.Popen[bytes]]]:
    """A peer in a process of its own, and a client of it that has shown its token."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        given = [folder, *arguments] if kind == "service" else []
        command = [sys.executable, "-m", "benchmarks.gateway_peers", kind, *given]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(folder), cwd=ROOT
        ) as running:
            assert running.stdout is not None
            try:
                client = RawSocket(**json.loads(running.stdout.readline()))
                yield client, running
                client.close()
            finally:
                running.kill()
                running.wait()


def order(running: subprocess.Popen[bytes], size: int) -> None:
    """Have a peer's source send ``size`` bytes."""
    assert running.stdin is not None
    os.write(running.stdin.fileno(), b"%d\n" % size)


if __name__ == "__main__":
    if sys.argv[1] == "service":
        trio.run(_service, sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        trio.run(_trio_websocket)
