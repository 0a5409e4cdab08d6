"""Which clients have a pty open: inotify counts them, and a probe makes sure.

The count of inotify is right as long as the kernel merges and loses no events.  Whenever a client has closed the pty, or
events were lost, :meth:`PtyDevice.probe` says for certain whether another still has it open.  Where inotify cannot be
used, the probe alone tells, at intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from uartsim.access.pty_device import POLL_SECONDS, PtyDevice, PtyLostError

#: Where inotify and the probe disagree, the probe is repeated after so long, in seconds: a process that is being started
#: from here may have held the slave for a moment.
_SECOND_LOOK: Final = 0.2


class Presence:
    """Follows the clients of one pty.

    Args:
        device: the pty.
        restore: puts the tty into its first state; may raise PtyLostError.
        on_left: called when the last client has left, even where the next one is here already.
        on_changed: called when a client has come or gone; with True if it is the first since nobody had the pty open.

    Attributes:
        opened: how many clients have it open.
        lost: set when the pty cannot be used any more.
        flushes: how often a client has flushed its input since it came.
        departures: how often the last client has left.
        closes: how often a client has closed it.
    """

    def __init__(
        self,
        device: PtyDevice,
        restore: Callable[[], object],
        on_left: Callable[[], object],
        on_changed: Callable[[bool], object],
    ) -> None:
        self.device = device
        self.opened = 0
        self.flushes = 0
        self.departures = 0
        self.closes = 0
        self.lost = trio.Event()
        self._restore = restore
        self._on_left = on_left
        self._on_changed = on_changed
        self._doubtful = trio.Event()

    async def run(self) -> None:
        """Follow it until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_again)
            if self.device.watch < 0:
                while True:
                    self.probe()
                    await trio.sleep(POLL_SECONDS)
            while True:
                self.note()
                await trio.lowlevel.wait_readable(self.device.watch)

    async def _look_again(self) -> None:
        while True:
            await self._doubtful.wait()
            await trio.sleep(_SECOND_LOOK)
            self._doubtful = trio.Event()
            self.probe()
            self.note()

    def note(self) -> None:
        """Count the clients that have come and gone; one that leaves as another comes is not missed."""
        device = self.device
        if self.opened and device.hung_up():
            self.mend()
        changes = device.opens()
        if not changes and not device.lost_events:
            return
        device.count_closely(True)  # before anything else: another client may open it right now
        changes += device.opens()
        is_new = not self.opened
        if is_new:
            self.flushes = 0
        while changes or device.lost_events:
            have_left = False
            device.lost_events, unsure = False, device.lost_events
            for number, change in enumerate(changes, 1):
                self.opened = max(0, self.opened + change)
                self.closes += change < 0
                have_left |= not self.opened and number < len(changes)
            if unsure or -1 in changes:
                have_left |= self._all_have_left()
            if have_left:
                self._leave()
                is_new = True
            changes = device.opens()
        if not self.opened:
            device.count_closely(False)
        self._on_changed(is_new)

    def probe(self) -> None:
        """Look whether anybody has it open, where inotify cannot tell."""
        before = self.opened
        if self._all_have_left() and before:
            self._leave()
        if self.opened != before:
            self._on_changed(not before)

    def mend(self) -> None:
        """Open the tty again after it was hung up (vhangup), which makes every descriptor of it useless.

        The kernel does not report a hang-up, and has put the tty into cooked mode, with echo.
        """
        self.probe()
        self.restore()

    def restore(self) -> None:
        """Put the tty back into its first state; if that fails, the pty is lost."""
        try:
            self._restore()
        except PtyLostError:
            self.lost.set()

    def _all_have_left(self) -> bool:
        """Correct the count by a probe; returns whether nobody has it open."""
        try:
            in_use = self.device.probe()
        except PtyLostError:
            self.lost.set()
            in_use = False
        if in_use:
            if not self.opened:
                self.opened = 1
                self._doubtful.set()
            return False
        self.opened = 0
        return True

    def _leave(self) -> None:
        self.departures += 1
        self.flushes = 0
        self._on_left()
