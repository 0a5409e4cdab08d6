"""The screen of the line: what a terminal of this size would show.  No I/O, no clock.

The terminal is pyte's (a VT102 with some of xterm's ways).  It is loaded, and fed, only when the screen is read; until
then, the last part of the output waits.  After a flood, the screen is what that part draws on an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from wcwidth import wcswidth, wcwidth

from uartsim.console.arguments import compiled, is_integer
from uartsim.console.text.kernel_prefix import MAX_LINE, PREFIX, PREFIX_BEGUN
from uartsim.control_sequences import ControlSequenceParser, Kind, Token
from uartsim.errors import UsageError
from uartsim.printable import quoted

#: How much output may wait, and how much of it is kept when that is exceeded, in bytes.
_PENDING_BYTES: Final = 1 << 16
_KEPT_BYTES: Final = 1 << 15
#: Control sequences that draw; pyte takes those with other private marks, or with intermediate bytes, for some of these.
_DRAWS: Final = re.compile(rb"[0-9;:]*[@-~]|\?[0-9;]*[hlJK]")
_CURSOR_PLACED: Final = re.compile(rb"\x1b\[[0-9;]*H")
_KERNEL_LINE: Final = re.compile(rb"%b[^\n]{0,%d}\n" % (PREFIX.encode(), MAX_LINE - 1))
_KERNEL_LINE_BEGUN: Final = re.compile(
    rb"(?:%b[^\n]{0,%d}|%b)\Z" % (PREFIX.encode(), MAX_LINE - 1, PREFIX_BEGUN.encode())
)
#: The largest terminal, in rows or columns (a winsize has 16 bits for each, and no terminal is so large).
LARGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Screen:
    """What a terminal shows at one moment.  Rows and columns count from 0, at the top left.

    Attributes:
        lines: every row, filled with spaces to the full width.
        cursor: row and column of the cursor; a column equal to the width is behind the last character of a full row.
        reverse: rows on which anything is shown in reverse video.
    """

    lines: tuple[str, ...]
    cursor: tuple[int, int]
    reverse: frozenset[int] = frozenset()

    @property
    def text(self) -> str:
        """All rows, without the spaces at their ends."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip()

    @property
    def before_cursor(self) -> str:
        """The text before the cursor, with rows joined without line ends: a wrapped line is whole in it."""
        row, column = self.cursor
        return "".join(self.lines[:row]) + self.lines[row][:column]

    def find(self, pattern: str | re.Pattern[str]) -> tuple[int, int] | None:
        """Row and column where a regular expression first matches within a row, or None.

        Raises:
            UsageError: it does not compile, or is not text.
        """
        __tracebackhide__ = True
        regex = compiled("screen.find()", pattern)
        for row, line in enumerate(self.lines):
            if match := regex.search(line.rstrip()):
                return row, match.start()
        return None

    def shown(self) -> list[str]:
        """The rows down to the last that is not empty."""
        return self.text.split("\n") if self.text else []

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class StyledText:
    """A piece of a row that looks the same from end to end.

    Attributes:
        column: where it begins.
        text: its characters; one that is two columns wide counts once.
        foreground, background: a colour's name as pyte has it, six hexadecimal digits, or ``"default"``.
        bold, italic, underline, reverse: how it is shown.
    """

    column: int
    text: str
    foreground: str = "default"
    background: str = "default"
    bold: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return max(0, wcswidth(self.text))

    def cells(self) -> Iterator[tuple[int, str]]:
        """Each character with its column, counted from the beginning of this piece."""
        at = 0
        for character in self.text:
            yield at, character
            at += max(0, wcwidth(character))


