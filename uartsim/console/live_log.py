"""A console's lines as log records, as they come: what ``pytest --log-cli-level=INFO`` shows while a test runs.

The logger is ``uartsim.console``, the level INFO.  A record is a finished line, cleaned, behind the machine's name and
the time at which the line ended, in seconds after the console was opened.  If that level is not enabled, a piece of output
costs one check.
"""

from __future__ import annotations

import logging
from typing import Final

from uartsim.printable import printable_line

LOGGER: Final = logging.getLogger("uartsim.console")
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
            LOGGER.info("%s +%.3f s: %s", self._name, self._after_s, printable_line(line.expandtabs()))
