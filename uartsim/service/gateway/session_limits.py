"""The ends that come by the clock: of the token, and of the patience with a console at which nobody types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

#: The time between checks whether the token has expired, in seconds: the wall clock may be set meanwhile.
_CLOCK_LOOK_S: Final = 30.0


async def wait_expired(expires_at: float, clock: Callable[[], float]) -> None:
    """Wait until the clock, in seconds since 1970, is at ``expires_at``."""
    while (left := expires_at - clock()) > 0:
        await trio.sleep(min(left, _CLOCK_LOOK_S))


async def wait_idle(limit_s: float, last_at: Callable[[], float]) -> None:
    """Wait until ``limit_s`` seconds have passed since ``last_at``, which is in seconds of trio's clock."""
    while (left := last_at() + limit_s - trio.current_time()) > 0:
        await trio.sleep(left)
