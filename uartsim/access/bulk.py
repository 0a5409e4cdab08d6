"""Much at once into a pty, by a thread that may block.

A non-blocking write to a pty takes about 4 KiB, and to wait for room in trio after each costs more than the write.  A
blocking write of 64 KiB is woken by the kernel as fast as the client reads.  It cannot be called back; but it comes to
its end as soon as somebody takes from the other side what the client does not read (:meth:`BulkWriter.stop`).

While it runs the master is a blocking descriptor: whoever else reads from it must know that there is something, and
nobody else may write.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Final

import trio

from uartsim.access.pty_device import PtyDevice

#: The longest wait for a write that is being stopped, at a time, in seconds.
_STOP_POLL_S: Final = 0.01


class BulkWriter:
    """Writes to the master of a pty in a worker thread, one write at a time.

    Args:
        device: the pty.
        count: called, on the thread of whoever writes or stops, with how many bytes a write has put into the pty: once
            for each write, before anybody can see that it is over.

    Attributes:
        written: what ``count`` was told last.
    """

    def __init__(self, device: PtyDevice, count: Callable[[int], object]) -> None:
        self.written = 0
        self._device = device
        self._count = count
        self._counted = True
        self._job: memoryview | None = None
        self._running = False
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """A write is under way, or has not been counted."""
        return not self._counted

    async def write(self, data: memoryview) -> None:
        """Write ``data``, or as much of it as goes before :meth:`stop`; :attr:`written` tells how much that was.

        Cancelled, it leaves no thread behind, and takes from the pty what the client has not read.
        """
        self.written = 0
        self._counted = False
        self._job = data
        try:
            await trio.to_thread.run_sync(self._work, data, abandon_on_cancel=True)
        finally:
            self.stop()

    def _work(self, data: memoryview) -> None:
        with self._lock:
            if self._job is not data:
                return  # stopped before it began
            self._running = True
        os.set_blocking(self._device.master, True)
        try:
            self.written = os.write(self._device.master, data)
        finally:
            os.set_blocking(self._device.master, False)
            with self._lock:
                self._running, self._job = False, None

    def stop(self) -> int:
        """See that nothing is being written when this returns; returns how many bytes were taken from the client."""
        taken = 0
        with self._lock:
            if not self._running:
                self._job = None
        while self._job is not None:
            select.select([self._device.slave], [], [], _STOP_POLL_S)
            taken += self._device.unread()
        if not self._counted:
            self._counted = True
            self._count(self.written)
        return taken
