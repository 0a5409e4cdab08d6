"""Who sits at the console of each machine.

One user at a time: a new one takes the seat of the one before, "in a manner akin to the first user standing up and leaving
the physical console and a new user sitting down".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

import trio.lowlevel

from uartsim.access.hub import Hub
from uartsim.service.store import ResourceId


class Sitter(Protocol):
    """Who sits at a console."""

    @property
    def user(self) -> str:
        """Who it is, for a person to read."""

    @property
    def seated_at(self) -> float:
        """Since when he has been there, in seconds since 1970."""

    @property
    def is_over(self) -> bool:
        """He has left."""

    def end(self, code: int, reason: str) -> None:
        """Disconnect him, with a close code and the text for a person."""


class Occupancy(NamedTuple):
    """Who is at a console.

    Attributes:
        holder: who sits at it, or None.
        watchers: how many only watch.
    """

    holder: Sitter | None
    watchers: int


class ConsoleSeats:
    """Who sits at the console of each machine, and who watches.

    Attributes:
        changed: unparked whenever that has changed at any console.
    """

    def __init__(self) -> None:
        self.changed = trio.lowlevel.ParkingLot()
        self._holders: dict[ResourceId, Sitter] = {}
        self._watchers: dict[ResourceId, set[Sitter]] = {}
        self._notes: dict[ResourceId, tuple[Hub, str]] = {}

    def holder(self, machine_id: ResourceId) -> Sitter | None:
        """Who sits at the console of a machine, or None."""
        holder = self._holders.get(machine_id)
        return None if holder is None or holder.is_over else holder

    def occupancy(self, machine_id: ResourceId) -> Occupancy:
        """Who sits at the console of a machine, and how many watch."""
        watchers = self._watchers.get(machine_id, ())
        return Occupancy(self.holder(machine_id), sum(not watcher.is_over for watcher in watchers))

    def take(self, machine_id: ResourceId, sitter: Sitter) -> None:
        """Sit down; who sat there has been told already."""
        self._holders[machine_id] = sitter
        self.changed.unpark_all()

    def watch(self, machine_id: ResourceId, watcher: Sitter) -> None:
        """Watch from now on."""
        self._watchers.setdefault(machine_id, set()).add(watcher)
        self.changed.unpark_all()

    def leave(self, machine_id: ResourceId, sitter: Sitter) -> None:
        """Stand up, unless another one sits there by now; or watch no more."""
        if self._holders.get(machine_id) is sitter:
            del self._holders[machine_id]
        watchers = self._watchers.get(machine_id, set())
        watchers.discard(sitter)
        if not watchers:
            self._watchers.pop(machine_id, None)
        self.changed.unpark_all()

    async def follow(
        self, machine_id: ResourceId, sitter: Sitter, tell: Callable[[str | None, bool, int], Awaitable[None]]
    ) -> None:
        """Tell somebody who is at a console, now and whenever that changes; runs until it is cancelled.

        Args:
            machine_id: the machine.
            sitter: who is told.
            tell: told who sits there, or None; whether that is he; and how many watch.
        """
        told = None
        while True:
            now = self.occupancy(machine_id)
            if now == told:
                await self.changed.park()
                continue
            told = now
            await tell(now.holder.user if now.holder is not None else None, now.holder is sitter, now.watchers)

    def leave_note(self, machine_id: ResourceId, hub: Hub, text: str) -> None:
        """Leave a sentence for the next user, who is told it if the machine has not been switched off until then."""
        self._notes[machine_id] = hub, text

    def take_note(self, machine_id: ResourceId, hub: Hub | None) -> str | None:
        """The sentence that was left for whoever sits down now, or None."""
        left_at, text = self._notes.pop(machine_id, (None, None))
        return text if left_at is hub else None
