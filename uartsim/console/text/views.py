"""The three views of a stream of text in which patterns are looked for.  No I/O, no clock.

- as it was sent, where a kernel's message can be matched like anything else;
- *lifted*: without kernel lines, where a prompt or marker that one has cut is whole (see ``kernel_lines.py``);
- *joined*: lifted, and without a line end that stands before a kernel line.  It may belong to what came before.

Places are offsets in characters of the text as sent; ``View`` translates them.
"""

from __future__ import annotations

from typing import Final

from uartsim.console.text.buffer import View
from uartsim.console.text.kernel_lines import KernelBlock, KernelLifter, KernelLog, Segment
from uartsim.console.text.kernel_prefix import may_become_prefix
from uartsim.console.text.patterns import MAX_MATCH

#: How much unread text is kept in the views without kernel lines, in characters.
MAX_LIFTED: Final = 1 << 20
#: How many characters of a kernel line's prefix must be looked at to recognise it.
_PREFIX_REACH: Final = 64


class TextViews:
    """A stream of text in its three views, and up to where it was read.

    Attributes:
        sent: the text as it was sent.
        lifted: the text without kernel lines.
        joined: the lifted text without line ends before kernel lines.
        position: the offset of the first unread character.
    """

    def __init__(self) -> None:
        self.sent = View()
        self.lifted = View()
        self.joined = View()
        self.position = 0
        self._lifter = KernelLifter()
        self._line_end_held = False  # the last character of the lifted view is a line end, not yet in the joined one

    def feed(self, text: str, at: float) -> list[Segment]:
        """Take in what came at ``at`` seconds; returns it split into segments, as far as is decided."""
        self.sent.append(text)
        return self._take(self._lifter.feed(text, at))

    def finish(self) -> list[Segment]:
        """The stream ends here; returns what was held back, split into segments."""
        return self._take(self._lifter.finish())

    def _take(self, segments: list[Segment]) -> list[Segment]:
        for segment in segments:
            if isinstance(segment, KernelBlock):
                start = segment.start
                self.lifted.cut(start, segment.end)
                self.joined.cut(start - 1 if self._line_end_held else start, segment.end)
                self._line_end_held = False
            else:
                plain = segment.text
                self.lifted.append(plain)
                held, self._line_end_held = self._line_end_held, plain.endswith("\n")
                plain = plain[:-1] if self._line_end_held else plain
                self.joined.append("\n" + plain if held else plain)
        return segments

    @property
    def log(self) -> KernelLog:
        """The kernel's messages."""
        return self._lifter.log

    @property
    def undecided(self) -> str:
        """The last characters, if it is open whether they begin a kernel line."""
        return self._lifter.undecided

    @property
    def unfinished(self) -> str:
        """The last characters, if they are a kernel line without its end."""
        return self._lifter.unfinished

    def read_to(self, offset: int) -> None:
        """Mark what is before ``offset`` as read; ``MAX_MATCH`` characters of it are kept."""
        self.position = offset
        for view in (self.sent, self.lifted, self.joined):
            view.drop_before(view.from_whole(offset) - MAX_MATCH)

    def limit_lifted(self) -> None:
        """Drop what exceeds ``MAX_LIFTED`` in the views without kernel lines."""
        for view in (self.lifted, self.joined):
            view.drop_before(view.buffer.end - MAX_LIFTED)

    def moment(self, view: View, offset: int) -> int:
        """How many characters had been sent when those of the view up to ``offset`` were known."""
        last = view.to_whole(offset - 1)
        if view is self.sent:
            return last + 1
        moment = self._decided(last)
        if view is self.joined and offset < view.buffer.end and self.sent.buffer.slice(last, last + 1) == "\n":
            return self._decided(view.to_whole(offset))
        return moment

    def _decided(self, at: int) -> int:
        """How many characters had been sent when it was known that the one at ``at`` is not part of a kernel line's prefix."""
        start = max(at - _PREFIX_REACH, self.lifted.run_start(self.lifted.from_whole(at)))
        text = self.sent.buffer.slice(start, at + _PREFIX_REACH)
        for length in range(at - start + 1, len(text)):
            if may_become_prefix(text[:length]) > at - start:
                return start + length
        return start + len(text)
