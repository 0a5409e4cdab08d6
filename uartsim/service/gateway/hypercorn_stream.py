"""A WebSocket's stream, taken over from hypercorn before the handshake is answered.

hypercorn speaks WebSocket too, but its application sees messages only, and a console needs what lies below:

- it never notices that a client does not answer pings;
- a frame that is being sent to a client that does not read cannot be cancelled: the task, and with TLS the stop of the
  whole service, hang as long as the client likes;
- a client that breaks the protocol is cut off without a close code, and one whose message is too big goes on unheard;
- each message passes three layers and two tasks: in 4 KB messages 64 MB/s, where frames written to the stream reach 126.

So the gateway takes the connection's stream, and puts itself in the place of hypercorn's protocol, which hands on what is
read.  This module is all that knows hypercorn's inside, of 0.17 and 0.18: the application's ``send`` is a method of the
stream of WebSocket messages, that one sends through the HTTP/1.1 protocol, and that one through the TCP server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import trio
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.trio.tcp_server import TCPServer

from uartsim.service.arm_error import ArmError

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ANSWER: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


class TakenStream:
    """Stands in the place of a connection's protocol.

    Args:
        on_data: gets what was read; the next is read when it returns.
        on_closed: called when the client has gone.
    """

    def __init__(self, on_data: Callable[[bytes], Awaitable[None]], on_closed: Callable[[], None]) -> None:
        self._on_data = on_data
        self._on_closed = on_closed

    async def initiate(self) -> None:
        """Nothing: the connection is there."""

    async def handle(self, event: Event) -> None:
        """hypercorn has read something."""
        if isinstance(event, RawData) and event.data:
            await self._on_data(event.data)
        elif isinstance(event, Closed | RawData):
            self._on_closed()


class Handshake:
    """A WebSocket's handshake that is not answered yet.

    Args:
        headers: the request's.
        send: the application's ``send``, as hypercorn made it.

    Raises:
        ArmError: 400 or 501, this is no handshake that can be answered here.
    """

    def __init__(self, headers: list[tuple[bytes, bytes]], send: Callable[[Any], Awaitable[None]]) -> None:
        messages = getattr(send, "__self__", None)
        protocol = getattr(getattr(messages, "send", None), "__self__", None)
        server = getattr(getattr(protocol, "send", None), "__self__", None)
        if not (isinstance(messages, WSStream) and isinstance(server, TCPServer)):
            raise ArmError(501, "NotSupported", "The console's WebSocket is served by hypercorn on trio only.")
        if not isinstance(protocol, H11Protocol):
            raise ArmError(501, "NotSupported", "The console's WebSocket needs HTTP/1.1.")
        self._accept = _accept([value for name, value in headers if name.lower() == b"sec-websocket-key"])
        self._messages = messages
        self._server = server

    @property
    def stream(self) -> trio.abc.Stream:
        """What the WebSocket will run on."""
        stream: trio.abc.Stream = self._server.stream
        return stream

    async def answer(self, protocol: TakenStream) -> None:
        """Take the stream over, and answer the handshake.

        Raises:
            trio.BrokenResourceError: the client has gone.
        """
        self._messages.closed = True  # whatever hypercorn would still do about this request, it leaves undone
        self._server.protocol = cast(ProtocolWrapper, protocol)
        with trio.CancelScope(shield=True):
            await self._server.stream.send_all(_ANSWER % self._accept)


def _accept(keys: list[bytes]) -> bytes:
    """The answer to a client's key (RFC 6455, section 4.2.2)."""
    try:
        is_key = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == 16
    except binascii.Error:
        is_key = False
    if not is_key:
        raise ArmError(400, "InvalidHandshake", "Sec-WebSocket-Key is not 16 bytes in base64.")
    return base64.b64encode(hashlib.sha1(keys[0] + _GUID, usedforsecurity=False).digest())
