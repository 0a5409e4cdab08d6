"""The demo guest at its GRUB menu, and what a person sees of it on a screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pyte

from tests.guests.fake_tty import Line, running_demo


def screen_of(line: Line) -> list[str]:
    screen = pyte.Screen(80, 24)
    pyte.ByteStream(screen).feed(line.output)
    return [row.rstrip() for row in screen.display]


@asynccontextmanager
async def at_menu(timeout_s: int = -1, **settings: Any) -> AsyncIterator[Line]:
    async with running_demo(grub_timeout=timeout_s, **settings) as line:
        await line.expect("GNU GRUB")
        await line.silence(0.2)
        yield line
