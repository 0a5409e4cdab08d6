"""The sessions that ``connect`` has opened."""

from __future__ import annotations

from dataclasses import dataclass

from uartsim.service.identity.callers import Caller
from uartsim.service.store import ResourceId


@dataclass(slots=True)
class Session:
    """One session: from ``connect`` to the end of its WebSocket.

    Attributes:
        id: a UUID, the only thing in its URL that tells it from others.
        machine_id: the machine.
        opened_by: who called ``connect``.
    """

    id: str
    machine_id: ResourceId
    opened_by: Caller


class Sessions:
    """All sessions."""

    def open(self, caller: Caller, machine_id: ResourceId) -> Session:
        """A new session; it ends if no WebSocket comes for it within a minute."""
        raise NotImplementedError

    def get(self, session_id: str) -> Session | None:
        """A session, or None."""
        raise NotImplementedError

    def review(self) -> None:
        """Something in the store has changed: close each session whose conditions are no longer met, with the reason."""
        raise NotImplementedError

    def connection_string(self, session: Session) -> str:
        """Its URL: ``wss://HOST:PORT/n/connector/CONNECTOR/sessions/UUID/client``."""
        raise NotImplementedError
