"""Opening a console for ordinary, blocking code.

All consoles of a process that have the same clock live on one background thread that runs trio.  A call hands a
coroutine over and waits for its outcome: an error arrives without the frames of that thread, at the caller's line.
Ctrl-C during a call cancels what was waited for, and nothing is consumed.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Unpack

import trio

from uartsim.console.blocking_console import Console
from uartsim.console.console import Console as AsyncConsole
from uartsim.console.console_errors import ConsoleClosed
from uartsim.console.console_options import LineOptions, check_options
from uartsim.console.open_console import open_console as open_async_console
from uartsim.console.option_checks import check_values
from uartsim.console.problems.problem_catalogue import Source
from uartsim.console.trio_thread import LAST_WAIT_S, TrioThread, shared_thread
from uartsim.error_groups import first_error
from uartsim.errors import UartsimError
from uartsim.guest.catalogue import GuestDefinition


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
    """Start a machine for this block, and return its console; see :func:`uartsim.open_console`.

    Args:
        guest, settings, timeout, timeout_scale, problems, allow, name, options: those of :func:`uartsim.open_console`.
        clock: ``"real"``, or ``"virtual"``: time passes only while a call waits, as fast as the processor allows, and
            stands still between calls.  Only for guests that are scripts.
        log: is called on the background thread, with lines about what takes long.

    Raises:
        TypeError: an option is unknown; the message has the nearest name.
        UsageError: the guest, a setting or the clock is unknown, something that the guest needs is missing, or the clock
            is virtual and the guest a process or QEMU.
        UartsimError: the guest could not be started.
    """
    __tracebackhide__ = True
    check_options("open_console()", options)
    check_values({"clock": clock})
    starting = open_async_console(
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
    return held(starting, clock)


@contextmanager
def held(starting: AbstractAsyncContextManager[AsyncConsole], clock: str) -> Iterator[Console]:
    """Keep what an async context manager opens on the thread of a clock, for this block."""
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
                async with starting as console:
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
        console = thread.wait_for(opened)
    except BaseException:  # Ctrl-C while the guest starts
        thread.give_up(scope, closed)
        raise
    if isinstance(console, BaseException):
        raise console.with_traceback(None)
    try:
        yield Console(console, thread)
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
        with contextlib.suppress(queue.Empty):
            return closed.get(timeout=1)
        thread.check_going_on(1)
        return closed.get(timeout=LAST_WAIT_S)
    except ConsoleClosed:
        return None
    except UartsimError as error:
        return error
    except queue.Empty:
        return UartsimError(f"the machine was not off {LAST_WAIT_S:g} s after it was told to stop")
