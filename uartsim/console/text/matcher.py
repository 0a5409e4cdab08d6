"""Finding patterns in a stream of cleaned text, as it comes.  No I/O, no clock.

Theory of operation
-------------------
The answer is that of a reader of the text who takes in one character at a time, as a serial line delivers it; how the
text was cut into pieces on its way makes no difference.  Such a reader finds a pattern at one of three moments:

1. A *closed* pattern (see ``patterns.py``) is found at the first character at which it can be.
2. An *open* pattern is looked for when a line is complete, in the text without that line's end, ...
3. ... and at a pause, in all the text there is.  The caller decides when the guest pauses.

When one pattern is found, open patterns that ended before this point are tried too.  Of all that were found at the same
moment, the one that starts first wins, then the one that is first in the list.

The text is searched in three views (``views.py``):

- as it was sent, where a kernel's message can be matched like anything else;
- *lifted*: without kernel lines, where a prompt or marker that one has cut is whole (see ``kernel_lines.py``);
- *joined*: lifted, and without a line end that stands before a kernel line.  It may belong to what came before, so
  only patterns of at most ``MAX_JOINED`` characters are looked for here: ``a.*b`` would join two lines into one.

The work is linear: a search continues where the last one stopped, less an overlap that follows from the pattern: its longest
match if it has one, the current line if it cannot cross a line's end, otherwise up to two blocks of ``MAX_MATCH``
characters on a grid fixed to the stream (not to the pieces).  A match of up to ``MAX_MATCH`` characters is always
found.  The two views with gaps are searched only near a gap.

Searching consumes nothing: a ``Search`` that finds nothing leaves the matcher as it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from uartsim.console.text.buffer import TextBuffer
from uartsim.console.text.kernel_lines import KernelLog, Segment, own_output
from uartsim.console.text.patterns import MAX_MATCH, Pattern
from uartsim.console.text.search import Found, Search
from uartsim.console.text.views import TextViews

#: How much unread text is kept, in characters; older text is read past, and counted in ``Matcher.dropped``.
MAX_UNREAD: Final = 1 << 24


class Matcher:
    """The unread part of a stream of text.

    Args:
        max_unread: how many characters may wait unread; at least twice ``MAX_MATCH`` for the promise above to hold.
    """

    def __init__(self, max_unread: int = MAX_UNREAD) -> None:
        #: Characters that were read past because too many waited.
        self.dropped = 0
        self._max_unread = max_unread
        self._views = TextViews()

    @property
    def position(self) -> int:
        """The offset of the first unread character."""
        return self._views.position

    @property
    def buffer(self) -> TextBuffer:
        """The text as it was sent."""
        return self._views.sent.buffer

    @property
    def kernel_log(self) -> KernelLog:
        """The kernel's messages, wherever they landed."""
        return self._views.log

    def feed(self, text: str, at: float = 0.0) -> list[Segment]:
        """Take in what came at ``at`` seconds of the caller's clock; returns it split into segments, as far as is decided."""
        segments = self._views.feed(text, at)
        self._limit()
        return segments

    def finish(self) -> list[Segment]:
        """The stream ends here; returns what was held back, split into segments."""
        segments = self._views.finish()
        self._limit()
        return segments

    def _limit(self) -> None:
        """Read past the text that exceeds the limits."""
        excess = self.buffer.end - self._max_unread - self.position
        if excess > 0:
            self.dropped += excess
            self._views.read_to(self.position + excess)
        self._views.limit_lifted()

    @property
    def undecided(self) -> str:
        """The last characters, if it is open whether they begin a kernel line."""
        return self._views.undecided

    @property
    def held(self) -> str:
        """The last characters, if they are a kernel line without its end, or may become one."""
        return self._views.undecided or self._views.unfinished

    def search(self, patterns: Sequence[Pattern], after: int = 0) -> Search:
        """A search for ``patterns`` in all that is unread now and comes later, from the place ``after`` on."""
        return Search(self._views, patterns, after)

    def find_plain(self, regex: re.Pattern[str], start: int, count: int) -> tuple[int, int] | None:
        """Where an expression matches in the ``count`` characters without kernel lines from ``start`` on.

        Args:
            regex: what to look for; no empty match.
            start: an offset in the text as sent.
            count: how far to look.
        """
        view = self._views.lifted
        at = max(view.from_whole(start), view.buffer.start)
        match = regex.search(view.buffer.slice(at, at + count))
        if match is None:
            return None
        return view.to_whole(at + match.start()), view.to_whole(at + match.end() - 1) + 1

    def place_of_tail(self, count: int) -> int:
        """Where the last ``count`` characters (at least 1) of :meth:`plain_tail` begin in the text as sent."""
        undecided = len(self._views.undecided)
        if count <= undecided:
            return self.buffer.end - count
        return self._views.lifted.to_whole(self._views.lifted.buffer.end + undecided - count)

    def consume(self, found: Found) -> tuple[str, str]:
        """Read up to the end of a match; returns the text before it, as sent, and the matched text."""
        before = self.buffer.slice(self.position, found.start)
        self._views.read_to(found.end)
        return before, found.match[0]

    def read_up_to(self, place: int) -> None:
        """Read what is before a place, of which nothing was read yet."""
        self._views.read_to(max(self.position, place))

    def consume_all(self) -> str:
        """Read everything there is, and return it."""
        text = self.unread
        self._views.read_to(self.buffer.end)
        return text

    @property
    def unread(self) -> str:
        """The text that no match has consumed yet, as sent."""
        return self.buffer.slice(self.position, self.buffer.end)

    @property
    def plain_line(self) -> str:
        """The unfinished last line without kernel lines, consumed or not."""
        tail = self.plain_tail(MAX_MATCH)
        return tail[tail.rfind("\n") + 1 :]

    def plain_tail(self, count: int) -> str:
        """The last ``count`` characters of the text without kernel lines, as far back as is kept."""
        buffer = self._views.lifted.buffer
        return (buffer.slice(max(buffer.start, buffer.end - count), buffer.end) + self._views.undecided)[-count:]

    def between(self, start: int, end: int, kernel: Literal["keep", "lift", "own"] = "keep") -> str:
        """The text from ``start`` to before ``end``, both as sent, as far back as is kept.

        Args:
            start, end: offsets in the text as sent.
            kernel: what happens to kernel lines that begin in this part.  ``keep``: they stay.  ``lift``: they are removed,
                and what they cut is whole again.  ``own``: those that came live are removed, and those that a command has
                printed (``dmesg``, a log file) stay.
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
            if part.startswith("\n"):  # the kernel line came between the CR and the LF of a line end
                parts[i - 1] = parts[i - 1].removesuffix("\r")
        return "".join(parts)
