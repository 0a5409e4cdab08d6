"""What happens when the process is out of descriptors while a client connects.

The client waits in the listening socket's queue, and trio tries again ten times a second until there are descriptors:
nobody is lost.  Trio complains each time in its log, with a traceback; here the person is told once, in a sentence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: A complaint that comes so long after the one before belongs to another shortage, in seconds.
_QUIET_S: Final = 5.0


class _FirstOfARow(logging.Handler):
    """Tells the first of a row of complaints."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__()
        self._log = log
        self._last = -_QUIET_S

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it, unless it is one of a row."""
        now = time.monotonic()
        if now - self._last >= _QUIET_S:
            error = record.exc_info[1] if record.exc_info else None
            why = error.strerror if isinstance(error, OSError) else record.getMessage()
            self._log(f"a client has to wait ({why}): close others, or raise the limit with 'ulimit -n'")
        self._last = now


@contextmanager
def report_waiting_clients(log: Callable[[str], None]) -> Iterator[None]:
    """While it lasts, ``log`` gets a sentence when clients have to wait for a descriptor."""
    logger = logging.getLogger("trio.serve_listeners")
    handler = _FirstOfARow(log)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
