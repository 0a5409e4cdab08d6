"""Which clients have a pty open: inotify counts them, and a probe makes sure.

The count of inotify is right as long as the kernel merges and loses no events.  Whenever a client has closed the pty, or
events were lost, :meth:`PtyDevice.probe` says for certain whether another still has it open.  Where inotify cannot be
used, the probe alone tells, at intervals.

The two may disagree for a moment.  An open is reported just after it, and a close just before it, so that the probe may
find a client that has not been reported yet, or one that is reported to have gone.  And the probe opens the pty itself:
the kernel may merge that event with the open of a client on another processor, which then is never reported.  So each
departure and each disagreement is followed by later looks, and whom no report explains by then is taken for a client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from uartsim.access.pty_device import POLL_SECONDS, PtyDevice, PtyLostError

#: The pauses before the looks that follow a departure or a disagreement, in seconds.
_LOOKS: Final = (0.001, 0.005, 0.02, 0.2)
#: From which of them on one who was never reported is taken for a client.
_BELIEVED: Final = 2


class Presence:
    """Follows the clients of one pty.

    Args:
        device: the pty.
        restore: puts the tty into its first state; may raise PtyLostError.
        on_left: called when the last client has left, even where the next one is here already.
        on_changed: called when a client has come or gone; with True if it is the first since nobody had the pty open.

    Attributes:
        opened: how many clients have it open.
        in_doubt: whether somebody has it open whom inotify has not reported: one who has just come or is about to go.
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
        self.in_doubt = False
        self.lost = trio.Event()
        self._restore = restore
        self._on_left = on_left
        self._on_changed = on_changed
        self._unreported = False  # one of those that are counted was found by a probe: a report of it may come
        self._disturbed = trio.Event()

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
            await self._disturbed.wait()
            while self._disturbed.is_set():
                self._disturbed = trio.Event()
                for number, pause in enumerate(_LOOKS):
                    with trio.move_on_after(pause):
                        await self._disturbed.wait()
                        break
                    self.note()
                    self._look(believe=number >= _BELIEVED)
                    self.note()
            if not self.opened:
                self.device.count_closely(False)

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
            unsure, device.lost_events = device.lost_events, False
            somebody = self.opened > 0 or 1 in changes
            have_left = self._count(changes)
            if unsure or -1 in changes:
                in_use = self._in_use()
                have_left |= somebody and not in_use
                self._correct(in_use, believe=unsure)
                self._disturbed.set()
            if have_left:
                self._leave()
                is_new = True
            changes = device.opens()
        self._on_changed(is_new)

    def _count(self, changes: list[int]) -> bool:
        """Count opens (1) and closes (-1); returns whether nobody had it open at some moment after one of the closes."""
        have_left = False
        for change in changes:
            if change < 0:
                self.closes += 1
                have_left |= self.opened == 1
                self.opened = max(0, self.opened - 1)
                self._unreported &= self.opened > 0
            else:
                self.opened += not self._unreported
                self._unreported = self.in_doubt = False
        return have_left

    def _correct(self, in_use: bool, *, believe: bool) -> None:
        """Correct the count by what a probe has found; to ``believe`` is to take one who was not reported for a client."""
        if not in_use:
            self.opened = 0
        unreported = in_use and not self.opened
        self.in_doubt = unreported and not believe
        if unreported and believe:
            self.opened = 1
            self._unreported = True

    def _look(self, *, believe: bool) -> None:
        """Correct the count, and tell of that."""
        before, in_doubt = self.opened, self.in_doubt
        in_use = self._in_use()
        self._correct(in_use, believe=believe)
        if before and not in_use:
            self._leave()
        elif in_doubt and not in_use:
            self.restore()
        if self.opened != before:
            self._on_changed(not before)

    def probe(self) -> None:
        """Look whether anybody has it open, where inotify cannot tell."""
        self._look(believe=True)

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

    def _in_use(self) -> bool:
        try:
            return self.device.probe()
        except PtyLostError:
            self.lost.set()
            return False

    def _leave(self) -> None:
        self.departures += 1
        self.flushes = 0
        self._on_left()
