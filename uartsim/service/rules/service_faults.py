"""Switches that make the service fail, so that its errors have their cause.

A fault is on for ever, or for a number of times.  ``connect`` calls :meth:`Faults.on_connect` before anything else; the
gateway asks :meth:`Faults.take` for each new WebSocket.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import trio

from uartsim.errors import UsageError
from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError

#: What a client shows, or is told, if its WebSocket cannot be opened.
SOCKET_CLOSED: Final = "Web socket is closed or could not be opened."
#: The default profile's text; the preview's table puts ``Error 500 Message: `` before it.
PREVIEW_ERROR_PREFIX: Final = "Error 500 Message: "
INTERNAL_ERROR: Final = "Server encountered an internal error"
TIMED_OUT: Final = (
    "Sorry, the serial console was unable to connect to the VM because the service did not respond in a timely manner."
)
#: How long a delay may be, in seconds: an hour.
LONGEST_DELAY_S: Final = 3600.0


class FaultKind(StrEnum):
    """What can be wrong with the service."""

    #: ``connect`` answers 500, "Server encountered an internal error".
    INTERNAL_ERROR = "internal_error"
    #: ``connect`` answers 504, the service "did not respond in a timely manner".
    TIMEOUT = "timeout"
    #: ``connect`` answers late, by the fault's delay.
    CONNECT_DELAY = "connect_delay"
    #: The gateway closes a new WebSocket before its first frame.
    DROP_SOCKET = "drop_socket"
    #: The gateway's host cannot be reached: the handshake of a WebSocket is refused.
    BLOCK_GATEWAY = "block_gateway"
    #: The gateway sends its first frame late, by the fault's delay.
    GATEWAY_DELAY = "gateway_delay"


_DELAYS: Final = frozenset({FaultKind.CONNECT_DELAY, FaultKind.GATEWAY_DELAY})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that is on.

    Attributes:
        kind: what is wrong.
        count: how many more times it happens; None for ever.
        delay_s: of a delay: how long, in seconds.
    """

    kind: FaultKind
    count: int | None = None
    delay_s: float = 0.0

    def shown(self) -> dict[str, Any]:
        """The fault as JSON, in the form that :meth:`Faults.change` takes."""
        shown: dict[str, Any] = {"count": self.count}
        if self.kind in _DELAYS:
            shown["delay_s"] = self.delay_s
        return shown


class Faults:
    """What is wrong with the service now; nothing is at first.

    Args:
        error_prefix: what stands before the text of the internal error, as in the preview's table.
    """

    def __init__(self, error_prefix: str = "") -> None:
        self._error_prefix = error_prefix
        self._on: dict[FaultKind, Fault] = {}

    def set(self, kind: str, *, count: int | None = None, delay_s: float | None = None) -> None:
        """Switch a fault on.

        Args:
            kind: a value of :class:`FaultKind`.
            count: how many times it happens, at least 1; None until it is cleared.
            delay_s: of ``connect_delay`` and ``gateway_delay``: how long, in seconds.

        Raises:
            UsageError: there is no such fault, or a value is out of range.
        """
        fault = _made(kind, count, delay_s)
        self._on[fault.kind] = fault

    def clear(self, kind: str | None = None) -> None:
        """Switch a fault off, or all of them.

        Raises:
            UsageError: there is no such fault.
        """
        if kind is None:
            self._on.clear()
        else:
            self._on.pop(_kind(kind), None)

    def change(self, table: Mapping[str, Any]) -> None:
        """Switch on and off what a table names; what it does not name stays as it is.

        Args:
            table: for each fault true, a number of times, or a mapping with ``count`` and ``delay_s``; false and null
                switch it off.  ``{"internal_error": 1, "gateway_delay": {"delay_s": 2.5}}`` is an example.

        Raises:
            UsageError: it is wrong; nothing has changed.
        """
        off = {_kind(name) for name, value in table.items() if value is None or value is False}
        wanted = [_from_json(name, value) for name, value in table.items() if _kind(name) not in off]
        self._on = {kind: fault for kind, fault in self._on.items() if kind not in off}
        self._on |= {fault.kind: fault for fault in wanted}

    def shown(self) -> dict[str, Any]:
        """All faults that are on, in the form that :meth:`change` takes."""
        return {kind.value: fault.shown() for kind, fault in sorted(self._on.items())}

    def take(self, kind: FaultKind) -> Fault | None:
        """The fault, if it is on; it has then happened once.

        Returns:
            the fault as it was, or None.
        """
        fault = self._on.get(kind)
        if fault is not None and fault.count is not None:
            if fault.count > 1:
                self._on[kind] = Fault(kind, fault.count - 1, fault.delay_s)
            else:
                del self._on[kind]
        return fault

    async def on_connect(self, sleep: Callable[[float], Any] = trio.sleep) -> None:
        """What happens to a call of ``connect`` before its conditions are looked at.

        Args:
            sleep: how to wait; tests give their own.

        Raises:
            ArmError: 500 or 504, a fault is on.
        """
        late = self.take(FaultKind.CONNECT_DELAY)
        if late is not None:
            await sleep(late.delay_s)
        if self.take(FaultKind.INTERNAL_ERROR):
            raise ArmError(500, "InternalServerError", self._error_prefix + INTERNAL_ERROR)
        if self.take(FaultKind.TIMEOUT):
            raise ArmError(504, "GatewayTimeout", TIMED_OUT)


def _kind(name: str) -> FaultKind:
    try:
        return FaultKind(name)
    except ValueError:
        raise UsageError(f"{quoted(name)} is not a fault: use one of {', '.join(FaultKind)}") from None


def _made(name: str, count: object, delay_s: object) -> Fault:
    kind = _kind(name)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise UsageError(f"{kind}: {quoted(str(count))} is not a number of times: use a whole number from 1")
    if kind not in _DELAYS:
        if delay_s is not None:
            raise UsageError(f"{kind} has no delay_s: set connect_delay or gateway_delay beside it")
        return Fault(kind, count)
    if isinstance(delay_s, bool) or not isinstance(delay_s, int | float) or not _possible(delay_s):
        raise UsageError(f"{kind} needs delay_s: a number of seconds from 0 to {LONGEST_DELAY_S:g}, such as 2.5")
    return Fault(kind, count, float(delay_s))


def _possible(delay_s: float) -> bool:
    return math.isfinite(delay_s) and 0 <= delay_s <= LONGEST_DELAY_S


def _from_json(name: str, value: object) -> Fault:
    if value is True:
        return _made(name, None, None)
    if not isinstance(value, Mapping):
        return _made(name, value, None)
    unknown = sorted(set(value) - {"count", "delay_s"})
    if unknown:
        raise UsageError(f"{name}: {quoted(str(unknown[0]))} is not a key of a fault: use count and delay_s")
    return _made(name, value.get("count"), value.get("delay_s"))
