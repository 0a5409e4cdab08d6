"""A guest that sends as many bytes as it is asked for, in lines, as fast as the line takes them."""

from __future__ import annotations

from uartsim.guest.script import ScriptHost

CHUNK = (bytes(range(32, 94)) + b"\r\n") * 1024


async def main(host: ScriptHost) -> str | None:
    """Serve requests for ever: a decimal number of bytes and a line feed."""
    host.tty.open()
    asked = b""
    while True:
        asked += (await host.tty.receive()).data
        while b"\n" in asked:
            number, _, asked = asked.partition(b"\n")
            left = int(number)
            while left:
                part = CHUNK[:left]
                await host.tty.write(part)
                left -= len(part)
