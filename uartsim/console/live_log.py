"""A console's lines and steps as log records, as they come: what ``pytest -s -v`` shows while a test runs.

The logger is ``uartsim.console``, the level INFO.  A record is a finished line, cleaned, behind the machine's name and
the time at which its first character came, in seconds after the console was opened; or a row of a screen that the guest has
drawn, when that stands still.  What ``run`` types is not shown: its command stands in its place.  The steps, which are the
verbs that a test calls, have a logger below it, ``uartsim.console.steps``: a record when one begins that waits, and one when
it ends.  Each record has an attribute ``machine``, the name.  If that level is not enabled, a piece of output costs one check.
"""

from __future__ import annotations

import logging
from typing import Final

from uartsim.console.text.drawn_screens import DrawnScreens
from uartsim.console.text.line_reader import LineReader
from uartsim.console.text.own_lines import OwnLines
from uartsim.printable import printable_line

LOGGER: Final = logging.getLogger("uartsim.console")
STEPS: Final = logging.getLogger("uartsim.console.steps")
#: A line that grows longer than this is logged in pieces, in characters.
LONGEST_LINE: Final = 2000
#: How long a line is held back in which the echo of what was typed may still come, in seconds.
ECHO_S: Final = 1.0


class LiveLog:
    """Logs the lines of one console.

    Args:
        name: the machine's name.
        opened_at: when the console was opened, in seconds of its clock.
        screens: what draws screens.
        reader: the lines as they come.
        lines: where they come from.
    """

    def __init__(self, name: str, opened_at: float, screens: DrawnScreens, reader: LineReader, lines: OwnLines) -> None:
        self._name = name
        self._opened_at = opened_at
        self._screens, self._reader, self._lines = screens, reader, lines
        #: Since when lines have been held back for an echo.
        self._held_since: float | None = None

    def rename(self, name: str) -> None:
        """Call the machine by another name from now on."""
        self._name = name

    def tell(self, now_s: float, *, is_last: bool = False) -> None:
        """Log the lines that what came just now has completed; the last time, also the unfinished one."""
        if not LOGGER.isEnabledFor(logging.INFO):
            self._reader.skip()
            return
        self._screens.settle(now_s)
        if self._held_since is not None and now_s >= self._held_since + ECHO_S:
            self._lines.give_up()
        for line in self._reader.more(is_last=is_last):
            self._log(line.text, line.at)
        if not self._reader.holds_back:
            self._held_since = None
        elif self._held_since is None:
            self._held_since = now_s

    def skip(self) -> None:
        """What came is not logged."""
        self._reader.skip()

    @property
    def next_at(self) -> float | None:
        """When there will be something to log if nothing comes before; None: there is nothing."""
        if not LOGGER.isEnabledFor(logging.INFO):
            return None
        held_to = None if self._held_since is None else self._held_since + ECHO_S
        times = [at for at in (self._screens.still_at, held_to) if at is not None]
        return min(times, default=None)

    def _log(self, line: str, at: float) -> None:
        line = line.rstrip()
        for begin in range(0, len(line), LONGEST_LINE):
            shown = printable_line(line[begin : begin + LONGEST_LINE].expandtabs())
            LOGGER.info("%s +%.3f s: %s", self._name, at - self._opened_at, shown, extra={"machine": self._name})


def log_step(name: str, after_s: float, what: str, seconds: float | None = None, outcome: str = "") -> None:
    """Log the begin of a step, or its end.

    Args:
        name: the machine's name.
        after_s: the time, in seconds after the opening.
        what: the call.
        seconds: how long it took; None: it begins.
        outcome: the name of the error that ended it.
    """
    if STEPS.isEnabledFor(logging.INFO):
        took = "..." if seconds is None else f": {outcome}{' after ' if outcome else ''}{seconds:.3f} s"
        STEPS.info("%s +%.3f s [%s%s]", name, after_s, printable_line(what), took, extra={"machine": name})
