"""The console for ordinary tests: the same names, blocking.

All consoles of a process that have the same clock live on one background thread that runs trio.  A call hands a
coroutine over and waits for its outcome: an error arrives without the frames of that thread, at the caller's line.
Ctrl-C during a call cancels what was waited for, and nothing is consumed.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import trio

from uartsim.console.blocking_parts import Grub, Line, Stimuli
from uartsim.console.console import Console as AsyncConsole
from uartsim.console.errors import ConsoleClosed
from uartsim.console.expectations import Expectation, Match, Timeout
from uartsim.console.kernel_lines import KernelLine
from uartsim.console.opening import open_console as open_async_console
from uartsim.console.options import LineOptions, check_options
from uartsim.console.problem_catalogue import Source
from uartsim.console.problems import Problem
from uartsim.console.run import LONGEST_OUTPUT
from uartsim.console.screen import Screen
from uartsim.console.shell_line import Result
from uartsim.console.transfer import Progress
from uartsim.console.trio_thread import LAST_WAIT_S, TrioThread, shared_thread
from uartsim.console.typing import KILL_LINE
from uartsim.error_groups import first_error
from uartsim.errors import UartsimError
from uartsim.guest.catalogue import GuestDefinition

if TYPE_CHECKING:
    from pexpect.fdpexpect import fdspawn

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

    def type(self, text: str, verify: bool = True, *, kill: str = KILL_LINE, timeout: Timeout = "default") -> None:
        """Type, and see that it comes back; see :meth:`uartsim.Console.type`."""
        __tracebackhide__ = True
        self._call(lambda: self._console.type(text, verify, kill=kill, timeout=timeout))

    def send_secret(self, secret: str, enter: bool = True) -> None:
        """Type a password, masked in the record; see :meth:`uartsim.Console.send_secret`."""
        __tracebackhide__ = True
        self._call(self._console.send_secret, secret, enter)

    def login(
        self,
        user: str = "root",
        password: str = "toor",
        timeout: Timeout = "default",
        *,
        new_password: str | None = None,
    ) -> None:
        """Log in from wherever the guest is; see :meth:`uartsim.Console.login`."""
        __tracebackhide__ = True
        self._call(lambda: self._console.login(user, password, timeout, new_password=new_password))

    def run(
        self, command: str, timeout: Timeout = "default", *, shell: str = "auto", max_output: int = LONGEST_OUTPUT
    ) -> Result:
        """Run a command; see :meth:`uartsim.Console.run`."""
        __tracebackhide__ = True
        result: Result = self._call(lambda: self._console.run(command, timeout, shell=shell, max_output=max_output))
        return result

    def put_file(
        self,
        source: str | os.PathLike[str] | bytes,
        path: str,
        progress: Progress | None = None,
        timeout: Timeout = None,
    ) -> None:
        """Put a file into the guest; see :meth:`uartsim.Console.put_file`.  ``progress`` is called on another thread."""
        __tracebackhide__ = True
        self._call(self._console.put_file, source, path, progress, timeout)

    def get_file(self, path: str, progress: Progress | None = None, timeout: Timeout = None) -> bytes:
        """Fetch a file from the guest; see :meth:`uartsim.Console.get_file`.  ``progress`` as in :meth:`put_file`."""
        __tracebackhide__ = True
        data: bytes = self._call(self._console.get_file, path, progress, timeout)
        return data

    def resize(self, rows: int, columns: int, timeout: Timeout = "default") -> None:
        """Tell the guest's shell how large the terminal is; see :meth:`uartsim.Console.resize`."""
        __tracebackhide__ = True
        self._call(self._console.resize, rows, columns, timeout)

    def wait_for_quiet(self, seconds: float = 1.0, timeout: Timeout = "default") -> None:
        """Wait until the guest is silent; see :meth:`uartsim.Console.wait_for_quiet`."""
        __tracebackhide__ = True
        self._call(self._console.wait_for_quiet, seconds, timeout)

    def spawn(self, **options: Any) -> fdspawn[Any]:
        """A pexpect ``fdspawn`` on a tty that carries this line; see :meth:`uartsim.Console.spawn`."""
        __tracebackhide__ = True
        return self._read(lambda: self._console.spawn(**options))

    @property
    def screen(self) -> Screen:
        """What a terminal on this line shows now."""
        return self._read(lambda: self._console.screen)

    @property
    def grub(self) -> Grub:
        """GRUB's menu, wherever it is on this line."""
        return Grub(self)

    @property
    def stimuli(self) -> Stimuli:
        """What this machine can be made to suffer."""
        return Stimuli(self)

    @property
    def counters(self) -> dict[str, int]:
        """What the line has carried and lost; see :attr:`uartsim.Console.counters`."""
        return self._read(lambda: self._console.counters)

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

    @property
    def problems(self) -> list[Problem]:
        """What went wrong so far, oldest first: also what ended no wait."""
        return self._read(lambda: self._console.problems)

    @property
    def kernel_lines(self) -> list[KernelLine]:
        """The kernel's messages, wherever they landed; see :attr:`uartsim.Console.kernel_lines`."""
        return self._read(lambda: self._console.kernel_lines)

    def _read(self, function: Callable[[], _T]) -> _T:
        """Read on the console's own thread, where nothing changes meanwhile."""
        __tracebackhide__ = True

        async def read() -> _T:
            return function()

        value: _T = self._call(read)
        return value


def open_console(
    guest: str | Path | GuestDefinition = "demo",
    *,
    settings: Mapping[str, Any] | None = None,
    timeout: float | None = 30.0,
    timeout_scale: float = 1.0,
    problems: Source | Sequence[Source] | None = None,
    allow: Iterable[str] = (),
    name: str | None = None,
    clock: str = "real",
    log: Callable[[str], None] | None = None,
    **options: Unpack[LineOptions],
) -> AbstractContextManager[Console]:
    """Start a machine of its own for this block, and hold its console; see :func:`uartsim.open_console`.

    Args:
        guest, settings, timeout, timeout_scale, problems, allow, name, options: as there.
        clock: ``"real"``, or ``"virtual"``: time passes only while a call waits, as fast as the processor can do it, and
            stands still between calls.  Only for guests that are scripts.
        log: as there; called on the background thread.

    Raises:
        TypeError: there is no such option; the message has the nearest name.
        UsageError: no such guest, setting or clock, something that it needs is missing, or the clock is virtual and the
            guest a process or QEMU.
        UartsimError: the guest could not be started.
    """
    __tracebackhide__ = True
    check_options("open_console()", options)
    opening = open_async_console(
        guest,
        settings=settings,
        timeout=timeout,
        timeout_scale=timeout_scale,
        problems=problems,
        allow=allow,
        name=name,
        log=log,
        **options,
    )
    return _held(opening, clock)


@contextmanager
def _held(opening: AbstractAsyncContextManager[AsyncConsole], clock: str) -> Iterator[Console]:
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
                async with opening as console:
                    opened.put(console)
                    with thread.time_stands_still():
                        await done.wait()
            end = None
        except Exception as error:
            end = first_error(error)
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


__all__ = ["Console", "Grub", "Line", "Match", "Result", "Screen", "Stimuli", "open_console"]
