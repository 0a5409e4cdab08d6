"""The meeting point of a line and its clients: what the guest sends is kept for them, and they send to the guest.

The hub keeps the last stretch of what the guest has sent (the scrollback).  Each client has a position in it and reads
at its own pace: one that stops reading stalls neither the guest nor the others.  When the scrollback has moved past a
client's position, what the client missed is counted, and the client is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import trio

from uartsim.access.hub_client import BREAK_SECONDS, CHUNK, READING_TICKS
from uartsim.access.hub_client import HubClient as HubClient
from uartsim.access.line_policy import LineHeldError as LineHeldError
from uartsim.access.line_policy import LinePolicy as LinePolicy
from uartsim.access.line_policy import NotTheWriterError as NotTheWriterError
from uartsim.access.reader_wakeups import News
from uartsim.access.sent_times import SentTimes
from uartsim.line_format import NEVER, TICKS_PER_SECOND, LineFormat, seconds_to_ticks
from uartsim.machine import Com1
from uartsim.machine.fairness import Turn
from uartsim.record import LineRecorder

#: Bytes of the guest's output that are kept.
SCROLLBACK: Final = 1 << 20
#: Characters that may wait at the far end of the line before a sending client has to wait.
SEND_QUEUE: Final = 4096
#: The longest delay before recorded events are flushed to the record's file, in ticks.
RECORD_DELAY: Final = TICKS_PER_SECOND // 10
#: The shortest sleep, in ticks: at large clock values a float cannot represent one tick, and a shorter sleep could become zero.
_MICROSECOND: Final = TICKS_PER_SECOND // 1_000_000


class Hub:
    """The meeting point of one line and its clients.

    Args:
        com1: the port; the hub takes its output from now on.
        scrollback_bytes: how much of the output is kept.
        policy: which client gets the line.
    """

    def __init__(self, com1: Com1, scrollback_bytes: int = SCROLLBACK, policy: LinePolicy = LinePolicy.REFUSE) -> None:
        self.com1 = com1
        self.policy = policy
        #: Called when the guest has programmed another format.
        self.on_format: set[Callable[[LineFormat], None]] = set()
        self.scrollback_bytes = scrollback_bytes
        self.closed = False
        self.clients: set[HubClient] = set()
        #: The writer: the one client that may send; None if there is none.
        self.writer: HubClient | None = None
        #: When the last character came from the guest, in ticks.
        self.last_output_at: int | None = None
        #: Where everything on the line is recorded, if anywhere.
        self.record: LineRecorder | None = None
        #: A client's or the guest's format may have changed.  The record gets its mark of that only before the next
        #: characters: a guest that programs its chip passes through formats in which nothing is sent.
        self.formats_changed = False
        self._record_flush = com1.ticker.wakeup(self._flush_record)
        self._kept = bytearray()
        #: The offset of the oldest byte that is kept; and the offset behind the last one, how many bytes the guest has sent.
        self.start = self.end = 0
        #: When, and in which format, the guest has sent what is kept.
        self.sent_times = SentTimes(com1.uart.line_format)
        self._was_busy = False
        self._turn = Turn()
        #: Where clients wait until the guest has sent something, or the hub is closed.
        self.news = News(com1.ticker)
        #: The same for clients that may take output on the spot, and are woken only for what they leave.
        self.eager_news = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()
        self._taken = trio.lowlevel.ParkingLot()
        #: Whether a client wants to be told of frames on the line before a receiver gets them.
        self.follows_frames = False
        com1.far_end = self

    def recall(self, past: bytes) -> None:
        """Keep what the guest had sent before it was saved, ahead of its first byte: its offsets are below 0."""
        self._kept[:0] = past
        self.start -= len(past)
        self.sent_times.recall(self.start)

    @property
    def line_baud(self) -> int:
        """The guest's speed now; 0 where frames take no time."""
        line = self.com1.uart.line_format
        return round(line.baud) if line.bit_ticks else 0

    @property
    def baud(self) -> int:
        """The guest's speed now; a pty's usual one where frames take no time."""
        return self.line_baud or 115200

    def history(self, size: int | None = None) -> bytes:
        """What is kept, or the last ``size`` bytes of it."""
        return bytes(self._kept if size is None else self._kept[-size:] if size else b"")

    def attach(
        self,
        who: str,
        *,
        watch: bool = False,
        start: int | None = None,
        force: bool = False,
        notice: Callable[[str], object] | None = None,
    ) -> HubClient:
        """A new client.

        Args:
            who: its name, for ``status`` and for the others.
            watch: it only reads; else it takes the line.
            start: the offset of the first byte that it wants; None: what comes from now on.
            force: take the line even if another client holds it.
            notice: told, in a sentence, what happens to the client: such as that another has taken the line.

        Raises:
            LineHeldError: another client holds the line, and neither ``watch`` nor ``force`` was given.
        """
        client = HubClient(self, who, self.end if start is None else start, notice)
        if not watch:
            client.take_line(force=force)
            client.be_at_far_end(True)
        self.clients.add(client)
        return client

    def close(self) -> None:
        """The guest has ended: clients read what is left, then the end."""
        self.closed = True
        self.news.tell_at_once()
        self.eager_news.unpark_all()
        self._room.unpark_all()

    def output(self, data: bytes, at: int) -> None:
        """The guest has sent ``data``, the last of which arrived at ``at`` ticks."""
        self.last_output_at = at
        if self.record is not None and (record := self._recording()) is not None:
            if self.formats_changed:
                self._mark_differences()
            record.output(data, at)
        kept = self._kept
        self.sent_times.sent(self.end, len(data), at)
        kept += data
        self.end += len(data)
        if len(kept) > self.scrollback_bytes + self.scrollback_bytes // 4 + CHUNK:
            excess = len(kept) - self.scrollback_bytes
            del kept[:excess]
            self.start += excess
            self.sent_times.forget(self.start)
        self.tell_of_news()

    def tell_of_news(self) -> None:
        """Hand out new output: clients that can take it on the spot do so, and the others are woken."""
        behind = False
        for client in tuple(self.clients):
            if client.eager is not None:
                client.eager()
                behind = behind or client.waiting > 0
        if behind:
            self.eager_news.unpark_all()
        self.news.tell()

    def faults_changed(self) -> None:
        """A fault of the line has begun or ended."""
        faults = [str(fault) for fault in self.com1.faults()]
        self.mark(f"faults of the line: {', '.join(faults) or 'none'}")
        for client in self.clients:
            client.listen_as_needed()

    def set_writer(self, client: HubClient | None) -> None:
        """Used by :class:`HubClient`: make a client, or none, the writer, and give the far end its format."""
        self.writer = client
        self.com1.set_far_format(client.line_format if client is not None else None)

    def format_changed(self, line_format: LineFormat) -> None:
        """The guest has programmed another format."""
        under_way = sum(len(data) for _, data, _ in self.com1.cable.on_line())
        self.sent_times.set_format(self.end + under_way, line_format)
        for listener in self.on_format:
            listener(line_format)
        for client in self.clients:
            client.listen_as_needed()

    def look_who_follows(self) -> None:
        """Used by :class:`HubClient`: a client has changed what it wants to be told, or has left."""
        self.follows_frames = any(client.on_carry is not None for client in self.clients)

    def carried(self, now: int) -> None:
        """The guest has put frames on the line that no receiver has got yet."""
        for client in self.clients:
            if client.on_carry is not None:
                client.on_carry(now)

    def line_break(self, at: int) -> None:
        """A break of the guest's has arrived at ``at`` ticks."""
        if (record := self._recording()) is not None:
            record.line_break("o", at)

    def machine_reset(self, at: int) -> None:
        """The machine was reset at ``at`` ticks."""
        if (record := self._recording()) is not None:
            record.reset(at)

    def mark(self, text: str) -> None:
        """Note in the record that something happened."""
        if (record := self._recording()) is not None:
            record.mark(text, self.com1.clock.now())

    def _mark_differences(self) -> None:
        self.formats_changed = False
        for client in sorted(self.clients, key=lambda client: client.who):
            client.mark_difference()

    def _recording(self) -> LineRecorder | None:
        """The record, or None; whatever the caller adds to it is flushed to the file soon."""
        if self.record is not None and self._record_flush.at == NEVER:
            self._record_flush.set(self.com1.clock.now() + RECORD_DELAY)
        return self.record

    def _flush_record(self, now: int) -> None:
        if self.record is not None and self.record.tick(now):
            self._record_flush.set(now + RECORD_DELAY)

    def room_made(self) -> None:
        """The queue of what is sent to the guest has become shorter."""
        if self._room:
            self._room.unpark_all()

    def read(self, position: int, size: int = CHUNK) -> tuple[int, bytes]:
        """Kept output from ``position`` on, at most ``size`` bytes; returns where it really starts, and the bytes."""
        position = max(position, self.start)
        offset = position - self.start
        return position, bytes(self._kept[offset : offset + size])

    def note_taken(self) -> None:
        """A client has read output, so that a guest that waits for it may go on."""
        if self._taken:
            self._taken.unpark_all()
        if self._was_busy and not self.is_busy():
            self.com1.guest.far_ready()

    def is_busy(self) -> bool:
        """At unlimited rate: some client is behind, and still reading.  One that has stopped reading is not waited for."""
        limit, now = self.end - self.scrollback_bytes // 2, self.com1.clock.now()
        self._was_busy = any(
            client.position < limit and (client.awaited or now - client.read_at < READING_TICKS)
            for client in self.clients
        )
        return self._was_busy

    async def wait_news(self) -> None:
        """Wait until the guest has sent something, or the hub is closed."""
        await self.news.wait()

    async def drain(self, clients: Iterable[HubClient]) -> None:
        """Wait until the line has carried all that the guest sent, and these clients have read it."""
        await self.com1.drain()
        for client in clients:
            while client in self.clients and client.waiting:
                await self._taken.park()

    async def send(self, data: bytes, *, secret: bool = False) -> None:
        """Send to the guest; returns when the line has room for what comes next.

        Args:
            data: what to send.
            secret: only its length is recorded, whatever the guest echoes.
        """
        await self._turn.take(len(data))
        view = memoryview(data)
        far = self.com1.cable.far
        while view and not self.closed:
            room = SEND_QUEUE - far.pending
            if room > 0:
                part = bytes(view[:room])
                if self.record is not None and (record := self._recording()) is not None:
                    if self.formats_changed:
                        self._mark_differences()
                    record.input(part, self.com1.clock.now(), secret=secret)
                self.com1.far_send(part)
                view = view[room:]
            else:
                await self._room.park()

    async def send_break(self, duration_s: float = BREAK_SECONDS) -> None:
        """Hold the line at space for ``duration_s`` seconds, behind what was sent before; returns when it is over.

        Raises:
            ValueError: a duration of 0 or less.
        """
        self._far_break(duration_s)
        await self._wait_sent()

    def _far_break(self, duration_s: float) -> None:
        if (record := self._recording()) is not None:
            record.line_break("i", self.com1.clock.now())
        self.com1.far_break(seconds_to_ticks(duration_s))

    async def sysrq(self, keys: str, duration_s: float = BREAK_SECONDS) -> None:
        """A break and then a key, for each of ``keys``: what Linux's serial console takes for SysRq.

        Raises:
            ValueError: no key, or one that is not ASCII.
        """
        if not keys or not keys.isascii():
            raise ValueError(f"{keys!r} is not a SysRq key: give a letter or digit, such as h for help")
        for key in keys.encode():
            self._far_break(duration_s)
            if (record := self._recording()) is not None:
                record.input(bytes([key]), self.com1.clock.now(), plain=True)
            self.com1.far_send(bytes([key]))  # in the same step: nothing that a client types comes between
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
                await trio.sleep(max(left, _MICROSECOND) / TICKS_PER_SECOND)
            else:
                return

    def status(self) -> dict[str, Any]:
        """The clients and what is kept, as plain values."""
        clients = sorted(self.clients, key=lambda client: client.who)
        return {
            "writer": self.writer.who if self.writer is not None else None,
            "policy": self.policy.value,
            "formats_differ": [client.difference for client in clients if client.hears_another_format],
            "formats_garble": [client.difference for client in clients if client.hears_garbage],
            "bytes_from_guest": self.end,
            "scrollback_bytes": len(self._kept),
            "clients": [
                {
                    "who": client.who,
                    "watch": client.watch,
                    "present": client.present,
                    "behind": client.waiting,
                    "missed": client.missed,
                }
                for client in clients
            ],
        }
