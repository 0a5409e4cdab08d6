"""Searching text that is still coming; ``matcher.py`` says what is found, and when.  No I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from uartsim.console.text.buffer import View
from uartsim.console.text.patterns import MAX_MATCH, Pattern
from uartsim.console.text.views import TextViews

#: The longest match that is looked for across a line end that stands before a kernel line, in characters.
MAX_JOINED: Final = 256
#: Characters before the unread text that look-behinds, ``^`` and ``\\b`` can see.
_CONTEXT: Final = 256
_LINE_END: Final = re.compile("\n")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a pattern matched; offsets are absolute, in characters of the text as sent."""

    index: int
    start: int
    end: int
    match: re.Match[str]


class Search:
    """A search for several patterns, and how far each has been looked for."""

    def __init__(self, text: TextViews, patterns: Sequence[Pattern], after: int = 0) -> None:
        self.patterns = tuple(patterns)
        self._text = text
        numbered = list(enumerate(self.patterns))
        short = [(i, p) for i, p in numbered if p.shape.longest is not None and p.shape.longest <= MAX_JOINED]
        self._views = [
            _ViewSearch(text, text.sent, numbered, after),
            _ViewSearch(text, text.lifted, numbered, after),
            _ViewSearch(text, text.joined, short, after),
        ]

    @property
    def wants_pause(self) -> bool:
        """Whether a pause of the guest can change the result."""
        return any(not pattern.shape.closed for pattern in self.patterns)

    def find(self, *, paused: bool = False) -> Found | None:
        """Search what has come since the last call.

        Args:
            paused: the guest has stopped sending for now, so that the text is complete.
        """
        found = [found for view in self._views if (found := view.find())]
        if not found and paused:
            end = self._text.sent.buffer.end
            views = self._views[:1] if self._text.undecided else self._views
            found = [(end, at_pause) for view in views if (at_pause := view.find_at_pause())]
        if not found:
            return None
        return min(found, key=lambda f: (f[0], f[1].start, f[1].index))[1]

    def find_open(self, end: int) -> Found | None:
        """The first match of an open pattern in the text as it was before the place ``end``, within a line or not."""
        found = [found for view in self._views if (found := view.find_open(end))]
        return min(found, key=lambda f: (f.start, f.index), default=None)


class _ViewSearch:
    """A search in one view of the text.  Offsets are the view's own, except in what ``find`` returns."""

    def __init__(self, text: TextViews, view: View, patterns: list[tuple[int, Pattern]], after: int) -> None:
        self._text = text
        self._after = after
        self._view = view
        self._is_whole = view is text.sent
        self._closed = [(i, p) for i, p in patterns if p.shape.closed]
        self._open = [(i, p) for i, p in patterns if not p.shape.closed]
        self._first = self._done = self._first_unread()  # patterns have been looked for up to _done
        self._line_start = self._done  # of the line that contains _done
        self._lines_done = self._done  # just after the last line end at which open patterns were looked for
        self._work = ""  # the part of the view that is searched, and where it begins
        self._base = 0

    def _first_unread(self) -> int:
        return max(self._view.from_whole(max(self._text.position, self._after)), self._view.buffer.start)

    def find(self) -> tuple[int, Found] | None:
        """The first match in what has come, and how many characters had been sent when it could be found."""
        if not self._is_whole and not self._view.is_cut:
            return None  # as in the text as sent; what is here now is gone through when the view is first cut
        end = self._view.buffer.end
        self._first = self._first_unread()
        while self._done < end:
            block_end = min(end, (self._done // MAX_MATCH + 1) * MAX_MATCH)
            if self._near_gap(self._done, block_end):
                found = self._find_in_block(block_end)
                if found is not None:
                    return found
                line_end = self._work.rfind("\n", self._done - self._base)
                line_start = self._base + line_end + 1
            else:
                text = self._view.buffer.slice(self._done, block_end)
                line_end = text.rfind("\n")
                line_start = self._done + line_end + 1
            if line_end >= 0:
                self._line_start = line_start
                self._lines_done = max(self._lines_done, line_start)
            self._done = block_end
        return None

    def find_at_pause(self) -> Found | None:
        """The first match if the text is complete."""
        end = self._view.buffer.end
        if not self._open or not self._near_gap(end, end):
            return None
        return self._find_at_pause(end)

    def find_open(self, end: int) -> Found | None:
        """The first match of an open pattern in the text before the place ``end`` of the text as sent."""
        end = min(self._view.from_whole(end), self._view.buffer.end)
        patterns = [(i, p) for i, p in self._open if not p.shape.pause_only]
        if not patterns or not self._near_gap(end, end):
            return None
        starts = {i: self._start(p, self._first, self._first, end) for i, p in patterns}
        self._look_at(min(starts.values()), end)
        found = [f for i, p in patterns if (f := self._at(i, p, starts[i], end))]
        return min(found, key=lambda f: (f.start, f.index), default=None)

    def _near_gap(self, start: int, end: int) -> bool:
        """Whether a match that ends in this part may differ from one in the text as sent."""
        return self._is_whole or self._view.has_cut((start // MAX_MATCH - 2) * MAX_MATCH, end)

    # -- one block ------------------------------------------------------------------------------------------------

    def _find_in_block(self, block_end: int) -> tuple[int, Found] | None:
        """Search from ``_done`` to ``block_end``, which are in one block of the grid."""
        starts = {i: self._start(p, self._done, self._line_start, block_end) for i, p in self._closed}
        if self._open:
            done = max(self._lines_done - 1, self._first)
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
                candidate = candidate if candidate and self._base + candidate.match.end() < moment else None
            else:
                continue
            if candidate:
                found.append(candidate)
        return self._text.moment(self._view, moment), min(found, key=lambda f: (f.start, f.index))

    def _find_at_pause(self, end: int) -> Found | None:
        starts: dict[int, int] = {}
        for i, pattern in self._open:
            done, line = (end, self._line_start) if pattern.shape.pause_only else (self._lines_done, self._lines_done)
            starts[i] = self._start(pattern, max(done - 1, self._first), line, end)
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
        return max(start, self._first)

    def _look_at(self, start: int, end: int) -> None:
        buffer = self._view.buffer
        self._base = max(start - _CONTEXT, buffer.start)
        self._work = buffer.slice(self._base, end)

    # -- one pattern ----------------------------------------------------------------------------------------------

    def _search(self, pattern: Pattern, start: int, end: int) -> re.Match[str] | None:
        return pattern.regex.search(self._work, start - self._base, end - self._base)

    def _first_end(self, pattern: Pattern, start: int, end: int) -> int | None:
        """The first moment, up to ``end``, at which a closed pattern matches."""
        if pattern.literal is not None:
            at = self._work.find(pattern.literal, start - self._base, end - self._base)
            return None if at < 0 else self._base + at + len(pattern.literal)
        match = self._search(pattern, start, end)
        if match is None:
            return None
        if pattern.shape.fixed is not None:
            return self._base + match.end()
        # a match is never taken back, so the first moment can be bisected
        low, high = max(self._done, start), self._base + match.end()
        while high - low > 1:
            middle = (low + high) // 2
            if self._search(pattern, start, middle):
                high = middle
            else:
                low = middle
        return high

    def _first_line(self, pattern: Pattern, start: int, end: int) -> int | None:
        """The first line end (the offset after it) up to ``end`` at which an open pattern matches."""
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
        start, end = self._base + match.start(), self._base + match.end()
        to_whole = self._view.to_whole
        return Found(index, to_whole(start), to_whole(end - 1) + 1 if end > start else to_whole(start), match)
