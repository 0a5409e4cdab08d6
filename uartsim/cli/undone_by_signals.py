"""Signals that end a command by an exception, so that what it has begun is removed first."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from uartsim.cli.ending_signals import ENDING_SIGNALS


class EndedBySignal(BaseException):
    """A signal ends the command; not an Exception, so that nothing takes it for a failure.

    Args:
        number: the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def undone_by_signals() -> Iterator[None]:
    """Within this, Ctrl-C, SIGTERM and SIGHUP raise :class:`EndedBySignal`; a signal that is ignored stays so.

    Further signals are ignored while what has been begun is removed.
    """
    heeded = [number for number in ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.getsignal(number) for number in heeded}

    def end(number: int, frame: FrameType | None) -> None:
        for each in heeded:
            signal.signal(each, _ignore)
        raise EndedBySignal(number)

    for number in heeded:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(number: int, frame: FrameType | None) -> None:
    """A handler of our own: programs that are started meanwhile do not inherit it, as they would SIG_IGN."""
