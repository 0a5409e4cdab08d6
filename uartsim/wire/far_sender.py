"""The far end's transmitter: bytes and breaks, one after the other, on an exact schedule.

The schedule is exact: a frame starts when the one before it has ended, in whole ticks, or when it was queued if the
line was idle by then.  Nothing is ever added up from rounded periods, so a late wake-up of the process costs nothing.

While the receiver has the sender's format and nothing is wrong with the line, a frame gives its character.  Else the
frames go bit by bit over a :class:`uartsim.wire.channel.Channel`, for as long as anything is on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from uartsim.line_format import NEVER, LineFormat
from uartsim.register_bits import BREAK_INTERRUPT
from uartsim.wire.channel import Channel, add_counters
from uartsim.wire.frame import Arrival, receive_space
from uartsim.wire.line_level import Edge

#: DC1 and DC3: what lets a sender that honours them go on, and what stops it.
XON: Final = b"\x11"
XOFF: Final = b"\x13"


class FarSender:
    """One transmitter.

    Args:
        line_format: the format of its frames, and the receiver's to begin with.

    Attributes:
        channel: the line bit by bit, while that is needed.
        on_frame: called with the start, character and format of each frame that is put on the line by itself.
        on_space: called with the start and the length of a break.
    """

    __slots__ = (
        "_arrived",
        "_break_end",
        "_exact",
        "_flight",
        "_queue",
        "_seen_edges",
        "channel",
        "characters",
        "fault_counters",
        "free_at",
        "line_format",
        "on_frame",
        "on_space",
        "pending",
        "receiver_format",
        "withheld",
        "xoff_at",
    )

    def __init__(self, line_format: LineFormat) -> None:
        self.line_format = line_format
        self.receiver_format = line_format
        self.channel: Channel | None = None
        self.on_frame: Callable[[int, int, LineFormat], None] | None = None
        self.on_space: Callable[[int, int], None] | None = None
        self._exact = False  # bit by bit, even where the formats are equal
        self._arrived: deque[Arrival] = deque()  # over the channel, and not yet handed on
        self._seen_edges: list[Edge] = []  # of a channel that was put away
        #: What the faults of channels that were put away have done.
        self.fault_counters: dict[str, dict[str, int]] = {}
        #: Runs of characters, or the length of a break in ticks.
        self._queue: deque[bytearray | int] = deque()
        self._flight: Arrival | None = None
        self._break_end = NEVER
        #: Characters that are not yet on the line (a break counts as one).
        self.pending = 0
        #: When the line will have carried what is on it.
        self.free_at = 0
        #: Frames put on the line, and how often one had to wait for room in the receiver.
        self.characters = 0
        self.withheld = 0
        #: When an XOFF was queued, in ticks; None if there was none, or an XON came behind it.
        self.xoff_at: int | None = None

    @property
    def idle(self) -> bool:
        """Nothing is queued and nothing is on the line."""
        return not self._queue and self._flight is None and self._break_end == NEVER and self.channel is None

    # -- the formats of both ends --------------------------------------------------------------------------

    def set_formats(self, own: LineFormat, receiver: LineFormat, now: int) -> None:
        """Both ends' formats from ``now`` on: the sender's from its next frame, the receiver's as it can."""
        self.line_format = own
        if receiver != self.receiver_format and self.channel is not None and receiver.bit_ticks:
            self.channel.set_format(receiver, now)
        self.receiver_format = receiver
        self._choose(now)

    def use_channel(self, exact: bool, now: int) -> None:
        """Go bit by bit from ``now`` on (True), or where the formats differ only."""
        self._exact = exact
        self._choose(now)

    def _choose(self, now: int) -> None:
        """Whether the line has to be gone over bit by bit; it is, for as long as something is on it."""
        needed = self._exact or self.line_format != self.receiver_format
        if not self.line_format.bit_ticks or not self.receiver_format.bit_ticks:
            needed = False
        if needed and self.channel is None:
            self.channel = Channel(self.receiver_format, since=now, keep_edges=self.on_frame is not None)
        elif not needed and self.channel is not None and not self.channel.busy and not self._arrived:
            self._seen_edges += self.channel.take_edges()
            self.fault_counters = add_counters(self.fault_counters, self.channel.fault_counters)
            self.channel = None

    def take_edges(self) -> list[Edge]:
        """The edges at the receiver's pin since the last call, where the line was gone over bit by bit for a tap."""
        edges, self._seen_edges = self._seen_edges, []
        return edges if self.channel is None else edges + self.channel.take_edges()

    # -- what is to be sent --------------------------------------------------------------------------------

    def send(self, data: bytes, now: int) -> None:
        """Queue characters at ``now``."""
        if not data:
            return
        if not self._queue and self._flight is None and self._break_end == NEVER:
            self.free_at = max(self.free_at, now)
        if XOFF in data or XON in data:
            self.xoff_at = now if data.rfind(XOFF) > data.rfind(XON) else None
        self.pending += len(data)
        if self._queue and isinstance(self._queue[-1], bytearray):
            self._queue[-1] += data
        else:
            self._queue.append(bytearray(data))

    def send_break(self, ticks: int, now: int) -> None:
        """Queue a break of ``ticks`` at ``now``; ValueError if it is not longer than 0."""
        if ticks <= 0:
            raise ValueError(f"a break cannot last {ticks} ticks: give a duration above 0")
        if not self._queue and self._flight is None and self._break_end == NEVER:
            self.free_at = max(self.free_at, now)
        self.pending += 1
        self._queue.append(ticks)

    def discard(self) -> int:
        """Forget what is queued (not what is on the line); returns how many characters that were."""
        count, self.pending = self.pending, 0
        self._queue.clear()
        return count

    def forget(self, now: int) -> None:
        """Forget what is queued and what is on the line at ``now``."""
        self.discard()
        self._flight, self._break_end, self.free_at = None, NEVER, 0
        self._arrived.clear()
        if self.channel is not None:
            self.fault_counters, self.channel = {}, None
            self._choose(now)

    # -- the schedule --------------------------------------------------------------------------------------

    def due(self, room: bool) -> int:
        """When the next thing happens on this side of the line: a frame arrives, or one can start.

        Args:
            room: whether the receiver has room, or the sender does not care.
        """
        at = NEVER
        if self._flight is not None:
            return self._flight.at
        if self.channel is not None:
            at = self._arrived[0].at if self._arrived else self.channel.due()
        if self._break_end != NEVER and not self._queue:
            return min(at, self._break_end)
        if self._queue and room:
            return min(at, self.free_at)
        return at

    def step(self, now: int, room: bool) -> Arrival | None:
        """Do what is due at ``now``; returns the character that is complete, if any."""
        if self._flight is not None:
            if self._flight.at > now:
                return None
            arrival, self._flight = self._flight, None
            return arrival
        if self.channel is not None and (over := self._over_channel(now)) is not None:
            return over
        if self.free_at > now:
            return None
        self._break_end = NEVER
        if not self._queue:
            return None
        item = self._queue[0]
        if not room:
            return None
        start = self.free_at if self.channel is None else max(self.free_at, self.channel.horizon)
        self.pending -= 1
        if isinstance(item, int):
            self._queue.popleft()
            self._start_break(start, item)
        else:
            character = item[0]
            del item[0]
            if not item:
                self._queue.popleft()
            line_format = self.line_format
            character &= line_format.data_mask
            if self.on_frame is not None:
                self.on_frame(start, character, line_format)
            if self.channel is not None:
                self.channel.put_frame(start, character, line_format)
            else:
                self._flight = Arrival(start + line_format.sampled_ticks, character, 0)
            self.free_at = start + line_format.frame_ticks
            self.characters += 1
        return None

    def _start_break(self, start: int, ticks: int) -> None:
        if self.on_space is not None:
            self.on_space(start, ticks)
        if self.channel is not None:
            self.channel.hold(0, start, start + ticks)
        else:
            self._flight = receive_space(start, ticks, self.line_format)
        # Mark for at least a bit, so that the next start bit has an edge.
        self.free_at = start + ticks + self.line_format.bit_ticks
        self._break_end = self.free_at

    def _over_channel(self, now: int) -> Arrival | None:
        """The next character that has come over the channel, if any; puts the channel away when it is of no use any more."""
        assert self.channel is not None
        if not self._arrived:
            self._arrived.extend(self.channel.arrived(now))
        if self._arrived and self._arrived[0].at <= now:
            return self._arrived.popleft()
        self._choose(now)
        return None

    def run_length(self, until: int) -> int:
        """How many good characters arrive one after the other by ``until`` (ticks): the one on the line, and queued ones."""
        if self._break_end != NEVER or self.channel is not None or self.on_frame is not None:
            return 0
        on_line = 0
        if (flight := self._flight) is not None:
            # Since it left, the format may have become one with fewer data bits.
            if flight.errors or flight.at > until or flight.character > self.line_format.data_mask:
                return 0
            on_line = 1
        if not self._queue or isinstance(self._queue[0], int):
            return on_line
        line_format = self.line_format
        since = until - self.free_at - line_format.sampled_ticks
        if since < 0:
            return on_line
        waiting = len(self._queue[0])
        return on_line + (min(waiting, since // line_format.frame_ticks + 1) if line_format.frame_ticks else waiting)

    def peek(self, count: int) -> bytes:
        """The next ``count`` characters of the run as they will be received."""
        on_line = b""
        if self._flight is not None:
            on_line = bytes((self._flight.character,))
            if not (count := count - 1):
                return on_line
        run = self._queue[0]
        assert isinstance(run, bytearray)
        mask = self.line_format.data_mask
        return on_line + (bytes(run[:count]) if mask == 0xFF else bytes(character & mask for character in run[:count]))

    def free_at_after(self, count: int) -> int:
        """When the last of the next ``count`` characters of the run is complete at the receiver."""
        if self._flight is not None and not (count := count - 1):
            return self._flight.at
        line_format = self.line_format
        return self.free_at + (count - 1) * line_format.frame_ticks + line_format.sampled_ticks

    def take(self, count: int) -> bytes:
        """Send the next ``count`` characters of the run; returns them as they are received."""
        data = self.peek(count)
        if self._flight is not None:
            self._flight = None
            if not (count := count - 1):
                return data
        run = self._queue[0]
        assert isinstance(run, bytearray)
        del run[:count]
        if not run:
            self._queue.popleft()
        self.pending -= count
        self.free_at += count * self.line_format.frame_ticks
        self.characters += count
        return data

    def resume(self, now: int) -> None:
        """The receiver has room again at ``now``: a frame that waited for it starts now."""
        if self._flight is None and self._queue and self.free_at < now:
            self.free_at = now
            self.withheld += 1

    def nth_arrival(self, count: int) -> int:
        """A time not later than the arrival of the ``count``-th character from now, or of the first break.

        NEVER when nothing is on its way.
        """
        if self.channel is not None:
            return self.due(room=True)
        at = self._flight.at if self._flight is not None else NEVER
        if self._flight is not None:
            if self._flight.errors & BREAK_INTERRUPT:
                return at
            count -= 1
        if count <= 0 or not self._queue:
            return at if self._flight is not None else self._break_end
        line_format = self.line_format
        first = self._queue[0]
        frames = 1 if isinstance(first, int) else min(count, len(first))
        return self.free_at + (frames - 1) * line_format.frame_ticks + line_format.sampled_ticks
