"""What GRUB shows: its menu and its editor, read from a screen.  No I/O, no clock.

A line of the editor that is wider than the frame continues in the next row, behind a ``\\`` in the frame's last column;
a tab is eight spaces.  A menu or an entry that does not fit scrolls, and ``^`` and ``v`` right of the frame show where
there is more (grub-core/normal/menu_text.c and menu_entry.c).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from uartsim.console.text.screen import Screen

_EDGE: Final = re.compile(r"[+┌└╔╚][-─═]{10,}[+┐┘╗╝]")
_COUNTDOWN: Final = re.compile(r"automatically in (\d+)\s*s")
_EDITOR: Final = re.compile(r"(?i)emacs-like screen editing")
_PROMPT: Final = re.compile(r"^grub> $")
_PROMPT_WITH_TEXT: Final = re.compile(r"^grub> ?\S")


@dataclass(frozen=True, slots=True)
class Frame:
    """The contents of a frame.

    Attributes:
        top: the screen's row of its first inner row.
        left: the screen's column of its first inner column.
        rows: the inner rows, in full width.
        more_above, more_below: whether there is more than is shown.
    """

    top: int
    left: int
    rows: tuple[str, ...]
    more_above: bool
    more_below: bool


@dataclass(frozen=True, slots=True)
class MenuView:
    """The part of a menu that is shown.

    Attributes:
        titles: the titles of the entries.
        row: the number of the highlighted one.
        more_above, more_below: whether there may be more than is shown.
        is_certain: whether these two are known; a GRUB that draws no marks leaves that open if the frame is full.
    """

    titles: tuple[str, ...]
    row: int
    more_above: bool
    more_below: bool
    is_certain: bool


@dataclass(frozen=True, slots=True)
class EditorLine:
    """A line of an entry, wrapped or not.

    Attributes:
        row: the frame's row in which it begins.
        rows: how many rows it takes.
        text: its text, without spaces at the end.
        is_whole: whether all of it is shown.
    """

    row: int
    rows: int
    text: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class EditorView:
    """The part of an entry that is shown.

    Attributes:
        lines: its lines.
        current: the number of the line that the cursor is in.
        offset: the cursor's place in that line, in characters of the screen.
        more_above, more_below: whether there is more than is shown.
    """

    lines: tuple[EditorLine, ...]
    current: int
    offset: int
    more_above: bool
    more_below: bool

    @property
    def line(self) -> EditorLine:
        """The line that the cursor is in."""
        return self.lines[self.current]

    @property
    def text(self) -> str:
        """The text of that line, with the spaces at its end that the cursor shows to be there."""
        return self.line.text.ljust(self.offset)


def has_editor(screen: Screen) -> bool:
    """Whether GRUB's editor is open."""
    return _EDITOR.search(screen.text) is not None


def countdown(screen: Screen) -> int | None:
    """In how many seconds GRUB boots by itself, or None."""
    found = _COUNTDOWN.search(screen.text)
    return int(found[1]) if found else None


def picture(screen: Screen) -> tuple[object, ...]:
    """What a key may change on the screen: everything but the countdown."""
    return re.sub(r"automatically in \d+", "automatically in", screen.text), screen.cursor, screen.reverse


def at_prompt(screen: Screen) -> bool:
    """Whether the cursor is behind the empty prompt of GRUB's command line."""
    return _PROMPT.match(_before_cursor(screen)) is not None


def at_prompt_with_text(screen: Screen) -> bool:
    """Whether something has been typed at the prompt of GRUB's command line."""
    return _PROMPT_WITH_TEXT.match(_before_cursor(screen)) is not None


def _before_cursor(screen: Screen) -> str:
    row, column = screen.cursor
    return screen.lines[row][:column]


def read_menu(screen: Screen) -> MenuView | None:
    """The menu that is shown, or None."""
    frame = None if has_editor(screen) else _frame(screen)
    if frame is None:
        return None
    shown = [number for number, row in enumerate(frame.rows) if row[1:].strip()]
    titles = tuple(frame.rows[number][1:].strip() for number in shown)
    highlighted = [
        place
        for place, number in enumerate(shown)
        if frame.rows[number].startswith("*") or frame.top + number in screen.reverse
    ]
    if not highlighted:
        return None
    full = len(shown) == len(frame.rows)
    marked = frame.more_above or frame.more_below
    return MenuView(
        titles,
        highlighted[0],
        frame.more_above or (full and not marked),
        frame.more_below or (full and not marked),
        marked or not full,
    )


def read_editor(screen: Screen) -> EditorView | None:
    """The editor that is shown, or None."""
    frame = _frame(screen) if has_editor(screen) else None
    row, column = screen.cursor
    if frame is None or not 0 <= row - frame.top < len(frame.rows):
        return None
    lines: list[EditorLine] = []
    first = 0
    for number, text in enumerate(frame.rows):
        if text.endswith("\\") and number < len(frame.rows) - 1:
            continue
        rows = frame.rows[first : number + 1]
        joined = "".join(part[:-1] for part in rows[:-1]) + rows[-1].removesuffix("\\")
        cut = (first == 0 and frame.more_above) or text.endswith("\\")
        lines.append(EditorLine(first, len(rows), joined.rstrip(), not cut))
        first = number + 1
    current = next(
        place for place, line in enumerate(lines) if line.row <= row - frame.top < line.row + max(1, line.rows)
    )
    width = len(frame.rows[0]) - 1
    offset = (row - frame.top - lines[current].row) * width + max(0, column - frame.left)
    return EditorView(tuple(lines), current, offset, frame.more_above, frame.more_below)


def _frame(screen: Screen) -> Frame | None:
    edges = [(row, found.span()) for row, line in enumerate(screen.lines) if (found := _EDGE.search(line))]
    if len(edges) < 2 or edges[-1][0] - edges[0][0] < 2:
        return None
    (first, (left, right)), (last, _) = edges[0], edges[-1]
    inside = screen.lines[first + 1 : last]
    beside = [line[right : right + 1] for line in inside]
    return Frame(
        first + 1,
        left + 1,
        tuple(line[left + 1 : right - 1] for line in inside),
        beside[0] in "^↑" and beside[0] != "",
        beside[-1] in "v↓" and beside[-1] != "",
    )
