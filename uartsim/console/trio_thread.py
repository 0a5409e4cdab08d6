"""The background threads on which trio runs for blocking code: one with the real clock, one with a virtual one.

A thread is started by the first console that needs it, and ends with the process; machines that still run are then
switched off.  A child process that is forked has no such thread: it can open consoles of its own, and each call on one
that it has inherited raises an error.

On the virtual clock, time advances only while a call waits, by leaps to the next event, and stands still between calls:
a countdown does not run out while a test computes.  All consoles of a thread share its
time: a wait on one of them lets it pass for the others, too.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import trio

from uartsim.blocked_loop import blocking_code
from uartsim.console.console_errors import ConsoleClosed
from uartsim.error_groups import first_error
from uartsim.errors import UartsimError, UsageError

if TYPE_CHECKING:
    from trio.testing import MockClock

_T = TypeVar("_T")
_P = ParamSpec("_P")

#: The names of the clocks.
CLOCKS: Final = ("real", "virtual")
_THREAD_NAMES: Final = {"real": "uartsim", "virtual": "uartsim (virtual clock)"}
#: How long the process waits at its end for machines to be switched off, in seconds.
LAST_WAIT_S: Final = 10.0
#: How long code on the loop may keep it from going on, in seconds, before a call that waits gives up.
BLOCKED_S: Final = 8.0
#: How often a call that waits asks whether the loop goes on, in seconds; and the length of one step of that wait.
_ASK_EVERY_S: Final = 1.0
_STEP_S: Final = 0.1
#: How many tasks wait for calls at most.
_MOST_IDLE: Final = 4
_INFINITE: Final = float("inf")


class TrioThread:
    """A background thread and its trio loop.

    Args:
        clock: one of :data:`CLOCKS`.
    """

    def __init__(self, clock: str = "real") -> None:
        self._clock: MockClock | None = None
        if clock == "virtual":
            from trio.testing import MockClock

            self._clock = MockClock()
        self._waiting = 0
        self._idle: list[trio.lowlevel.Task] = []  # tasks that wait for a call to run
        self._handed_out: deque[Callable[[], Awaitable[None]]] = deque()
        self._ready: queue.SimpleQueue[tuple[trio.lowlevel.TrioToken, trio.Nursery]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=_THREAD_NAMES[clock], daemon=True)
        self.process = os.getpid()
        self._thread.start()
        self._token, self._nursery = self._ready.get()
        atexit.register(self._stop)

    def _run(self) -> None:
        trio.run(self._main, clock=self._clock)

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self._ready.put((trio.lowlevel.current_trio_token(), nursery))
            await trio.sleep_forever()

    def _stop(self) -> None:
        if os.getpid() == self.process and self._thread.is_alive():
            self.soon(self._let_time_pass, 1)  # machines may take a moment to be switched off
            self.soon(self._nursery.cancel_scope.cancel)
            self._thread.join(_ASK_EVERY_S)
            with contextlib.suppress(UartsimError):
                self.check_going_on(_ASK_EVERY_S)
                self._thread.join(LAST_WAIT_S)

    def check_process(self) -> None:
        """Check that this process has the thread: one that was forked has only what its parent's memory held.

        Raises:
            ConsoleClosed: it does not.
        """
        __tracebackhide__ = True
        if os.getpid() != self.process:
            raise ConsoleClosed(
                "this console belongs to the process that opened it, which forked this one: open one here"
            )

    def _let_time_pass(self, waiting: int) -> None:
        """Change the number of calls that wait."""
        self._waiting += waiting
        if self._clock is not None:
            self._clock.autojump_threshold = 0 if self._waiting else _INFINITE

    @contextlib.contextmanager
    def time_passes(self) -> Iterator[None]:
        """A block that counts as a call that waits, so that virtual time passes.  For use on the thread itself."""
        self._let_time_pass(1)
        try:
            yield
        finally:
            self._let_time_pass(-1)

    @contextlib.contextmanager
    def time_stands_still(self) -> Iterator[None]:
        """A block inside :meth:`time_passes` that does not count as one."""
        self._let_time_pass(-1)
        try:
            yield
        finally:
            self._let_time_pass(1)

    def read(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function there, where nothing changes meanwhile, and return its result; raises what it raises."""
        __tracebackhide__ = True

        async def read() -> _T:
            return function(*args, **kwargs)

        return self.call(read)

    def call(self, function: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run an async function there, and return its result; raises what it raises.

        Raises:
            ConsoleClosed: the process ends while the call waits, or it is a child of the one that has the thread.
            UartsimError: the loop does not go on, because code on it blocks.
        """
        __tracebackhide__ = True
        answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        scope = trio.CancelScope()

        async def run() -> None:
            # the answer if the call is cancelled: because the process ends, or by Ctrl-C, and then it is not read
            answer: tuple[Any, BaseException | None]
            answer = None, ConsoleClosed("the console was closed while a call waited on it")
            try:
                with self.time_passes(), scope:
                    answer = await function(*args, **kwargs), None
            except Exception as error:
                answer = None, first_error(error)
            finally:
                answers.put(answer)

        self.soon(self._hand_out, run)
        try:
            value, error = self.wait_for(answers)
        except BaseException:
            self.give_up(scope, answers)
            raise
        if error is not None:
            # an error of the package is raised at the caller's line; any other keeps its trace, because it is a bug
            raise error.with_traceback(None) if isinstance(error, UartsimError) else error
        result: _T = value
        return result

    def _hand_out(self, call: Callable[[], Awaitable[None]]) -> None:
        """Give a call to a task that waits for one, or to a new one: to start and end a task takes longer than most calls."""
        if self._idle:
            self._handed_out.append(call)
            trio.lowlevel.reschedule(self._idle.pop())
        else:
            self._nursery.start_soon(self._work, call)

    async def _work(self, call: Callable[[], Awaitable[None]]) -> None:
        """Run a call, and then others."""
        task = trio.lowlevel.current_task()

        def leave(_: object) -> trio.lowlevel.Abort:
            self._idle.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        while True:
            await call()
            if len(self._idle) >= _MOST_IDLE:
                return
            self._idle.append(task)
            await trio.lowlevel.wait_task_rescheduled(leave)
            call = self._handed_out.popleft()

    def wait_for(self, answers: queue.SimpleQueue[_T]) -> _T:
        """Wait for what the loop puts into a queue.

        Raises:
            UartsimError: the loop does not go on, because code on it blocks.
        """
        __tracebackhide__ = True
        while True:
            try:
                return answers.get(timeout=_ASK_EVERY_S)
            except queue.Empty:
                self.check_going_on()

    def give_up(self, scope: trio.CancelScope, answers: queue.SimpleQueue[Any]) -> None:
        """Cancel what would put something into a queue, and wait for its end as long as the loop goes on."""
        self.soon(scope.cancel)
        while True:
            try:
                answers.get(timeout=_ASK_EVERY_S)
                return
            except queue.Empty:
                try:
                    self.check_going_on(_ASK_EVERY_S)
                except UartsimError:
                    return

    def check_going_on(self, patience_s: float = BLOCKED_S) -> None:
        """Check that the loop goes on, or has ended.

        Args:
            patience_s: how long it may be busy, in seconds.

        Raises:
            UartsimError: it does not; the message says which code blocks it.
        """
        __tracebackhide__ = True
        pongs: queue.SimpleQueue[None] = queue.SimpleQueue()
        try:
            self._token.run_sync_soon(pongs.put, None)
        except trio.RunFinishedError:
            return
        for _ in range(math.ceil(patience_s / _STEP_S)):  # if the process is stopped meanwhile, one step is lost
            try:
                pongs.get(timeout=_STEP_S)
                return
            except queue.Empty:
                continue
        raise UartsimError(
            f"{blocking_code(self._thread.ident or 0)} blocks the machine, which has not gone on for {patience_s:g} s: "
            "a script waits with 'await trio.sleep(...)'"
        )

    def start(self, function: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Start an async function there."""
        self.soon(self._nursery.start_soon, function, *args)

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function there, without waiting for it.

        Raises:
            ConsoleClosed: the thread has ended, because the process is about to; or it is another process's.
        """
        __tracebackhide__ = True
        self.check_process()
        try:
            self._token.run_sync_soon(function, *args)
        except trio.RunFinishedError:
            raise ConsoleClosed("the process ends: all machines are off") from None


_shared: dict[str, TrioThread] = {}
_shared_lock = threading.Lock()


def _forget() -> None:
    """Forget the threads in a child process, and the lock, which another thread of the parent may have held."""
    global _shared_lock
    _shared_lock = threading.Lock()
    _shared.clear()


os.register_at_fork(after_in_child=_forget)


def shared_thread(clock: str) -> TrioThread:
    """The process's one thread of this clock; a forked process gets its own.

    Raises:
        UsageError: the clock's name is unknown.
    """
    if clock not in CLOCKS:
        raise UsageError(f"clock is {clock!r}: use {' or '.join(map(repr, CLOCKS))}")
    with _shared_lock:
        thread = _shared.get(clock)
        if thread is None:
            thread = _shared[clock] = TrioThread(clock)
        return thread
