"""bash's line editor (readline) at the prompt: editing, history and completion, on a vt220 of any width.

At a prompt the tty is raw and does not echo; the editor shows what is typed.  A line that reaches the right margin
continues in the next row, after the blank and the CR with which readline makes the terminal wrap.  Bytes are taken from
the tty one by one: what follows an Enter is left for the command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import trio

from ..tty.tty_device import Terminal
from .readline_keys import KeyReader

DEFAULT_COLUMNS: Final = 80

#: Takes the text before the cursor; returns where the word to complete starts, and what it could become.
Completer = Callable[[str], tuple[int, Sequence[str]]]


class Interrupted(Exception):
    """Ctrl-C was typed at the prompt."""


class LineEditor:
    """Reads lines.

    Args:
        terminal: the tty; it is raw while a line is read.
        complete: called for Tab.
        bracketed_paste: whether to switch the terminal's bracketed paste on at prompts.

    Attributes:
        history: the lines that were read before, the oldest first.
    """

    def __init__(self, terminal: Terminal, complete: Completer, *, bracketed_paste: bool = False) -> None:
        self.history: list[str] = []
        self._terminal = terminal
        self._keys = KeyReader(terminal)
        self._complete = complete
        self._bracketed_paste = bracketed_paste
        self._prompt = ""
        self._text = ""
        self._column = 0
        self._killed = ""
        self._place = 0
        self._draft = ""
        self._pasting = False
        self._out = ""

    async def read_line(self, prompt: str, *, interruptible: bool = True) -> str | None:
        """Read one line.

        Args:
            prompt: what to show in front of it.
            interruptible: whether Ctrl-C has an effect (without job control it has none).

        Returns:
            The line without its newline, or None for Ctrl-D on an empty line.

        Raises:
            Interrupted: Ctrl-C was typed; ``^C`` and a newline are on the screen.
        """
        terminal = self._terminal
        before = terminal.modes
        interrupted = False
        line: str | None = None
        with trio.CancelScope() as scope:

            def interrupt() -> None:
                nonlocal interrupted
                interrupted = True
                scope.cancel()

            def on_signal(signal: str) -> None:
                if interruptible and signal == "INT":
                    interrupt()

            with terminal.foreground(on_signal):
                terminal.set_modes(before.without("icanon", "echo", "icrnl"))
                try:
                    if self._bracketed_paste:
                        await terminal.write("\x1b[?2004h")
                    line = await self._edit(prompt)
                finally:
                    terminal.set_modes(before)
        ending = "\x1b[?2004l\r" if self._bracketed_paste else ""
        if interrupted:
            await terminal.write(f"^C\n{ending}")
            raise Interrupted
        await terminal.write(f"\n{ending}" if line is not None else ending)
        if line is not None and line.strip() and (not self.history or self.history[-1] != line):
            self.history.append(line)
        return line

    # ------------------------------------------------------------------------------------------------------------ keys
    async def _edit(self, prompt: str) -> str | None:
        self._prompt, self._text, self._column = prompt, "", 0
        self._place, self._draft = len(self.history), ""
        self._out += prompt
        while True:
            if not self._terminal.discipline.readable:
                await self._flush()
            key = await self._keys.read_key()
            if key == "accept" and not self._pasting:
                self._move_to(len(self._text))
                await self._flush()
                return self._text
            if key == "delete or leave":
                if not self._text:
                    await self._flush()
                    return None
                key = "delete"
            self._do(key)

    def _do(self, key: str) -> None:
        column = self._column
        if len(key) == 1:
            self._replace(column, column, key)
        elif key == "accept":  # in pasted text
            self._replace(column, column, "\n")
        elif key in ("paste begins", "paste ends"):
            self._pasting = key == "paste begins"
        elif key in _MOVES:
            self._move_to(_MOVES[key](self, column))
        elif key in _KILLS:
            self._kill(*sorted((column, _KILLS[key](self, column))))
        elif key in _COMMANDS:
            _COMMANDS[key](self)
        else:
            self._ring()

    def _ring(self) -> None:
        self._out += "\a"

    def _erase(self) -> None:
        if self._column > 0:
            self._replace(self._column - 1, self._column, "")
        else:
            self._ring()

    def _delete(self) -> None:
        if self._column < len(self._text):
            self._replace(self._column, self._column + 1, "")
        else:
            self._ring()

    def _yank(self) -> None:
        self._replace(self._column, self._column, self._killed)

    def _start(self, _column: int) -> int:
        return 0

    def _end(self, _column: int) -> int:
        return len(self._text)

    def _left(self, column: int) -> int:
        return max(0, column - 1)

    def _right(self, column: int) -> int:
        return min(len(self._text), column + 1)

    def _blank_word_start(self, column: int) -> int:
        """The start of the word before ``column``, where only blanks separate words."""
        kept = self._text[:column].rstrip()
        return kept.rfind(" ") + 1

    def _word_start(self, column: int) -> int:
        while column > 0 and not self._text[column - 1].isalnum():
            column -= 1
        while column > 0 and self._text[column - 1].isalnum():
            column -= 1
        return column

    def _word_end(self, column: int) -> int:
        while column < len(self._text) and not self._text[column].isalnum():
            column += 1
        while column < len(self._text) and self._text[column].isalnum():
            column += 1
        return column

    def _kill(self, start: int, end: int) -> None:
        if start < end:
            self._killed = self._text[start:end]
            self._replace(start, end, "")

    def _recall_older(self) -> None:
        self._recall(self._place - 1)

    def _recall_newer(self) -> None:
        self._recall(self._place + 1)

    def _recall(self, place: int) -> None:
        if not 0 <= place <= len(self.history):
            self._ring()
            return
        if self._place == len(self.history):
            self._draft = self._text
        self._place = place
        text = self.history[place] if place < len(self.history) else self._draft
        self._replace(0, len(self._text), text)

    def _clear_screen(self) -> None:
        self._out += "\x1b[H\x1b[J"
        self._show_anew()

    def _complete_word(self) -> None:
        start, choices = self._complete(self._text[: self._column])
        word = self._text[start : self._column]
        if len(choices) == 1:
            ending = "" if choices[0].endswith("/") else " "
            self._replace(start, self._column, choices[0] + ending)
            return
        common = _common_prefix(choices)
        if len(common) > len(word):
            self._replace(start, self._column, common)
        elif choices:
            self._out += "\r\n" + "  ".join(choices) + "\r\n"
            self._show_anew()
        else:
            self._ring()

    # --------------------------------------------------------------------------------------------------------- display
    @property
    def _width(self) -> int:
        return self._terminal.modes.columns or DEFAULT_COLUMNS

    def _cell(self, column: int) -> tuple[int, int]:
        """Row and column of a character of the text, counted from the first cell of the prompt."""
        return divmod(len(self._prompt) + column, self._width)

    def _show_anew(self) -> None:
        """Show the prompt and the line where the cursor is now."""
        column = self._column
        self._out += self._prompt
        self._column = 0
        self._show(0)
        self._move_to(column)

    def _replace(self, start: int, end: int, text: str) -> None:
        """Replace a piece of the line and show what follows; the cursor goes to the end of the new piece."""
        old_length = len(self._text)
        same = len(_common_prefix((self._text[start:end], text)))
        start, text = start + same, text[same:]
        self._text = self._text[:start] + text + self._text[end:]
        at_end = start + len(text) == len(self._text)
        self._move_to(start)
        if at_end and end == old_length and start == old_length:
            self._show(start)
            return
        self._show(start)
        if len(self._text) < old_length:
            rows_before = self._cell(old_length)[0]
            self._out += "\x1b[K" if rows_before == self._cell(len(self._text))[0] else "\x1b[J"
        self._move_to(start + len(text))

    def _show(self, start: int) -> None:
        """Write the text from ``start``, where the cursor stands, to its end."""
        column = self._cell(start)[1]
        for character in self._text[start:]:
            self._out += character
            column += 1
            if column == self._width:
                self._out += " \r"
                column = 0
        self._column = len(self._text)

    def _move_to(self, target: int) -> None:
        row, column = self._cell(self._column)
        new_row, new_column = self._cell(target)
        if row == new_row:
            if new_column < column:
                self._out += "\b" * (column - new_column)
            else:
                self._out += self._text[self._column : target]
        else:
            self._out += "\x1b[A" * (row - new_row) + "\x1b[B" * (new_row - row) + "\r" + "\x1b[C" * new_column
        self._column = target

    async def _flush(self) -> None:
        out, self._out = self._out, ""
        await self._terminal.write(out.replace("\r\n", "\n"))


#: Keys that move the cursor, and where to.
_MOVES: Final[Mapping[str, Callable[[LineEditor, int], int]]] = {
    "left": LineEditor._left,
    "right": LineEditor._right,
    "home": LineEditor._start,
    "end": LineEditor._end,
    "word left": LineEditor._word_start,
    "word right": LineEditor._word_end,
}
#: Keys that kill the text between the cursor and another place.
_KILLS: Final[Mapping[str, Callable[[LineEditor, int], int]]] = {
    "kill to end": LineEditor._end,
    "kill to start": LineEditor._start,
    "kill word": LineEditor._word_end,
    "kill word back": LineEditor._word_start,
    "kill blank word": LineEditor._blank_word_start,
}
_COMMANDS: Final[Mapping[str, Callable[[LineEditor], None]]] = {
    "erase": LineEditor._erase,
    "delete": LineEditor._delete,
    "yank": LineEditor._yank,
    "up": LineEditor._recall_older,
    "down": LineEditor._recall_newer,
    "clear": LineEditor._clear_screen,
    "complete": LineEditor._complete_word,
}


def _common_prefix(words: Sequence[str]) -> str:
    if not words:
        return ""
    low, high = min(words), max(words)
    length = 0
    while length < min(len(low), len(high)) and low[length] == high[length]:
        length += 1
    return low[:length]
