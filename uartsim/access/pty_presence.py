"""Who has a pty open: inotify tells, and a probe makes sure.

inotify counts, as long as it merges and loses nothing.  Whenever somebody has gone, or events were lost,
:meth:`PtyDevice.probe` says for certain whether anybody is still there.  Where there is no inotify, the probe alone
tells, at intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from uartsim.access.pty_device import POLL_SECONDS, PtyDevice, PtyLostError

#: After so long we look once more, in seconds, where inotify and the probe do not agree: a process that we are just
#: starting may have held the slave for a moment.
_SECOND_LOOK: Final = 0.2


class Presence:
    """Follows who has one pty open.

    Args:
        device: the pty.
        restore: puts the tty into its first state; may raise PtyLostError.
        on_left: called when the last client has left, even where the next one is here already.
        on_changed: called when somebody has come or gone; with True when it is a client that was not there before.

    Attributes:
        opened: how many have it open.
        lost: set when the pty cannot be used any more.
        flushes: how often a client has flushed its input since it came.
        departures: how often the last client has left.
        closes: how often anybody has closed it.
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
        """See who has come and gone; a client that leaves as another comes is not missed."""
        device = self.device
        if self.opened and device.hung_up():
            self.mend()
        changes = device.opens()
        if not changes and not device.lost_events:
            return
        device.count_closely(True)  # before anything else: others may open right now
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
        """See whether anybody has it open, where inotify cannot tell."""
        before = self.opened
        if self._all_have_left() and before:
            self._leave()
        if self.opened != before:
            self._on_changed(not before)

    def mend(self) -> None:
        """Somebody has hung up the tty (vhangup): all that had it open have to open it again, and so have we.

        The kernel tells nobody, and has put the tty into cooked mode, with echo.
        """
        self.probe()
        self.restore()

    def restore(self) -> None:
        """Put the tty into its first state again; where that cannot be done, the pty is lost."""
        try:
            self._restore()
        except PtyLostError:
            self.lost.set()

    def _all_have_left(self) -> bool:
        """Correct by a probe what inotify told; returns whether nobody is there."""
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
