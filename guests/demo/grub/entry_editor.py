"""GRUB's entry editor (`e`): a small Emacs on the lines of one entry; changes live until the next power-on.

A line wider than the frame goes on in the next row behind a backslash, and a tab is eight spaces, as GRUB shows them.
"""

from __future__ import annotations

from typing import Final, Literal

from . import menu_frame as frame
from .grub_script import HELP
from .serial_terminal import CURSOR_OFF, CURSOR_ON, GrubTerminal

#: Characters of a line in one row; the backslash stands behind them.
_ROW_WIDTH: Final = frame.ENTRY_WIDTH - 1
_TAB: Final = " " * 8

Leave = Literal["boot", "discard", "command line"]


class Editor:
    """The editor of one entry.

    Args:
        terminal: the serial terminal.
        lines: what to edit; the attribute of the same name is what it became.
    """

    def __init__(self, terminal: GrubTerminal, lines: list[str]) -> None:
        self._terminal = terminal
        self.lines = [*lines]
        self.line = 0
        self.column = 0
        self._top = 0  # the first line's row, counted from the frame's first: 0 or negative when scrolled
        self._rows = 0
        self._killed = ""
        self._kill_goes_on = False
        self._completing = False

    async def run(self) -> Leave:
        """Edit until a key leaves the editor."""
        self._draw()
        while True:
            key = await self._terminal.key()
            if self._completing:
                self._terminal.goto(frame.MESSAGE_ROW, 1)
                self._terminal.text(f"{'':79}\n{'':79}")
                self._terminal.goto(*self._position())
                self._completing = False
            if key in ("c-x", "f10"):
                return "boot"
            if key in ("c-c", "f2"):
                self._terminal.clear()
                return "command line"
            if key == "esc":
                return "discard"
            if key == "c-l":
                self._draw()
            else:
                self._edit(key)

    # --------------------------------------------------------------------------------------------------------- editing
    def _edit(self, key: str) -> None:
        text = self.lines[self.line]
        first_changed: int | None = None
        rows_before = self._total_rows(self.line)
        count_before = len(self.lines)
        kill_goes_on, self._kill_goes_on = self._kill_goes_on, False
        if key == "left":
            if self.column > 0:
                self.column -= 1
            elif self.line > 0:
                self.line -= 1
                self.column = len(self.lines[self.line])
        elif key == "right":
            if self.column < len(text):
                self.column += 1
            elif self.line < len(self.lines) - 1:
                self.line += 1
                self.column = 0
        elif key == "up":
            self.line = max(0, self.line - 1)
            self.column = min(self.column, len(self.lines[self.line]))
        elif key == "down":
            self.line = min(len(self.lines) - 1, self.line + 1)
            self.column = min(self.column, len(self.lines[self.line]))
        elif key == "home":
            self.column = 0
        elif key == "end":
            self.column = len(text)
        elif key in ("pgup", "pgdown"):
            step = -self._rows if key == "pgup" else self._rows
            self.line = min(max(0, self.line + step), len(self.lines) - 1)
            self.column = min(self.column, len(self.lines[self.line]))
        elif key == "tab":
            self._show_completions()
            return
        else:
            first_changed = self._change(key, text, kill_goes_on)
        if first_changed is None:
            self._show_cursor()
            return
        grown = len(self.lines) != count_before or self._total_rows(first_changed) != rows_before
        self._draw_from(first_changed, only_one=not grown)

    def _change(self, key: str, text: str, kill_goes_on: bool) -> int | None:
        """Do a key that changes the text; the first line that changed, or None."""
        before, behind = text[: self.column], text[self.column :]
        if len(key) == 1:
            self.lines[self.line] = before + key + behind
            self.column += 1
        elif key == "backspace":
            if before:
                self.lines[self.line] = before[:-1] + behind
                self.column -= 1
            elif self.line > 0:
                self.line -= 1
                self.column = len(self.lines[self.line])
                self.lines[self.line] += self.lines.pop(self.line + 1)
            else:
                return None
        elif key == "delete" or (key == "c-k" and not behind):
            if behind:
                self.lines[self.line] = before + behind[1:]
            elif self.line < len(self.lines) - 1:
                self.lines[self.line] += self.lines.pop(self.line + 1)
                if key == "c-k":
                    self._killed = (self._killed if kill_goes_on else "") + "\n"
                    self._kill_goes_on = True
            else:
                return None
        elif key == "c-k":
            self._killed = (self._killed if kill_goes_on else "") + behind
            self._kill_goes_on = True
            self.lines[self.line] = before
        elif key == "c-u":
            self._killed = before
            self.lines[self.line] = behind
            self.column = 0
        elif key == "c-w":
            kept = before.rstrip(" \t")
            kept = kept[: len(kept) - len(kept.split(" ")[-1].split("\t")[-1])]
            self._killed = before[len(kept) :]
            self.lines[self.line] = kept + behind
            self.column = len(kept)
        elif key == "c-y":
            first = self.line
            pasted = (before + self._killed).split("\n")
            self.lines[self.line : self.line + 1] = [*pasted[:-1], pasted[-1] + behind]
            self.line += len(pasted) - 1
            self.column = len(pasted[-1])
            return first
        elif key in ("enter", "c-o"):
            self.lines[self.line : self.line + 1] = [before, behind]
            if key == "enter":
                self.line += 1
                self.column = 0
                return self.line - 1
        else:
            return None
        return self.line

    def _show_completions(self) -> None:
        word = self.lines[self.line][: self.column].split("\t")[-1].split(" ")[-1]
        names = [name for name in HELP if name.startswith(word)]
        terminal = self._terminal
        terminal.goto(frame.MESSAGE_ROW, 1)
        terminal.text("   Possible commands are:\n")
        terminal.text(f"     {' '.join(names)}"[:78] + ">")
        self._completing = True
        terminal.goto(*self._position())

    # --------------------------------------------------------------------------------------------------------- drawing
    def _total_rows(self, index: int) -> int:
        if index >= len(self.lines):
            return 1
        return max(1, -(-len(self.lines[index].replace("\t", _TAB)) // _ROW_WIDTH))

    def _row_of(self, index: int) -> int:
        """The first row of a line, counted from the frame's first."""
        return self._top + sum(self._total_rows(each) for each in range(index))

    def _position(self) -> tuple[int, int]:
        shown = len(self.lines[self.line][: self.column].replace("\t", _TAB))
        rows = self._total_rows(self.line)
        row = min(shown // _ROW_WIDTH, rows - 1)
        return (
            frame.FIRST_ROW + self._row_of(self.line) + row,
            frame.FIRST_COLUMN + shown - row * _ROW_WIDTH,
        )

    def _scroll_to_cursor(self) -> bool:
        """Scroll so that the cursor's row is inside; whether anything moved."""
        row = self._position()[0] - frame.FIRST_ROW
        before = self._top
        if row < 0:
            self._top -= row
        elif row >= self._rows:
            self._top -= row - self._rows + 1
        return self._top != before

    def _draw(self) -> None:
        terminal = self._terminal
        frame.begin_editor(terminal)
        self._rows = frame.draw_frame(terminal, frame.EDITOR_HELP)
        self._scroll_to_cursor()
        terminal.raw(CURSOR_OFF)
        self._draw_lines(0)
        self._draw_scroll_marks()
        terminal.goto(*self._position())
        terminal.raw(CURSOR_ON + CURSOR_ON)

    def _draw_from(self, first: int, *, only_one: bool) -> None:
        terminal = self._terminal
        terminal.raw(CURSOR_OFF)
        if self._scroll_to_cursor():
            self._draw_lines(0)
            self._draw_scroll_marks()
        elif only_one:
            self._draw_lines(first, first + 1)
        else:
            self._draw_lines(first)
            terminal.goto(frame.FIRST_ROW + self._rows - 1, frame.SCROLL_COLUMN)
            terminal.text(self._lower_mark())
        terminal.goto(*self._position())
        terminal.raw(CURSOR_ON)

    def _show_cursor(self) -> None:
        terminal = self._terminal
        terminal.raw(CURSOR_OFF)
        if self._scroll_to_cursor():
            self._draw_lines(0)
            self._draw_scroll_marks()
        terminal.goto(*self._position())
        terminal.raw(CURSOR_ON)

    def _draw_lines(self, first: int, end: int | None = None) -> None:
        """Draw lines ``first`` to ``end``, or to the bottom of the frame."""
        terminal = self._terminal
        index = first
        row = self._row_of(first)
        while row < self._rows and (end is None or index < end):
            rows = self._total_rows(index)
            text = self.lines[index].replace("\t", _TAB) if index < len(self.lines) else ""
            for part in range(rows):
                if 0 <= row < self._rows:
                    piece = text[part * _ROW_WIDTH : (part + 1) * _ROW_WIDTH]
                    terminal.goto(frame.FIRST_ROW + row, frame.FIRST_COLUMN)
                    if part < rows - 1:
                        terminal.text(piece + "\\")
                        terminal.text("\n")
                    else:
                        terminal.text(f"{piece:<{frame.ENTRY_WIDTH}}")
                row += 1
            index += 1

    def _lower_mark(self) -> str:
        return "v" if self._row_of(len(self.lines)) > self._rows else " "

    def _draw_scroll_marks(self) -> None:
        terminal = self._terminal
        terminal.goto(frame.FIRST_ROW, frame.SCROLL_COLUMN)
        terminal.text("^" if self._top < 0 else " ")
        terminal.goto(frame.FIRST_ROW + self._rows - 1, frame.SCROLL_COLUMN)
        terminal.text(self._lower_mark())
