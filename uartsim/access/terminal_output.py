"""Writes to a person's terminal, and restores afterwards what the guest has switched on it.

The terminal may stop reading: it has been paused, or the network behind it hangs.  So a single task writes to it, from a
bounded queue; the guest's bytes wait for room in the queue, and our own sentences, which are short, do not.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

import trio

from uartsim.access.output_filters import ClipboardFilter
from uartsim.access.terminal_modes import Modes
from uartsim.control_sequences import ControlSequenceParser
from uartsim.printable import printable_line

#: The most bytes of the guest's that wait for the terminal.
QUEUE_BYTES: Final = 1 << 16
#: How long the terminal may take for the rest at the end, in seconds.
LAST_WORDS_S: Final = 0.6


class TerminalOutput:
    """Writes to a terminal.

    Args:
        fd: the terminal, non-blocking.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._queue = bytearray()
        self._changed = trio.lowlevel.ParkingLot()
        self._parser = ControlSequenceParser()
        self._modes = Modes()
        self._clipboard = ClipboardFilter()
        self._last = b"\n"
        #: Whether the terminal is gone.
        self.gone = False

    def put(self, data: bytes) -> None:
        """Write ``data`` when the terminal takes it; if very much waits already, it is dropped."""
        if len(self._queue) < 2 * QUEUE_BYTES and not self.gone:
            self._queue += data
            self._last = data[-1:]
            self._changed.unpark_all()

    def say(self, text: str) -> None:
        """Write a sentence of our own, on a line of its own."""
        self.put((b"" if self._last == b"\n" else b"\r\n") + f"[uartsim: {printable_line(text)}]\r\n".encode())

    async def show(self, data: bytes) -> None:
        """Write what the guest has sent; waits for room in the queue."""
        while len(self._queue) >= QUEUE_BYTES and not self.gone:
            await self._changed.park()
        tokens = self._clipboard.filter(self._parser.feed(data))
        self._modes.follow(tokens)
        data = b"".join(token.data for token in tokens)
        if not data:
            return
        self._queue += data
        self._last = data[-1:]
        self._changed.unpark_all()

    async def run(self) -> None:
        """Write what waits, until cancelled or the terminal is gone."""
        while not self.gone:
            while not self._queue:
                await self._changed.park()
            await self._write()

    async def finish(self, last: str, *, drop: bool) -> None:
        """After the end of :meth:`run`: restore what the guest has switched, and write a last sentence.

        The terminal may take :data:`LAST_WORDS_S` for all of it.

        Args:
            last: the sentence.
            drop: whether what still waits is dropped; otherwise it is written first.
        """
        queue = self._queue
        if drop:
            queue.clear()
        queue += self._modes.undo() + f"\r\n{last}".encode(errors="backslashreplace")
        with trio.move_on_after(LAST_WORDS_S, shield=True):
            await self._write()

    def abandon(self) -> None:
        """Restore what the guest has switched, as far as the terminal takes it at once."""
        with contextlib.suppress(OSError):
            os.write(self._fd, self._modes.undo() + b"\r\n")

    async def _write(self) -> None:
        """Write until nothing waits."""
        queue = self._queue
        while queue and not self.gone:
            try:
                del queue[: os.write(self._fd, queue[:4096])]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._fd)
                continue
            except OSError:
                self.gone = True
            self._changed.unpark_all()
