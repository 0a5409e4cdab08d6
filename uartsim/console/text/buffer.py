"""A text that grows at one end and is read from the other, addressed by absolute offsets; and views of it.

It is kept in segments of bounded size: appending costs the same for a long text as for a short one, and a reader
copies only what it reads.  (A Python string that grows by ``+=`` is copied whole each time.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from typing import Final

_SEGMENT: Final = 16_384


class TextBuffer:
    """Characters ``start`` to ``end`` of a stream."""

    __slots__ = ("_segments", "end", "start")

    def __init__(self) -> None:
        self._segments: deque[tuple[int, str]] = deque()
        #: The offset of the first character that is kept.
        self.start = 0
        #: The offset after the last character: how many there have been.
        self.end = 0

    def append(self, text: str) -> None:
        """Add ``text`` at the end."""
        if not text:
            return
        if self._segments and len(self._segments[-1][1]) + len(text) <= _SEGMENT:
            at, last = self._segments.pop()
            self._segments.append((at, last + text))
        else:
            self._segments.append((self.end, text))
        self.end += len(text)

    def slice(self, start: int, end: int) -> str:
        """The characters from ``start`` to before ``end``, as far as they are kept."""
        parts: list[str] = []
        for at, text in reversed(self._segments):
            if at >= end:
                continue
            parts.append(text[max(0, start - at) : end - at])
            if at <= start:
                break
        parts.reverse()
        return parts[0] if len(parts) == 1 else "".join(parts)

    def drop_before(self, offset: int) -> None:
        """Forget characters before ``offset``: whole segments only, so that up to one segment more is kept."""
        while len(self._segments) > 1 and self._segments[1][0] <= offset:
            self._segments.popleft()
        if self._segments:
            self.start = self._segments[0][0]


class View:
    """A stream of text with parts left out, and the place of each of its characters in the whole stream."""

    __slots__ = ("_at", "_forgot", "_from", "_to", "buffer")

    def __init__(self) -> None:
        self.buffer = TextBuffer()
        # the cuts: the offset of each in the view, and the part of the whole stream that it leaves out
        self._at: list[int] = []
        self._from: list[int] = []
        self._to: list[int] = []
        self._forgot = False  # the oldest cuts have been dropped

    def append(self, text: str) -> None:
        """Add ``text`` at the end."""
        self.buffer.append(text)

    @property
    def is_cut(self) -> bool:
        """Whether anything has ever been left out."""
        return bool(self._at)

    def cut(self, start: int, end: int) -> None:
        """Leave out the characters of the whole stream from ``start``, which come next, to before ``end``."""
        at = self.buffer.end
        if self._at and self._at[-1] == at:
            self._to[-1] = end
        else:
            self._at.append(at)
            self._from.append(start)
            self._to.append(end)

    def to_whole(self, offset: int) -> int:
        """The place in the whole stream of the character at ``offset`` of the view."""
        n = bisect_right(self._at, offset)
        return offset if n == 0 else self._to[n - 1] + offset - self._at[n - 1]

    def from_whole(self, offset: int) -> int:
        """The place in the view of the character at ``offset`` of the whole stream, or of the next one that is not left
        out.
        """
        n = bisect_right(self._from, offset)
        if n:
            return self._at[n - 1] + max(0, offset - self._to[n - 1])
        return self._at[0] if self._forgot else offset

    def run_start(self, offset: int) -> int:
        """The place in the whole stream at which the run without gaps begins that contains ``offset`` of the view."""
        n = bisect_right(self._at, offset)
        return self._to[n - 1] if n else 0

    def has_cut(self, start: int, end: int) -> bool:
        """Whether something is left out at one of the offsets ``start`` to ``end`` of the view."""
        n = bisect_left(self._at, start)
        return n < len(self._at) and self._at[n] <= end

    def drop_before(self, offset: int) -> None:
        """Forget characters of the view before ``offset``."""
        self.buffer.drop_before(offset)
        # the last cut before what is kept is needed: it has the difference between the offsets
        spare = bisect_left(self._at, self.buffer.start) - 1
        if spare > 64 and 2 * spare > len(self._at):
            del self._at[:spare], self._from[:spare], self._to[:spare]
            self._forgot = True
