"""What stands between a port and its two sides for a while: stimuli and observers.

Interceptors stack: each is added with :meth:`Interceptors.add`, which returns the handle that takes it off again, in any
order.  One that raises an error ends the machine with it, as an error of the line's own does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from uartsim.line_format import NEVER

if TYPE_CHECKING:
    from uartsim.machine.port import Port

T = TypeVar("T")

#: Gets characters that have arrived at the far end, and the time of the last in ticks; returns those to hand out.
OutputInterceptor: TypeAlias = Callable[[bytes, int], bytes]
#: Gets the time at which the interrupt line rose; returns the time at which the guest is to see that, both in ticks.
InterruptInterceptor: TypeAlias = Callable[[int], int]


class Handle:
    """Takes one interceptor off."""

    __slots__ = ("_remove",)

    def __init__(self, remove: Callable[[], None]) -> None:
        self._remove: Callable[[], None] | None = remove

    def remove(self) -> None:
        """The interceptor is not asked any more; more than once is fine."""
        remove, self._remove = self._remove, None
        if remove is not None:
            remove()


class Interceptors(Generic[T]):
    """A stack of interceptors: the first that was added is asked first.

    Args:
        emptied: called when the last has been taken off.

    Attributes:
        active: the interceptors on the stack, in that order.
    """

    __slots__ = ("_emptied", "_stack", "active")

    def __init__(self, emptied: Callable[[], None] = lambda: None) -> None:
        self.active: tuple[T, ...] = ()
        self._stack: dict[object, T] = {}  # by a key of its own for each, in the order of their coming
        self._emptied = emptied

    def add(self, interceptor: T) -> Handle:
        """Add an interceptor at the end of the stack; the same one may be added several times."""
        key = object()
        self._stack[key] = interceptor
        self.active = tuple(self._stack.values())

        def remove() -> None:
            if self._stack.pop(key, None) is None:
                return  # the stack has been cleared
            self.active = tuple(self._stack.values())
            if not self.active:
                self._emptied()

        return Handle(remove)

    def clear(self) -> None:
        """Take all interceptors off; their handles then do nothing."""
        if self._stack:
            self._stack.clear()
            self.active = ()
            self._emptied()


def intercepted(port: Port, data: bytes, at: int) -> bytes:
    """What a port's interceptors make of its output; if one fails, the port's owner gets its error."""
    try:
        for interceptor in port.output_interceptors.active:
            data = interceptor(data, at)
            memoryview(data)  # TypeError if it is not bytes
    except Exception as error:
        port.owner.failed(error)
        return b""
    return data


class LateInterrupts:
    """Lets a port's guest see its interrupts late; of several interceptors the one with the latest time counts.

    The guest may change meanwhile.

    Args:
        port: the port.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self.interceptors: Final[Interceptors[InterruptInterceptor]] = Interceptors(self._end)
        self._wakeup = port.ticker.wakeup(self._serve)

    def changed(self, level: bool, at: int) -> None:
        """The interrupt line rose (True) or fell at ``at`` ticks."""
        if level:
            try:
                self._wakeup.set(max(interceptor(at) for interceptor in self.interceptors.active))
            except Exception as error:
                self._port.owner.failed(error)
            return
        self._wakeup.set(NEVER)
        guest = self._port.guest
        if not guest.serves_at_once:
            guest.interrupt(False, at)

    def _end(self) -> None:
        self._wakeup.set(NEVER)
        self._serve(self._port.clock.now())

    def _serve(self, now: int) -> None:
        port = self._port
        port.advance(now)
        if port.uart.irq and port.guest.serves_interrupts:
            port.guest.interrupt(True, max(now, port.uart.now))
        port.settle()
