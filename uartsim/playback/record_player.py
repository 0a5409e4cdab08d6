"""Playing a record to a terminal, at its own pace or another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from uartsim.access.harmless_output import HarmlessFilter
from uartsim.access.terminal_modes import Modes
from uartsim.control_sequences import Kind
from uartsim.record.casts import Record

#: What a reset leaves on the screen: nothing, and the cursor at the top.
_RESET: Final = b"\x1b[m\x1b[H\x1b[2J"


def paced(
    record: Record, speed: float = 1.0, idle_limit_s: float | None = None, begin_s: float = 0.0
) -> Iterator[tuple[float, bytes]]:
    """What the guest sent, and when it is played, in seconds after the beginning.

    Args:
        record: what to play.
        speed: how many times faster; infinite for at once.
        idle_limit_s: no pause of the record is longer than this, in seconds of the record; None for what the record itself
            asks for, or else no limit.
        begin_s: where to begin, in seconds of the record; what came before is played at once.
    """
    limit_s = record.idle_limit_s if idle_limit_s is None else idle_limit_s
    due, before = 0.0, begin_s
    for event in record.events:
        if event.kind == "o" and isinstance(event.data, bytes):
            pause = max(0.0, event.seconds - before)
            before = max(before, event.seconds)
            due += (pause if limit_s is None else min(pause, limit_s)) / speed
            yield due, event.data


def playing_time(record: Record, speed: float = 1.0, idle_limit_s: float | None = None, begin_s: float = 0.0) -> float:
    """How long it takes to play, in seconds; see :func:`paced`."""
    return max((due for due, _ in paced(record, speed, idle_limit_s, begin_s)), default=0.0)


class Player:
    """Plays records to a terminal, or to a file.

    A terminal gets what draws, and nothing that would have it answer, print, resize, or change its keys, its mouse or the
    person's clipboard (:mod:`uartsim.access.harmless_output`).  What the record switches on the terminal is undone at the end.

    Args:
        write: takes the bytes.
        sleep, clock: the time, in seconds.
        is_terminal: whether the bytes go to a terminal; a file or a pipe gets every byte.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        *,
        is_terminal: bool = True,
    ) -> None:
        self._write = write
        self._sleep = sleep
        self._clock = clock
        self._is_terminal = is_terminal
        self._filter = HarmlessFilter()
        self._modes = Modes()

    def play(
        self, record: Record, *, speed: float = 1.0, idle_limit_s: float | None = None, begin_s: float = 0.0
    ) -> None:
        """Write what the guest sent, when it is due; see :func:`paced`."""
        began = self._clock()
        for due, data in paced(record, speed, idle_limit_s, begin_s):
            if (wait := began + due - self._clock()) > 0:
                self._sleep(wait)
            self._show(data)

    def undo(self) -> None:
        """Bring the terminal back to what it was; once that is done, it is not done again."""
        if self._is_terminal and (back := self._modes.undo()):
            self._write(back)
            self._modes = Modes()

    def _show(self, data: bytes) -> None:
        if not self._is_terminal:
            self._write(data)
            return
        shown: list[bytes] = []
        for token in self._filter.feed(data):
            # a reset of the person's terminal would undo what the person has set: it becomes what the record sees of it
            is_reset = token.kind is Kind.ESCAPE and token.body == b"c"
            shown += [self._modes.undo(), _RESET] if is_reset else [token.data]
            self._modes.follow((token,))
        if drawn := b"".join(shown):
            self._write(drawn)
