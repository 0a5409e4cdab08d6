"""The gateway as an ASGI application around another one: the WebSockets are its own, the rest is the other's."""

from __future__ import annotations

import logging
import re
from typing import Final
from urllib.parse import parse_qsl

import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from uartsim.errors import UsageError
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.gateway_options import SocketOptions, read_query
from uartsim.service.gateway.hypercorn_stream import NotTaken, TakenStream, accept_value
from uartsim.service.gateway.sessions import Session, Sessions
from uartsim.service.rules.service_faults import SOCKET_CLOSED, FaultKind

_log = logging.getLogger("uartsim.service")
_CLIENT: Final = re.compile(r"/n/connector/[^/]+/sessions/([0-9A-Fa-f-]{36})/client/?", re.ASCII)


class GatewayApp:
    """An ASGI application.

    Args:
        others: the application for everything but WebSockets.
        sessions: the sessions.
    """

    def __init__(self, others: ASGIApp, sessions: Sessions) -> None:
        self._others = others
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, as ASGI has it."""
        if scope["type"] == "websocket":
            await self._serve(scope, send)
        else:
            await self._others(scope, receive, send)

    async def _serve(self, scope: Scope, send: Send) -> None:
        try:
            taken = TakenStream(send)
        except NotTaken as why:
            _log.error("No console can be reached: %s", why)
            raise
        if taken.is_answered:
            await taken.close()
            return
        try:
            session, options, key_answer = self._check(scope)
        except ArmError as error:
            await taken.refuse(error)
            return
        conversation = self._sessions.converse(session, taken.stream, options)
        try:
            await taken.accept(key_answer, conversation.received, conversation.vanished)
        except (
            trio.BrokenResourceError,
            trio.ClosedResourceError,
        ):  # the client went before the handshake was answered
            conversation.closed.set()
            self._sessions.forget(session)
            await taken.close()
            return
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(taken.hand_on)
                await conversation.run()
        finally:
            self._sessions.forget(session)

    def _check(self, scope: Scope) -> tuple[Session, SocketOptions, bytes]:
        """The session of a WebSocket, its options, and the answer to its key; ArmError says why there is none."""
        sessions = self._sessions
        sessions.page_origins.check(scope["headers"])
        found = _CLIENT.fullmatch(scope["path"])
        if found is None:
            raise ArmError(404, "NotFound", "There is no WebSocket here: use the connection string of connect.")
        if sessions.services.faults.take(FaultKind.BLOCK_GATEWAY):
            raise ArmError(503, "ServiceUnavailable", SOCKET_CLOSED)
        options = _options(scope["query_string"])
        key_answer = accept_value(scope["headers"])
        return sessions.check_can_connect(found[1]), options, key_answer


def _options(query: bytes) -> SocketOptions:
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20)
        return read_query(pairs)
    except UsageError as error:
        raise ArmError(400, "InvalidQuery", str(error)) from None
    except ValueError:
        raise ArmError(400, "InvalidQuery", "The query of the WebSocket's URL is malformed.") from None
