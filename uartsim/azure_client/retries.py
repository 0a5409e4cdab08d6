"""Tries again what may succeed soon, for a limited time, with growing pauses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import trio

from uartsim.azure_client.client_errors import TransientError

T = TypeVar("T")

#: The first pause and the longest one, in seconds; each is twice as long as the one before.
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 8.0


class Retries:
    """How long something is tried.

    Args:
        limit_s: for how long, in seconds; with 0 it is tried once.
        say: is told why it is tried again, once for each reason in a row.
    """

    def __init__(self, limit_s: float, say: Callable[[str], object]) -> None:
        self.limit_s = limit_s
        self.say = say

    async def run(self, action: Callable[[], Awaitable[T]]) -> T:
        """The result of ``action``, which is called until it does not raise TransientError.

        Raises:
            TransientError: the last one, if the next attempt would be after the time limit.
        """
        give_up_at = trio.current_time() + self.limit_s
        pause_s = FIRST_PAUSE_S
        said = ""
        while True:
            try:
                return await action()
            except TransientError as error:
                wait_s = max(pause_s, error.wait_s or 0.0)
                if trio.current_time() + wait_s > give_up_at:
                    raise
                if str(error) != said:
                    said = str(error)
                    left_s = give_up_at - trio.current_time()
                    self.say(f"{said}; trying again for at most {left_s:.0f} s")
                await trio.sleep(wait_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
