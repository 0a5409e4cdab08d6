"""One client's place at the hub: what it reads, what it may send, and how it hears the line.

A watcher reads what the guest sent.  A client at the far end of the line hears what comes out there: that is the same,
as long as its format is the guest's and nothing is wrong with the line.  Else an ear on the cable
(:class:`uartsim.wire.cable.Ear`) hears for it, and what was heard stands in its stream in place of what was sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

from uartsim.access.past import PastEar
from uartsim.access.writers import LineHeldError, LinePolicy, NotTheWriterError
from uartsim.line_format import TICKS_PER_NS, LineFormat
from uartsim.machine.turn import Turn
from uartsim.wire.cable import Ear
from uartsim.wire.frame import Arrival
from uartsim.wire.sampler import bears

if TYPE_CHECKING:
    from uartsim.access.hub import Hub

#: The most that a client gets at once.
CHUNK: Final = 65536
#: A client that has read nothing for so long is not reading, in ticks: nobody waits for it.
READING_TICKS: Final = 100_000_000 * TICKS_PER_NS
#: How long a break is held, in seconds (tcsendbreak: at least 0.25).
BREAK_SECONDS: Final = 0.25


class _Heard:
    """What an ear has heard while the guest sent what lies from ``begin`` to ``end`` (None: it still listens)."""

    __slots__ = ("begin", "data", "end")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.end: int | None = None
        self.data = bytearray()


class HubClient:
    """One client's place: made by :meth:`Hub.attach`.  A context manager that detaches at its end.

    Attributes:
        position: the offset of the next byte that :meth:`receive` returns.
        line_format: its format; None: whatever the guest's is.
        missed: bytes that were gone from the scrollback before this client read them.
    """

    def __init__(self, hub: Hub, who: str, position: int, notice: Callable[[str], object] | None = None) -> None:
        self.hub = hub
        self.who = who
        self.position = position
        self.missed = 0
        self._turn = Turn()
        #: Somebody is there: a pty's client may be nobody for a while.
        self.present = True
        #: The most that it gets at once, in bytes.
        self.chunk = CHUNK
        #: When it last read, in ticks; long ago, if never.
        self.read_at = -READING_TICKS
        #: It has come, and has been given nothing yet: at unlimited rate, a guest waits for it.
        self.awaited = False
        #: Called as soon as there is something to read: a client that waits may take it on the spot, within the very call
        #: in which the guest sent it.
        self.eager: Callable[[], object] | None = None
        self._notice = notice
        self._yields = False
        self._lost = False  # the line was taken over from it
        self._refused_by: HubClient | None = None  # as the record says already
        self.line_format: LineFormat | None = None
        self._on_carry: Callable[[int], object] | None = None
        self._at_far_end = False
        self._marked = ""  # how it differs from the guest, as the record says
        self._ear: Ear | None = None
        self._heard: deque[_Heard] = deque()
        self._past_end = 0  # what was sent before was sent before it came
        self._past: PastEar | None = None
        self._read_past = False  # what it has read last was the past
        self._heard_bytes = 0  # of what it has read since it came, those that an ear has heard
        self._oldest = 0  # it cannot go back further than this

    @property
    def on_carry(self) -> Callable[[int], object] | None:
        """Called before what the guest has put on the line is heard."""
        return self._on_carry

    @on_carry.setter
    def on_carry(self, follow: Callable[[int], object] | None) -> None:
        self._on_carry = follow
        self.hub.look_who_follows()

    @property
    def watch(self) -> bool:
        """It only reads: somebody else, or nobody, holds the line."""
        return self.hub.writer is not self

    def take_line(self, *, force: bool = False, yields: bool = False) -> None:
        """Become the writer.

        Args:
            force: take it from whoever holds it; that client is told.
            yields: let the next who wants the line have it.

        Raises:
            LineHeldError: somebody holds the line and does not yield it; or, where the newest gets it, has taken it
                over from this client.
        """
        holder = self.hub.writer
        if holder is self:
            self._yields = yields
            return
        if holder is not None:
            newest = self.hub.policy is LinePolicy.TAKE_OVER and not self._lost
            if not force and not holder._yields and not newest:
                if self._refused_by is not holder:
                    self.hub.mark(f"{self.who} is refused the line: {holder.who} holds it")
                    self._refused_by = holder
                raise LineHeldError(
                    f"{holder.who} holds the line: you can only watch, or take it over with --force (Ctrl-] f)"
                )
            self.hub.mark(f"{self.who} takes the line over from {holder.who}")
            holder._lost = True
            holder.tell(f"{self.who} has taken the line over: you only watch now (Ctrl-] f takes it back)")
        else:
            self.hub.mark(f"{self.who} takes the line")
        self.hub.set_writer(self)
        self._yields = yields
        self._lost = False
        self._refused_by = None

    def give_line(self) -> None:
        """Let go of the line and only watch."""
        self._lost = False
        self._refused_by = None
        if self.hub.writer is self:
            self.hub.set_writer(None)
            self.hub.mark(f"{self.who} lets go of the line")
            for client in self.hub.clients:
                if client._lost or client._refused_by is self:
                    client._lost, client._refused_by = False, None
                    client.tell("the line is free")

    def check_writer(self, what: str) -> None:
        """Raises NotTheWriterError unless this client holds the line; ``what`` it wanted is in the message."""
        holder = self.hub.writer
        if holder is not self:
            whose = f"{holder.who} holds the line" if holder is not None else "you only watch"
            raise NotTheWriterError(f"{self.who} cannot {what}: {whose}; take it over with --force (Ctrl-] f)")

    def tell(self, text: str) -> None:
        """Tell the client a sentence, if it wants to know."""
        if self._notice is not None:
            self._notice(text)

    def __enter__(self) -> HubClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.detach()

    # -- what it reads -------------------------------------------------------------------------------------

    def receive_nowait(self) -> bytes:
        """What there is after ``position``, at most 64 KiB; may be empty."""
        data, before = b"", -1
        while not data and self.position != before:  # of the past, much may come to nothing
            before = self.position
            self._read_past = False
            data = self._take_heard() if self._heard else self._read(self.chunk)
        if self.hub.com1.uart.unlimited:
            self.progress()
        self.hub.note_taken()
        return data

    def _read(self, size: int) -> bytes:
        end = min(self._past_end, self.position + size)
        if self.position < end and self._at_far_end and self.line_format is not None:
            return self._hear_past(self.line_format, end)
        wanted = self.position
        start, data = self.hub.read(wanted, size)
        self.missed += start - wanted
        self.position = start + len(data)
        return data

    def _hear_past(self, line_format: LineFormat, end: int) -> bytes:
        """What was sent before it came, as its receiver would have heard it."""
        self.missed += max(0, self.hub.start - self.position)
        self.position = max(self.position, self.hub.start)
        past = self._past
        if past is None or past.line_format != line_format or past.position != self.position:
            past = self._past = PastEar(self.hub, line_format, self.position)
        self._read_past = True
        data = past.hear(max(end, self.position))
        self.position = past.position
        return data

    def _take_heard(self) -> bytes:
        """The same where an ear has heard something, in place of what was sent meanwhile."""
        while self._heard:
            heard = self._heard[0]
            if (before := heard.begin - max(self.position, self.hub.start)) > 0:
                return self._read(min(self.chunk, before))
            self.missed += max(0, heard.begin - self.position)
            self.position = self.hub.end if heard.end is None else heard.end
            if heard.data:
                data = bytes(heard.data[: self.chunk])
                del heard.data[: len(data)]
                self._heard_bytes += len(data)
                return data
            if heard.end is None:
                return b""
            self._oldest = heard.end
            self._heard.popleft()
        return self._read(self.chunk)

    @property
    def waiting(self) -> int:
        """How many bytes there are for it to read."""
        position, count = self.position, 0
        for heard in self._heard:
            count += max(0, heard.begin - position) + len(heard.data)
            position = self.hub.end if heard.end is None else heard.end
        return count + self.hub.end - position

    def give_back(self, data: bytes | memoryview) -> None:
        """The end of what :meth:`receive_nowait` gave last was not used: it comes again."""
        if self._past is not None and self._read_past:
            self.position = self._past.give_back(len(data))
        elif self._heard and self.position >= self._heard[0].begin:
            self._heard[0].data[:0] = data
            self._heard_bytes -= len(data)
        else:
            self.position -= len(data)

    def go_back(self, size: int) -> None:
        """Some bytes that were read before come again; what an ear has heard does not."""
        size = max(0, size - self._heard_bytes)
        self._heard_bytes = 0
        for heard in self._heard:
            self.missed += len(heard.data)
            heard.data.clear()
        if not size:
            return
        position = min(self.position, self._heard[0].begin) if self._heard else self.position
        since = max(0, position - max(self._past_end, self._oldest))  # it came
        if self._past is not None and since < size:
            position = self._past.give_back(size - since)
        else:
            position -= size
        self.position = max(self._oldest, position)

    # -- what it hears -------------------------------------------------------------------------------------

    def be_at_far_end(self, there: bool, line_format: LineFormat | None = None) -> None:
        """Whether it is at the far end of the line, with which format (None: the guest's), or taps it at the guest's."""
        if (there, line_format) == (self._at_far_end, self.line_format):
            return
        self._at_far_end, self.line_format = there, line_format
        if self.hub.writer is self:
            self.hub.com1.set_far_format(line_format)
        self.listen_as_needed()

    def come(self) -> None:
        """It is new at the far end: what was sent up to now is the past to it, and is heard in its format."""
        self._past_end = self.hub.end
        self._past = None
        self._heard_bytes = 0

    @property
    def in_the_past(self) -> bool:
        """What it reads next was sent before it came."""
        return self.position < self._past_end

    @property
    def hears_another_format(self) -> bool:
        """Its format is not the guest's."""
        com1 = self.hub.com1
        differs = self.line_format is not None and self.line_format != com1.cable.line_format
        return self._at_far_end and differs and not com1.uart.unlimited

    @property
    def hears_garbage(self) -> bool:
        """Its format is another than the guest's, by more than a receiver bears in one direction or the other."""
        guest, own = self.hub.com1.cable.line_format, self.line_format
        return self.hears_another_format and own is not None and not (bears(own, guest) and bears(guest, own))

    @property
    def difference(self) -> str:
        """In what its format differs from the guest's, in words; empty where it does not."""
        if not self.hears_another_format:
            return ""
        return f"{self.who} is at {self.line_format} while the guest is at {self.hub.com1.cable.line_format}"

    def mark_difference(self) -> None:
        """Used by :class:`Hub`: note in the record where the two ends begin or cease to differ."""
        difference = self.difference
        if difference != self._marked:
            self.hub.mark(difference or f"{self.who} and the guest do not differ any more in speed or stop bits")
            self._marked = difference

    def listen_as_needed(self) -> None:
        """Have an ear while what comes out at the far end may differ from what was sent, and none else."""
        self.hub.formats_changed = True
        cable = self.hub.com1.cable
        faults = self._at_far_end and cable.out is not None and bool(cable.out.faults)
        needed = faults or self.hears_another_format
        if needed and self._ear is None:
            self._ear = self.hub.com1.listen(self.line_format, self._hear)
            self._ear.on_end = self._end_hearing
            self._heard.append(_Heard(self.hub.end))
        elif needed and self._ear is not None:
            self._ear.ending = False
            if self._ear.line_format != self.line_format:
                self.hub.com1.retune(self._ear, self.line_format)
        elif self._ear is not None:
            self.hub.com1.release(self._ear)

    def _hear(self, arrival: Arrival) -> None:
        """A character is complete at the far end; a break is a NUL, as for who reads a serial port."""
        data = self._heard[-1].data
        data.append(arrival.character)
        if len(data) > self.hub.scrollback_bytes:
            del data[: len(data) // 4]
            self.missed += self.hub.scrollback_bytes + 1 - len(data)
        self.hub.tell_of_news()

    def _end_hearing(self) -> None:
        self._ear = None
        self._heard[-1].end = self.hub.end

    def progress(self) -> None:
        """It is reading: at unlimited rate, a guest waits for those who do."""
        self.read_at = self.hub.com1.clock.now()

    def await_reading(self, on: bool) -> None:
        """Have a guest at unlimited rate wait for it, or no longer; see :attr:`awaited`."""
        if on != self.awaited:
            self.awaited = on
            self.progress()
            self.hub.note_taken()

    async def receive(self) -> bytes:
        """Wait for the next bytes; ``b""`` when the guest has ended and everything was read."""
        await self._turn.take()
        hub = self.hub
        while True:
            if self._heard or self.position < hub.end or hub.closed:
                data = self.receive_nowait()
                if data or hub.closed:
                    return data
            elif hub.com1.uart.unlimited:
                self.progress()
            await (hub.news.waiting if self.eager is None else hub.eager_news).park()

    async def send(self, data: bytes, *, secret: bool = False) -> None:
        """Send to the guest over the line; returns when the line has room for more.

        Args:
            data: what to send.
            secret: it stands in the record as asterisks.

        Raises:
            NotTheWriterError: this client only watches.
        """
        self.check_writer("send")
        await self.hub.send(data, secret=secret)

    async def send_break(self, duration_s: float = BREAK_SECONDS) -> None:
        """See :meth:`Hub.send_break`."""
        self.check_writer("send a break")
        await self.hub.send_break(duration_s)

    async def sysrq(self, keys: str) -> None:
        """See :meth:`Hub.sysrq`."""
        self.check_writer("send SysRq")
        await self.hub.sysrq(keys)

    def detach(self) -> None:
        """Leave, and let go of the line."""
        self.give_line()
        self.be_at_far_end(False)
        self.hub.clients.discard(self)
        self.hub.look_who_follows()
        self.hub.note_taken()
