"""The console for ordinary tests: the same names, blocking.

All consoles of a process live on one background thread that runs trio.  It is started by the first console and ends
with the process; what still runs then is switched off.  A call hands a coroutine over and waits for its outcome: an
error arrives without the frames of that thread, at the caller's line.  Ctrl-C during a call cancels what was waited
for, and nothing is consumed.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from uartsim.console.console import Console as AsyncConsole
from uartsim.console.errors import ConsoleClosed
from uartsim.console.expectations import Expectation, Match, Timeout
from uartsim.console.opening import open_console as open_async_console
from uartsim.errors import UartsimError
from uartsim.guest.catalogue import GuestDefinition

_T = TypeVar("_T")

#: How long the end of the process waits for machines to be switched off, in seconds.
_LAST_WAIT_S: Final = 10.0


class _TrioThread:
    """The background thread and its trio loop."""

    def __init__(self) -> None:
        self._ready: queue.SimpleQueue[tuple[trio.lowlevel.TrioToken, trio.Nursery]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=trio.run, args=(self._main,), name="uartsim", daemon=True)
        self._thread.start()
        self._token, self._nursery = self._ready.get()
        self.process = os.getpid()
        atexit.register(self._stop)

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self._ready.put((trio.lowlevel.current_trio_token(), nursery))
            await trio.sleep_forever()

    def _stop(self) -> None:
        if os.getpid() == self.process and self._thread.is_alive():
            self.soon(self._nursery.cancel_scope.cancel)
            self._thread.join(_LAST_WAIT_S)

    def call(self, function: Callable[..., Awaitable[_T]], *args: Any) -> _T:
        """Run an async function there and wait for its outcome.

        Raises:
            what the function raises.
        """
        __tracebackhide__ = True
        answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        scope = trio.CancelScope()

        async def run() -> None:
            # what remains if it is cancelled: by Ctrl-C, and then nobody reads it, or because the process ends
            answer: tuple[Any, BaseException | None]
            answer = None, ConsoleClosed("the console was closed while a call waited on it")
            try:
                with scope:
                    answer = await function(*args), None
            except Exception as error:
                answer = None, _single(error)
            finally:
                answers.put(answer)

        self.soon(self._nursery.start_soon, run)
        try:
            value, error = answers.get()
        except BaseException:
            self.soon(scope.cancel)
            answers.get()
            raise
        if error is not None:
            # what went wrong on purpose is told at the caller's line; a bug of ours keeps its trace
            raise error.with_traceback(None) if isinstance(error, UartsimError) else error
        result: _T = value
        return result

    def start(self, function: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Let an async function run there."""
        self.soon(self._nursery.start_soon, function, *args)

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function there, without waiting for it.

        Raises:
            ConsoleClosed: the thread has ended, because the process is about to.
        """
        __tracebackhide__ = True
        try:
            self._token.run_sync_soon(function, *args)
        except trio.RunFinishedError:
            raise ConsoleClosed("the process ends: all machines are off") from None


_shared: _TrioThread | None = None
_shared_lock = threading.Lock()


def _thread() -> _TrioThread:
    """The process's one thread; a forked process gets its own."""
    global _shared
    with _shared_lock:
        if _shared is None or _shared.process != os.getpid():
            _shared = _TrioThread()
        return _shared


def _single(error: BaseException) -> BaseException:
    """The first error in a group, however deep."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


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


@contextmanager
def open_console(
    guest: str | Path | GuestDefinition = "demo",
    *,
    settings: Mapping[str, Any] | None = None,
    timeout: float | None = 30.0,
    timeout_scale: float = 1.0,
    name: str | None = None,
    strict_line: bool = False,
    unlimited: bool = False,
    log: Callable[[str], None] | None = None,
) -> Iterator[Console]:
    """Start a machine of its own for this block, and hold its console; see :func:`uartsim.open_console`.

    ``log`` is called on the background thread.

    Raises:
        UsageError: no such guest or setting, or something that it needs is missing.
        UartsimError: the guest could not be started.
    """
    __tracebackhide__ = True
    thread = _thread()
    opened: queue.SimpleQueue[AsyncConsole | BaseException] = queue.SimpleQueue()
    closed: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    done = trio.Event()
    scope = trio.CancelScope()

    async def hold() -> None:
        end: BaseException | None = ConsoleClosed("the machine was switched off because the process ends")
        try:
            with scope:
                async with open_async_console(
                    guest,
                    settings=settings,
                    timeout=timeout,
                    timeout_scale=timeout_scale,
                    name=name,
                    strict_line=strict_line,
                    unlimited=unlimited,
                    log=log,
                ) as console:
                    opened.put(console)
                    await done.wait()
            end = None
        except Exception as error:
            end = _single(error)
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
    thread: _TrioThread, done: trio.Event, closed: queue.SimpleQueue[BaseException | None]
) -> BaseException | None:
    try:
        thread.soon(done.set)
        return closed.get(timeout=_LAST_WAIT_S)
    except ConsoleClosed:
        return None
    except queue.Empty:
        return UartsimError(f"the machine was not off {_LAST_WAIT_S:g} s after it was told to")


__all__ = ["Console", "Match", "open_console"]
