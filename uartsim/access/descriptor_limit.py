"""Clients that connect while this process has no file descriptor left (EMFILE).

Such a client waits in the listening socket's queue, and trio tries again ten times a second until a descriptor is free, so
that no client is lost.  Trio logs each attempt with a traceback; here the person is told once, in a sentence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: After this much time without an attempt the next one is told again, in seconds.
_QUIET_S: Final = 5.0


class _FirstOfARow(logging.Handler):
    """Tells the first of a row of records."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__()
        self._log = log
        self._last = -_QUIET_S

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the record, unless it follows another closely."""
        now = time.monotonic()
        if now - self._last >= _QUIET_S:
            error = record.exc_info[1] if record.exc_info else None
            why = error.strerror if isinstance(error, OSError) else record.getMessage()
            self._log(f"a client has to wait ({why}): close others, or raise the limit with 'ulimit -n'")
        self._last = now


@contextmanager
def report_waiting_clients(log: Callable[[str], None]) -> Iterator[None]:
    """Within this, ``log`` gets a sentence when clients have to wait for a descriptor."""
    logger = logging.getLogger("trio.serve_listeners")
    handler = _FirstOfARow(log)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
