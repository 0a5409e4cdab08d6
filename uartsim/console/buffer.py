"""A text that grows at one end and is read from the other, addressed by absolute offsets.

Kept in segments of bounded size: to append costs no more for a long text than for a short one, and a reader copies
only what it looks at.  (A Python string that grows by ``+=`` is copied whole each time.)
"""

from __future__ import annotations

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
