"""The console for ordinary tests: the same names, blocking.

All consoles of a process that have the same clock live on one background thread that runs trio.  A call hands a
coroutine over and waits for its outcome: an error arrives without the frames of that thread, at the caller's line.
Ctrl-C during a call cancels what was waited for, and nothing is consumed.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, Unpack

import trio

from uartsim.console.console import Console as AsyncConsole
from uartsim.console.errors import ConsoleClosed
from uartsim.console.expectations import Expectation, Match, Timeout
from uartsim.console.line import Line as AsyncLine
from uartsim.console.opening import open_console as open_async_console
from uartsim.console.trio_thread import LAST_WAIT_S, TrioThread, shared_thread, single
from uartsim.errors import UartsimError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.machine import PortOptions
from uartsim.wire.faults import Fault

_T = TypeVar("_T")


class Console:
    """A console for blocking code; see ``uartsim.Console`` for what each name does.

    Args:
        console: the async console.
        call: runs an async function on the console's thread and returns its outcome.
    """

    def __init__(self, console: AsyncConsole, call: Callable[..., Any]) -> None:
        self._console = console
        self._call = call

    def expect(self, pattern: Expectation | Sequence[Expectation], timeout: Timeout = "default") -> Match:
        """Wait for a regular expression, or one of a list; see :meth:`uartsim.Console.expect`."""
        __tracebackhide__ = True
        match: Match = self._call(self._console.expect, pattern, timeout)
        return match

    def expect_exact(self, pattern: Expectation | Sequence[Expectation], timeout: Timeout = "default") -> Match:
        """Wait for a fixed text, or one of a list; see :meth:`uartsim.Console.expect_exact`."""
        __tracebackhide__ = True
        match: Match = self._call(self._console.expect_exact, pattern, timeout)
        return match

    def send(self, data: str | bytes) -> None:
        """Send characters; see :meth:`uartsim.Console.send`."""
        __tracebackhide__ = True
        self._call(self._console.send, data)

    def sendline(self, line: str | bytes = "") -> None:
        """Send characters and Enter; see :meth:`uartsim.Console.sendline`."""
        __tracebackhide__ = True
        self._call(self._console.sendline, line)

    def login(self, user: str = "root", password: str = "toor", timeout: Timeout = "default") -> None:
        """Log in from wherever the guest is; see :meth:`uartsim.Console.login`."""
        __tracebackhide__ = True
        self._call(self._console.login, user, password, timeout)

    def send_break(self, duration_s: float = 0.25) -> None:
        """Hold the line at space; see :meth:`uartsim.Console.send_break`."""
        __tracebackhide__ = True
        self._call(self._console.send_break, duration_s)

    def sysrq(self, key: str) -> None:
        """A break, then the key; see :meth:`uartsim.Console.sysrq`."""
        __tracebackhide__ = True
        self._call(self._console.sysrq, key)

    def nmi(self) -> None:
        """Press the NMI button; see :meth:`uartsim.Console.nmi`."""
        __tracebackhide__ = True
        self._call(self._console.nmi)

    def reset(self) -> None:
        """Press the reset button; see :meth:`uartsim.Console.reset`."""
        __tracebackhide__ = True
        self._call(self._console.reset)

    @property
    def line(self) -> Line:
        """This end of the line; see :attr:`uartsim.Console.line`."""
        return Line(self)

    def close(self) -> None:
        """Leave the line; see :meth:`uartsim.Console.close`."""
        self._read(self._console.close)

    @property
    def before(self) -> str:
        """The cleaned text before the last match."""
        return self._console.before

    @property
    def after(self) -> str:
        """The text of the last match."""
        return self._console.after

    @property
    def match(self) -> Match | None:
        """The last match."""
        return self._console.match

    @property
    def text(self) -> str:
        """All the guest has sent, cleaned: the last megabyte of it."""
        return self._read(lambda: self._console.text)

    @property
    def raw(self) -> bytes:
        """All the guest has sent, as it came: the last megabyte of it."""
        return self._read(lambda: self._console.raw)

    @property
    def unread(self) -> str:
        """The cleaned text that no match has consumed yet."""
        return self._read(lambda: self._console.unread)

    def last_lines(self, count: int = 10) -> list[str]:
        """The last cleaned lines with their times; see :meth:`uartsim.Console.last_lines`."""
        return self._read(lambda: self._console.last_lines(count))

    @property
    def timeout(self) -> float | None:
        """How long ``expect`` waits unless told otherwise, in seconds; None for ever."""
        return self._console.timeout

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._console.timeout = seconds

    def _read(self, function: Callable[[], _T]) -> _T:
        """Read on the console's own thread, where nothing changes meanwhile."""

        async def read() -> _T:
            return function()

        value: _T = self._call(read)
        return value


