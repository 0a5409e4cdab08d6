"""The screen that GRUB's menu and editor share: title, frame and help lines, as GRUB 2.06's menu_text.c draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .serial_terminal import CURSOR_OFF, NORMAL, GrubTerminal

VERSION: Final = "GNU GRUB  version 2.06-13+deb12u1"
FIRST_ROW: Final = 5
FIRST_COLUMN: Final = 3
ENTRY_WIDTH: Final = 76
SCROLL_COLUMN: Final = 80
MESSAGE_ROW: Final = 22
_HELP_WIDTH: Final = 72

MENU_HELP: Final = (
    "Use the ^ and v keys to select which entry is highlighted.",
    "Press enter to boot the selected OS, `e' to edit the commands",
    "before booting or `c' for a command-line.",
)
SUBMENU_HELP: Final = (*MENU_HELP[:2], "before booting or `c' for a command-line. ESC to return", "previous menu.")
EDITOR_HELP: Final = (
    "Minimum Emacs-like screen editing is supported. TAB lists",
    "completions. Press Ctrl-x or F10 to boot, Ctrl-c or F2 for",
    "a command-line or ESC to discard edits and return to the GRUB menu.",
)


def draw_title(terminal: GrubTerminal) -> None:
    """Draw the version, centred in the second row."""
    terminal.goto(2, 24)
    terminal.text(VERSION)
    terminal.text("\n\n")


def draw_frame(terminal: GrubTerminal, help_lines: Sequence[str]) -> int:
    """Draw the title, an empty frame and the help below it.

    Returns:
        How many rows are inside the frame.
    """
    rows = 15 - len(help_lines)
    draw_title(terminal)
    terminal.raw(NORMAL)
    border = "+" + "-" * ENTRY_WIDTH + "+"
    terminal.goto(FIRST_ROW - 1, 2)
    terminal.text(border)
    for row in range(FIRST_ROW, FIRST_ROW + rows):
        terminal.goto(row, 2)
        terminal.text("|")
        terminal.goto(row, 79)
        terminal.text("|")
    bottom = FIRST_ROW + rows
    terminal.goto(bottom, 2)
    terminal.text(border)
    terminal.raw(NORMAL)
    terminal.goto(bottom + 1, 2)
    terminal.goto(bottom + 2, 2)
    terminal.raw(NORMAL)
    terminal.text("\n ".join(f"     {line:<{_HELP_WIDTH - 4}}" for line in help_lines))
    return rows


def begin_menu(terminal: GrubTerminal) -> None:
    """Clear the screen for a menu, which has no visible cursor."""
    terminal.clear()
    terminal.raw(CURSOR_OFF + NORMAL)
    terminal.clear()


def begin_editor(terminal: GrubTerminal) -> None:
    """Clear the screen for an editor."""
    terminal.raw(NORMAL)
    terminal.clear()


def clear_message(terminal: GrubTerminal, row: int, column: int) -> None:
    """Clear the two message rows and move the cursor to ``row``, ``column``."""
    for message_row in (MESSAGE_ROW, MESSAGE_ROW + 1):
        terminal.goto(message_row, 1)
        terminal.text(" " * 79)
    terminal.goto(row, column)
