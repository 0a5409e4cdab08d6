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

The reader looks at the text in three views:

- as it was sent, where a kernel's message can be matched like anything else;
- *lifted*: without kernel lines, where a prompt or marker that one has cut is whole (see ``kernel_lines.py``);
- *joined*: lifted, and without a line end that stands before a kernel line.  It may belong to what came before, so
  only patterns of at most ``MAX_JOINED`` characters are looked for here: ``a.*b`` would join two lines into one.

Work is linear: a search goes on where the last one stopped, less an overlap that follows from the pattern: its longest
match if it has one, the current line if it cannot cross a line's end, otherwise up to two blocks of ``MAX_MATCH``
characters on a grid fixed to the stream (not to the pieces).  A match of up to ``MAX_MATCH`` characters is always
found.  The two views with gaps are searched only near a gap.

Nothing is consumed by looking: a ``Search`` that finds nothing leaves the matcher as it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from uartsim.console.text.buffer import TextBuffer, View
from uartsim.console.text.kernel_lines import (
    KernelBlock,
    KernelLifter,
    KernelLog,
    Segment,
    may_become_prefix,
    own_output,
)
from uartsim.console.text.patterns import MAX_MATCH, Pattern

#: How much unread text is kept, in characters; older text is read past, and counted in ``Matcher.dropped``.
MAX_UNREAD: Final = 1 << 24
#: How much unread text is kept in the views without kernel lines, in characters.
MAX_LIFTED: Final = 1 << 20
#: The longest match that is looked for across a line end that stands before a kernel line, in characters.
MAX_JOINED: Final = 256
#: Characters before the unread text that look-behinds, ``^`` and ``\\b`` can see.
_CONTEXT: Final = 256
#: How far before a kernel line's prefix its beginning can be told, in characters.
_PREFIX_REACH: Final = 64
_LINE_END: Final = re.compile("\n")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a pattern matched; offsets are absolute, in characters of the text as sent."""

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
        #: The offset of the first unread character.
        self.position = 0
        #: Characters that were read past because too many waited.
        self.dropped = 0
        self._max_unread = max_unread
        self._sent = View()
        self._lifted = View()
        self._joined = View()
        self._lifter = KernelLifter()
        self._line_end_held = False  # the last character of the lifted view is a line end, not yet in the joined one

    @property
    def buffer(self) -> TextBuffer:
        """The text as it was sent."""
        return self._sent.buffer

    @property
    def kernel_log(self) -> KernelLog:
        """The kernel's messages, wherever they landed."""
        return self._lifter.log

    def feed(self, text: str, at: float = 0.0) -> list[Segment]:
        """Take in what came at ``at`` seconds of the caller's clock; returns it taken apart, as far as is decided."""
        self._sent.append(text)
        return self._take(self._lifter.feed(text, at))

    def finish(self) -> list[Segment]:
        """The stream ends here: what was held back, taken apart."""
        return self._take(self._lifter.finish())

    def _take(self, segments: list[Segment]) -> list[Segment]:
        for segment in segments:
            if isinstance(segment, KernelBlock):
                start = segment.start
                self._lifted.cut(start, segment.end)
                self._joined.cut(start - 1 if self._line_end_held else start, segment.end)
                self._line_end_held = False
            else:
                plain = segment.text
                self._lifted.append(plain)
                held, self._line_end_held = self._line_end_held, plain.endswith("\n")
                plain = plain[:-1] if self._line_end_held else plain
                self._joined.append("\n" + plain if held else plain)
        excess = self.buffer.end - self._max_unread - self.position
        if excess > 0:
            self.dropped += excess
            self._read_to(self.position + excess)
        for view in (self._lifted, self._joined):
            view.drop_before(view.buffer.end - MAX_LIFTED)
        return segments

    @property
    def undecided(self) -> str:
        """The last characters, if they may or may not be the beginning of a kernel line."""
        return self._lifter.undecided

    @property
    def held(self) -> str:
        """The last characters, if they are a kernel line without its end, or may become one."""
        return self._lifter.undecided or self._lifter.unfinished

    def search(self, patterns: Sequence[Pattern], after: int = 0) -> Search:
        """A search for ``patterns`` in all that is unread now and comes later, from the place ``after`` on."""
        return Search(self, patterns, after)

    def find_plain(self, regex: re.Pattern[str], start: int, count: int) -> tuple[int, int] | None:
        """Where an expression matches in the ``count`` characters without kernel lines from ``start`` on.

        Args:
            regex: what to look for; no empty match.
            start: an offset in the text as sent, as the answer.
            count: how far to look.
        """
        view = self._lifted
        at = max(view.from_whole(start), view.buffer.start)
        match = regex.search(view.buffer.slice(at, at + count))
        if match is None:
            return None
        return view.to_whole(at + match.start()), view.to_whole(at + match.end() - 1) + 1

    def place_of_tail(self, count: int) -> int:
        """Where the last ``count`` characters (at least 1) of :meth:`plain_tail` begin in the text as sent."""
        undecided = len(self._lifter.undecided)
        if count <= undecided:
            return self.buffer.end - count
        return self._lifted.to_whole(self._lifted.buffer.end + undecided - count)

    def consume(self, found: Found) -> tuple[str, str]:
        """Read up to the end of a match; returns the text before it, as sent, and the matched text."""
        before = self.buffer.slice(self.position, found.start)
        self._read_to(found.end)
        return before, found.match[0]

    def consume_all(self) -> str:
        """Read everything there is, and return it."""
        text = self.unread
        self._read_to(self.buffer.end)
        return text

    @property
    def unread(self) -> str:
        """The text that no match has consumed yet, as sent."""
        return self.buffer.slice(self.position, self.buffer.end)

    @property
    def current_line(self) -> str:
        """The unfinished last line as sent, consumed or not, as far back as is kept."""
        tail = self.buffer.slice(max(self.buffer.start, self.buffer.end - MAX_MATCH), self.buffer.end)
        return tail[tail.rfind("\n") + 1 :]

    @property
    def plain_line(self) -> str:
        """The unfinished last line without kernel lines, consumed or not."""
        tail = self.plain_tail(MAX_MATCH)
        return tail[tail.rfind("\n") + 1 :]

    def plain_tail(self, count: int) -> str:
        """The last ``count`` characters of the text without kernel lines, as far back as is kept."""
        buffer = self._lifted.buffer
        return (buffer.slice(max(buffer.start, buffer.end - count), buffer.end) + self._lifter.undecided)[-count:]

    def between(self, start: int, end: int, kernel: Literal["keep", "lift", "own"] = "keep") -> str:
        """The text from ``start`` to before ``end``, both as sent, as far back as is kept.

        Args:
            start, end: offsets in the text as sent.
            kernel: what becomes of kernel lines that begin in this part.  ``keep``: they stay.  ``lift``: they go, and
                what they cut is whole again.  ``own``: those go that came live, and those that a command has printed
                (``dmesg``, a log file) stay.
        """
        lines = [] if kernel == "keep" else self.kernel_log.between(start, end)
        if lines and kernel == "own":
            own = own_output(lines, self.kernel_log.clock_offset_s(start))
            lines = [line for line in lines if line not in own]
        parts, at = [], start
        for line in lines:
            parts.append(self.buffer.slice(at, line.start))
            at = min(line.end, end)
        parts.append(self.buffer.slice(at, end))
        parts = [part for part in parts if part]
        for i, part in enumerate(parts[1:], 1):
            if part.startswith("\n"):  # the kernel came between the two of a line's end
                parts[i - 1] = parts[i - 1].removesuffix("\r")
        return "".join(parts)

    def _read_to(self, offset: int) -> None:
        self.position = offset
        for view in (self._sent, self._lifted, self._joined):
            view.drop_before(view.from_whole(offset) - MAX_MATCH)

    def _moment(self, view: View, offset: int) -> int:
        """How much had been sent when the view's reader had taken in its characters up to ``offset``."""
        last = view.to_whole(offset - 1)
        if view is self._sent:
            return last + 1
        moment = self._decided(last)
        if view is self._joined and offset < view.buffer.end and self.buffer.slice(last, last + 1) == "\n":
            return self._decided(view.to_whole(offset))
        return moment

    def _decided(self, at: int) -> int:
        """How much had been sent when it was known that the character at ``at`` is not a kernel line's prefix."""
        start = max(at - _PREFIX_REACH, self._lifted.run_start(self._lifted.from_whole(at)))
        text = self.buffer.slice(start, at + _PREFIX_REACH)
        for length in range(at - start + 1, len(text)):
            if may_become_prefix(text[:length]) > at - start:
                return start + length
        return start + len(text)


