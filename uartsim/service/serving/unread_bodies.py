"""Requests that are answered before their body was read, as refusals are.

An HTTP/1.1 server that has answered, and not read the whole request, has to close the connection.  What the client still
sends then meets a closed socket, and the reset that follows can take the answer from the client (RFC 9112, section 9.6).  So
what is left of the body is read first, as far as it is not too long and comes soon.
"""

from __future__ import annotations

from typing import Any, Final

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The most of a body that is read before an answer, in bytes, and how long it may take, in seconds.
MOST_BYTES: Final = 1 << 20
LONGEST_S: Final = 2.0


class UnreadBodies:
    """An ASGI application around another one.

    Args:
        application: what answers the requests.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, as ASGI has it."""
        if scope["type"] != "http" or not _has_body(scope["headers"]):
            await self._application(scope, receive, send)
            return
        is_read = False

        async def receive_and_see() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = is_read or not message.get("more_body", False)
            return message

        async def read_and_send(message: Message) -> None:
            if message["type"] == "http.response.start" and not _closes(message.get("headers", ())):
                left = MOST_BYTES
                with trio.move_on_after(LONGEST_S):
                    while not is_read and left > 0:
                        left -= len((await receive_and_see()).get("body", b""))
            await send(message)

        await self._application(scope, receive_and_see, read_and_send)


def _has_body(headers: Any) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0") for name, value in headers
    )


def _closes(headers: Any) -> bool:
    return any(name.lower() == b"connection" and value.lower() == b"close" for name, value in headers)
