"""A guest that plays a record: it sends what another guest has sent, at the same times, and ignores what is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import trio

from uartsim.machine import GuestEnd, Machine, SerialDriver


class ReplayGuest:
    """Plays output to COM1 once, and again after each reset; then it is silent until it is stopped.

    Args:
        play: makes what is played: pairs of seconds since the beginning and bytes, in order of time.
        log: told, in a sentence, that the record has been played.
    """

    kind = "replay"

    def __init__(self, play: Callable[[], Iterator[tuple[float, bytes]]], log: Callable[[str], object]) -> None:
        self._play = play
        self._log = log
        self._again = trio.CancelScope()

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Play until it is stopped; see :class:`uartsim.machine.machine.Guest`."""
        task_status.started()
        while True:
            with trio.CancelScope() as self._again:
                await self._play_once(SerialDriver(machine.com1))
                await trio.sleep_forever()

    async def _play_once(self, driver: SerialDriver) -> None:
        driver.open()
        began = trio.current_time()
        for seconds, data in self._play():
            await trio.sleep_until(began + seconds)
            await driver.write(data)
        self._log("the record has been played; the reset button plays it again")

    async def reset(self) -> None:
        """Play it again from its beginning."""
        self._again.cancel()
        await trio.lowlevel.checkpoint()

    async def nmi(self) -> None:
        """Nothing: a record has no processor."""
        await trio.lowlevel.checkpoint()
