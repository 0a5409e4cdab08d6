"""The signals that matter to a program that holds a person's terminal in raw mode."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import Final

import trio

from uartsim.access.raw_terminal import RawTerminal

#: The signals that end such a program.
ENDING: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


async def obey_signals(terminal: RawTerminal, ending: Iterable[signal.Signals], end: Callable[[int], object]) -> None:
    """Give the terminal its settings back while the program is suspended, and end it where a signal says so.

    A signal that the process was started with as ignored stays ignored.

    Args:
        terminal: the terminal.
        ending: the signals that end the program.
        end: is called with the signal's number.
    """
    wanted = (signal.SIGTSTP, signal.SIGCONT, *ending)
    with trio.open_signal_receiver(
        *(number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN)
    ) as signals:
        async for number in signals:
            if number == signal.SIGTSTP:
                terminal.cooked()
                ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
                signal.raise_signal(signal.SIGTSTP)  # stops us here; a shell continues us later
                signal.signal(signal.SIGTSTP, ours)
            if number in (signal.SIGTSTP, signal.SIGCONT):
                terminal.raw()
            else:
                end(number)
