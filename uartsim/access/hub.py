"""Everything the guest sends, kept for whoever comes; and the way back to the guest.

The hub keeps the last stretch of what the guest has sent (the scrollback).  Each client has a position in it and reads
at its own pace: one that stops reading stalls nobody.  When the scrollback has moved past a client's position, what it
missed is counted and said to it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import trio

from uartsim.line_format import UartsimError, seconds_to_ticks
from uartsim.machine import Com1

#: Bytes of the guest's output that are kept.
SCROLLBACK: Final = 1 << 20
#: The most that a client gets at once.
CHUNK: Final = 65536
#: Characters that may wait at the far end of the line before a sending client has to wait.
SEND_QUEUE: Final = 4096
#: How long a break is held, in seconds (tcsendbreak: at least 0.25).
BREAK_SECONDS: Final = 0.25


class NotTheWriterError(UartsimError):
    """A watcher tried to send."""


class Hub:
    """The meeting point of one line and its clients.

    Args:
        com1: the port; the hub takes its output from now on.
        scrollback_bytes: how much of the output is kept.
    """

    def __init__(self, com1: Com1, scrollback_bytes: int = SCROLLBACK) -> None:
        self.com1 = com1
        self.scrollback_bytes = scrollback_bytes
        self.closed = False
        self.clients: set[HubClient] = set()
        #: When the last character came from the guest, in ticks.
        self.last_output_at: int | None = None
        #: Called with (bytes, time in ticks) for everything the guest sends.
        self.recorders: list[Callable[[bytes, int], None]] = []
        self._kept = bytearray()
        self._start = 0
        self._news = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()
        com1.on_output = self._output
        com1.on_far_room = self._far_room

    @property
    def end(self) -> int:
        """How many bytes the guest has sent so far: the offset behind the last one."""
        return self._start + len(self._kept)

    @property
    def start(self) -> int:
        """The offset of the oldest byte that is kept."""
        return self._start

    def history(self, size: int | None = None) -> bytes:
        """What is kept, or the last ``size`` bytes of it."""
        return bytes(self._kept if size is None else self._kept[-size:] if size else b"")

    def attach(self, who: str, *, watch: bool = False, start: int | None = None) -> HubClient:
        """A new client.

        Args:
            who: its name, for ``status``.
            watch: it only reads.
            start: the offset of the first byte that it wants; None: what comes from now on.
        """
        client = HubClient(self, who, watch, self.end if start is None else start)
        self.clients.add(client)
        return client

    def close(self) -> None:
        """The guest has ended: clients read what is left, then the end."""
        self.closed = True
        self._news.unpark_all()
        self._room.unpark_all()

    def _output(self, data: bytes, at: int) -> None:
        self.last_output_at = at
        for record in self.recorders:
            record(data, at)
        kept = self._kept
        kept += data
        if len(kept) > self.scrollback_bytes + self.scrollback_bytes // 4 + CHUNK:
            excess = len(kept) - self.scrollback_bytes
            del kept[:excess]
            self._start += excess
        self._news.unpark_all()

    def _far_room(self) -> None:
        self._room.unpark_all()

    def read(self, position: int) -> tuple[int, bytes]:
        """What is kept from ``position`` on, one chunk; returns the position at which it really starts, and it."""
        position = max(position, self._start)
        offset = position - self._start
        return position, bytes(self._kept[offset : offset + CHUNK])

    async def wait_news(self) -> None:
        """Wait until the guest has sent something, or the hub is closed."""
        await self._news.park()

    async def send(self, data: bytes) -> None:
        """Send to the guest; returns when the line has room for what comes next."""
        await trio.lowlevel.checkpoint()
        view = memoryview(data)
        while view and not self.closed:
            room = SEND_QUEUE - self.com1.far_pending
            if room > 0:
                self.com1.far_send(bytes(view[:room]))
                view = view[room:]
            else:
                await self._room.park()

    async def send_break(self, duration_s: float = BREAK_SECONDS) -> None:
        """Hold the line at space for ``duration_s`` seconds, behind what was sent before; returns when it is over.

        Raises:
            ValueError: a duration of 0 or less.
        """
        self.com1.far_break(seconds_to_ticks(duration_s))
        await self._wait_sent()

    async def sysrq(self, keys: str, duration_s: float = BREAK_SECONDS) -> None:
        """A break and then a key, for each of ``keys``: what Linux's serial console takes for SysRq.

        Raises:
            ValueError: no key, or one that is not ASCII.
        """
        if not keys or not keys.isascii():
            raise ValueError(f"{keys!r} is no SysRq key: give a letter or digit, such as h for help")
        for key in keys:
            self.com1.far_break(seconds_to_ticks(duration_s))
            self.com1.far_send(key.encode())
            await self._wait_sent()

    async def _wait_sent(self) -> None:
        """Wait until the line has carried everything that was queued."""
        await trio.lowlevel.checkpoint()
        com1, far = self.com1, self.com1.cable.far
        while not self.closed:
            com1.advance(com1.clock.now())
            if far.pending:
                await self._room.park()
            elif (left := far.free_at - com1.clock.now()) > 0:
                await trio.sleep(left / 144e9)
            else:
                return

    def status(self) -> dict[str, Any]:
        """Who is attached and what is kept, as plain values."""
        return {
            "bytes_from_guest": self.end,
            "scrollback_bytes": len(self._kept),
            "clients": [
                {
                    "who": client.who,
                    "watch": client.watch,
                    "behind": self.end - max(client.position, 0),
                    "missed": client.missed,
                }
                for client in sorted(self.clients, key=lambda c: c.who)
            ],
        }


class HubClient:
    """One client's place: made by :meth:`Hub.attach`.  A context manager that detaches at its end.

    Attributes:
        position: the offset of the next byte that :meth:`receive` returns.
        missed: bytes that were gone from the scrollback before this client read them.
    """

    def __init__(self, hub: Hub, who: str, watch: bool, position: int) -> None:
        self.hub = hub
        self.who = who
        self.watch = watch
        self.position = position
        self.missed = 0

    def __enter__(self) -> HubClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.detach()

    def receive_nowait(self) -> bytes:
        """What there is after ``position``, at most 64 KiB; may be empty."""
        wanted = self.position
        start, data = self.hub.read(wanted)
        self.missed += start - wanted
        self.position = start + len(data)
        return data

    async def receive(self) -> bytes:
        """Wait for the next bytes; ``b""`` when the guest has ended and everything was read."""
        await trio.lowlevel.checkpoint()
        while True:
            data = self.receive_nowait()
            if data or self.hub.closed:
                return data
            await self.hub.wait_news()

    async def send(self, data: bytes) -> None:
        """Send to the guest over the line; returns when the line has room for more.

        Raises:
            NotTheWriterError: this client only watches.
        """
        if self.watch:
            raise NotTheWriterError(f"{self.who} only watches this line and cannot send: attach without --watch")
        await self.hub.send(data)

    async def send_break(self, duration_s: float = BREAK_SECONDS) -> None:
        """See :meth:`Hub.send_break`."""
        if self.watch:
            raise NotTheWriterError(f"{self.who} only watches this line and cannot send a break")
        await self.hub.send_break(duration_s)

    def detach(self) -> None:
        """Leave."""
        self.hub.clients.discard(self)
