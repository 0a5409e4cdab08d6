"""The attach socket: what our own client speaks with a running machine.

A stream of messages over a unix socket in the machine's private folder.  A message is one byte that says what it is,
four bytes of length (big endian), and that many bytes:

======== ================== ==========================================================================
client   ``H`` hello        JSON: ``who``, ``watch``, ``force``, ``history`` (bytes, or null for all)
         ``D`` data         bytes for the guest
         ``B`` break        JSON: ``seconds``
         ``K`` SysRq        the keys
         ``M`` NMI
         ``R`` reset
         ``I`` information  answered by ``I`` with the status as JSON
         ``F`` take         take the line over
         ``W`` watch        give the line up and only watch
machine  ``D`` data         bytes from the guest
         ``N`` notice       a sentence for the person
         ``I`` information  JSON
         ``E`` end          why there is nothing more
======== ================== ==========================================================================

A client that does not read is not waited for: it falls behind in the scrollback, and what it missed is said to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import trio

from uartsim.access.hub import Hub, HubClient, LineHeldError, NotTheWriterError
from uartsim.line_format import UartsimError

_HEAD: Final = struct.Struct(">cI")
#: The longest message, in bytes.
LONGEST: Final = 1 << 20


class Message(NamedTuple):
    """One message of either side."""

    kind: bytes
    data: bytes

    def fields(self) -> dict[str, Any]:
        """Its JSON; UartsimError if it is none."""
        try:
            found = json.loads(self.data or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UartsimError(f"message {self.kind!r} needs a JSON object")
        return found


class MessageStream:
    """Messages over a byte stream."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._sending = trio.Lock()
        self._buffer = bytearray()

    async def send(self, kind: bytes, data: bytes = b"") -> None:
        """Send one message; trio's stream errors pass through."""
        async with self._sending:
            await self.stream.send_all(_HEAD.pack(kind, len(data)) + data)

    async def receive(self) -> Message | None:
        """The next message; None at the end of the stream.

        Raises:
            UartsimError: the other side does not speak this protocol.
        """
        buffer = self._buffer
        while True:
            if len(buffer) >= _HEAD.size:
                kind, length = _HEAD.unpack_from(buffer)
                if length > LONGEST:
                    raise UartsimError(f"a message of {length} bytes; {LONGEST} is the limit")
                if len(buffer) >= _HEAD.size + length:
                    data = bytes(buffer[_HEAD.size : _HEAD.size + length])
                    del buffer[: _HEAD.size + length]
                    return Message(kind, data)
            try:
                more = await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                return None
            if not more:
                return None
            buffer += more


class AttachServer:
    """Serves attach sockets.

    Args:
        hub: the line.
        buttons: what NMI and reset do, by ``M`` and ``R``.
        information: gives the status.
    """

    def __init__(
        self,
        hub: Hub,
        buttons: dict[bytes, Callable[[], Awaitable[None]]],
        information: Callable[[], dict[str, Any]],
    ) -> None:
        self.hub = hub
        self.buttons = buttons
        self.information = information

    async def run(self, listener: socket.socket) -> None:
        """Accept clients until cancelled."""
        accepting = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
        await trio.serve_listeners(self._serve, [accepting])

    async def _serve(self, stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with stream:
                _, uid, _ = struct.unpack("3i", stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                messages = MessageStream(stream)
                why = ""
                try:
                    if uid not in (os.geteuid(), 0):
                        raise UartsimError("this machine belongs to another user")
                    await self._session(messages)
                except* (UartsimError, ValueError, TypeError, OverflowError) as group:
                    error: BaseException = group
                    while isinstance(error, BaseExceptionGroup):
                        error = error.exceptions[0]
                    why = str(error)
                if why:
                    await messages.send(b"E", why.encode())

    async def _session(self, messages: MessageStream) -> None:
        hello = await messages.receive()
        if hello is None or hello.kind != b"H":
            raise UartsimError("the first message has to be a hello")
        wish = hello.fields()
        size = wish.get("history")
        if size is not None and int(size) < 0:
            raise ValueError(f"a history of {size} bytes: give 0 or more")
        start = self.hub.start if size is None else max(self.hub.start, self.hub.end - int(size))
        notices, tell = trio.open_memory_channel[str](64)

        def notice(text: str) -> None:
            with contextlib.suppress(trio.WouldBlock):
                notices.send_nowait(text)

        with self.hub.attach(str(wish.get("who", "attach")), watch=True, start=start, notice=notice) as client:
            if not wish.get("watch"):
                try:
                    client.take_line(force=bool(wish.get("force")), yields=bool(wish.get("yields")))
                except LineHeldError as error:
                    notice(str(error))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._to_client, messages, client, nursery.cancel_scope)
                nursery.start_soon(self._tell, messages, tell)
                await self._from_client(messages, client, notice)
                nursery.cancel_scope.cancel()

    async def _tell(self, messages: MessageStream, tell: trio.MemoryReceiveChannel[str]) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for text in tell:
                await messages.send(b"N", text.encode())

    async def _to_client(self, messages: MessageStream, client: HubClient, scope: trio.CancelScope) -> None:
        missed = 0
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await client.receive():
                if client.missed != missed:
                    text = f"{client.missed - missed} bytes were not kept until you read them"
                    await messages.send(b"N", text.encode())
                    missed = client.missed
                await messages.send(b"D", data)
            await messages.send(b"E", f"the machine {self.information()['state']}".encode())
        scope.cancel()

    async def _from_client(self, messages: MessageStream, client: HubClient, notice: Callable[[str], None]) -> None:
        while (message := await messages.receive()) is not None:
            try:
                await self._obey(message, messages, client)
            except (NotTheWriterError, LineHeldError, ValueError, TypeError, OverflowError) as error:
                notice(str(error))

    async def _obey(self, message: Message, messages: MessageStream, client: HubClient) -> None:
        kind, data = message
        if kind == b"D":
            await client.send(data)
        elif kind == b"B":
            await client.send_break(float(message.fields().get("seconds", 0.25)))
        elif kind == b"K":
            await client.sysrq(data.decode("ascii", "replace"))
        elif kind in self.buttons:
            client.check_writer("press buttons")
            await self.buttons[kind]()
        elif kind == b"I":
            await messages.send(b"I", json.dumps(self.information()).encode())
        elif kind == b"F":
            client.take_line(force=True)
        elif kind == b"W":
            client.give_line()
        else:
            raise UartsimError(f"message {kind!r} is unknown")


async def connect(path: str) -> MessageStream:
    """Connect to a machine's attach socket.

    Raises:
        UartsimError: it does not answer.
    """
    try:
        return MessageStream(await trio.open_unix_socket(path))
    except OSError as error:
        raise UartsimError(f"the machine does not answer on {path} ({error.strerror})") from None
