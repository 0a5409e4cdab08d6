"""A client's receiver at the far end of the line: what it makes of what the guest sends.

A receiver whose speed is not the sender's samples each bit at the wrong moments.  Within its tolerance
(:mod:`uartsim.wire.tolerance`) it gets every character nevertheless; beyond, it gets other characters, and framing errors.
Here is how that reaches a client:

- As long as the receiver has the guest's format and nothing is wrong with the line, it gets what the guest sent, and
  nothing is sampled.
- Else an ear on the cable (:class:`uartsim.wire.cable.Ear`) samples the line for it, and what was heard stands in its
  stream in place of what was sent meanwhile.
- What was sent before it came goes over a line of its own, bit by bit, into a receiver with its format
  (:class:`PastReceiver`), at the times that the hub has kept.

A watcher, which taps the line at the guest's pin, has the guest's format.  A break is one NUL, and a character with an
error counts as any other: a pty has no other way to say it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from uartsim.access.sent_times import Stretch
from uartsim.line_format import LineFormat
from uartsim.wire.cable import Ear
from uartsim.wire.channel import Channel
from uartsim.wire.frame import Arrival
from uartsim.wire.tolerance import tolerates

if TYPE_CHECKING:
    from uartsim.access.hub import Hub

#: How many characters of the past go over the line at once: others are served between.
PORTION: Final = 512
#: What was made of so many portions can be given back to the past.
_REMEMBERED: Final = 1024


class _Heard:
    """What an ear has heard while the guest sent what lies from ``begin`` to ``end`` (None: it still listens)."""

    __slots__ = ("begin", "data", "end")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.end: int | None = None
        self.data = bytearray()


class FarReceiver:
    """One client's receiver, and its position in what the guest has sent.

    Args:
        hub: the line.
        position: the offset of the first character that it gets.
        on_heard: called when an ear has heard something.

    Attributes:
        position: the offset of the next character that :meth:`read` returns.
        line_format: its format; None: whatever the guest's is.
        missed: characters that were gone from the scrollback before they were read.
        heard: what ears have heard and is not read, with what was sent meanwhile.
        past_end: what lies before this offset was sent before the client came.
    """

    def __init__(self, hub: Hub, position: int, on_heard: Callable[[], object]) -> None:
        self.hub = hub
        self.position = position
        self.line_format: LineFormat | None = None
        self.missed = 0
        self.heard: deque[_Heard] = deque()
        self.past_end = 0
        self._on_heard = on_heard
        self._at_far_end = False
        self._ear: Ear | None = None
        self._past: PastReceiver | None = None
        self._read_past = False  # what was read last was the past
        self._heard_bytes = 0  # of what was read since the client came, those that an ear has heard
        self._oldest = min(0, hub.start)  # it cannot go back further than this

    # -- what it reads -------------------------------------------------------------------------------------

    def read(self, size: int) -> bytes:
        """What there is after the position, at most ``size`` characters; may be empty."""
        if not self.heard and self.position >= self.past_end:  # what was sent is what is heard
            self._read_past = False
            return self._read(size)
        data, before = b"", -1
        while not data and self.position != before:  # of the past, much may come to nothing
            before = self.position
            self._read_past = False
            data = self._take_heard(size) if self.heard else self._read(size)
        return data

    def _read(self, size: int) -> bytes:
        end = min(self.past_end, self.position + size)
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
            past = self._past = PastReceiver(self.hub, line_format, self.position)
        self._read_past = True
        data = past.hear(max(end, self.position))
        self.position = past.position
        return data

    def _take_heard(self, size: int) -> bytes:
        """The same where an ear has heard something, in place of what was sent meanwhile."""
        while self.heard:
            heard = self.heard[0]
            if (before := heard.begin - max(self.position, self.hub.start)) > 0:
                return self._read(min(size, before))
            self.missed += max(0, heard.begin - self.position)
            self.position = self.hub.end if heard.end is None else heard.end
            if heard.data:
                data = bytes(heard.data[:size])
                del heard.data[: len(data)]
                self._heard_bytes += len(data)
                return data
            if heard.end is None:
                return b""
            self._oldest = heard.end
            self.heard.popleft()
        return self._read(size)

    @property
    def waiting(self) -> int:
        """How many bytes there are for it to read."""
        position, count = self.position, 0
        for heard in self.heard:
            count += max(0, heard.begin - position) + len(heard.data)
            position = self.hub.end if heard.end is None else heard.end
        return count + self.hub.end - position

    def give_back(self, data: bytes | memoryview) -> None:
        """The end of what :meth:`read` gave last was not used: it comes again."""
        if self._past is not None and self._read_past:
            self.position = self._past.give_back(len(data))
        elif self.heard and self.position >= self.heard[0].begin:
            self.heard[0].data[:0] = data
            self._heard_bytes -= len(data)
        else:
            self.position -= len(data)

    def go_back(self, size: int) -> None:
        """Some bytes that were read before come again; what an ear has heard does not."""
        size = max(0, size - self._heard_bytes)
        self._heard_bytes = 0
        for heard in self.heard:
            self.missed += len(heard.data)
            heard.data.clear()
        if not size:
            return
        position = min(self.position, self.heard[0].begin) if self.heard else self.position
        since = max(0, position - max(self.past_end, self._oldest))  # it came
        if self._past is not None and since < size:
            position = self._past.give_back(size - since)
        else:
            position -= size
        self.position = max(self._oldest, position)

    # -- what it hears -------------------------------------------------------------------------------------

    def be_at_far_end(self, there: bool, line_format: LineFormat | None) -> bool:
        """Whether it is at the far end of the line, with which format, or taps it; returns whether that is new."""
        if (there, line_format) == (self._at_far_end, self.line_format):
            return False
        self._at_far_end, self.line_format = there, line_format
        return True

    def come(self) -> None:
        """It is new at the far end: what was sent up to now is the past to it, and is heard in its format."""
        self.past_end = self.hub.end
        self._past = None
        self._heard_bytes = 0

    @property
    def in_the_past(self) -> bool:
        """What it reads next was sent before it came."""
        return self.position < self.past_end

    @property
    def differs(self) -> bool:
        """Its format is not the guest's."""
        com1 = self.hub.com1
        is_other = self.line_format is not None and self.line_format != com1.cable.line_format
        return self._at_far_end and is_other and not com1.uart.unlimited

    @property
    def garbles(self) -> bool:
        """Its format is another than the guest's, by more than a receiver tolerates in one direction or the other."""
        guest, own = self.hub.com1.cable.line_format, self.line_format
        return self.differs and own is not None and not (tolerates(own, guest) and tolerates(guest, own))

    def listen_as_needed(self) -> None:
        """Have an ear while what comes out at the far end may differ from what was sent, and none else."""
        cable = self.hub.com1.cable
        faults = self._at_far_end and cable.out is not None and bool(cable.out.faults)
        needed = faults or self.differs
        if needed and self._ear is None:
            self._ear = self.hub.com1.listen(self.line_format, self._hear)
            self._ear.on_end = self._end_hearing
            self.heard.append(_Heard(self.hub.end))
        elif needed and self._ear is not None:
            self._ear.ending = False
            if self._ear.line_format != self.line_format:
                self.hub.com1.retune(self._ear, self.line_format)
        elif self._ear is not None:
            self.hub.com1.release(self._ear)

    def _hear(self, arrival: Arrival) -> None:
        """A character is complete at the far end; a break is one NUL."""
        data = self.heard[-1].data
        data.append(arrival.character)
        if len(data) > self.hub.scrollback_bytes:
            del data[: len(data) // 4]
            self.missed += self.hub.scrollback_bytes + 1 - len(data)
        self._on_heard()

    def _end_hearing(self) -> None:
        self._ear = None
        self.heard[-1].end = self.hub.end


class PastReceiver:
    """One client's receiver for the past.

    Args:
        hub: the line.
        line_format: the receiver's.
        position: the offset of the first character that it hears.
    """

    def __init__(self, hub: Hub, line_format: LineFormat, position: int) -> None:
        self.line_format = line_format
        #: The offset of the next character that it hears.
        self.position = position
        self._hub = hub
        self._line: Channel | None = None
        self._made: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED)  # from, until, size of what was heard

    def hear(self, end: int) -> bytes:
        """What it makes of the characters from its position on up to ``end``, or of the first of them."""
        while self.position < end:
            begin = self.position
            until = min(end, begin + PORTION)
            heard = self._hear_portion(until, until == end)
            self.position = until
            self._made.append((begin, until, len(heard)))
            if heard:
                return heard
        return b""

    def _hear_portion(self, until: int, is_last: bool) -> bytes:
        start, data = self._hub.read(self.position, until - self.position)
        data = data[: until - start]
        stretches = self._hub.sent_times.between(start, until)
        heard = bytearray()
        for number, stretch in enumerate(stretches):
            end = stretches[number + 1].offset if number + 1 < len(stretches) else until
            part = data[stretch.offset - start : end - start]
            own = self.line_format
            if not stretch.line_format.bit_ticks or not own.bit_ticks or tolerates(stretch.line_format, own):
                heard += self._finish() + part
            else:
                heard += self._carry(stretch, part)
        return bytes(heard + self._finish()) if is_last else bytes(heard)

    def _carry(self, stretch: Stretch, data: bytes) -> bytes:
        if self._line is None:
            self._line = Channel(self.line_format, since=stretch.start)
        line = self._line
        line.put_run(max(stretch.start, line.busy_until), data, stretch.line_format)
        # Not up to the end of the last frame, where the start bit of the next may fall.
        return bytes(arrival.character for arrival in line.arrived(line.busy_until - 1))

    def _finish(self) -> bytes:
        """The line is quiet for a while: the last character is complete."""
        if self._line is None:
            return b""
        line, self._line = self._line, None
        return bytes(arrival.character for arrival in line.arrived(line.busy_until + 2 * self.line_format.frame_ticks))

    def give_back(self, size: int) -> int:
        """The last ``size`` bytes that were heard were not used; returns the position from which to hear again."""
        while size > 0 and self._made:
            begin, until, made = self._made.pop()
            self.position = begin if size >= made else until - (until - begin) * size // made
            if size < made:
                self._made.append((begin, self.position, made - size))
            size -= made
        self._line = None
        return self.position
