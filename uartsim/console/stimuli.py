"""Causes what goes wrong at real consoles on purpose, to see how a test, or a test harness, copes with it.

What happens on the wire (noise, lost characters, carrier) is a fault of the line: ``console.line.add_fault``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar
from weakref import WeakKeyDictionary

import trio

from uartsim.access.hub_client import HubClient
from uartsim.console.arguments import check_time, check_utf8, is_integer
from uartsim.errors import UsageError
from uartsim.line_format import seconds_to_ticks
from uartsim.machine import Com1
from uartsim.printable import quoted

if TYPE_CHECKING:
    from uartsim.console.session import Session

_K = TypeVar("_K")
_V = TypeVar("_V")

#: What the kernel says in a storm, unless told otherwise.
KERNEL_TEXT: Final = "usb 1-1: new high-speed USB device number 2 using xhci_hcd"

#: The latest that a guest's interrupt handler may come, in seconds.
_SLOWEST_S: Final = 3600.0


class Stimulus:
    """Something that goes on until :meth:`stop`, or to the end of a ``with`` block.

    Several may be active, even of one kind, and end in any order.
    """

    def __init__(self) -> None:
        self._undo: Callable[[], None] | None = None

    def stop(self) -> None:
        """End it; further calls have no effect."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class PrintkStorm(Stimulus):
    """Kernel lines in what the guest sends."""

    def __init__(self, com1: Com1, clock: Callable[[], float], places: Callable[[], int | None], text: str) -> None:
        super().__init__()
        self._lines = 0
        self._clock = clock
        self._places = places
        self._text = text
        self._left = places()
        self._undo = com1.output_interceptors.add(self.splice).remove

    @property
    def lines(self) -> int:
        """How many kernel lines it has inserted."""
        return self._lines

    def splice(self, data: bytes, at: int) -> bytes:
        """What the guest sends, with the kernel's lines in it."""
        spliced = bytearray()
        while self._left is not None and self._left <= len(data):
            spliced += data[: self._left]
            data = data[self._left :]
            self._lines += 1
            spliced += f"[{self._clock():12.6f}] {self._text}\r\n".encode()
            self._left = self._places()
        if self._left is not None:
            self._left -= len(data)
        return bytes(spliced + data)


class StolenLine(Stimulus):
    """Another client holds the line."""

    def __init__(self, client: HubClient) -> None:
        super().__init__()
        thefts = _of(_THEFTS, client, _Thefts)
        thief = thefts.start()
        self._undo = partial(thefts.stop, thief)


class _Thefts:
    """The thefts of a client's line, in order; the client gets it back when the last one ends."""

    def __init__(self, client: HubClient) -> None:
        self._client = client
        self._thieves: list[HubClient] = []
        self._held = False

    def start(self) -> HubClient:
        if not self._thieves:
            self._held = not self._client.watch
        thief = self._client.hub.attach("a client that steals the line", force=True)
        self._thieves.append(thief)
        return thief

    def stop(self, thief: HubClient) -> None:
        was_holder = not thief.watch
        self._thieves.remove(thief)
        thief.detach()
        if was_holder and (self._thieves or self._held):
            (self._thieves[-1] if self._thieves else self._client).take_line(force=True)


class _SlowGuest(Stimulus):
    """The guest's interrupt handler comes late; of several the slowest counts."""

    def __init__(self, com1: Com1, latency_s: float) -> None:
        super().__init__()
        latency = seconds_to_ticks(latency_s)
        self._undo = com1.interrupt_interceptors.add(lambda at: at + latency).remove


#: What is at work, by what it is done to.
_THEFTS: Final[WeakKeyDictionary[HubClient, _Thefts]] = WeakKeyDictionary()


def _of(made: WeakKeyDictionary[_K, _V], key: _K, make: Callable[[_K], _V]) -> _V:
    """The one object that does something to ``key``."""
    if (found := made.get(key)) is None:
        found = made[key] = make(key)
    return found


