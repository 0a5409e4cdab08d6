"""Playing a record to a terminal, at its own pace or another."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from uartsim.access.output_filters import ClipboardFilter, QueryFilter
from uartsim.access.terminal_modes import Modes
from uartsim.control_sequences import ControlSequenceParser
from uartsim.record.casts import Record


class Player:
    """Plays records to a terminal.

    What would read or write the person's clipboard, or have the terminal answer, is left out: the guest that asked is no
    longer there.  What the record switches on the terminal is undone at the end.

    Args:
        write: takes the bytes.
        sleep, clock: the time, in seconds.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._sleep = sleep
        self._clock = clock
        self._parser = ControlSequenceParser()
        self._clipboard = ClipboardFilter()
        self._queries = QueryFilter(sys.maxsize)
        self._modes = Modes()

    def play(
        self, record: Record, *, speed: float = 1.0, idle_limit_s: float | None = None, begin_s: float = 0.0
    ) -> None:
        """Write what the guest sent, when it sent it.

        Args:
            record: what to play.
            speed: how many times faster; infinite for at once.
            idle_limit_s: no pause of the record is longer than this, in seconds of the record.
            begin_s: where to begin, in seconds of the record; what came before is written at once.
        """
        due, before = self._clock(), begin_s
        for event in record.events:
            if event.kind != "o" or not isinstance(event.data, bytes):
                continue
            pause = max(0.0, event.seconds - before)
            before = max(before, event.seconds)
            due += (pause if idle_limit_s is None else min(pause, idle_limit_s)) / speed
            if (wait := due - self._clock()) > 0:
                self._sleep(wait)
            self._show(event.data)

    def undo(self) -> None:
        """Bring the terminal back to what it was."""
        self._write(self._modes.undo())

    def _show(self, data: bytes) -> None:
        tokens = self._clipboard.filter(self._parser.feed(self._queries.feed(data)))
        self._modes.follow(tokens)
        if shown := b"".join(token.data for token in tokens):
            self._write(shown)