class Search:
    """One wait: several patterns, and how far each has been looked for."""

    def __init__(self, matcher: Matcher, patterns: Sequence[Pattern], after: int = 0) -> None:
        self.patterns = tuple(patterns)
        self._matcher = matcher
        numbered = list(enumerate(self.patterns))
        short = [(i, p) for i, p in numbered if p.shape.longest is not None and p.shape.longest <= MAX_JOINED]
        self._views = [
            _ViewSearch(matcher, matcher._sent, numbered, after),
            _ViewSearch(matcher, matcher._lifted, numbered, after),
            _ViewSearch(matcher, matcher._joined, short, after),
        ]

    @property
    def wants_pause(self) -> bool:
        """Whether a pause of the guest can make a difference."""
        return any(not pattern.shape.closed for pattern in self.patterns)

    def find(self, *, paused: bool = False) -> Found | None:
        """Go on looking.

        Args:
            paused: the guest has stopped sending for now, so that what is there is all there is.
        """
        found = [found for view in self._views if (found := view.find())]
        if not found and paused:
            end = self._matcher.buffer.end
            views = self._views[:1] if self._matcher._lifter.undecided else self._views
            found = [(end, at_pause) for view in views if (at_pause := view.find_at_pause())]
        if not found:
            return None
        return min(found, key=lambda f: (f[0], f[1].start, f[1].index))[1]