class ScreenModel:
    """Follows what the guest draws.

    Args:
        rows, columns: the terminal's size.
        kernel_lines: whether kernel lines are shown.  A line editor does not know of them, and moves the cursor as if
            they were not there.
    """

    def __init__(self, rows: int = 24, columns: int = 80, *, kernel_lines: bool = True) -> None:
        self.rows, self.columns = rows, columns
        #: Whether the guest has positioned the cursor: then it draws a screen, which its lines alone do not show.
        self.is_drawn = False
        self._kernel_lines = kernel_lines
        self._pending = bytearray()
        self._lost = False
        self._parser = ControlSequenceParser(single_bytes=False)
        self._terminal: Any = None
        self._stream: Any = None

    def feed(self, data: bytes) -> None:
        """The guest has sent ``data``."""
        self._pending += data
        if len(self._pending) > _PENDING_BYTES:
            del self._pending[:-_KEPT_BYTES]
            self._lost = True
        if b"\x1b[" in data and not self.is_drawn:
            self.is_drawn = _CURSOR_PLACED.search(data) is not None

    def draw(self, data: bytes) -> None:
        """The guest has sent ``data``; all of it is drawn, however much that is."""
        for at in range(0, len(data), _KEPT_BYTES):
            self.feed(data[at : at + _KEPT_BYTES])
            if len(self._pending) >= _KEPT_BYTES:
                self._draw()

    def resize(self, rows: int, columns: int) -> None:
        """From now on the terminal has this size.

        As on xterm, rows go at the bottom, or at the top as far as the cursor would not be visible otherwise; lines are
        cut at the right.

        Raises:
            UsageError: a number of rows or columns below 1 or above ``LARGEST``.
        """
        for count in (rows, columns):
            if not is_integer(count) or not 1 <= count <= LARGEST:
                size = f"{quoted(rows)} rows and {quoted(columns)} columns"
                raise UsageError(f"a screen of {size} is impossible: use 1 to {LARGEST}")
        self._draw()
        self.rows, self.columns = rows, columns
        terminal = self._terminal
        # pyte's own resize() cuts rows at the top wherever the cursor is, and leaves the cursor where it may be outside
        scrolled = max(0, terminal.cursor.y - (rows - 1))
        for y in sorted(terminal.buffer):
            line = terminal.buffer.pop(y)
            if scrolled <= y < scrolled + rows:
                terminal.buffer[y - scrolled] = _cut(line, columns)
        for cursor in (terminal.cursor, *(point.cursor for point in terminal.savepoints)):
            cursor.x, cursor.y = min(cursor.x, columns), min(max(0, cursor.y - scrolled), rows - 1)
        terminal.tabstops |= {*range(-(-terminal.columns // 8) * 8, columns, 8)}
        terminal.tabstops -= {stop for stop in terminal.tabstops if stop >= columns}
        terminal.lines, terminal.columns, terminal.margins = rows, columns, None

    def read(self) -> Screen:
        """What it shows now."""
        self._draw()
        terminal = self._terminal
        reverse = frozenset(
            row for row in range(self.rows) if any(cell.reverse for cell in terminal.buffer[row].values())
        )
        return Screen(tuple(self._lines()), (terminal.cursor.y, terminal.cursor.x), reverse)

    def styled(self, *, cursor: bool = False) -> list[tuple[StyledText, ...]]:
        """Each row's text with its colours and attributes, without plain spaces at its end.

        Args:
            cursor: whether the cursor is shown, in reverse, unless the guest has switched it off.
        """
        self._draw()
        at = self._terminal.cursor
        shown = (at.y, min(at.x, self.columns - 1)) if cursor and not at.hidden else None
        return [self._styled_row(y, shown[1] if shown and shown[0] == y else None) for y in range(self.rows)]

    def _styled_row(self, y: int, cursor: int | None) -> tuple[StyledText, ...]:
        row = self._terminal.buffer[y]
        pieces: list[tuple[int, tuple[Any, ...], list[str]]] = []
        for x in range(self.columns):
            cell = row[x]
            data = cell.data or (" " if x == 0 or wcswidth(row[x - 1].data) != 2 else "")
            look = (cell.fg, cell.bg, cell.bold, cell.italics, cell.underscore, cell.reverse != (x == cursor))
            if pieces and pieces[-1][1] == look:
                pieces[-1][2].append(data)
            else:
                pieces.append((x, look, [data]))
        if pieces and pieces[-1][1] == ("default", "default", False, False, False, False):
            x, look, last = pieces.pop()
            if text := "".join(last).rstrip(" "):
                pieces.append((x, look, [text]))
        return tuple(StyledText(x, "".join(parts), *look) for x, look, parts in pieces)

    def row_before_cursor(self) -> str:
        """The text before the cursor in its row."""
        self._draw()
        cursor, buffer = self._terminal.cursor, self._terminal.buffer
        return "".join(buffer[cursor.y][column].data for column in range(cursor.x))

    def before_cursor(self) -> str:
        """The text before the cursor, with rows joined without line ends."""
        row = self.row_before_cursor()
        return "".join(self._lines()[: self._terminal.cursor.y]) + row

    def _lines(self) -> list[str]:
        """The rows' text.  (``pyte.Screen.display`` fails on half a wide character, which noise leaves.)"""
        buffer, lines = self._terminal.buffer, []
        for y in range(self.rows):
            cells = [buffer[y][x].data for x in range(self.columns)]
            halves = zip(["", *cells], cells, strict=False)
            lines.append("".join(cell or (" " if wcswidth(before) != 2 else "") for before, cell in halves))
        return lines

    def _draw(self) -> None:
        if self._terminal is None:
            import pyte

            from uartsim.console.text.pyte_terminal import BoundedTerminal

            self._terminal = BoundedTerminal(self.columns, self.rows)
            if not self._kernel_lines:
                self._terminal.backspace = self._back
            self._stream = pyte.ByteStream(self._terminal)
        if self._lost:
            self._terminal.reset()
            self._parser = ControlSequenceParser(single_bytes=False)
            self._lost = False
        if not self._kernel_lines:
            self._pending = bytearray(_KERNEL_LINE.sub(b"", self._pending))
        data = bytes(self._pending)
        if not self._kernel_lines and (begun := _KERNEL_LINE_BEGUN.search(data, max(0, len(data) - MAX_LINE - 64))):
            data = data[: begun.start()]
        del self._pending[: len(data)]
        if drawn := b"".join(token.data for token in self._parser.feed(data) if _draws(token)):
            self._feed(drawn)

    def _back(self) -> None:
        """A backspace by which a tty erases a line that the terminal has wrapped: it also moves into the row above."""
        cursor = self._terminal.cursor
        if cursor.x == 0 and cursor.y > 0:
            cursor.x, cursor.y = self.columns, cursor.y - 1
        cursor.x = max(0, cursor.x - 1)

    def _feed(self, data: bytes) -> None:
        try:
            self._stream.feed(data)
        except Exception:  # pyte may fail at a sequence that noise has damaged: start again behind it
            import pyte

            self._stream = pyte.ByteStream(self._terminal)


def _cut(line: Any, columns: int) -> Any:
    """A row of pyte's buffer without what is behind its first columns; half a wide character does not stay."""
    for x in [x for x in line if x >= columns or (x == columns - 1 and wcswidth(line[x].data) == 2)]:
        del line[x]
    return line


def _draws(token: Token) -> bool:
    if token.kind is Kind.CSI:
        return _DRAWS.fullmatch(token.body) is not None
    return token.kind in (Kind.TEXT, Kind.ESCAPE)
