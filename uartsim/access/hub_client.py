"""One client's place at the hub: what it reads, what it may send, and how it hears the line.

A watcher reads what the guest sent.  A client at the far end of the line hears what comes out there: that is the same,
as long as its format is the guest's and nothing is wrong with the line.  Else an ear on the cable
(:class:`uartsim.wire.cable.Ear`) hears for it, and what was heard stands in its stream in place of what was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

from uartsim.access.far_receiver import FarReceiver
from uartsim.access.line_policy import LineHeldError, LinePolicy, NotTheWriterError
from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_NS, LineFormat
from uartsim.machine.fairness import Turn
from uartsim.printable import quoted

if TYPE_CHECKING:
    from uartsim.access.hub import Hub

#: The most that a client gets at once.
CHUNK: Final = 65536
#: A client that has read nothing for so long, in ticks, is not waited for.
READING_TICKS: Final = 100_000_000 * TICKS_PER_NS
#: How long a break is held, in seconds (tcsendbreak: at least 0.25).
BREAK_SECONDS: Final = 0.25
#: The longest break, in seconds.
LONGEST_BREAK_S: Final = 60.0


def check_break(seconds: object) -> float:
    """Check how long a break is to be held; returns that, in seconds.

    Raises:
        UsageError: it is not a number above 0 and up to ``LONGEST_BREAK_S``.
    """
    __tracebackhide__ = True
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= LONGEST_BREAK_S:
        raise UsageError(
            f"a break of {quoted(seconds)} s is impossible: give more than 0 and at most {LONGEST_BREAK_S:g} seconds, "
            f"such as {BREAK_SECONDS}"
        )
    return float(seconds)


class HubClient:
    """One client's place: made by :meth:`Hub.attach`.  A context manager that detaches at its end."""

    def __init__(self, hub: Hub, who: str, position: int, notice: Callable[[str], object] | None = None) -> None:
        self.hub = hub
        self.who = who
        self._receiver = FarReceiver(hub, position, self._heard)
        self._turn = Turn()
        #: Whether there is a client: a pty may have none for a while.
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
        self._on_carry: Callable[[int], object] | None = None
        self._marked = ""  # how it differs from the guest, as the record says

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
        """It only reads: another client holds the line, or none does."""
        return self.hub.writer is not self

    def take_line(self, *, force: bool = False, yields: bool = False) -> None:
        """Become the writer.

        Args:
            force: take it from the client that holds it, which is told.
            yields: let the next client that wants the line have it.

        Raises:
            LineHeldError: another client holds the line and does not yield it; or, where the newest gets it, has taken it
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
        """What there is to read, at most :attr:`chunk` bytes; may be empty."""
        data = self._receiver.read(self.chunk)
        if self.hub.com1.uart.unlimited:
            self.progress()
        self.hub.note_taken()
        return data

    @property
    def position(self) -> int:
        """The offset of the next byte of the guest's that it reads."""
        return self._receiver.position

    @property
    def missed(self) -> int:
        """How many bytes were gone from the scrollback before this client read them."""
        return self._receiver.missed

    @property
    def waiting(self) -> int:
        """How many bytes there are for it to read."""
        return self._receiver.waiting

    @property
    def in_the_past(self) -> bool:
        """What it reads next was sent before it came."""
        return self._receiver.in_the_past

    def give_back(self, data: bytes | memoryview) -> None:
        """The end of what :meth:`receive_nowait` gave last was not used: it comes again."""
        self._receiver.give_back(data)

    def go_back(self, size: int) -> None:
        """Some bytes that were read before come again; what an ear has heard does not."""
        self._receiver.go_back(size)

    # -- its format ----------------------------------------------------------------------------------------

    @property
    def line_format(self) -> LineFormat | None:
        """Its format; None: whatever the guest's is."""
        return self._receiver.line_format

    def be_at_far_end(self, there: bool, line_format: LineFormat | None = None) -> None:
        """Whether it is at the far end of the line, with which format (None: the guest's), or taps it at the guest's."""
        if self._receiver.be_at_far_end(there, line_format):
            if self.hub.writer is self:
                self.hub.com1.set_far_format(line_format)
            self.listen_as_needed()

    def come(self) -> None:
        """It is new at the far end: what was sent up to now is the past to it, and is heard in its format."""
        self._receiver.come()

    @property
    def hears_another_format(self) -> bool:
        """Its format is not the guest's."""
        return self._receiver.differs

    @property
    def hears_garbage(self) -> bool:
        """Its format differs from the guest's by more than a receiver tolerates, in one direction or the other."""
        return self._receiver.garbles

    def listen_as_needed(self) -> None:
        """Used by :class:`Hub`: a format, or a fault of the line, may have changed."""
        self.hub.formats_changed = True
        self._receiver.listen_as_needed()

    def _heard(self) -> None:
        """An ear has heard something: it is there to be read."""
        self.hub.tell_of_news()

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

    def progress(self) -> None:
        """It is reading: at unlimited rate, a guest waits for clients that do."""
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
        hub, receiver = self.hub, self._receiver
        while True:
            if receiver.heard or receiver.position < hub.end or hub.closed:
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
            secret: only its length is recorded, whatever the guest echoes.

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
