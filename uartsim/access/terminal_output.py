"""A person's screen: what is written to it, and what has to be undone on it afterwards.

The terminal may stop reading: somebody has paused it, or the network behind it hangs.  So nobody writes to it but one
task, from a bounded queue; the guest's bytes wait for room in it, and sentences of ours, which are short, do not.
"""

from __future__ import annotations

import os
import re
from typing import Final

import trio

from uartsim.access.terminal_modes import Clipboard, Modes
from uartsim.printable import printable_line

#: The guest's bytes that may wait for the terminal.
QUEUE_BYTES: Final = 1 << 16
#: How long the terminal may take for what is left at the end, in seconds.
LAST_WORDS_S: Final = 0.6

#: What asks the terminal for an answer (its name, the cursor's place, a mode, a colour, its size).
_QUERY: Final = re.compile(
    rb"\x05|\x1bZ"
    rb"|\x1b\[[>=?]?[0-9;]*(?:[cn]|\$p)|\x1b\[>[0-9]*q|\x1b\[\?u|\x1b\[(?:1[13-9]|2[01])(?:;[0-9]*)*t"
    rb"|\x1b\][0-9;]*\?(?:\x07|\x1b\\)"
    rb"|\x1bP[+$]q[^\x1b]{0,64}\x1b\\"
)
_QUERY_BEGUN: Final = re.compile(rb"\x1b(?:\[[>=?]?[0-9;]*\$?|\][0-9;]*\??\x1b?|P(?:[+$](?:q[^\x1b]{0,64}\x1b?)?)?)?\Z")
#: The longest beginning of a query that is held back, in bytes.
_LONGEST_BEGUN: Final = 80


class QueryFilter:
    """Takes the questions to a terminal out of what the guest sent before the person came.

    Shown again they would be answered again, and the answers would be typed at the guest.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What of ``data`` is to be shown."""
        if not self._left and not self._held:
            return data
        past, now = self._held + data[: self._left], data[self._left :]
        self._left -= min(self._left, len(data))
        self._held = b""
        past = _QUERY.sub(b"", past)
        if self._left and (begun := _QUERY_BEGUN.search(past, max(0, len(past) - _LONGEST_BEGUN))):
            past, self._held = past[: begun.start()], past[begun.start() :]
        return past + now


class TerminalOutput:
    """Writes to a terminal.

    Args:
        fd: the terminal, non-blocking.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._queue = bytearray()
        self._changed = trio.lowlevel.ParkingLot()
        self._modes = Modes()
        self._clipboard = Clipboard()
        self._last = b"\n"
        #: The terminal is gone.
        self.gone = False

    def put(self, data: bytes) -> None:
        """Write ``data`` when the terminal takes it; if very much waits already, never."""
        if len(self._queue) < 2 * QUEUE_BYTES and not self.gone:
            self._queue += data
            self._last = data[-1:]
            self._changed.unpark_all()

    def say(self, text: str) -> None:
        """A sentence of ours, on a line of its own."""
        self.put((b"" if self._last == b"\n" else b"\r\n") + f"[uartsim: {printable_line(text)}]\r\n".encode())

    async def show(self, data: bytes) -> None:
        """Write what the guest has sent; waits while too much waits for the terminal already."""
        while len(self._queue) >= QUEUE_BYTES and not self.gone:
            await self._changed.park()
        data = self._clipboard.feed(data)
        if not data:
            return
        self._modes.feed(data)
        self._queue += data
        self._last = data[-1:]
        self._changed.unpark_all()

    async def run(self) -> None:
        """Hand to the terminal what waits, until cancelled or the terminal is gone."""
        while not self.gone:
            while not self._queue:
                await self._changed.park()
            await self._write()

    async def finish(self, last: str, *, drop: bool) -> None:
        """When :meth:`run` has ended: undo what the guest has switched, and write a last sentence.

        What still waits is written before, unless it is to be dropped.  The terminal has :data:`LAST_WORDS_S` for all.
        """
        queue = self._queue
        if drop:
            queue.clear()
        queue += self._modes.undo() + f"\r\n{last}".encode(errors="backslashreplace")
        with trio.move_on_after(LAST_WORDS_S, shield=True):
            await self._write()

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
