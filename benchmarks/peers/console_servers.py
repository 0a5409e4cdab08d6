"""The servers that the benchmarks of the gateway measure, each in a process of its own.

    python benchmarks/peers/console_servers.py service FOLDER GUEST [tls] [bare]
    python benchmarks/peers/console_servers.py trio-websocket

prints where it listens, and obeys lines on its standard input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio

from benchmarks.gateway_peers import PIECE
from benchmarks.rig import GUESTS

#: After so many pieces the source looks whether the clients are behind.
_PIECES: Final = 16
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
                for number in range(int(line) // PIECE):
                    while number % _PIECES == 0 and hub.is_busy():
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


if __name__ == "__main__":
    if sys.argv[1] == "service":
        trio.run(_service, sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        trio.run(_trio_websocket)
