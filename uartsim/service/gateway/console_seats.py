"""Who sits at the console of each machine.

One user at a time: a new one takes the seat of the one before, "in a manner akin to the first user standing up and leaving
the physical console and a new user sitting down".
"""

from __future__ import annotations

from typing import Protocol

from uartsim.service.store import ResourceId


class Sitter(Protocol):
    """Who sits at a console."""

    @property
    def user(self) -> str:
        """Who it is, for a person to read."""

    @property
    def is_over(self) -> bool:
        """He has left."""

    def end(self, code: int, reason: str) -> None:
        """Disconnect him, with a close code and the text for a person."""


class ConsoleSeats:
    """Who sits at the console of each machine."""

    def __init__(self) -> None:
        self._holders: dict[ResourceId, Sitter] = {}

    def holder(self, machine_id: ResourceId) -> Sitter | None:
        """Who sits at the console of a machine, or None."""
        holder = self._holders.get(machine_id)
        return None if holder is None or holder.is_over else holder

    def take(self, machine_id: ResourceId, sitter: Sitter) -> None:
        """Sit down; who sat there has been told already."""
        self._holders[machine_id] = sitter

    def leave(self, machine_id: ResourceId, sitter: Sitter) -> None:
        """Stand up, unless another one sits there by now."""
        if self._holders.get(machine_id) is sitter:
            del self._holders[machine_id]
