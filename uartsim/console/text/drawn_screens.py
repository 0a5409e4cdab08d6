"""The parts of what a guest sends that draw a screen, and the rows that are shown for each in a log.

A guest that places the cursor (CUP, HVP) draws.  Its text alone, in the order in which it came, is not what a person sees:
GRUB's menu would be two long lines.  From the first placement on, what comes goes to a screen, which begins empty.  Each time
this stands still, for ``STILL_S``, or is erased, the rows that have changed are shown, each once; rows that are empty, or only
a frame, are not.

What comes behind the last placement is open: it belongs to the screen if another one follows.  It is ordinary lines again if
a line of it has ended and it then stands still, or if a line ends behind a text that has stood still (a prompt), or with the
``LINES``-th line, or if it is long.

The result depends on the bytes and their times, and not on when it is asked for.  No I/O, no clock.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.kernel_prefix import PREFIX
from uartsim.console.text.screen import ScreenModel

#: How long a screen must not change to be shown, and how long at most it may change without being shown, in seconds.
STILL_S: Final = 0.25
LONGEST_S: Final = 5.0
#: How many lines, or how many bytes of one, without a placement are ordinary lines.
LINES: Final = 6
_LONGEST_OPEN: Final = 4096
#: How many times a screen is shown, because it is erased, within ``_ERASED_S`` seconds: a flood must not cost a drawing each.
_ERASED: Final = 8
_ERASED_S: Final = 0.1
_PLACED: Final = re.compile(rb"\x1b\[[0-9;]{0,20}[Hf]")
_PLACED_OR_ERASED: Final = re.compile(rb"\x1b\[[0-9;]{0,20}[HfJ]")
#: The beginning of such a sequence, and how long it can be, in bytes.
_BEGUN: Final = re.compile(rb"\x1b(?:\[[0-9;]{0,20})?\Z")
_LONGEST: Final = 23
_KERNEL_LINE: Final = re.compile(PREFIX)
#: A row that is only a part of a frame, or nothing.
_FRAME: Final = re.compile(r"[\s|+\-\u2500-\u257f]*")


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """A part of the text that has drawn a screen.

    Attributes:
        start, end: where it is in the cleaned text as sent.
        at: when it began, in seconds of the console's clock.
        rows: those that it has changed, from the top.
    """

    start: int
    end: int
    at: float
    rows: tuple[str, ...]


class DrawnScreens:
    """Follows where a guest draws.

    Args:
        transcript: takes in what the guest sends, by :meth:`feed`.
        rows, columns: the terminal's size.
    """

    def __init__(self, transcript: Transcript, rows: int = 24, columns: int = 80) -> None:
        self._transcript = transcript
        self._size = rows, columns
        self._parts: deque[DrawnPart] = deque()
        #: The screen that is being drawn; None: ordinary lines come.
        self._model: ScreenModel | None = None
        self._shown: list[str] = []
        #: Since when, in text and in seconds, nothing has been shown of the screen.
        self._begin, self._since = 0, 0.0
        #: What came behind the last placement, which the model has not been given, and where it begins in the text; of
        #: ordinary lines, the beginning of what may become a placement.
        self._open, self._open_at = b"", 0
        self._stood = False
        self._last = 0.0
        self._erased_at, self._erased = 0.0, 0

    def feed(self, data: bytes, time_s: float) -> str:
        """Take in what came at ``time_s``; returns the text that it adds."""
        self.settle(time_s)
        self._last = time_s
        text = ""
        while data:
            before = self._transcript.raw_end
            text += self._feed_lines(data, time_s) if self._model is None else self._feed_screen(data, time_s)
            data = data[self._transcript.raw_end - before :]
        return text

    def settle(self, time_s: float) -> None:
        """Show the screen if it has stood still by ``time_s``."""
        if self._model is None or self._stood or time_s < min(self._last + STILL_S, self._since + LONGEST_S):
            return
        if time_s < self._last + STILL_S:
            self._show(self._open_at, time_s)
        elif b"\n" in self._open:
            self._leave()
        else:
            self._show(self._open_at, time_s)
            self._stood = True

    @property
    def still_at(self) -> float | None:
        """When there will be something to show if nothing comes before; None: there is nothing."""
        return None if self._model is None or self._stood else self._last + STILL_S

    def resize(self, rows: int, columns: int) -> None:
        """From now on the terminal has this size."""
        self._size = rows, columns
        if self._model is not None:
            self._model.resize(rows, columns)
            self._shown = (self._shown + [""] * rows)[:rows]

    def end_line(self, time_s: float) -> str:
        """End the unfinished line, as after a reset; returns the text that this adds."""
        if self._model is not None:
            self._leave()
        self._open = b""
        return self._transcript.end_line(time_s)

    @property
    def decided_end(self) -> int:
        """The end of the text of which it is known how it is shown."""
        return self._transcript.text_end if self._model is None else self._begin

    @property
    def drawn_end(self) -> int:
        """The end of the last part that is known to draw."""
        return self._parts[-1].end if self._parts else 0

    def parts(self) -> list[DrawnPart]:
        """The parts of the text that is kept, first to last; the last one as if the screen stood still."""
        start = self._transcript.text_start
        while self._parts and self._parts[0].end <= start:
            self._parts.popleft()
        parts = list(self._parts)
        if self._model is not None and self._open_at > self._begin:
            rows, size = self._rows_with_open()
            parts.append(DrawnPart(self._begin, self._open_at + size, self._since, self._changed(rows)))
        return parts

    # -- how it goes on -------------------------------------------------------------------------------------------

    def _feed_lines(self, data: bytes, time_s: float) -> str:
        begun, self._open = self._open, b""
        if not begun and b"\x1b" not in data:
            return self._transcript.feed(data, time_s)
        whole = begun + data
        placed = _PLACED.search(whole)
        if placed is None:
            unfinished = _BEGUN.search(whole, max(0, len(whole) - _LONGEST))
            self._open = unfinished[0] if unfinished else b""
            return self._transcript.feed(data, time_s)
        text = self._transcript.feed(data[: max(0, placed.start() - len(begun))], time_s)
        self._model = ScreenModel(*self._size)
        self._shown = [""] * self._size[0]
        self._begin = self._open_at = self._transcript.text_end
        self._since, self._stood = time_s, False
        self._open = begun[placed.start() :]
        return text

    def _feed_screen(self, data: bytes, time_s: float) -> str:
        """Take in what comes up to where ordinary lines begin."""
        assert self._model is not None
        known = len(self._open)
        whole = self._open + data
        text, drawn = "", 0
        taken = known  # by the transcript
        stood, self._stood = self._stood, False
        if stood:
            self._since = time_s
        for found in _PLACED_OR_ERASED.finditer(whole, max(0, known - _LONGEST)):
            if found.end() <= known:
                continue
            if whole.count(b"\n", drawn, found.start()) >= (1 if stood else LINES):
                text += self._transcript.feed(whole[taken : found.start()], time_s)
                self._open = whole[drawn : max(found.start(), known)]
                self._leave()
                return text
            if is_erased := found[0].endswith(b"J"):
                self._model.feed(whole[drawn : found.start()])
                drawn = found.start()
            if (is_erased and self._may_show(time_s)) or stood:
                text += self._transcript.feed(whole[taken : max(taken, found.start())], time_s)
                taken = max(taken, found.start())
                if not is_erased:
                    self._model.feed(whole[drawn : found.start()])
                    drawn = found.start()
                self._show(self._transcript.text_end, time_s)
            stood = False
            self._model.feed(whole[drawn : found.end()])
            drawn = found.end()
        if drawn:
            text += self._transcript.feed(whole[taken : max(taken, drawn)], time_s)
            taken = max(taken, drawn)
            self._open_at = self._transcript.text_end
        text += self._transcript.feed(whole[taken:], time_s)
        self._open = whole[drawn:]
        if self._open.count(b"\n") >= (1 if stood else LINES) or len(self._open) > _LONGEST_OPEN:
            self._leave()
        return text

    def _may_show(self, time_s: float) -> bool:
        if time_s - self._erased_at > _ERASED_S:
            self._erased_at, self._erased = time_s, 0
        self._erased += 1
        return self._erased <= _ERASED

    def _rows(self) -> list[str]:
        assert self._model is not None
        return [row.rstrip() for row in self._model.read().lines]

    def _rows_with_open(self) -> tuple[list[str], int]:
        """The rows with the first open line where it goes on in one; and its size in the text, 0 if it is a line of its own."""
        assert self._model is not None
        rows, (y, x) = self._rows(), self._model.read().cursor
        open_text = self._transcript.slice(self._open_at, self._transcript.text_end)
        line, newline, _ = open_text.partition("\n")
        if not line or not 0 < x <= self._size[1] - len(line) or not line.isprintable() or _KERNEL_LINE.match(line):
            return rows, 0
        rows[y] = f"{rows[y][:x].ljust(x)}{line}{rows[y][x + len(line) :]}".rstrip()
        return rows, len(line) + len(newline)

    def _changed(self, rows: list[str]) -> tuple[str, ...]:
        return tuple(
            row for row, was in zip(rows, self._shown, strict=True) if row != was and not _FRAME.fullmatch(row)
        )

    def _show(self, end: int, time_s: float, rows: list[str] | None = None) -> None:
        """Show what has changed up to the place ``end`` in the text; ``rows`` are what is there, if not what was drawn."""
        assert self._model is not None
        if end > self._begin:
            rows = self._rows() if rows is None else rows
            part = DrawnPart(self._begin, end, self._since, self._changed(rows))
            if not part.rows and self._parts and self._parts[-1].end == part.start:
                part = replace(self._parts.pop(), end=end)
            self._parts.append(part)
            self._shown = rows
            self._begin = end
        self._since = time_s

    def _leave(self) -> None:
        """What is open is ordinary lines, and so is what comes."""
        rows, size = self._rows_with_open()
        self._show(self._open_at + size, self._last, rows)
        self._model = None
        unfinished = _BEGUN.search(self._open, max(0, len(self._open) - _LONGEST))
        self._open = unfinished[0] if unfinished else b""
        self._stood = False
