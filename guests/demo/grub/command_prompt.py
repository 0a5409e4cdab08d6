"""GRUB's command line (`c`): ``grub> `` with history and completion of commands."""

from __future__ import annotations

from typing import Final

from . import menu_frame as frame
from .grub_script import HELP, BootNow, BootRequest, GrubError, Interpreter, LeaveCommandLine
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
        self._killed = ""
        self._row = 0

    async def run(self) -> BootRequest | None:
        """Read and run commands until ``boot`` (the request) or Esc, ``exit`` and ``normal`` (None).

        Raises:
            PowerCommand: ``reboot`` or ``halt``.
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
        before, _, behind = output.rpartition("\f")
        if before or output.startswith("\f"):
            self._terminal.clear()
        self._terminal.text(behind)

    # ----------------------------------------------------------------------------------------------------------- a line
    async def _read_line(self) -> str | None:
        terminal = self._terminal
        terminal.text(PROMPT)
        self._row = terminal.row
        text, column = "", 0
        place = len(self._history)
        while True:
            key = await terminal.key()
            if key == "esc":
                return None
            if key == "enter":
                terminal.text("\n")
                if text.strip():
                    self._history.append(text)
                return text
            before, behind = text[:column], text[column:]
            if len(key) == 1:
                text, column = before + key + behind, column + 1
                self._goto(column - 1)
                terminal.text(key + behind)
            elif key == "backspace" and before:
                text, column = before[:-1] + behind, column - 1
                self._rewrite(text, column, 1)
            elif key == "delete" and behind:
                text = before + behind[1:]
                self._rewrite(text, column, 1)
            elif key == "c-k":
                text, self._killed = before, behind
                self._rewrite(text, column, len(behind))
            elif key == "c-u":
                text, column, self._killed = behind, 0, before
                self._rewrite(text, 0, len(before))
            elif key == "c-y":
                text, column = before + self._killed + behind, column + len(self._killed)
                self._rewrite(text, len(before), 0)
            elif key in ("left", "right", "home", "end"):
                column = {"left": max(0, column - 1), "right": min(len(text), column + 1), "home": 0, "end": len(text)}[
                    key
                ]
            elif key in ("up", "down"):
                place = min(max(0, place + (-1 if key == "up" else 1)), len(self._history))
                gone, text = len(text), self._history[place] if place < len(self._history) else ""
                column = len(text)
                self._rewrite(text, 0, max(0, gone - len(text)))
            elif key == "tab" and " " not in before:
                text, column = self._complete(before, behind)
            self._goto(column)

    def _goto(self, column: int) -> None:
        """Move to a character of the line; lines longer than the screen are wide wrap over its rows."""
        offset = len(PROMPT) + column
        self._terminal.goto(min(self._row + offset // 79, 24), offset % 79 + 1)

    def _rewrite(self, text: str, column: int, wipe: int) -> None:
        """Write the line again from ``column`` and ``wipe`` blanks behind it."""
        self._goto(column)
        self._terminal.text(text[column:] + " " * wipe)

    def _complete(self, before: str, behind: str) -> tuple[str, int]:
        names = [name for name in HELP if name.startswith(before)]
        if len(names) == 1:
            text = f"{names[0]} {behind}"
            self._rewrite(text, len(before), 0)
            return text, len(names[0]) + 1
        if names:
            self._terminal.text(f"\nPossible commands are:\n\n {' '.join(names)}\n{PROMPT}{before}{behind}")
            self._row = self._terminal.row
        return before + behind, len(before)
