"""A guest that sends as many bytes as it is asked for, as fast as the line takes them.

It sends one long line, or with the setting ``lines=yes`` lines of 64 bytes, CR and LF among them.
"""

from __future__ import annotations

from uartsim.guest.script import ScriptHost

PATTERN = bytes(range(32, 96))
LINE = bytes(range(32, 94)) + b"\r\n"


async def main(host: ScriptHost) -> str | None:
    """Serve requests for ever: a decimal number of bytes and a line feed."""
    chunk = (LINE if host.settings["lines"] == "yes" else PATTERN) * 1024
    host.tty.open()
    asked = b""
    while True:
        asked += (await host.tty.receive()).data
        while b"\n" in asked:
            number, _, asked = asked.partition(b"\n")
            left = int(number)
            while left:
                part = chunk[:left]
                await host.tty.write(part)
                left -= len(part)