class Line:
    """The line of a console, for ordinary tests; the names are those of :class:`uartsim.console.line.Line`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def _do(self, what: Callable[[AsyncLine], _T]) -> _T:
        __tracebackhide__ = True
        return self._console._read(lambda: what(self._console._console.line))

    def add_fault(self, fault: str | Fault) -> None:
        """From now on something is wrong with the line."""
        __tracebackhide__ = True
        self._do(lambda line: line.add_fault(fault))

    def clear_faults(self, kind: str | None = None) -> int:
        """End the faults of a kind, or all of them; returns how many were at work."""
        return self._do(lambda line: line.clear_faults(kind))

    @property
    def faults(self) -> list[Fault]:
        """The faults at work."""
        return self._do(lambda line: line.faults)

    @property
    def fault_counters(self) -> dict[str, dict[str, dict[str, int]]]:
        """What faults have done, by direction and kind."""
        return self._do(lambda line: line.fault_counters)

    def set_modem(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR and RTS; None leaves a line as it is."""
        self._do(lambda line: line.set_modem(dtr=dtr, rts=rts))

    @property
    def modem(self) -> dict[str, bool]:
        """The modem lines at the guest's chip."""
        return self._do(lambda line: line.modem)

    @property
    def status(self) -> dict[str, Any]:
        """Everything about the port."""
        return self._do(lambda line: line.status)


@contextmanager
def open_console(
    guest: str | Path | GuestDefinition = "demo",
    *,
    settings: Mapping[str, Any] | None = None,
    timeout: float | None = 30.0,
    timeout_scale: float = 1.0,
    name: str | None = None,
    clock: str = "real",
    log: Callable[[str], None] | None = None,
    **port: Unpack[PortOptions],
) -> Iterator[Console]:
    """Start a machine of its own for this block, and hold its console; see :func:`uartsim.open_console`.

    Args:
        guest, settings, timeout, timeout_scale, name, port: as there.
        clock: ``"real"``, or ``"virtual"``: time passes only while a call waits, as fast as the processor can do it, and
            stands still between calls.  Only for guests that are scripts.
        log: as there; called on the background thread.

    Raises:
        UsageError: no such guest, setting or clock, something that it needs is missing, or the clock is virtual and the
            guest a process or QEMU.
        UartsimError: the guest could not be started.
    """
    __tracebackhide__ = True
    thread = shared_thread(clock)
    opened: queue.SimpleQueue[AsyncConsole | BaseException] = queue.SimpleQueue()
    closed: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    done = trio.Event()
    scope = trio.CancelScope()

    async def hold() -> None:
        end: BaseException | None = ConsoleClosed("the machine was switched off because the process ends")
        try:
            with scope, thread.time_passes():
                async with open_async_console(
                    guest,
                    settings=settings,
                    timeout=timeout,
                    timeout_scale=timeout_scale,
                    name=name,
                    log=log,
                    **port,
                ) as console:
                    opened.put(console)
                    with thread.time_stands_still():
                        await done.wait()
            end = None
        except Exception as error:
            end = single(error)
        finally:
            opened.put(end or ConsoleClosed("the machine is off"))
            closed.put(end)

    thread.start(hold)
    try:
        console = opened.get()
    except BaseException:  # Ctrl-C while the guest starts
        thread.soon(scope.cancel)
        closed.get()
        raise
    if isinstance(console, BaseException):
        raise console.with_traceback(None)
    try:
        yield Console(console, thread.call)
    except BaseException:
        _switch_off(thread, done, closed)
        raise
    failure = _switch_off(thread, done, closed)
    if failure is not None:
        raise failure


def _switch_off(
    thread: TrioThread, done: trio.Event, closed: queue.SimpleQueue[BaseException | None]
) -> BaseException | None:
    try:
        thread.soon(done.set)
        return closed.get(timeout=LAST_WAIT_S)
    except ConsoleClosed:
        return None
    except queue.Empty:
        return UartsimError(f"the machine was not off {LAST_WAIT_S:g} s after it was told to")


__all__ = ["Console", "Match", "open_console"]
