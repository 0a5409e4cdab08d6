"""Signals end a machine in the foreground, even one whose guest blocks the loop that would end it."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from uartsim.blocked_loop import blocking_code
from uartsim.printable import printable

if TYPE_CHECKING:
    import trio

#: The signals that end a machine, with everything put away.
ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long the loop may take to react to a signal, in seconds.
REACTION_S: Final = 3.0
#: How long the machine may take to end once the loop has reacted, in seconds.
LONGEST_END_S: Final = 30.0
#: How long putting everything away may take after that, in seconds.
_PUT_AWAY_S: Final = 3.0
#: The length of one step of a wait, in seconds: a process that was stopped meanwhile loses one step, not the whole wait.
_STEP_S: Final = 0.1


class EndingSignals:
    """Cancels a trio scope on SIGTERM, SIGHUP and Ctrl-C; a signal that is ignored stays so.

    A thread watches whether that has an effect.  If it has none, because the guest's script blocks the loop or refuses to
    be cancelled, the thread says so, puts everything away and ends the process with exit status 1.

    Args:
        name: what the machine is called.
        put_away: closes what has to be closed before the process ends; called on the watching thread.
    """

    def __init__(self, name: str, put_away: Callable[[], object]) -> None:
        self._name = name
        self._put_away = put_away
        self._loop = threading.get_ident()
        self._signals: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: a signal has come; False: all is over

    async def heed(self, scope: trio.CancelScope, task_status: Any) -> None:
        """Cancel ``scope`` when a signal comes."""
        import trio

        heeded = [number for number in ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._loop = threading.get_ident()
        watching = threading.Thread(
            target=self._watch, args=(trio.lowlevel.current_trio_token(),), name="ending", daemon=True
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # signals are not for the thread
        try:
            watching.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        with trio.open_signal_receiver(*heeded) as signals, self._noted(heeded):
            task_status.started()
            async for _ in signals:
                scope.cancel()

    def over(self) -> None:
        """The loop has ended by itself: the watching thread ends too."""
        self._signals.put(False)

    @contextmanager
    def _noted(self, numbers: list[signal.Signals]) -> Iterator[None]:
        """Within this, signals that have a handler are noted for the watching thread as well."""
        for number in numbers:
            handler = signal.getsignal(number)
            assert callable(handler)
            signal.signal(number, self._noting(handler))
        yield  # trio restores the handlers afterwards

    def _noting(self, handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], None]:
        def note(number: int, frame: FrameType | None) -> None:
            self._signals.put(True)  # may be called in the middle of itself, unlike what takes a lock
            handler(number, frame)

        return note

    def _watch(self, token: trio.lowlevel.TrioToken) -> None:
        if not self._signals.get():
            return
        ends_at = time.monotonic() + LONGEST_END_S
        while time.monotonic() < ends_at:
            if not _answers(token):
                self._end(
                    f"{blocking_code(self._loop)} blocks the machine: a script waits with 'await trio.sleep(...)'"
                )
            try:
                if not self._signals.get(timeout=_STEP_S):
                    return
            except queue.Empty:
                pass
        self._end(
            f"the guest has not ended {LONGEST_END_S:g} s after the signal: its script may not catch trio.Cancelled"
        )

    def _end(self, why: str) -> None:
        """Put everything away, as far as that works, and end the process."""
        putting_away = threading.Thread(target=self._put_away, name="put away", daemon=True)
        putting_away.start()
        putting_away.join(_PUT_AWAY_S)
        saying = threading.Thread(target=self._say, args=(why,), name="say", daemon=True)
        saying.start()  # nobody may read standard error
        saying.join(1)
        os._exit(1)

    def _say(self, why: str) -> None:
        text = printable(f"uartsim: {self._name} was ended by force: {why}\n")
        os.write(sys.__stderr__.fileno() if sys.__stderr__ is not None else 2, text.encode(errors="backslashreplace"))


def _answers(token: trio.lowlevel.TrioToken) -> bool:
    """Whether the loop goes on, or has ended."""
    import trio

    answers: queue.SimpleQueue[None] = queue.SimpleQueue()
    try:
        token.run_sync_soon(answers.put, None)
    except trio.RunFinishedError:
        return True
    for _ in range(round(REACTION_S / _STEP_S)):
        try:
            answers.get(timeout=_STEP_S)
            return True
        except queue.Empty:
            continue
    return False
