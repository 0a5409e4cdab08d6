"""GRUB's command line (the key ``c``): the prompt ``grub> `` with history and completion of commands."""

from __future__ import annotations

from typing import Final

from . import menu_frame as frame
from .grub_script import HELP, BootNow, GrubError, Interpreter, LeaveCommandLine
from .menu_entries import BootRequest
from .serial_terminal import CURSOR_ON, GrubTerminal

PROMPT: Final = "grub> "
_GREETING: Final = (
    "Minimal BASH-like line editing is supported. For the first word, TAB",
    "lists possible command completions. Anywhere else TAB lists possible",
    "device or file completions. ESC at any time exits.",
)


class Prompt:
    """The command line.

    Args:
        terminal: the serial terminal.
    """

    def __init__(self, terminal: GrubTerminal) -> None:
        self._terminal = terminal
        self._history: list[str] = []
        self._place = 0  # in the history; its length for the line being typed
        self._killed = ""
        self._row = 0

    async def run(self) -> BootRequest | None:
        """Read and run commands until one of them boots or leaves the command line.

        Returns:
            The kernel to boot, or None to return to the menu.

        Raises:
            PowerCommand: ``reboot`` or ``halt`` was given.
        """
        terminal = self._terminal
        frame.draw_title(terminal)
        terminal.raw(CURSOR_ON)
        terminal.text("\n".join(f"   {line:<71}" for line in _GREETING))
        terminal.text("\n\n\n")
        interpreter = Interpreter()
        while True:
            line = await self._read_line()
            if line is None:
                return None
            try:
                interpreter.run(line)
                interpreter.variables["?"] = "0"
            except GrubError as error:
                interpreter.variables["?"] = "1"
                interpreter.output += f"error: {error}\n"
            except BootNow:
                return interpreter.request
            except LeaveCommandLine:
                return None
            self._print(interpreter.output)
            interpreter.output = ""

    def _print(self, output: str) -> None:
        before, _, after = output.rpartition("\f")
        if before or output.startswith("\f"):
            self._terminal.clear()
        self._terminal.text(after)

    # ----------------------------------------------------------------------------------------------------------- a line
    async def _read_line(self) -> str | None:
        """Read one line; return None for Esc."""
        terminal = self._terminal
        terminal.text(PROMPT)
        self._row = terminal.row
        text, column = "", 0
        self._place = len(self._history)
        while True:
            key = await terminal.key()
            if key == "esc":
                return None
            if key == "enter":
                terminal.text("\n")
                if text.strip():
                    self._history.append(text)
                return text
            if key in ("left", "right", "home", "end"):
                places = {"left": max(0, column - 1), "right": min(len(text), column + 1), "home": 0, "end": len(text)}
                column = places[key]
            elif key in ("up", "down"):
                text, column = self._recall(text, -1 if key == "up" else 1)
            else:
                text, column = self._edit(key, text[:column], text[column:])
            self._goto(column)

    def _recall(self, text: str, step: int) -> tuple[str, int]:
        """Replace the line by another one of the history; return it and the cursor's column."""
        self._place = min(max(0, self._place + step), len(self._history))
        recalled = self._history[self._place] if self._place < len(self._history) else ""
        self._rewrite(recalled, 0, max(0, len(text) - len(recalled)))
        return recalled, len(recalled)

    def _edit(self, key: str, before: str, after: str) -> tuple[str, int]:
        """Do what a key does to the line; return the line and the cursor's column."""
        if len(key) == 1:
            self._goto(len(before))
            self._terminal.text(key + after)
            return before + key + after, len(before) + 1
        if key == "tab" and " " not in before:
            return self._complete(before, after)
        wipe = 0
        if key == "backspace" and before:
            before, wipe = before[:-1], 1
        elif key == "delete" and after:
            after, wipe = after[1:], 1
        elif key == "c-k":
            after, self._killed, wipe = "", after, len(after)
        elif key == "c-u":
            before, self._killed, wipe = "", before, len(before)
        elif key == "c-y":
            self._rewrite(before + self._killed + after, len(before), 0)
            return before + self._killed + after, len(before) + len(self._killed)
        else:
            return before + after, len(before)
        self._rewrite(before + after, len(before), wipe)
        return before + after, len(before)

    def _goto(self, column: int) -> None:
        """Move to a character of the line, which may be wider than the screen and wrap."""
        offset = len(PROMPT) + column
        self._terminal.goto(min(self._row + offset // 79, 24), offset % 79 + 1)

    def _rewrite(self, text: str, column: int, wipe: int) -> None:
        """Write the line again from ``column`` on, and ``wipe`` blanks after it."""
        self._goto(column)
        self._terminal.text(text[column:] + " " * wipe)

    def _complete(self, before: str, after: str) -> tuple[str, int]:
        names = [name for name in HELP if name.startswith(before)]
        if len(names) == 1:
            text = f"{names[0]} {after}"
            self._rewrite(text, len(before), 0)
            return text, len(names[0]) + 1
        if names:
            self._terminal.text(f"\nPossible commands are:\n\n {' '.join(names)}\n{PROMPT}{before}{after}")
            self._row = self._terminal.row
        return before + after, len(before)
