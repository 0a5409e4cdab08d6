"""Finding patterns in a stream of cleaned text, as it comes.  No I/O, no clock.

Theory of operation
-------------------
The answer is the one that a reader would give who takes in the text one character at a time, as a serial line
delivers it; how the text was cut into pieces on its way makes no difference.  For such a reader there are three
moments at which he can say "here it is":

1. A *closed* pattern (see ``patterns.py``) is found at the first character at which it can be.
2. An *open* pattern is looked for when a line is complete, in the text without that line's end, ...
3. ... and at a pause, in all the text there is.  When the guest pauses is for the caller to say.

When one pattern is found, open patterns that already ended before this point are asked too.  Of all that were found
at the same moment the one that starts first wins, then the one that is first in the list.

Work is linear: a search goes on where the last one stopped, less an overlap that follows from the pattern: its longest
match if it has one, the current line if it cannot cross a line's end, otherwise up to two blocks of ``MAX_MATCH``
characters on a grid fixed to the stream (not to the pieces).  A match of up to ``MAX_MATCH`` characters is always
found.

Nothing is consumed by looking: a ``Search`` that finds nothing leaves the matcher as it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from uartsim.console.buffer import TextBuffer
from uartsim.console.patterns import MAX_MATCH, Pattern

#: How much unread text is kept, in characters; older text is read past, and counted in ``Matcher.dropped``.
MAX_UNREAD: Final = 1 << 24
#: Characters before the unread text that look-behinds, ``^`` and ``\\b`` can see.
_CONTEXT: Final = 256
_LINE_END: Final = re.compile("\n")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a pattern matched; offsets are absolute, in characters of the stream."""

    index: int
    start: int
    end: int
    match: re.Match[str]


class Matcher:
    """The unread part of a stream of text.

    Args:
        max_unread: how many characters may wait unread; at least twice ``MAX_MATCH`` for the promise above to hold.
    """

    def __init__(self, max_unread: int = MAX_UNREAD) -> None:
        self.buffer = TextBuffer()
        #: The offset of the first unread character.
        self.position = 0
        #: Characters that were read past because too many waited.
        self.dropped = 0
        self._max_unread = max_unread

    def feed(self, text: str) -> None:
        """Take in what came next."""
        self.buffer.append(text)
        excess = self.buffer.end - self._max_unread - self.position
        if excess > 0:
            self.dropped += excess
            self._read_to(self.position + excess)

    def search(self, patterns: Sequence[Pattern]) -> Search:
        """A search for ``patterns`` in all that is unread now and comes later."""
        return Search(self, patterns)

    def consume(self, found: Found) -> tuple[str, str]:
        """Read up to the end of a match; returns the text before it and the matched text."""
        before = self.buffer.slice(self.position, found.start)
        matched = self.buffer.slice(found.start, found.end)
        self._read_to(found.end)
        return before, matched

    def consume_all(self) -> str:
        """Read everything there is, and return it."""
        text = self.unread
        self._read_to(self.buffer.end)
        return text

    @property
    def unread(self) -> str:
        """The text that no match has consumed yet."""
        return self.buffer.slice(self.position, self.buffer.end)

    @property
    def current_line(self) -> str:
        """The unfinished last line, consumed or not, as far back as is kept."""
        tail = self.buffer.slice(max(self.buffer.start, self.buffer.end - MAX_MATCH), self.buffer.end)
        return tail[tail.rfind("\n") + 1 :]

    def _read_to(self, offset: int) -> None:
        self.position = offset
        self.buffer.drop_before(offset - MAX_MATCH)


