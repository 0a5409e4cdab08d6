"""bash's line editor (readline) at the prompt: editing, history, completion, on a vt220 of any width.

At a prompt the tty is raw and does not echo; what is typed is shown from here.  Keys are readline's Emacs keys.  A line
that reaches the right margin goes on in the next row, behind the blank and the CR with which readline makes the
terminal wrap.  Each byte is taken from the tty when it is needed: what follows an Enter is left for the command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import trio

from ..tty.tty_device import Terminal

#: How long ESC waits for the rest of a key, in seconds (keyseq-timeout).
KEY_TIMEOUT_S: Final = 0.5
DEFAULT_COLUMNS: Final = 80

_SEQUENCES: Final = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[H": "home",
    "[F": "end",
    "[1~": "home",
    "[4~": "end",
    "[7~": "home",
    "[8~": "end",
    "[3~": "delete",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
    "OH": "home",
    "OF": "end",
    "[200~": "paste begins",
    "[201~": "paste ends",
    "b": "word left",
    "f": "word right",
    "d": "kill word",
    "\x7f": "kill word back",
}
_CONTROL: Final = {
    0x01: "home",
    0x02: "left",
    0x04: "delete or leave",
    0x05: "end",
    0x06: "right",
    0x08: "erase",
    0x09: "complete",
    0x0A: "accept",
    0x0B: "kill to end",
    0x0C: "clear",
    0x0D: "accept",
    0x0E: "down",
    0x10: "up",
    0x15: "kill to start",
    0x17: "kill blank word",
    0x19: "yank",
    0x7F: "erase",
}

#: Given the text before the cursor: where the word being completed starts, and what it could become.
Completer = Callable[[str], tuple[int, Sequence[str]]]


class Interrupted(Exception):
    """Ctrl-C at the prompt."""


class LineEditor:
    """Reads lines.

    Args:
        terminal: the tty; it is raw while a line is read, and as before afterwards.
        complete: for Tab.
        bracketed_paste: whether to switch the terminal's bracketed paste on at prompts.
    """

    def __init__(self, terminal: Terminal, complete: Completer, *, bracketed_paste: bool = False) -> None:
        self.history: list[str] = []
        self._terminal = terminal
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
        """Read one line, without its newline; None for Ctrl-D on an empty one.

        Args:
            prompt: what to show in front of it.
            interruptible: whether Ctrl-C raises a signal (it does not without job control).

        Raises:
            Interrupted: Ctrl-C; ``^C`` and a newline are on the screen.
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
            key = await self._key()
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

    async def _key(self) -> str:
        first = await self._byte()
        if first == 0x1B:
            sequence = ""
            with trio.move_on_after(KEY_TIMEOUT_S):
                while True:
                    sequence += chr(await self._byte())
                    if sequence in _SEQUENCES:
                        return _SEQUENCES[sequence]
                    known = any(each.startswith(sequence) for each in _SEQUENCES)
                    if not known and (sequence[0] != "[" or sequence[-1].isalpha() or sequence[-1] == "~"):
                        return "unknown"
            return "unknown"
        if first in _CONTROL:
            return _CONTROL[first]
        if first < 0x20:
            return "unknown"
        return await self._utf8(first)

    async def _utf8(self, first: int) -> str:
        length = 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
        data = bytearray((first,))
        while len(data) < length:
            data.append(await self._byte())
        return data.decode(errors="replace")

    async def _byte(self) -> int:
        return (await self._terminal.read(1))[0]

    def _do(self, key: str) -> None:
        text, column = self._text, self._column
        if len(key) == 1:
            self._replace(column, column, key)
        elif key == "accept":  # pasted
            self._replace(column, column, "\n")
        elif key in ("paste begins", "paste ends"):
            self._pasting = key == "paste begins"
        elif key == "left":
            self._move_to(max(0, column - 1))
        elif key == "right":
            self._move_to(min(len(text), column + 1))
        elif key == "home":
            self._move_to(0)
        elif key == "end":
            self._move_to(len(text))
        elif key == "word left":
            self._move_to(self._word_start(column))
        elif key == "word right":
            self._move_to(self._word_end(column))
        elif key == "erase" and column > 0:
            self._replace(column - 1, column, "")
        elif key == "delete" and column < len(text):
            self._replace(column, column + 1, "")
        elif key == "kill to end":
            self._kill(column, len(text))
        elif key == "kill to start":
            self._kill(0, column)
        elif key == "kill word":
            self._kill(column, self._word_end(column))
        elif key == "kill word back":
            self._kill(self._word_start(column), column)
        elif key == "kill blank word":
            kept = text[:column].rstrip()
            self._kill(len(kept) - len(kept.split(" ")[-1]) if kept else 0, column)
        elif key == "yank":
            self._replace(column, column, self._killed)
        elif key in ("up", "down"):
            self._recall(-1 if key == "up" else 1)
        elif key == "clear":
            self._out += f"\x1b[H\x1b[J{self._prompt}"
            self._column = 0
            self._show(0)
            self._move_to(column)
        elif key == "complete":
            self._do_complete()
        else:
            self._out += "\a"

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

    def _recall(self, step: int) -> None:
        place = self._place + step
        if not 0 <= place <= len(self.history):
            self._out += "\a"
            return
        if self._place == len(self.history):
            self._draft = self._text
        self._place = place
        text = self.history[place] if place < len(self.history) else self._draft
        self._replace(0, len(self._text), text)

    def _do_complete(self) -> None:
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
            column = self._column
            self._out += "\r\n" + "  ".join(choices) + f"\r\n{self._prompt}"
            self._column = 0
            self._show(0)
            self._move_to(column)
        else:
            self._out += "\a"

    # --------------------------------------------------------------------------------------------------------- display
    @property
    def _width(self) -> int:
        return self._terminal.modes.columns or DEFAULT_COLUMNS

    def _cell(self, column: int) -> tuple[int, int]:
        """Row and column on the screen of a place in the text, counted from the prompt's first cell."""
        return divmod(len(self._prompt) + column, self._width)

    def _replace(self, start: int, end: int, text: str) -> None:
        """Replace a piece of the line and show what follows it; the cursor goes behind the new piece."""
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
        """Write the text from ``start`` on, the cursor standing there; it goes to the end."""
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


def _common_prefix(words: Sequence[str]) -> str:
    if not words:
        return ""
    low, high = min(words), max(words)
    length = 0
    while length < min(len(low), len(high)) and low[length] == high[length]:
        length += 1
    return low[:length]
