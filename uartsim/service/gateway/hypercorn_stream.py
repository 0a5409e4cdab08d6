"""A WebSocket's stream, taken over from hypercorn before the handshake is answered.

hypercorn speaks WebSocket too, but its application sees messages only, and a console needs what lies below:

- it never notices that a client does not answer pings;
- a frame that is being sent to a client that does not read cannot be cancelled: the task, and with TLS the stop of the
  whole service, hang as long as the client likes;
- a client that breaks the protocol is cut off without a close code, and one whose message is too big goes on unheard;
- each message passes three layers and two tasks: in 4 KB messages 64 MB/s, where frames written to the stream reach 126.

So the gateway takes the connection's stream, and puts itself in the place of hypercorn's protocol, which hands on what is
read.  That is done before anything is awaited, because frames that a client sends too early, in one packet with its
handshake, make hypercorn answer by itself, and twice is an error that would end the whole server.

This module is all that knows hypercorn's inside, of 0.17 and 0.18: the application's ``send`` is a method of the stream of
WebSocket messages, that one sends through the HTTP/1.1 protocol, and that one through the TCP server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, cast

import h11
import trio
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.trio.tcp_server import TCPServer

from uartsim.service.arm_error import ArmError

Headers = list[tuple[bytes, bytes]]

#: How long a client may take to receive the answer to its handshake, and to close, in seconds.
_CLOSE_S: Final = 1.0
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ANSWER: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


class NotTaken(Exception):
    """The connection cannot be taken over: the server is not hypercorn on trio."""


class TakenStream:
    """A connection whose WebSocket handshake is not answered yet, taken over from hypercorn.

    Args:
        send: the application's ``send``, as hypercorn made it.

    Attributes:
        stream: what the WebSocket will run on.
        is_answered: hypercorn has refused the handshake, because of frames that came too early.

    Raises:
        NotTaken: it cannot be had.
    """

    def __init__(self, send: Callable[[Any], Awaitable[None]]) -> None:
        messages = getattr(send, "__self__", None)
        protocol = getattr(getattr(messages, "send", None), "__self__", None)
        server = getattr(getattr(protocol, "send", None), "__self__", None)
        if not (isinstance(messages, WSStream) and isinstance(protocol, H11Protocol) and isinstance(server, TCPServer)):
            raise NotTaken("the console's WebSocket is served over HTTP/1.1, by hypercorn on trio")
        messages.closed = True  # whatever hypercorn would still do about this request, it leaves undone
        connection = protocol.connection
        assert isinstance(connection, H11WSConnection)
        self.stream: trio.abc.Stream = server.stream
        self._lock = server.send_lock
        self._early = bytes(connection.buffer)
        connection.buffer = bytearray()
        self.is_answered = connection.h11_connection.our_state is not h11.SEND_RESPONSE
        self._on_data: Callable[[bytes], Awaitable[None]] | None = None
        self._on_closed: Callable[[], None] | None = None
        self._decided = trio.Event()  # the handshake is answered, in one way or the other
        server.protocol = cast(ProtocolWrapper, self)

    async def initiate(self) -> None:
        """Nothing: the connection is there."""

    async def handle(self, event: Event) -> None:
        """hypercorn has read something."""
        if isinstance(event, RawData) and event.data:
            if not self._decided.is_set():
                await self._decided.wait()
            if self._on_data is not None:
                await self._on_data(event.data)
        elif isinstance(event, Closed | RawData) and self._on_closed is not None:
            self._on_closed()

    async def accept(
        self, key_answer: bytes, on_data: Callable[[bytes], Awaitable[None]], on_closed: Callable[[], None]
    ) -> None:
        """Answer the handshake.

        Args:
            key_answer: see :func:`accept_value`.
            on_data: gets what is read, from :meth:`hand_on` on; more is read when it returns.
            on_closed: called when the client has gone.

        Raises:
            trio.BrokenResourceError: the client has gone.
        """
        self._on_data, self._on_closed = on_data, on_closed
        await self._send(_ANSWER % key_answer)

    async def hand_on(self) -> None:
        """Hand on what came with the handshake, and then what comes.

        The conversation has to be going on by then: what is typed waits for it.
        """
        try:
            if self._early and self._on_data is not None:
                await self._on_data(self._early)
        finally:
            self._decided.set()

    async def refuse(self, error: ArmError) -> None:
        """Answer the handshake with an error, and close the connection."""
        body = json.dumps(error.body()).encode()
        lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in error.headers.items()]
        lines += ["Content-Type: application/json; charset=utf-8", f"Content-Length: {len(body)}", "Connection: close"]
        try:
            await self._send("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        self._decided.set()
        with trio.move_on_after(_CLOSE_S, shield=True):
            async with self._lock:  # hypercorn may be sending its own refusal
                await self.stream.aclose()

    async def _send(self, data: bytes) -> None:
        with trio.move_on_after(_CLOSE_S, shield=True) as scope:
            await self.stream.send_all(data)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the client does not read the answer to its handshake")


def accept_value(headers: Headers) -> bytes:
    """The answer to a client's key (RFC 6455, section 4.2.2).

    Raises:
        ArmError: 400, the key is wrong.
    """
    keys = [value for name, value in headers if name.lower() == b"sec-websocket-key"]
    try:
        is_key = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == 16
    except binascii.Error:
        is_key = False
    if not is_key:
        raise ArmError(400, "InvalidHandshake", "Sec-WebSocket-Key is not 16 bytes in base64.")
    return base64.b64encode(hashlib.sha1(keys[0] + _GUID, usedforsecurity=False).digest())
