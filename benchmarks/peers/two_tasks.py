"""The least that an echo over a pty can cost with trio: one task reads, another writes what the first has read.

It prints the path of its pty, and echoes until it is ended.
"""

from __future__ import annotations

import os
import tty

import trio


async def main() -> None:
    """Echo for ever."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    arrived: list[bytes] = []
    news = trio.lowlevel.ParkingLot()

    async def read() -> None:
        while True:
            await trio.lowlevel.wait_readable(master)
            arrived.append(os.read(master, 65536))
            news.unpark_all()

    async def write() -> None:
        while True:
            while arrived:
                os.write(master, arrived.pop(0))
            await news.park()

    print(os.ttyname(slave), flush=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        nursery.start_soon(write)


if __name__ == "__main__":
    trio.run(main)
