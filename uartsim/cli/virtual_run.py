"""A machine in virtual time, which has no clients: ``uartsim run --clock virtual`` prints what its guest sends."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from uartsim.cli.ending_signals import ENDING_SIGNALS, EndingSignals
from uartsim.cli.foreground_run import LineSettings, exit_status
from uartsim.cli.status_text import recording_state
from uartsim.error_groups import first_error
from uartsim.printable import printable
from uartsim.standard_streams import abandon

if TYPE_CHECKING:
    from uartsim.access.hub import Hub
    from uartsim.access.log import Log
    from uartsim.machine import Guest, GuestEnd


def run_virtually(guest: Guest, name: str, line: LineSettings, limit_s: float) -> None:
    """Run a guest in virtual time, and print what it sends.

    Args:
        guest: the guest.
        name: what the machine is called.
        line: the settings of the line.
        limit_s: how much virtual time may pass, in seconds.

    Raises:
        UsageError: the guest cannot run in virtual time.
        UartsimError: it could not be started.
        SystemExit: the run is over, with the exit status that goes with its end.
    """
    import trio.testing

    from uartsim.access.headless import run_headless
    from uartsim.access.log import Log, write_last_line

    said = f"{name}: stopped"  # unless the guest or the time comes to its end
    log, output = Log(), _Output()
    hubs: list[Hub] = []
    signals = EndingSignals(name, lambda: _abandon(hubs, log))

    async def whole() -> GuestEnd | None:
        nonlocal said
        end = None
        async with trio.open_nursery() as nursery:
            await nursery.start(signals.heed, nursery.cancel_scope)
            with output.interruptible():
                end = await run_headless(
                    guest,
                    name,
                    limit_s=limit_s,
                    output=output.write,
                    record=lambda machine: line.records.open(machine, log.say),
                    prepared=hubs.append,
                    **line.port,
                    log=log.say,
                )
            said = f"{name}: {end}" if end is not None else f"{name}: {limit_s:g} s of virtual time are over"
            nursery.cancel_scope.cancel()
        return end

    try:
        end = trio.run(whole, clock=trio.testing.MockClock(autojump_threshold=0))
    except BaseExceptionGroup as group:
        error = first_error(group)
        if isinstance(error, BrokenPipeError):  # the reader has seen enough
            abandon(sys.stdout)
            sys.exit(exit_status(None, incomplete=_say_incomplete(hubs, log)))
        if not isinstance(error, _InterruptedError):
            raise error from None
        end = None
    finally:
        signals.over()
        log.close()
    incomplete = _say_incomplete(hubs, log)
    write_last_line(said)
    sys.exit(exit_status(end, incomplete=incomplete))


def _say_incomplete(hubs: list[Hub], log: Log) -> bool:
    """Say what the recordings lack; returns whether they lack anything."""
    incomplete = False
    for hub in hubs:
        states = [("record", state) for state in (hub.record.statuses() if hub.record is not None else ())]
        for what, state in (*states, *hub.com1.recordings().items()):
            if state["trouble"]:
                incomplete = True
                log.say(f"the {what} {recording_state(state)}")
    log.close()
    return incomplete


def _abandon(hubs: list[Hub], log: Log) -> None:
    """Close the recordings while the loop is blocked; called on another thread than the loop's."""
    for hub in hubs:
        if hub.record is not None:
            hub.record.close()
        hub.com1.close_taps()
    _say_incomplete(hubs, log)


class _InterruptedError(BaseException):
    """A signal has come in the middle of a write that blocks."""


class _Output:
    """Standard output, which may take as long as its reader wants; a signal that ends us ends that wait as well.

    A file or a program gets the guest's bytes as they are; a terminal gets text that it does not obey.
    """

    def __init__(self) -> None:
        self._interrupted = self._writing = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._is_terminal = sys.stdout.isatty()

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within this, signals that have a handler also end a write."""
        before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, partial(self._note, handler))
        try:
            yield
        finally:
            for number, handler in before.items():
                if callable(handler):
                    signal.signal(number, handler)

    def _note(self, handler: Callable[..., object], number: int, frame: object) -> None:
        self._interrupted = True
        handler(number, frame)
        if self._writing:
            raise _InterruptedError

    def write(self, data: bytes) -> None:
        """Write all of ``data``."""
        if self._is_terminal:
            data = self._shown(data)
        view, fd = memoryview(data), sys.stdout.fileno()
        self._writing = True
        try:
            if self._interrupted:
                raise _InterruptedError
            while view:
                view = view[os.write(fd, view) :]
        finally:
            self._writing = False

    def _shown(self, data: bytes) -> bytes:
        text = (self._held + self._decoder.decode(data)).replace("\r\n", "\n")
        self._held = "\r" * text.endswith("\r")  # a line feed may follow
        return printable(text.removesuffix("\r")).encode(sys.stdout.encoding or "utf-8", "replace")
