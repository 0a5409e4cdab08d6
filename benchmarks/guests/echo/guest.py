"""A guest that sends back what it receives."""

from __future__ import annotations

from uartsim.guest.script import ScriptHost


async def main(host: ScriptHost) -> str | None:
    """Echo for ever."""
    host.tty.open()
    while True:
        received = await host.tty.receive()
        await host.tty.write(received.data)
