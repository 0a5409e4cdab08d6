"""A console's lines and steps as log records, as they come: what ``pytest -s -v`` shows while a test runs.

The logger is ``uartsim.console``, the level INFO.  A record is a finished line, cleaned, behind the machine's name and
the time at which the line ended, in seconds after the console was opened.  The steps, which are the verbs that a test calls,
have a logger below it, ``uartsim.console.steps``: a record when one begins that waits, and one when it ends.  Each record
has an attribute ``machine``, the name.  If that level is not enabled, a piece of output costs one check.
"""

from __future__ import annotations

import logging
from typing import Final

from uartsim.printable import printable_line

LOGGER: Final = logging.getLogger("uartsim.console")
STEPS: Final = logging.getLogger("uartsim.console.steps")
#: A line that grows longer than this is logged in pieces, in characters.
LONGEST_LINE: Final = 2000


class LiveLog:
    """Logs the lines of one console.

    Args:
        name: the machine's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._unfinished = ""
        self._after_s = 0.0

    def rename(self, name: str) -> None:
        """Call the machine by another name from now on."""
        self._name = name

    def feed(self, text: str, after_s: float) -> None:
        """Take in cleaned text that came ``after_s`` seconds after the opening, and log the lines that it finishes."""
        self._after_s = after_s
        if not LOGGER.isEnabledFor(logging.INFO):
            self._unfinished = ""
            return
        *lines, last = text.split("\n")
        for line in lines:
            self._log(self._unfinished + line)
            self._unfinished = ""
        self._unfinished += last
        while len(self._unfinished) > LONGEST_LINE:
            self._log(self._unfinished[:LONGEST_LINE])
            self._unfinished = self._unfinished[LONGEST_LINE:]

    def finish(self) -> None:
        """Log the unfinished line: no more will come."""
        if self._unfinished:
            self.feed("\n", self._after_s)

    def _log(self, line: str) -> None:
        if line := line.rstrip():
            shown = printable_line(line.expandtabs())
            LOGGER.info("%s +%.3f s: %s", self._name, self._after_s, shown, extra={"machine": self._name})


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
