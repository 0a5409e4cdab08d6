"""A console's lines as log records, as they come: what ``pytest --log-cli-level=INFO`` shows while a test runs.

The logger is ``uartsim.console``, the level INFO, and a record is a finished line, cleaned, with the machine's name in front.
If that level is not enabled, a piece of output costs one check.
"""

from __future__ import annotations

import logging
from typing import Final

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

    def feed(self, text: str) -> None:
        """Take in cleaned text, and log the lines that it finishes."""
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
            self.feed("\n")

    def _log(self, line: str) -> None:
        if line := line.rstrip():
            LOGGER.info(
                "%s: %s", self._name, "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
            )
