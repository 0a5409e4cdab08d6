"""Clocks, and the one timer of the process.

A :class:`Clock` says what time it is in ticks.  The :class:`Ticker` wakes lines at the times that they ask for: one
timerfd for all of them, armed for the earliest, unarmed when there is none, so that an idle process sleeps.
``select.epoll`` rounds time-outs up to whole milliseconds and trio's own timers use it; a timerfd is exact.

Under a clock that is not the system's (``trio.testing.MockClock``) the ticker sleeps on trio's clock instead.
"""

from __future__ import annotations

import ctypes
import heapq
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

import trio

from uartsim.errors import UartsimError
from uartsim.line_format import NEVER, TICKS_PER_NS, TICKS_PER_SECOND
from uartsim.machine.virtual_time import Jumps

_CLOCK_MONOTONIC: Final = 1
_TFD_NONBLOCK_CLOEXEC: Final = 0o2004000
_TFD_TIMER_ABSTIME: Final = 1


#: The more lines are busy, the longer the gap between two rounds that serve them together, in ticks.
GAP_PER_LINE: Final = 500_000 * TICKS_PER_NS
LONGEST_GAP: Final = 20_000_000 * TICKS_PER_NS
#: How long a round may keep everything else waiting, in ticks.
LONGEST_ROUND: Final = 1_000_000 * TICKS_PER_NS
#: How long a busy line gathers characters in virtual time, in ticks: nobody waits to see it move, and wake-ups cost.
VIRTUAL_QUANTUM: Final = TICKS_PER_SECOND // 10


class Clock(Protocol):
    """A monotonic clock; its ticks count from an arbitrary origin."""

    def now(self) -> int:
        """The present time in ticks; it never goes backwards."""


class RealClock:
    """The system's monotonic clock.  Setting the time of day does not move it."""

    def now(self) -> int:
        """CLOCK_MONOTONIC in ticks."""
        return time.monotonic_ns() * TICKS_PER_NS


class TrioClock:
    """Trio's own clock, which is virtual under ``trio.testing.MockClock``."""

    def __init__(self) -> None:
        self._floor = 0

    def now(self) -> int:
        """The present time in ticks: that of trio, or the last that :meth:`reach` was given, whichever is later."""
        return max(self._floor, round(trio.current_time() * TICKS_PER_SECOND))

    def reach(self, ticks: int) -> None:
        """Note that a sleep until ``ticks`` is over: trio's time, a float, may be a tick short of it."""
        self._floor = max(self._floor, ticks)


class Timer:
    """A timerfd, made by the C library: ``os.timerfd_create`` comes with Python 3.13.

    Raises:
        UartsimError: the system gives no timer (too many open files).
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self.fd < 0:
            reason = os.strerror(ctypes.get_errno())
            raise UartsimError(f"no timer could be made (timerfd_create: {reason}); close some files and try again")
        self._spec = (ctypes.c_long * 4)()

    def arm(self, ticks: int) -> None:
        """Expire at ``ticks`` of the real clock; NEVER disarms it."""
        ns = 0 if ticks >= NEVER else max(1, -(-ticks // TICKS_PER_NS))
        self._spec[2], self._spec[3] = divmod(ns, 1_000_000_000)
        self._libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._spec), None)

    async def wait(self) -> None:
        """Wait until it has expired; it stays expired until it is armed again or :meth:`rest` is called."""
        await trio.lowlevel.wait_readable(self.fd)

    def rest(self) -> None:
        """Make it neither expired nor armed."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            self.arm(NEVER)  # it has not expired

    def close(self) -> None:
        """Close the descriptor."""
        trio.lowlevel.notify_closing(self.fd)
        os.close(self.fd)


class Wakeup:
    """One line's place in the ticker: when it wants to be called next.

    Attributes:
        at: the exact time, in ticks; NEVER if there is none.
        gather_from: from when on it may be called with others, in ticks; NEVER if it has nothing to gather.
    """

    __slots__ = ("_ticker", "at", "call", "gather_from")

    def __init__(self, ticker: Ticker, call: Callable[[int], None]) -> None:
        self._ticker = ticker
        self.call = call
        self.at = NEVER
        self.gather_from = NEVER

    def set(self, at: int, gather_from: int = NEVER) -> None:
        """Ask to be called once, in place of what was asked before.

        Args:
            at: call at this time, in ticks; NEVER: not at a time of its own.
            gather_from: call earlier than ``at``, but not before this time, when lines are served together; for a busy
                line, whose characters may be handed out a few milliseconds later.
        """
        ticker = self._ticker
        if gather_from >= at:
            gather_from = NEVER
        elif not ticker.gathers:
            at, gather_from = gather_from, NEVER
        elif gather_from < at - LONGEST_GAP:
            at = NEVER  # a round comes before
        if at != self.at:
            self.at = at
            if at < NEVER:
                ticker.push(self, at)
        if gather_from != self.gather_from:
            self.gather_from = gather_from
            if gather_from < NEVER:
                ticker.gather(self, gather_from)


