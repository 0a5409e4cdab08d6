"""What faults of modem lines and flow control have done: how often, and for how long.

The faults of the line itself are counted where they are done to it, see :mod:`uartsim.wire.injection`.
"""

from __future__ import annotations

from typing import Final

from uartsim.line_format import TICKS_PER_SECOND
from uartsim.wire.faults import Fault

_TICKS_PER_MILLISECOND: Final = TICKS_PER_SECOND // 1000


class FaultTally:
    """Counts them, by direction and kind."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], int] = {}
        self._ticks: dict[tuple[str, str], int] = {}
        self._since: dict[str, int] = {}  # those at work, by kind
        self._sent: dict[str, int] = {}

    def begin(self, fault: Fault, now: int) -> None:
        """A fault that holds a modem line begins at ``now`` ticks; one of its kind that is at work has ended before."""
        self._since[fault.kind] = now
        for place in _places(fault):
            self._times[place] = self._times.get(place, 0) + 1
            self._ticks.setdefault(place, 0)

    def end(self, fault: Fault, now: int) -> None:
        """It ends at ``now`` ticks."""
        held = now - self._since.pop(fault.kind)
        for place in _places(fault):
            self._ticks[place] = self._ticks.get(place, 0) + held

    def sent(self, kind: str) -> None:
        """A character was sent to the guest."""
        self._sent[kind] = self._sent.get(kind, 0) + 1

    def reset(self, at_work: list[Fault], now: int) -> None:
        """Count from 0 on; those at work count from ``now`` ticks."""
        self._times.clear()
        self._ticks.clear()
        self._sent.clear()
        for fault in at_work:
            self.begin(fault, now)

    def counters(self, at_work: list[Fault], now: int) -> dict[str, dict[str, dict[str, int]]]:
        """By direction (``"in"`` to the guest) and kind: ``times`` and ``milliseconds_held``, or ``sent``."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        ticks = dict(self._ticks)
        for fault in at_work:
            for place in _places(fault):
                ticks[place] = ticks.get(place, 0) + now - self._since[fault.kind]
        for (direction, kind), times in self._times.items():
            held = ticks[direction, kind] // _TICKS_PER_MILLISECOND
            found.setdefault(direction, {})[kind] = {"times": times, "milliseconds_held": held}
        for kind, count in self._sent.items():
            found.setdefault("in", {})[kind] = {"sent": count}
        return found


def _places(fault: Fault) -> list[tuple[str, str]]:
    """Where a fault counts.  DCD only comes in, whatever the direction that was given."""
    directions = ["in"] if fault.kind == "dcd-drop" else [d for d in ("in", "out") if fault.applies_to(d)]
    return [(direction, fault.kind) for direction in directions]
