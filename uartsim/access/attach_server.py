"""The machine's end of the attach socket; its messages are in :mod:`uartsim.access.attach_messages`.

The machine does not wait for a client that does not read: the client falls behind in the scrollback, and is told how much
it has missed.  Data, breaks and SysRq keep their order, and wait for the line; everything else is done at once.  A client
that sends little ahead of the acknowledgements therefore reaches the buttons even in the middle of a paste.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from uartsim.access.attach_messages import Message, MessageStream
from uartsim.access.hub import Hub, LineHeldError, NotTheWriterError
from uartsim.error_groups import first_error
from uartsim.errors import UartsimError
from uartsim.printable import printable, printable_line

#: Messages of a client that may wait for the line.
_WAITING: Final = 4
#: When a client has left: how long the line may take for what the client sent before, in seconds.
_LAST_WORDS_S: Final = 2.0
#: How long a client may take to receive the last message, in seconds.
_GOODBYE_S: Final = 0.1
#: The same notice is not sent again within this time, in seconds: otherwise each key would bring one.
_SAID_S: Final = 3.0


class AttachServer:
    """Serves attach sockets.

    Args:
        hub: the line.
        buttons: what the messages ``M`` (NMI) and ``R`` (reset) do.
        information: returns the machine's status.
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
                    await self._session(messages, uid)
                except* (UartsimError, ValueError, TypeError, OverflowError) as group:
                    why = str(first_error(group))
                except* (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass  # it has left; suppress() does not look into the session's group before Python 3.12
                if why:
                    await messages.send(b"E", printable(why).encode())

    async def _session(self, messages: MessageStream, uid: int) -> None:
        hello = await messages.receive()
        if uid not in (os.geteuid(), 0):  # said after it was heard: closing with its words unread would reset it
            raise UartsimError("this machine belongs to another user")
        if hello is None or hello.kind != b"H":
            raise UartsimError("the first message has to be a hello")
        wish = hello.fields()
        size = wish.get("history")
        if size is not None and int(size) < 0:
            raise ValueError(f"a history of {size} bytes: give 0 or more")
        start = self.hub.start if size is None else max(self.hub.start, self.hub.end - int(size))
        session = _Session(self, messages, start, wish)
        if wish.get("acknowledge"):
            await messages.send(b"A", json.dumps({"past": self.hub.end - start}).encode())
        try:
            await session.run()
        finally:
            if trio.current_effective_deadline() == float("-inf") and messages.whole:  # a signal ends the machine
                with trio.move_on_after(_GOODBYE_S, shield=True):
                    await messages.send(b"E", b"the machine was stopped")


class _Session:
    """One client of an attach socket, from its hello on."""

    def __init__(self, server: AttachServer, messages: MessageStream, start: int, wish: dict[str, Any]) -> None:
        self.server = server
        self.messages = messages
        self.wish = wish
        self._notices, self._tell = trio.open_memory_channel[str](64)
        self._said: tuple[str, float] = ("", 0.0)
        self._wants_line = not wish.get("watch")
        self._yields = bool(wish.get("yields"))
        self._orders, self._to_do = trio.open_memory_channel[Message](_WAITING)
        self.client = server.hub.attach(
            printable_line(str(wish.get("who", "attach")))[:100], watch=True, start=start, notice=self._notice
        )

    async def run(self) -> None:
        """Serve until the client leaves or the machine has ended."""
        client, hub, wish = self.client, self.server.hub, self.wish
        hub.mark(f"{client.who} attached")
        try:
            if self._wants_line:
                try:
                    client.take_line(force=bool(wish.get("force")), yields=self._yields)
                except LineHeldError as error:
                    self._notice(str(error))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._to_client, nursery.cancel_scope)
                nursery.start_soon(self._say_notices)
                async with trio.open_nursery() as orders:
                    orders.start_soon(self._carry_out_orders)
                    with self._orders:
                        await self._from_client()
                    orders.cancel_scope.deadline = trio.current_time() + _LAST_WORDS_S
                nursery.cancel_scope.cancel()
        finally:
            client.detach()
            hub.mark(f"{client.who} left")

    def _notice(self, text: str) -> None:
        last, at = self._said
        if text == last and trio.current_time() - at < _SAID_S:
            return
        self._said = text, trio.current_time()
        with contextlib.suppress(trio.WouldBlock):
            self._notices.send_nowait(text)

    async def _say_notices(self) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for text in self._tell:
                await self.messages.send(b"N", printable(text).encode())

    async def _to_client(self, scope: trio.CancelScope) -> None:
        client, messages, missed = self.client, self.messages, 0
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await client.receive():
                if client.missed != missed:
                    text = f"{client.missed - missed} bytes were not kept until you read them"
                    await messages.send(b"N", text.encode())
                    missed = client.missed
                await messages.send(b"D", data)
            await messages.send(b"E", f"the machine {self.server.information()['state']}".encode())
            scope.cancel()

    async def _from_client(self) -> None:
        while (message := await self.messages.receive()) is not None:
            if message.kind in (b"D", b"B", b"K"):
                await self._orders.send(message)
                continue
            try:
                await self._obey(message)
            except (NotTheWriterError, LineHeldError, ValueError, TypeError, OverflowError) as error:
                self._notice(str(error))

    async def _carry_out_orders(self) -> None:
        """Do what needs the line, in its order."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for kind, data in self._to_do:
                try:
                    if self._wants_line and self.server.hub.writer is None:
                        self.client.take_line(yields=self._yields)  # it was refused before, or has lost it
                    if kind == b"D":
                        await self.client.send(data)
                    elif kind == b"B":
                        await self.client.send_break(float(Message(kind, data).fields().get("seconds", 0.25)))
                    else:
                        await self.client.sysrq(data.decode("ascii", "replace"))
                except NotTheWriterError as error:
                    from uartsim.access.terminal_reports import (
                        is_report,  # seldom needed, and not before the guest runs
                    )

                    if kind != b"D" or not is_report(data):
                        self._notice(str(error))
                except (ValueError, TypeError, OverflowError) as error:
                    self._notice(str(error))
                if kind == b"D" and self.wish.get("acknowledge"):
                    await self.messages.send(b"A", json.dumps({"taken": len(data)}).encode())

    async def _obey(self, message: Message) -> None:
        kind, server = message.kind, self.server
        if kind in server.buttons:
            self.client.check_writer("press buttons")
            await server.buttons[kind]()
        elif kind == b"I":
            await self.messages.send(b"I", json.dumps(server.information()).encode())
        elif kind == b"F":
            self._wants_line = True
            self.client.take_line(force=True)
        elif kind == b"W":
            self._wants_line = False
            self.client.give_line()
        else:
            raise UartsimError(f"message {kind!r} is unknown")