class Stimuli:
    """The stimuli for a console's machine: ``console.stimuli``.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def printk_storm(
        self, every: int | None = None, *, at: Iterable[int] = (), seed: int | None = None, text: str = KERNEL_TEXT
    ) -> PrintkStorm:
        """Insert whole kernel lines between bytes that the guest sends, as when the kernel prints while a program does.

        Their times continue those of the kernel's own last line.  Give one of ``every`` and ``at``.

        Args:
            every: insert a line after each this many bytes; with ``seed``, after 1 to ``2 * every - 1``.
            at: insert a line behind each of these bytes, counted from now; 0 is before the first.
            seed: makes the places random, and is their seed.
            text: the text of the lines.

        Raises:
            UsageError: neither or both were given, a number is out of range or not whole, or the line has no hub.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        places = _places(every, at)
        if seed is not None and not is_integer(seed):
            raise UsageError(f"printk_storm(): seed is {quoted(seed)}: give a whole number")
        if not isinstance(text, str):
            raise UsageError(f"printk_storm(): text is {quoted(text)}: give text")
        check_utf8(text, "printk_storm(): text")
        return PrintkStorm(self._hub("printk_storm()").hub.com1, self._kernel_clock(), _gaps(every, places, seed), text)

    def steal_line(self) -> StolenLine:
        """Let another client take the line by force; this console only watches, until :meth:`Stimulus.stop`.

        Raises:
            UsageError: the line has no hub.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        return StolenLine(self._hub("steal_line()"))

    def slow_guest(self, latency_s: float) -> Stimulus:
        """Delay the guest's interrupt handler for its serial port by ``latency_s`` seconds.

        A receiver of 16 characters overruns in 1.4 ms at 115200 baud, if the far end does not wait for room: open the
        console with ``strict_line=True`` to lose characters as a real line does.

        Raises:
            UsageError: a time of 0 or less or above an hour, there is no machine, or its guest has not opened its port.
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        check_time("slow_guest", latency_s, 0.005, _SLOWEST_S)
        self._session.check_running("slow_guest()")
        com1 = getattr(self._session.machine, "com1", None)
        if not isinstance(com1, Com1) or not com1.guest.serves_interrupts:
            raise UsageError("slow_guest(): there is no guest behind this console that serves a serial port")
        return _SlowGuest(com1, latency_s)

    def _hub(self, what: str) -> HubClient:
        __tracebackhide__ = True
        self._session.check_running(what)
        client = self._session.client
        if not isinstance(client, HubClient):
            raise UsageError(f"{what}: there is no hub behind this console")
        return client

    def _kernel_clock(self) -> Callable[[], float]:
        """The guest's time, as its kernel would print it."""
        lines = self._session.received.matcher.kernel_log.lines
        now = trio.current_time()
        start = lines[-1].time_s + now - lines[-1].at if lines else now - self._session.received.opened_at
        last = start

        def clock() -> float:
            nonlocal last
            last = max(last + 1e-6, start + trio.current_time() - now)
            return last

        return clock


def _places(every: object, at: Iterable[object]) -> list[int]:
    """The places of ``at``, in order.

    Raises:
        UsageError: they are not numbers from 0 on, ``every`` is not one above 0, or not just one of the two was given.
    """
    __tracebackhide__ = True
    places = list(at) if isinstance(at, Iterable) else [None]
    whole = [place for place in places if is_integer(place) and place >= 0]
    if (
        len(whole) < len(places)
        or (every is None) == (not places)
        or (every is not None and not (is_integer(every) and every >= 1))
    ):
        raise UsageError(
            f"printk_storm(every={quoted(every)}, at={quoted(at)}): give every=, a whole number above 0, or at=, whole "
            "numbers from 0 on"
        )
    return sorted(whole)


def _gaps(every: int | None, places: list[int], seed: int | None) -> Callable[[], int | None]:
    """The numbers of bytes before each next line; None when there are no more lines."""
    if every is not None:
        if seed is None:
            return lambda: every
        chance = random.Random(seed)
        return lambda: 1 + chance.randrange(2 * every - 1)
    gaps = iter([b - a for a, b in zip([0, *places], places, strict=False)])
    return lambda: next(gaps, None)
