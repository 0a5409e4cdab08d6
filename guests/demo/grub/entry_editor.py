"""GRUB's entry editor (the key ``e``): a small Emacs for the lines of one entry.

Changes are kept until the machine is reset.  A line wider than the frame ends its row with a backslash and continues
in the next row, and a tab is shown as eight spaces, as in GRUB.
"""

from __future__ import annotations

from typing import Final, Literal

from . import menu_frame as frame
from .grub_script import HELP
from .serial_terminal import CURSOR_OFF, CURSOR_ON, GrubTerminal

#: How many characters of a line fit into one row; the backslash comes after them.
_ROW_WIDTH: Final = frame.ENTRY_WIDTH - 1
_TAB: Final = " " * 8

Leave = Literal["boot", "discard", "command line"]


class Editor:
    """The editor of one entry.

    Args:
        terminal: the serial terminal.
        lines: the lines to edit; the attribute of the same name is what has become of them.
    """

    def __init__(self, terminal: GrubTerminal, lines: list[str]) -> None:
        self._terminal = terminal
        self.lines = [*lines]
        self.line = 0
        self.column = 0
        self._top = 0  # the first line's row, counted from the frame's first: 0, or negative when scrolled
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
        if key == "tab":
            self._show_completions()
            return
        rows_before, count_before = self._total_rows(self.line), len(self.lines)
        kill_goes_on, self._kill_goes_on = self._kill_goes_on, False
        first_changed = None if self._move(key) else self._change(key, kill_goes_on)
        if first_changed is None:
            self._show_cursor()
            return
        grown = len(self.lines) != count_before or self._total_rows(first_changed) != rows_before
        self._draw_from(first_changed, only_one=not grown)

    def _move(self, key: str) -> bool:
        """Move the cursor, if ``key`` does that; return whether it does."""
        length = len(self.lines[self.line])
        if key == "left":
            if self.column > 0:
                self.column -= 1
            elif self.line > 0:
                self._go_to_line(self.line - 1, len(self.lines[self.line - 1]))
        elif key == "right":
            if self.column < length:
                self.column += 1
            elif self.line < len(self.lines) - 1:
                self._go_to_line(self.line + 1, 0)
        elif key in ("home", "end"):
            self.column = 0 if key == "home" else length
        elif key in ("up", "down", "pgup", "pgdown"):
            step = {"up": -1, "down": 1, "pgup": -self._rows, "pgdown": self._rows}[key]
            self._go_to_line(self.line + step, self.column)
        else:
            return False
        return True

    def _go_to_line(self, line: int, column: int) -> None:
        self.line = min(max(0, line), len(self.lines) - 1)
        self.column = min(column, len(self.lines[self.line]))

    def _change(self, key: str, kill_goes_on: bool) -> int | None:
        """Change the text, if ``key`` does that; return the first line that has changed, or None."""
        text = self.lines[self.line]
        before, after = text[: self.column], text[self.column :]
        if len(key) == 1:
            self._set_line(before + key, after)
        elif key == "backspace":
            return self._erase_before(before, after)
        elif key == "delete" or (key == "c-k" and not after):
            return self._erase_after(before, after, killed="\n" if key == "c-k" else "", kill_goes_on=kill_goes_on)
        elif key == "c-k":
            self._kill(after, kill_goes_on)
            self._set_line(before, "")
        elif key == "c-u":
            self._killed = before
            self._set_line("", after)
        elif key == "c-w":
            kept = before.rstrip(" \t")
            kept = kept[: len(kept) - len(kept.split(" ")[-1].split("\t")[-1])]
            self._killed = before[len(kept) :]
            self._set_line(kept, after)
        elif key == "c-y":
            return self._paste(before, after)
        elif key in ("enter", "c-o"):
            self.lines[self.line : self.line + 1] = [before, after]
            if key == "enter":
                self._go_to_line(self.line + 1, 0)
                return self.line - 1
        else:
            return None
        return self.line

    def _set_line(self, before: str, after: str) -> None:
        """Replace the line; the cursor stands between the two parts."""
        self.lines[self.line] = before + after
        self.column = len(before)

    def _kill(self, text: str, kill_goes_on: bool) -> None:
        self._killed = (self._killed if kill_goes_on else "") + text
        self._kill_goes_on = True

    def _erase_before(self, before: str, after: str) -> int | None:
        if before:
            self._set_line(before[:-1], after)
        elif self.line > 0:
            self._go_to_line(self.line - 1, len(self.lines[self.line - 1]))
            self.lines[self.line] += self.lines.pop(self.line + 1)
        else:
            return None
        return self.line

    def _erase_after(self, before: str, after: str, *, killed: str, kill_goes_on: bool) -> int | None:
        if after:
            self._set_line(before, after[1:])
        elif self.line < len(self.lines) - 1:
            self.lines[self.line] += self.lines.pop(self.line + 1)
            if killed:
                self._kill(killed, kill_goes_on)
        else:
            return None
        return self.line

    def _paste(self, before: str, after: str) -> int:
        first = self.line
        pasted = (before + self._killed).split("\n")
        self.lines[first : first + 1] = [*pasted[:-1], pasted[-1] + after]
        self._go_to_line(first + len(pasted) - 1, len(pasted[-1]))
        return first

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
        """Scroll so that the cursor's row is in the frame; return whether that has moved anything."""
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
