"""What a console itself has typed, and the marks that this prints, so that a person is shown the command and nothing else.

``run`` wraps a command into a line of its own (``shell/shell_line.py``).  The transcript keeps what went over the line; what is
shown has the command in its place, and no marks.  No I/O, no clock.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.echoes import echo_expression
from uartsim.console.text.screen import Screen

#: How many typed lines are remembered.
_KEPT: Final = 256
#: How far behind the place where it was typed a line's echo may begin, in characters.
_REACH: Final = 512
#: A line that is a mark or an answer of ``shell/``; its ID has six digits, base 16.
_MARK: Final = re.compile(
    r"uartsim-(?:(?:[0-9a-f]{6}-(?:begin|torn|\d{1,3}-\d{1,3}-end|\w*-[\w.-]*-shell|0x[0-9A-Fa-f]+|\d+))|[\w-]*-asked)"
)
#: What tells a line that was typed before a snapshot was made, of which nothing else is known; group 1 is the command.
_TYPED: Final = re.compile(
    r" ?:; \{ _u=[0-9a-f]{6}-; \\printf 'uartsim-%s-begin\\n' [0-9a-f]{6}; \}(?: 2>/dev/null)?; "
    r"(?:\\command eval|\{ \\eval) '(.*)'; (?:\} always )?\{ .*"
)
_QUESTION: Final = re.compile(r" \\printf '(?:\\n)?uartsim-%s-.*")
#: How a line editor goes on in the next row.
_WRAPPED: Final = re.compile(r" \r|(.)\r\1|\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a guest's output, as it is shown.

    Attributes:
        at: when its first character came, in seconds of the console's clock.
        text: the line, cleaned, without the spaces around it.
        start: where it begins in the cleaned text as sent.
    """

    at: float
    text: str
    start: int


@dataclass(slots=True)
class _Typed:
    """A line that was typed at ``place``, and what is shown for its echo; None hides the whole line."""

    place: int
    line: str
    shown: str | None


class OwnLines:
    """The lines of a transcript as they are shown.

    Args:
        transcript: what the guest has sent.
    """

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._typed: deque[_Typed] = deque(maxlen=_KEPT)

    def typing(self, line: str, shown: str | None) -> None:
        """Note that ``line`` is typed now, and that ``shown`` is to be seen in its place; None: the line is hidden."""
        self._typed.append(_Typed(self._transcript.text_end, line, shown))

    def last(self, count: int, *, own: bool = False) -> list[Line]:
        """The last ``count`` lines that are not empty; with ``own``, as they were sent."""
        text, start = self._transcript.text, self._transcript.text_end - len(self._transcript.text)
        echoes = [] if own else self._echoes(text, start)
        lines: list[Line] = []
        end = len(text)
        while end > 0 and len(lines) < count:
            begin = text.rfind("\n", 0, end) + 1
            shown, begin = _with_echoes(text, begin, end, echoes)
            if shown is not None and not own and "uartsim-%s-" in shown:
                shown = _recognised(shown)
            if shown is not None and (line := shown.strip()) and (own or not _MARK.fullmatch(line)):
                lines.append(Line(self._transcript.time_of(start + begin), line, start + begin))
            end = begin - 1
        lines.reverse()
        return lines

    def hidden_on(self, screen: Screen) -> Screen:
        """A screen with commands in place of the lines that were typed for them, and without marks."""
        width = len(screen.lines[0])
        rows: list[str] = []
        cursor = screen.cursor
        reverse = set()
        number = 0
        while number < len(screen.lines):
            end = number + 1
            while end < len(screen.lines) and screen.lines[end - 1][-1:].strip():
                end += 1  # a line that goes on in the next row
            text = "".join(screen.lines[number:end])
            shown = self._hidden_in(text.rstrip())
            kept = [] if shown is None else [shown[at : at + width] for at in range(0, max(1, len(shown)), width)]
            if shown == text.rstrip():
                kept = list(screen.lines[number:end])
                reverse |= {len(rows) + row - number for row in screen.reverse if number <= row < end}
            if number <= screen.cursor[0] < end:
                behind = (end - screen.cursor[0]) * width - screen.cursor[1]
                row, column = divmod(max(0, len(kept) * width - behind), width)
                cursor = len(rows) + row, column
            rows += [row.ljust(width) for row in kept]
            number = end
        return Screen(tuple(rows), cursor, frozenset(reverse))

    def _hidden_in(self, text: str) -> str | None:
        if _MARK.fullmatch(text.strip()):
            return None
        for typed in reversed(self._typed):
            before, found, after = text.partition(typed.line.strip())
            if found:
                return None if typed.shown is None else f"{before.rstrip()} {typed.shown}{after}".lstrip()
        return _recognised(text) if "uartsim-%s-" in text else text

    def _echoes(self, text: str, start: int) -> list[tuple[int, int, str | None]]:
        """Where the echoes are in the text, which begins at ``start``, first to last, and what is shown for each."""
        found = []
        for typed in self._typed:
            place = typed.place - start
            if place >= 0 and (
                echo := echo_expression(typed.line).search(text, place, place + 2 * len(typed.line) + _REACH)
            ):
                found.append((echo.start(), echo.end(), typed.shown))
        return found


def _recognised(line: str) -> str | None:
    """A line with the command in place of what was typed for it; None if it only asks the shell something."""
    whole = _WRAPPED.sub(r"\1", line)
    if found := _TYPED.search(whole):
        return f"{whole[: found.start()].rstrip()} {found[1]}".replace("'\\''", "'")
    return None if _QUESTION.search(whole) else line


def _with_echoes(text: str, begin: int, end: int, echoes: list[tuple[int, int, str | None]]) -> tuple[str | None, int]:
    """The line from ``begin`` to ``end`` as it is shown, None if it is hidden; and its begin, for an echo has more than one."""
    shown = ""
    while echoes and echoes[-1][1] > begin:
        echo_begin, echo_end, instead = echoes.pop()
        if echo_begin >= end:
            continue
        if instead is None:
            return None, min(begin, text.rfind("\n", 0, echo_begin) + 1)
        shown = instead + text[echo_end:end] + shown
        begin, end = min(begin, text.rfind("\n", 0, echo_begin) + 1), echo_begin
    return text[begin:end] + shown, begin
