"""Logs what becomes ready while nothing comes: a screen that stands still, a line that waits for an echo no longer."""

from __future__ import annotations

import trio

from uartsim.console.guest_output import GuestOutput


class LateLog:
    """The clock of one console's live log.

    Args:
        received: what its guest has sent.
    """

    def __init__(self, received: GuestOutput) -> None:
        self._received = received
        self._noted = trio.Event()
        self._scope = trio.CancelScope()

    def take(self, data: bytes) -> None:
        """Give ``received`` what came just now."""
        self._received.take(data, trio.current_time())
        if not self._noted.is_set() and self._received.log_at is not None:
            self._noted.set()

    async def follow(self) -> None:
        """Log what becomes ready, until :meth:`stop`."""
        with self._scope:
            while True:
                await self._noted.wait()
                while (at := self._received.log_at) is not None:
                    await trio.sleep_until(at)
                    self._received.log(trio.current_time())
                self._noted = trio.Event()

    def stop(self) -> None:
        """No more will come."""
        self._scope.cancel()