class _ViewSearch:
    """A search in one view of the text.  Offsets are the view's own, but for what ``find`` returns."""

    def __init__(self, matcher: Matcher, view: View, patterns: list[tuple[int, Pattern]], after: int) -> None:
        self._matcher = matcher
        self._after = after
        self._view = view
        self._is_whole = view is matcher._sent
        self._closed = [(i, p) for i, p in patterns if p.shape.closed]
        self._open = [(i, p) for i, p in patterns if not p.shape.closed]
        self._first = self._done = self._first_unread()  # patterns have been looked for up to _done
        self._line_start = self._done  # of the line that contains _done
        self._lines_done = self._done  # just after the last line end at which open patterns were looked for
        self._work = ""  # the part of the view under the eye, and where it begins
        self._base = 0

    def _first_unread(self) -> int:
        return max(self._view.from_whole(max(self._matcher.position, self._after)), self._view.buffer.start)

    def find(self) -> tuple[int, Found] | None:
        """What is found in what has come, and how much had been sent when it could be."""
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
        """What is found if all there is has come."""
        end = self._view.buffer.end
        if not self._open or not self._near_gap(end, end):
            return None
        return self._find_at_pause(end)

    def _near_gap(self, start: int, end: int) -> bool:
        """Whether a match that ends in this part may differ from one in the text as sent."""
        return self._is_whole or self._view.has_cut((start // MAX_MATCH - 2) * MAX_MATCH, end)

    # -- one block ------------------------------------------------------------------------------------------------

    def _find_in_block(self, block_end: int) -> tuple[int, Found] | None:
        """Look at what lies between ``_done`` and ``block_end``, which lie in one block of the grid."""
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
        return self._matcher._moment(self._view, moment), min(found, key=lambda f: (f.start, f.index))

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
        start, end = self._base + match.start(), self._base + match.end()
        to_whole = self._view.to_whole
        return Found(index, to_whole(start), to_whole(end - 1) + 1 if end > start else to_whole(start), match)
