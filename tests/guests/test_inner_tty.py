"""The tty that a guest's program has inside the machine."""

from __future__ import annotations

import os

from tests.machine.rig import real_time
from uartsim.guest.inner_tty import CHUNK_BYTES, UNLIMITED_CHUNK_BYTES, InnerTty
from uartsim.line_format import LineFormat

WRITTEN = bytes(range(32, 96)) * 32


@real_time
async def test_a_line_that_takes_time_gets_little_at_a_time() -> None:
    with InnerTty(LineFormat()) as tty:
        os.write(tty.slave, WRITTEN)
        assert len(await tty.read()) <= CHUNK_BYTES


@real_time
async def test_nothing_is_lost_or_moved_where_pieces_are_put_together() -> None:
    with InnerTty(LineFormat()) as tty:
        got = b""
        for _ in range(20):
            os.write(tty.slave, WRITTEN)
            got += await tty.read(UNLIMITED_CHUNK_BYTES)
        while len(got) < 20 * len(WRITTEN):
            got += await tty.read(UNLIMITED_CHUNK_BYTES)
        assert got == 20 * WRITTEN


@real_time
async def test_one_character_does_not_wait_for_more() -> None:
    with InnerTty(LineFormat()) as tty:
        os.write(tty.slave, b"k")
        assert await tty.read(UNLIMITED_CHUNK_BYTES) == b"k"
