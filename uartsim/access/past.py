"""The past as a receiver at another speed would have heard it.

The hub keeps what the guest has sent as characters.  A client that comes later, at another speed, would have heard
something else on a real line; so the times and formats of what was sent are kept as well, and what such a client reads
of the past goes over a line of its own, bit by bit, into a receiver with its format.

Frames without a gap between them make one stretch.  Of a guest that sends single characters there are many: the oldest
are joined then, as if there had been no gaps between them.  Breaks and faults of the line are not kept.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from uartsim.line_format import LineFormat
from uartsim.wire.channel import Channel
from uartsim.wire.tolerance import tolerates

if TYPE_CHECKING:
    from uartsim.access.hub import Hub

#: So many stretches are kept.
STRETCHES: Final = 16384
#: So many characters go over the line at once: others are served between.
PORTION: Final = 512
#: What was made of so many portions can be given back to the past.
_REMEMBERED: Final = 1024


class Stretch(NamedTuple):
    """Characters that were sent without a gap.

    Attributes:
        offset: of the first, among all that the guest has sent.
        start: when its start bit fell, in ticks.
        line_format: the guest's.
    """

    offset: int
    start: int
    line_format: LineFormat


class SentTimes:
    """When, and in which format, the guest has sent what the hub keeps.

    Args:
        line_format: the guest's at first.
    """

    def __init__(self, line_format: LineFormat) -> None:
        self._stretches: deque[Stretch] = deque([Stretch(0, 0, line_format)])
        self._formats: deque[tuple[int, LineFormat]] = deque()  # those to come: from which offset on
        self._line_format = line_format
        self._next_start = 0  # of a frame that follows without a gap

    def set_format(self, offset: int, line_format: LineFormat) -> None:
        """The guest sends in another format from a character on."""
        while self._formats and self._formats[-1][0] >= offset:
            self._formats.pop()
        self._formats.append((offset, line_format))

    def sent(self, offset: int, size: int, at: int) -> None:
        """The guest has sent ``size`` characters in a row, the last of which had arrived at ``at`` ticks."""
        changed = False
        while self._formats and self._formats[0][0] <= offset:
            self._line_format = self._formats.popleft()[1]
            changed = True
        line_format = self._line_format
        frame = line_format.frame_ticks
        start = at - line_format.sampled_ticks - (size - 1) * frame
        if changed or (frame and start != self._next_start):
            self._stretches.append(Stretch(offset, start, line_format))
            if len(self._stretches) > STRETCHES:
                self._join_oldest()
        self._next_start = start + size * frame

    def _join_oldest(self) -> None:
        first, second = self._stretches.popleft(), self._stretches.popleft()
        self._stretches.appendleft(first if first.line_format == second.line_format else second)

    def forget(self, offset: int) -> None:
        """What lies before is not kept any more."""
        stretches = self._stretches
        while len(stretches) > 1 and stretches[1].offset <= offset:
            stretches.popleft()

    def between(self, begin: int, end: int) -> list[Stretch]:
        """The stretches of which something lies from ``begin`` up to ``end``, the first cut off there."""
        found: list[Stretch] = []
        for stretch in reversed(self._stretches):
            if stretch.offset < end:
                ahead = max(0, begin - stretch.offset)
                found.append(
                    Stretch(stretch.offset + ahead, stretch.start + ahead * stretch.line_format.frame_ticks, stretch[2])
                )
            if stretch.offset <= begin:
                break
        found.reverse()
        if found and found[0].offset > begin:
            found[0] = Stretch(begin, found[0].start, found[0].line_format)
        return found


class PastEar:
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
