"""What a client gets, in either kind of frames: the guest's output, and what the gateway has to say itself.

With text frames, both are text: Azure's clients show whatever comes.  With ``frames=binary`` the guest's bytes come in binary
frames, as they are, and the gateway speaks in text frames, each one JSON object with a ``type``.  So nothing that a guest
sends can be taken for a control message, and no control message can get between the guest's bytes.
"""

from __future__ import annotations

import json
from typing import Protocol

from uartsim.access.hub import Hub
from uartsim.printable import printable_line
from uartsim.service.gateway.guest_text import GuestText
from uartsim.service.gateway.server_socket import ServerSocket
from uartsim.service.gateway.shown_history import History, PastFilter


class ClientOutput(Protocol):
    """What a client gets; each method but :attr:`holds` raises trio.BrokenResourceError when the client has gone."""

    @property
    def holds(self) -> bool:
        """The beginning of a character is held back until its rest comes."""

    async def begin(self, hub: Hub, history: History, boot: str, *, is_first: bool) -> None:
        """The output of a boot begins.

        Args:
            hub: the boot's line.
            history: what is shown of the past.
            boot: the boot's id.
            is_first: it is the first boot that this client sees.
        """

    async def show(self, data: bytes) -> None:
        """What the guest has sent; empty when it has fallen silent, or its line has closed."""

    async def missing(self, count: int) -> None:
        """So many bytes are missing here: they had fallen out of the hub before the client read them."""

    async def note(self, text: str) -> None:
        """A sentence for the person."""


class TextOutput:
    """The output in text frames, as Azure's clients know it.

    Args:
        socket: where it goes.
    """

    def __init__(self, socket: ServerSocket) -> None:
        self._socket = socket
        self._past = PastFilter(0)
        self._text = GuestText()

    @property
    def holds(self) -> bool:
        """See :attr:`ClientOutput.holds`."""
        return self._text.holds

    async def begin(self, hub: Hub, history: History, boot: str, *, is_first: bool) -> None:
        """See :meth:`ClientOutput.begin`; the client is not told."""
        self._past, self._text = PastFilter(history.size), GuestText()

    async def show(self, data: bytes) -> None:
        """See :meth:`ClientOutput.show`."""
        payload = self._text.feed(self._past.feed(data)) if data else self._text.flush()
        if payload:
            await self._socket.send_text(payload)

    async def missing(self, count: int) -> None:
        """See :meth:`ClientOutput.missing`."""
        rest = self._text.feed(self._past.end()) + self._text.flush()
        await self._socket.send_text(rest + b"\r\n[%d bytes are missing here: they were not read in time]\r\n" % count)

    async def note(self, text: str) -> None:
        """See :meth:`ClientOutput.note`: a line of its own among what the guest sends."""
        await self._socket.send_text(f"\r\n{printable_line(text)}\r\n".encode())


class BinaryOutput:
    """The guest's bytes in binary frames, and control messages in text frames.

    Args:
        socket: where it goes.
    """

    #: A binary frame may end in the middle of a character: the client's terminal puts the halves together.
    holds = False

    def __init__(self, socket: ServerSocket) -> None:
        self._socket = socket
        self._past_left = 0
        self._past = PastFilter(0)

    async def begin(self, hub: Hub, history: History, boot: str, *, is_first: bool) -> None:
        """See :meth:`ClientOutput.begin`."""
        if history.lost:
            await self.missing(history.lost)
        if is_first:
            await self._control("hello", boot=boot, **{"from": history.start}, baud=hub.line_baud)
        else:
            await self._control("boot", boot=boot, **{"from": history.start})
        self._past_left, self._past = history.size, PastFilter(history.size, keeps_length=True, seen=history.seen)
        if not self._past_left:
            await self._control("current")

    async def show(self, data: bytes) -> None:
        """See :meth:`ClientOutput.show`."""
        if self._past_left:
            past, data = data[: self._past_left], data[self._past_left :]
            self._past_left -= len(past)
            if shown := self._past.feed(past):
                await self._socket.send_binary(shown)
            if not self._past_left:
                await self._control("current")
        if data:
            await self._socket.send_binary(data)

    async def missing(self, count: int) -> None:
        """See :meth:`ClientOutput.missing`."""
        if self._past_left:
            if rest := self._past.end():
                await self._socket.send_binary(rest)
            self._past_left = max(0, self._past_left - count)
            self._past = PastFilter(self._past_left, keeps_length=True)
            await self._control("missing", bytes=count)
            if not self._past_left:
                await self._control("current")
        else:
            await self._control("missing", bytes=count)

    async def note(self, text: str) -> None:
        """See :meth:`ClientOutput.note`."""
        await self._control("note", text=printable_line(text))

    async def typed(self, count: int) -> None:
        """So many bytes of what was typed on this WebSocket have gone to the guest."""
        await self._control("typed", bytes=count)

    async def holder(self, user: str | None, you: bool, watchers: int) -> None:
        """Who sits at the console, or None; whether it is this client; how many others watch."""
        await self._control("holder", user=user, you=you, watchers=watchers)

    async def _control(self, kind: str, **members: str | int | bool | None) -> None:
        message = json.dumps({"type": kind, **members}, separators=(",", ":"))
        await self._socket.send_text(message.encode())
