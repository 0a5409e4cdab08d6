"""The sessions that ``connect`` has opened.

A session is one conversation on one WebSocket.  It waits a minute for the WebSocket, and is gone when that has closed.
Its admin commands are valid in between: while the WebSocket is open.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Final

import trio

from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.close_codes import CloseCode
from uartsim.service.gateway.console_services import ConsoleServices
from uartsim.service.gateway.conversation import STOPPING, Conversation
from uartsim.service.gateway.gateway_options import SocketOptions
from uartsim.service.gateway.page_origins import PageOrigins
from uartsim.service.identity.callers import Caller
from uartsim.service.store import ResourceId

#: How long all WebSockets may take to close when the service stops, in seconds.
_STOP_S: Final = 2.0


@dataclass(slots=True)
class Session:
    """One session: from ``connect`` to the end of its WebSocket.

    Attributes:
        id: a UUID, the only thing in its URL that tells it from others.
        machine_id: the machine.
        opened_by: who called ``connect``.
        opened_at: when, in seconds of trio's clock.
        conversation: what goes on on its WebSocket; None before that is there.
    """

    id: str
    machine_id: ResourceId
    opened_by: Caller
    opened_at: float = field(default_factory=trio.current_time)
    conversation: Conversation | None = None


class Sessions:
    """All sessions.

    Args:
        base_url: where the service is reached, such as ``https://localhost:8443``.
        services: what conversations ask.
    """

    def __init__(self, base_url: str, services: ConsoleServices) -> None:
        self.services = services
        #: Whose pages may open the WebSocket of a session, and give its admin commands.
        self.page_origins = PageOrigins(base_url)
        #: Clients replace each "ws" of a connection string by "http": hexadecimal digits have none.
        self._connector = f"consoleconn-{secrets.token_hex(3)}"
        self._base_url = base_url
        self._sessions: dict[str, Session] = {}

    def open(self, caller: Caller, machine_id: ResourceId) -> Session:
        """A new session; it ends if no WebSocket comes for it within a minute."""
        self._forget_expired()
        session = Session(str(uuid.uuid4()), machine_id, caller)
        self._sessions[session.id] = session
        return session

    def get(self, session_id: str) -> Session | None:
        """A session, or None."""
        self._forget_expired()
        return self._sessions.get(session_id.casefold())

    def is_active(self, machine_id: ResourceId) -> bool:
        """Whether a WebSocket is connected to the console of a machine."""
        conversations = [one.conversation for one in self._sessions.values() if one.machine_id == machine_id]
        return any(one is not None and not one.is_over for one in conversations)

    def review(self) -> None:
        """Something in the store has changed: close each session whose conditions are no longer met, with the reason."""
        for session in list(self._sessions.values()):
            if session.conversation is not None:
                session.conversation.review()

    def connection_string(self, session: Session) -> str:
        """Its URL: ``wss://HOST:PORT/n/connector/CONNECTOR/sessions/UUID/client``."""
        base = self._base_url.replace("http", "ws", 1)
        return f"{base}/n/connector/{self._connector}/sessions/{session.id}/client"

    def check_can_connect(self, session_id: str) -> Session:
        """The session for which a WebSocket has come.

        Raises:
            ArmError: 404, there is none, or none any more; 409, it has one already.
        """
        session = self.get(session_id)
        if session is None:
            raise _not_found()
        if session.conversation is not None:
            raise ArmError(409, "SessionInUse", "The session has a WebSocket already. Call connect for a new one.")
        return session

    def check_connected(self, session_id: str) -> Session:
        """The session of an admin command.

        Raises:
            ArmError: 404, there is none, or none any more; 409, its WebSocket is not open.
        """
        session = self.get(session_id)
        if session is None:
            raise _not_found()
        if session.conversation is None or session.conversation.is_over:
            raise ArmError(409, "SessionNotConnected", "The session's WebSocket is not open. Open it first.")
        return session

    def converse(self, session: Session, stream: trio.abc.Stream, options: SocketOptions) -> Conversation:
        """The conversation on a session's WebSocket, not begun yet."""
        session.conversation = Conversation(
            self.services, session.id, session.machine_id, session.opened_by, stream, options
        )
        return session.conversation

    def forget(self, session: Session) -> None:
        """The session's WebSocket has closed: the session is gone."""
        self._sessions.pop(session.id, None)

    async def stop(self) -> None:
        """The service stops: close all WebSockets."""
        conversations = [one.conversation for one in self._sessions.values() if one.conversation is not None]
        for conversation in conversations:
            conversation.end(CloseCode.GOING_AWAY, STOPPING)
        with trio.move_on_after(_STOP_S):
            for conversation in conversations:
                await conversation.closed.wait()

    def _forget_expired(self) -> None:
        oldest = trio.current_time() - self.services.options.open_within_s
        for session in [one for one in self._sessions.values() if one.conversation is None and one.opened_at < oldest]:
            self.forget(session)


def _not_found() -> ArmError:
    return ArmError(404, "SessionNotFound", "The console session does not exist any more. Call connect for a new one.")
