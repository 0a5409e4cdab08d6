"""The kernel's messages in a console's text: found wherever they land, and lifted out.  No I/O, no clock.

Linux writes a message to a serial console whole, with a prefix (``printk.time``, ``CONFIG_PRINTK_CALLER``; the level is
there only where the log is read raw)::

    <6>[   12.345678][   T101] random: crng init done

It does not look where the cursor is: a message may begin in the middle of a prompt, a marker or a command's output, and
the text that it cut continues behind its line end.  A prefix begins a kernel line at any column; the line goes to its end
and includes it, so that ``lo[    1.000000] x\\ngin: `` without it is ``login: ``.

What may still become a prefix is held back until the next characters decide.  The result does not depend on how the text
was cut into pieces.

A boot sends thousands of these lines in a row, and most are never asked for.  So adjacent ones are lifted as one block,
found by one expression, and parsed into fields only when they or the log are read.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from uartsim.console.text.kernel_prefix import LONGEST_PREFIX, MAX_LINE, PREFIX, PREFIX_FIELDS, may_become_prefix

#: How many kernel lines a log keeps.
KEPT_LINES: Final = 10_000

_LINE: Final = re.compile(
    rf"{PREFIX_FIELDS}(?:([^\n]{{0,{MAX_LINE - 1}}})\n|([^\n]{{{MAX_LINE}}})|[^\n]{{0,{MAX_LINE - 1}}}\Z)"
)
_LEVEL: Final = re.compile(r"<(\d{1,3})>")
#: Whole kernel lines, each at the beginning of its own line.
_MORE_LINES: Final = re.compile(rf"(?:{PREFIX}[^\n]{{0,{MAX_LINE - 1}}}+\n)*+")
#: How much text of kernel lines may wait to be parsed, in characters.
_MAX_WAITING: Final = 1 << 24
#: How far the times of live messages may run ahead of the clock within one burst, in seconds.
_AHEAD_S: Final = 1.5
_SHUFFLED_S: Final = 0.05  # by how much messages of two processors may be out of order
#: How much later than others a live message may come, in seconds.
_LATE_S: Final = 2.0
#: How long a kernel may have run before its console prints what it has buffered, in seconds.
_BEFORE_CONSOLE_S: Final = 5.0
_BANNER: Final = "Linux version "


class KernelLine(NamedTuple):
    """One message of the kernel.

    Attributes:
        time_s: its own stamp, in seconds since the kernel's start.
        text: the message without its prefix.
        level: the level and facility of ``<N>``, or None.
        caller: such as ``T101`` (a task) or ``C0`` (a processor), or None.
        start, end: its place in the cleaned text as sent, with prefix and line end; absolute, in characters.
        at: when its first character came, in seconds of the caller's clock.
        cuts: whether it began in the middle of a line.
        replayed: whether it, or a later one, had come before in this boot: then it is output of ``dmesg``, not an event.
    """

    time_s: float
    text: str
    level: int | None
    caller: str | None
    start: int
    end: int
    at: float
    cuts: bool
    replayed: bool


class Plain(NamedTuple):
    """Text between kernel lines; ``start`` is its place in the text as sent."""

    start: int
    text: str


class KernelBlock:
    """Adjacent kernel lines, not yet parsed; ``start`` and ``end`` are as those of a :class:`KernelLine`."""

    __slots__ = ("_at", "_cuts", "_first_at", "_lines", "_log", "_text", "end", "start")

    def __init__(
        self, log: KernelLog, text: str, start: int, end: int, *, first_at: float, at: float, cuts: bool
    ) -> None:
        self.start = start
        self.end = end
        self._log = log
        self._text = text
        self._first_at = first_at  # when the first line began to come, and when the others did
        self._at = at
        self._cuts = cuts
        self._lines: list[KernelLine] | None = None

    @property
    def lines(self) -> list[KernelLine]:
        """Its lines, with their fields."""
        if self._lines is None:
            self._log.catch_up()
        return self._lines or []

    def take_apart(self) -> None:
        """Add its lines to the log; for the log, which does so in order."""
        text, base, add = self._text, self.start, self._log.add
        lines: list[KernelLine] = []
        at, cuts, done = self._first_at, self._cuts, 0
        for match in _LINE.finditer(text):
            (begin, end), level = match.span(), None
            stamp, caller, message, too_long = match.groups()
            if begin > done:
                level = int(text[done + 1 : begin - 1])
            message = too_long if message is None else message
            lines.append(add(stamp, message, level, caller, base + done, base + end, at, cuts))
            at, cuts, done = self._at, False, end
        self._lines, self._text = lines, ""


Segment: TypeAlias = "Plain | KernelBlock"


class KernelLog:
    """The kernel's messages of a console.

    Args:
        kept: how many lines are kept.
        clocked: whether the times given with the text are those at which it came; a file without times has none.
    """

    def __init__(self, kept: int = KEPT_LINES, *, clocked: bool = True) -> None:
        self._lines: deque[KernelLine] = deque(maxlen=kept)
        self._boots = 0
        self._starts: deque[tuple[KernelLine, int]] = deque(maxlen=64)
        self._waiting: deque[KernelBlock] = deque()
        self._characters_waiting = 0
        self._banner: KernelLine | None = None
        self._kept = kept
        self._clocked = clocked
        # stamp and text of what has come in this boot, in two generations so that old ones are forgotten at no cost
        self._seen: set[tuple[str, str]] = set()
        self._seen_before: set[tuple[str, str]] = set()
        self._newest = -1.0
        self._banner_at: float | None = None  # when a banner came that may be a start or a replay
        self._new: set[tuple[str, str]] = set()  # messages since then that had not been seen

    @property
    def lines(self) -> deque[KernelLine]:
        """The last messages, oldest first."""
        self.catch_up()
        return self._lines

    @property
    def boots(self) -> int:
        """How many times a kernel was seen to start; a replayed log does not count."""
        self.catch_up()
        return self._boots

    @property
    def starts(self) -> deque[tuple[KernelLine, int]]:
        """The last starts: the first line of each, and the place in the text as sent where it was known not to be a replay."""
        self.catch_up()
        return self._starts

    def add_later(self, block: KernelBlock) -> None:
        """Take in a block, to be parsed when the log is read."""
        self._waiting.append(block)
        self._characters_waiting += block.end - block.start
        if self._characters_waiting > _MAX_WAITING:
            self.catch_up()

    def catch_up(self) -> None:
        """Take apart all blocks that wait."""
        self._characters_waiting = 0
        while self._waiting:
            self._waiting.popleft().take_apart()

    def add(
        self, stamp: str, text: str, level: int | None, caller: str | None, start: int, end: int, at: float, cuts: bool
    ) -> KernelLine:
        """Take in one message; ``stamp`` as written, the rest as in :class:`KernelLine`."""
        time_s, key = float(stamp), (stamp, text)
        seen = key in self._seen or key in self._seen_before
        begins = time_s == 0 and text.startswith(_BANNER)
        if begins:
            self._banner_at = at
            self._new.clear()
        elif time_s > 0:
            if not seen:
                self._seen.add(key)
                if len(self._seen) > self._kept:
                    self._seen_before, self._seen = self._seen, set()
            if self._banner_at is not None:
                if not seen:
                    self._new.add(key)
                self._decide(time_s, at - self._banner_at, seen, end)
        # messages of two processors may be out of order by some milliseconds
        replayed = seen or (self._banner_at is None and time_s < self._newest - _SHUFFLED_S)
        if not replayed and time_s > self._newest:
            self._newest = time_s
        # without the slow constructor of named tuples: there may be a hundred thousand in a second
        line = tuple.__new__(KernelLine, (time_s, text, level, caller, start, end, at, cuts, replayed))
        self._lines.append(line)
        if begins:
            self._banner = line
        return line

    def _decide(self, time_s: float, since_banner_s: float, seen: bool, offset: int) -> None:
        """Whether the last banner is of a kernel that starts, or of a log that is shown.

        A log repeats what came before, or its times run far ahead of the clock.  One new message proves nothing: a log
        also has messages that are below the console's level.
        """
        if seen or (self._clocked and time_s > since_banner_s + _BEFORE_CONSOLE_S):
            self._banner_at = None
        elif since_banner_s >= 0.5 or (len(self._new) >= 8 and (self._boots or not self._clocked)):
            self._banner_at = None
            self._boots += 1
            if self._banner is not None:
                self._starts.append((self._banner, offset))
            self._newest = time_s
            self._seen, self._seen_before = self._new.copy(), set()

    def between(self, start: int, end: int) -> list[KernelLine]:
        """The kept lines that begin from ``start`` to before ``end``, in characters of the text as sent."""
        found: list[KernelLine] = []
        for line in reversed(self.lines):
            if line.start < start:
                break
            if line.start < end:
                found.append(line)
        found.reverse()
        return found

    def clock_offset_s(self, before: int) -> float | None:
        """How much later than its own time the last live message of this boot came, in seconds; clocks may drift.

        Args:
            before: only lines before this place in the text as sent count.

        Returns:
            The offset; None if there is no such line.
        """
        since = self.starts[-1][0].start if self.starts else 0
        last: KernelLine | None = None
        for line in reversed(self.lines):
            if line.start < since:
                break
            if line.start < before and not line.replayed:
                last = line
                break
        return None if last is None else last.at - last.time_s


class KernelLifter:
    """Splits a stream of cleaned text into kernel lines and what is between them."""

    def __init__(self, log: KernelLog | None = None) -> None:
        self.log = log if log is not None else KernelLog()
        #: How many characters have come.
        self.end = 0
        self._held = ""  # an unfinished kernel line, or what may become one
        self._held_at = 0.0
        self._in_line = False
        self._last = "\n"  # the character before what is held

    @property
    def undecided(self) -> str:
        """The last characters, if they may or may not be the beginning of a kernel line."""
        return "" if self._in_line else self._held

    @property
    def unfinished(self) -> str:
        """A kernel line that has begun and not ended, with its prefix; or an empty text."""
        return self._held if self._in_line else ""

    def feed(self, text: str, at: float = 0.0) -> list[Segment]:
        """Take in what came at ``at`` seconds; returns what is decided now, in order."""
        if not text:
            return []
        held = self._held
        base = self.end - len(held)
        self.end += len(text)
        if not held:
            if "[" not in text and "<" not in text[-5:]:
                self._last = text[-1]
                return [Plain(base, text)]
        elif self._in_line and len(held) + len(text) < MAX_LINE and "\n" not in text:
            self._held = held + text
            return []
        return self._take_apart(held + text, base, len(held), at)

    def finish(self) -> list[Segment]:
        """The stream ends here: what is undecided is text, and an unfinished kernel line is whole."""
        held, base = self._held, self.end - len(self._held)
        self._held = ""
        if not held:
            return []
        if not self._in_line:
            return [Plain(base, held)]
        self._in_line = False
        return self._take_apart(held + "\n", base, len(held), self._held_at)

    def _take_apart(self, data: str, base: int, old: int, at: float) -> list[Segment]:
        segments: list[Segment] = []
        done, hold = 0, -1
        while (match := _LINE.search(data, done)) is not None:
            start, end = match.span()
            if start > done and data[start - 1] == ">":
                announced = _LEVEL.search(data, max(done, start - 5), start)
                if announced is not None and announced.end() == start:
                    start = announced.start()
            if match[3] is not None:
                more = _MORE_LINES.match(data, end)
                end = more.end() if more is not None else end
            elif match[4] is None:
                hold = start
                break
            if start > done:
                segments.append(Plain(base + done, data[done:start]))
            cuts = (data[start - 1] if start else self._last) not in "\n\r"
            first_at = self._held_at if start < old else at
            block = KernelBlock(
                self.log, data[start:end], base + start, base + end, first_at=first_at, at=at, cuts=cuts
            )
            segments.append(block)
            self.log.add_later(block)
            done = end
        self._in_line = hold >= 0
        if hold < 0:
            tail = max(done, len(data) - LONGEST_PREFIX)
            hold = tail + may_become_prefix(data[tail:])
        if hold > done:
            segments.append(Plain(base + done, data[done:hold]))
        if hold:
            self._last = data[hold - 1]
        if hold >= old or not old:
            self._held_at = at
        self._held = data[hold:]
        return segments


def own_output(lines: Sequence[KernelLine], clock_offset_s: float | None = None) -> set[KernelLine]:
    """Those of ``lines`` that a command itself printed (``dmesg``, a log file); the others came while it ran.

    A line that came before, or whose time is ahead of the clock, is not live.  A line right behind one that cuts is live
    if that one is.  Of lines that begin their own line, adjacent ones in order of time count as one block, which is live
    only if it agrees with the kernel's clock; where that is not known they are kept, because losing output is worse.
    All lines that cut another count as one block, so that a log file's are kept (``host kernel: [...``).

    Args:
        lines: the kernel lines in the command's output, in order.
        clock_offset_s: how much later than their own times live lines come, if that is known: see
            :meth:`KernelLog.clock_offset_s`.
    """
    cutting = [line for line in lines if line.cuts]
    own = set(cutting) if cutting and _is_replay(cutting) else set()
    offsets = [line.at - line.time_s for line in cutting if line not in own]
    if clock_offset_s is not None:
        offsets.append(clock_offset_s)
    latest = min(offsets) + _LATE_S if offsets else -math.inf
    blocks: list[list[KernelLine]] = []
    behind: dict[int, KernelLine] = {}  # the live line that cuts, by the first line of the block behind it
    last: KernelLine | None = None
    for line in lines:
        if not line.cuts:
            adjacent = last is not None and last.end == line.start
            if adjacent and last is not None and not last.cuts and line.time_s >= last.time_s - _SHUFFLED_S:
                blocks[-1].append(line)
            else:
                if adjacent and last is not None and last.cuts and last not in own:
                    behind[line.start] = last
                blocks.append([line])
        last = line
    for block in blocks:
        cut = behind.get(block[0].start)
        if cut is not None and not _is_replay([cut, *block]):
            continue
        if _is_replay(block) or all(line.at - line.time_s > latest for line in block):
            own.update(block)
    return own


def _is_replay(block: list[KernelLine]) -> bool:
    span_s = max(line.time_s for line in block) - min(line.time_s for line in block)
    return any(line.replayed for line in block) or span_s > block[-1].at - block[0].at + _AHEAD_S
