"""The times at which the guest sent what the hub keeps, and the format in which it did.

A client that comes later, at another speed, would have heard something else on a real line: for it the past goes over a
line once more, see :mod:`uartsim.access.far_receiver`.

Frames without a gap between them make one stretch.  A guest that sends single characters makes many: the oldest are
joined then, as if there had been no gaps between them.  Breaks and faults of the line are not kept.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from uartsim.line_format import LineFormat

#: How many stretches are kept.
STRETCHES: Final = 16384


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

    def recall(self, offset: int) -> None:
        """What lies before the first character was sent long ago: any receiver hears it as it was."""
        self._stretches.appendleft(Stretch(offset, 0, LineFormat(0)))

    def _join_oldest(self) -> None:
        first, second = self._stretches.popleft(), self._stretches.popleft()
        self._stretches.appendleft(first if first.line_format == second.line_format else second)

    def forget(self, offset: int) -> None:
        """Drop the stretches that end before an offset: the hub has dropped their characters."""
        stretches = self._stretches
        while len(stretches) > 1 and stretches[1].offset <= offset:
            stretches.popleft()

    def between(self, begin: int, end: int) -> list[Stretch]:
        """The stretches that overlap ``begin`` up to ``end``, the first of them clipped."""
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