class Search:
    """One wait: several patterns, and how far each has been looked for."""

    def __init__(self, matcher: Matcher, patterns: Sequence[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self._matcher = matcher
        self._closed = [(i, p) for i, p in enumerate(self.patterns) if p.shape.closed]
        self._open = [(i, p) for i, p in enumerate(self.patterns) if not p.shape.closed]
        self._done = matcher.position  # closed patterns have been looked for up to here
        self._line_start = matcher.position  # of the line that contains _done
        self._lines_done = matcher.position  # just after the last line end at which open patterns were looked for
        self._work = ""  # the part of the stream under the eye, and where it begins
        self._base = 0

    @property
    def wants_pause(self) -> bool:
        """Whether a pause of the guest can make a difference."""
        return bool(self._open)

    def find(self, *, paused: bool = False) -> Found | None:
        """Go on looking.

        Args:
            paused: the guest has stopped sending for now, so that what is there is all there is.
        """
        end = self._matcher.buffer.end
        while self._done < end:
            block_end = min(end, (self._done // MAX_MATCH + 1) * MAX_MATCH)
            found = self._find_in_block(block_end)
            if found is not None:
                return found
            line_end = self._work.rfind("\n", self._done - self._base)
            if line_end >= 0:
                self._line_start = self._base + line_end + 1
                self._lines_done = max(self._lines_done, self._line_start)
            self._done = block_end
        if paused and self._open:
            return self._find_at_pause(end)
        return None

    # -- one block ------------------------------------------------------------------------------------------------

    def _find_in_block(self, block_end: int) -> Found | None:
        """Look at what lies between ``_done`` and ``block_end``, which lie in one block of the grid."""
        starts = {i: self._start(p, self._done, self._line_start, block_end) for i, p in self._closed}
        if self._open:
            done = max(self._lines_done - 1, self._matcher.position)
            starts |= {i: self._start(p, done, self._lines_done, block_end) for i, p in self._open}
        self._look_at(min(starts.values(), default=self._done), block_end)
        first = None
        for i, pattern in self._closed:
            at = self._first_end(pattern, starts[i], block_end if first is None else first)
            if at is not None:
                first = at
        moment, at_line_end = first, False
        for i, pattern in self._open:
            line_end = self._first_line(pattern, starts[i], block_end if moment is None else moment)
            if line_end is not None:
                moment, at_line_end = line_end, True
        if moment is None:
            return None
        found: list[Found] = []
        if moment == first:
            found += [f for i, p in self._closed if (f := self._at(i, p, starts[i], moment))]
        for i, pattern in self._open:
            if at_line_end and not pattern.shape.pause_only:
                candidate = self._at(i, pattern, starts[i], moment - 1)
            elif pattern.shape.steady and not pattern.shape.pause_only:
                candidate = self._at(i, pattern, starts[i], moment)
                candidate = candidate if candidate and candidate.end < moment else None
            else:
                continue
            if candidate:
                found.append(candidate)
        return min(found, key=lambda f: (f.start, f.index))

    def _find_at_pause(self, end: int) -> Found | None:
        starts: dict[int, int] = {}
        for i, pattern in self._open:
            done, line = (end, self._line_start) if pattern.shape.pause_only else (self._lines_done, self._lines_done)
            starts[i] = self._start(pattern, max(done - 1, self._matcher.position), line, end)
        self._look_at(min(starts.values()), end)
        found = [f for i, p in self._open if (f := self._at(i, p, starts[i], end))]
        return min(found, key=lambda f: (f.start, f.index), default=None)

    def _start(self, pattern: Pattern, done: int, line_start: int, end: int) -> int:
        """Where a match that ends after ``done`` and not after ``end`` can begin."""
        shape = pattern.shape
        if shape.longest is not None:
            start = done - shape.longest
        else:
            start = max(0, (end - 1) // MAX_MATCH - 1) * MAX_MATCH
            if shape.one_line:
                start = max(start, line_start)
        return max(start, self._matcher.position)

    def _look_at(self, start: int, end: int) -> None:
        buffer = self._matcher.buffer
        self._base = max(start - _CONTEXT, buffer.start)
        self._work = buffer.slice(self._base, end)

    # -- one pattern ----------------------------------------------------------------------------------------------

    def _search(self, pattern: Pattern, start: int, end: int) -> re.Match[str] | None:
        return pattern.regex.search(self._work, start - self._base, end - self._base)

    def _first_end(self, pattern: Pattern, start: int, end: int) -> int | None:
        """The first moment, up to ``end``, at which a closed pattern is there."""
        if pattern.literal is not None:
            at = self._work.find(pattern.literal, start - self._base, end - self._base)
            return None if at < 0 else self._base + at + len(pattern.literal)
        match = self._search(pattern, start, end)
        if match is None:
            return None
        if pattern.shape.fixed is not None:
            return self._base + match.end()
        # once there it stays there, so that the first moment can be bisected
        low, high = max(self._done, start), self._base + match.end()
        while high - low > 1:
            middle = (low + high) // 2
            if self._search(pattern, start, middle):
                high = middle
            else:
                low = middle
        return high

    def _first_line(self, pattern: Pattern, start: int, end: int) -> int | None:
        """The first line end (the offset after it) up to ``end`` at which an open pattern is there."""
        if pattern.shape.pause_only:
            return None
        base, work = self._base, self._work
        at = max(self._done, self._lines_done) - base
        last = work.rfind("\n", at, end - base)
        if last < 0:
            return None
        if pattern.shape.steady:
            match = pattern.regex.search(work, start - base, last)
            if match is None:
                return None
            last = work.find("\n", match.end(), last + 1)
        line_ends = [m.start() for m in _LINE_END.finditer(work, at, last + 1)]
        if not pattern.shape.steady:
            hit = (n for n in line_ends if pattern.regex.search(work, start - base, n))
            return next((base + n + 1 for n in hit), None)
        low, high = 0, len(line_ends) - 1
        while low < high:
            middle = (low + high) // 2
            if pattern.regex.search(work, start - base, line_ends[middle]):
                high = middle
            else:
                low = middle + 1
        return base + line_ends[low] + 1

    def _at(self, index: int, pattern: Pattern, start: int, end: int) -> Found | None:
        """The match at the moment ``end``."""
        match = self._search(pattern, start, end)
        if match is None:
            return None
        return Found(index, self._base + match.start(), self._base + match.end(), match)