class Ticker:
    """Wakes lines at exact times.  One per trio run: see :func:`shared_ticker`.

    A wake-up of the process costs more than what a line does in it.  So lines that are busy, and need no exact time, are
    served together, in rounds: between two of them there is a gap that grows with the number of such lines.  Nothing is
    lost by that but promptness, for each line brings itself up to date at its own exact times.  A line that asks for an
    exact time, such as one with an echo on its way, is served at that time, also in the middle of a round.

    Attributes:
        clock: the clock of all its lines.
        quantum_ticks: how long characters may be gathered before they are handed out, while a line is busy, in ticks.
        gathers: whether there are rounds; in virtual time every call comes at its exact time.
        wakeups: how often the process was woken for lines.
        users: how many have it, see :func:`shared_ticker`.

    Raises:
        UartsimError: the system gives no timer.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        virtual = isinstance(clock, TrioClock)
        self.quantum_ticks = VIRTUAL_QUANTUM if virtual else 0
        self.gathers = not virtual
        self.wakeups = 0
        self.users = 0
        self._heap: list[tuple[int, int, Wakeup]] = []  # the exact times; what was replaced may still be there
        self._serial = 0
        self._busy: dict[Wakeup, None] = {}  # the lines of the next round; some may want nothing any more
        self._gather_from = NEVER  # not later than the earliest of theirs
        self._not_before = 0  # the earliest time of the next round
        self._armed = NEVER
        self._timer = None if virtual else Timer()
        self._changed = trio.Event()
        self._scope = trio.CancelScope()
        self._serving = False

    def wakeup(self, call: Callable[[int], None]) -> Wakeup:
        """A new place; ``call`` gets the present time in ticks."""
        return Wakeup(self, call)

    def push(self, wakeup: Wakeup, at: int) -> None:
        """Used by :class:`Wakeup`: it has an exact time."""
        self._serial += 1
        heapq.heappush(self._heap, (at, self._serial, wakeup))
        if at < self._armed and not self._serving:
            self._arm(at)

    def gather(self, wakeup: Wakeup, gather_from: int) -> None:
        """Used by :class:`Wakeup`: it takes part in a round."""
        self._busy[wakeup] = None
        if gather_from < self._gather_from:
            self._gather_from = gather_from
            if not self._serving and (at := max(gather_from, self._not_before)) < self._armed:
                self._arm(at)

    def _arm(self, at: int) -> None:
        self._armed = at
        if self._timer is not None:
            self._timer.arm(at)
        else:
            self._changed.set()

    def _next(self) -> int:
        """The earliest exact time anyone waits for; forgets what has been replaced."""
        heap = self._heap
        while heap and heap[0][2].at != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else NEVER

    def _run_due(self, now: int) -> None:
        """Call the lines whose exact time has come."""
        while self._next() <= now:
            wakeup = heapq.heappop(self._heap)[2]
            wakeup.at = wakeup.gather_from = NEVER
            wakeup.call(now)

    async def _run_round(self, now: int) -> None:
        """Call the busy lines, and those whose exact time comes meanwhile; others get their turn now and then."""
        lines, self._busy, self._gather_from = self._busy, {}, NEVER
        clock, heap, served = self.clock, self._heap, 0
        pause_at = now + LONGEST_ROUND
        for wakeup in lines:
            if wakeup.gather_from > now:
                if wakeup.gather_from < NEVER:
                    self.gather(wakeup, wakeup.gather_from)
                continue
            wakeup.at = wakeup.gather_from = NEVER
            wakeup.call(now)
            served += 1
            now = clock.now()
            if heap and heap[0][0] <= now:
                self._run_due(now)
            if now > pause_at:
                await trio.lowlevel.checkpoint()
                now = clock.now()
                pause_at = now + LONGEST_ROUND
        self._not_before = now + min(served * GAP_PER_LINE, LONGEST_GAP)

    async def serve(self) -> None:
        """Serve until :meth:`stop`."""
        with self._scope:
            if isinstance(self.clock, TrioClock):
                await self._serve_virtual(self.clock)
            elif self._timer is not None:
                await self._serve_real(self._timer)

    def stop(self) -> None:
        """End :meth:`serve`."""
        self._scope.cancel()

    async def _serve_real(self, timer: Timer) -> None:
        try:
            while True:
                at = min(self._next(), max(self._gather_from, self._not_before))
                if at < NEVER:
                    self._arm(at)
                else:
                    timer.rest()
                    self._armed = NEVER  # it may have been armed for what nobody waits for any more
                await timer.wait()
                self.wakeups += 1
                self._armed = NEVER
                self._serving = True
                now = self.clock.now()
                self._run_due(now)
                if self._gather_from <= now >= self._not_before:
                    await self._run_round(now)
                self._serving = False
        finally:
            self._timer = None
            timer.close()

    async def _serve_virtual(self, clock: TrioClock) -> None:
        jumps = Jumps()
        try:
            await jumps.begin()
            while True:
                self._changed = trio.Event()
                at = self._armed = self._next()
                if at >= NEVER:
                    await self._changed.wait()
                    continue
                with trio.move_on_at(at / TICKS_PER_SECOND):
                    await self._changed.wait()
                    continue
                self._serving = True
                while True:
                    clock.reach(at)
                    self.wakeups += 1
                    self._run_due(clock.now())
                    at = self._next()
                    if at >= NEVER or not jumps.jump_to(at / TICKS_PER_SECOND):
                        break
                self._serving = False
        finally:
            jumps.end()


_shared: trio.lowlevel.RunVar[Ticker | None] = trio.lowlevel.RunVar("uartsim_ticker", None)


def is_virtual() -> bool:
    """Whether trio runs on a clock other than the system's, such as ``trio.testing.MockClock``."""
    return type(trio.lowlevel.current_clock()).__name__ != "SystemClock"


@asynccontextmanager
async def shared_ticker() -> AsyncIterator[Ticker]:
    """The ticker of this trio run: made and served for its first user, shared by all, gone after the last."""
    ticker = _shared.get()
    if ticker is None:
        ticker = Ticker(TrioClock() if is_virtual() else RealClock())
        _shared.set(ticker)
        trio.lowlevel.spawn_system_task(ticker.serve)
    ticker.users += 1
    try:
        yield ticker
    finally:
        ticker.users -= 1
        if not ticker.users:
            _shared.set(None)
            ticker.stop()
