"""What a console itself has typed, and the marks that this prints, so that a person is shown the command and nothing else.

``run`` wraps a command into a line of its own (``shell/shell_line.py``).  The transcript keeps what went over the line; what is
shown has the command in its place, and no marks.  Of a screen that the guest draws, its rows are shown
(``drawn_screens.py``).  No I/O, no clock.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.drawn_screens import DrawnScreens
from uartsim.console.text.echoes import echo_expression
from uartsim.console.text.kernel_prefix import PREFIX
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
_KERNEL_LINE: Final = re.compile(rf"{PREFIX}[^\n]*\n")
#: How a line editor goes on in the next row.
_WRAPPED: Final = re.compile(r" \r|(.)\r\1|\r")


#: Where an echo is in the text, and what is shown for it; None hides its whole line.
_Echo: TypeAlias = "tuple[int, int, str | None]"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a guest's output, as it is shown.

    Attributes:
        at: when its first character came, or the drawing of its screen began, in seconds of the console's clock.
        text: the line, cleaned.
        start: where it begins in the cleaned text as sent.
        is_row: whether it is a row of a screen that the guest has drawn.
    """

    at: float
    text: str
    start: int
    is_row: bool = False


@dataclass(slots=True)
class _Typed:
    """A line that was typed at ``place``, and what is shown for its echo; None hides the whole line.

    Attributes:
        echo: the parts of its echo in the text, between kernel lines, and what is shown for each; when they are known.
        is_over: whether its echo has come, or does not come any more.
        is_awaited: whether what comes is not shown for its sake.
    """

    place: int
    line: str
    shown: str | None
    echo: tuple[_Echo, ...] = ()
    is_over: bool = False
    is_awaited: bool = True


class OwnLines:
    """The lines of a transcript as they are shown.

    Args:
        transcript: what the guest has sent.
        screens: which of it draws screens; None: nothing does.
    """

    def __init__(self, transcript: Transcript, screens: DrawnScreens | None = None) -> None:
        self._transcript = transcript
        self._screens = screens
        self._typed: deque[_Typed] = deque(maxlen=_KEPT)

    def typing(self, line: str, shown: str | None) -> None:
        """Note that ``line`` is typed now, and that ``shown`` is to be seen in its place; None: the line is hidden."""
        self._typed.append(_Typed(self._transcript.text_end, line, shown))

    def last(self, count: int, *, own: bool = False) -> list[Line]:
        """The last ``count`` lines that are not empty, without the spaces around them; with ``own``, as they were sent."""
        lines: list[Line] = []
        for line in self._backwards(self._transcript.text_start, self._transcript.text_end, own=own):
            if len(lines) == count:
                break
            if text := line.text.rstrip() if line.is_row else line.text.strip():
                lines.append(replace(line, text=text))
        lines.reverse()
        return lines

    def between(self, start: int, end: int, *, own: bool = False) -> list[Line]:
        """The lines from one place in the text, where one begins, to another."""
        return list(self._backwards(start, end, own=own))[::-1]

    @property
    def awaited(self) -> int:
        """The place in the text from which on the echo of a line that was typed may still come; its end if none may."""
        self._find_echoes()
        return min(
            (typed.place for typed in self._typed if typed.is_awaited and not typed.is_over),
            default=self._transcript.text_end,
        )

    def give_up(self) -> None:
        """Await no echo any more, though one that comes late is still found."""
        for typed in self._typed:
            typed.is_awaited = False

    def _backwards(self, start: int, end: int, *, own: bool) -> Iterator[Line]:
        """The lines of a part of the text, last to first."""
        self._find_echoes()
        for part in reversed(self._screens.parts() if self._screens is not None else []):
            if part.end <= start:
                break
            if part.start >= end:
                continue
            yield from self._lines(part.end, end, own=own)
            for number, row in reversed(list(enumerate(part.rows))):
                yield Line(part.at, row, min(part.start + number, part.end - 1), is_row=True)
            end = part.start
        yield from self._lines(start, end, own=own)

    def _lines(self, start: int, end: int, *, own: bool) -> Iterator[Line]:
        """The ordinary lines of a part of the text, last to first; an empty one behind the last line's end is none."""
        if end <= start:
            return
        text = self._transcript.slice(start, end)
        start = end - len(text)
        echoes = [] if own else self._echoes(start, end)
        stop = len(text) - text.endswith("\n")
        while stop >= 0:
            begin = text.rfind("\n", 0, stop) + 1
            shown, begin = _with_echoes(text, begin, stop, echoes)
            if shown is not None and not own:
                shown = _recognised(shown) if "uartsim-%s-" in shown else shown
            if shown is not None and (own or not _MARK.fullmatch(shown.strip())):
                yield Line(self._transcript.time_of(start + begin), shown, start + begin)
            stop = begin - 1

    def hidden_on(self, screen: Screen) -> Screen:
        """A screen with commands in place of the lines that were typed for them, and without marks."""
        width = len(screen.lines[0])
        rows: list[str] = []
        goes_on = self._rows_that_go_on(screen)
        cursor = screen.cursor
        reverse = set()
        number = 0
        while number < len(screen.lines):
            end = number + 1
            while end < len(screen.lines) and (screen.lines[end - 1][-1:].strip() or end - 1 in goes_on):
                end += 1
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

    def _rows_that_go_on(self, screen: Screen) -> set[int]:
        """The rows in which a line that was typed goes on in the next one, perhaps behind a blank."""
        width, text = len(screen.lines[0]), "".join(screen.lines)
        rows: set[int] = set()
        for line in {typed.line.strip() for typed in self._typed}:
            at = text.find(line)
            while line and at >= 0:
                rows |= set(range(at // width, (at + len(line) - 1) // width))
                at = text.find(line, at + len(line))
        return rows

    def _hidden_in(self, text: str) -> str | None:
        if _MARK.fullmatch(text.strip()):
            return None
        for typed in reversed(self._typed):
            before, found, after = text.partition(typed.line.strip())
            if found:
                return None if typed.shown is None else f"{before.rstrip()} {typed.shown}{after}".lstrip()
        return _recognised(text) if "uartsim-%s-" in text else text

    def _find_echoes(self) -> None:
        """Find the echoes that have come."""
        for typed in self._typed:
            if typed.is_over:
                continue
            reach = typed.place + 2 * len(typed.line) + _REACH
            text = self._transcript.slice(typed.place, reach)
            start = min(reach, self._transcript.text_end) - len(text)
            typed.echo = tuple(
                (start + begin, start + end, shown) for begin, end, shown in _echo_in(text, typed.line, typed.shown)
            )
            typed.is_over = bool(typed.echo) or self._transcript.text_end > reach

    def _echoes(self, start: int, end: int) -> list[_Echo]:
        """The echoes in a part of the text, first to last, from its begin, and what is shown for each."""
        return [
            (max(0, echo[0] - start), min(echo[1], end) - start, echo[2])
            for typed in self._typed
            for echo in typed.echo
            if echo[0] < end and echo[1] > start
        ]


def _echo_in(text: str, line: str, shown: str | None) -> list[_Echo]:
    """The parts of the echo of ``line`` in a text, between the kernel lines in it, and what is shown for each."""
    expression = echo_expression(line)
    if found := expression.search(text):
        return [(found.start(), found.end(), shown)]
    parts, at = [], 0
    for kernel_line in _KERNEL_LINE.finditer(text):
        parts.append((at, kernel_line.start()))
        at = kernel_line.end()
    if not parts or not (
        found := expression.search("".join(text[begin:end] for begin, end in [*parts, (at, len(text))]))
    ):
        return []
    echo: list[_Echo] = []
    place = 0
    for begin, end in [*parts, (at, len(text))]:
        first, last = max(found.start(), place), min(found.end(), place + end - begin)
        if first < last:
            # what is hidden else is on one line with the kernel's
            echo.append((begin + first - place, begin + last - place, "" if echo else shown or ""))
        place += end - begin
    return echo


def _recognised(line: str) -> str | None:
    """A line with the command in place of what was typed for it; None if it only asks the shell something."""
    whole = _WRAPPED.sub(r"\1", line)
    if found := _TYPED.search(whole):
        return f"{whole[: found.start()].rstrip()} {found[1]}".replace("'\\''", "'")
    return None if _QUESTION.search(whole) else line


def _with_echoes(text: str, begin: int, end: int, echoes: list[_Echo]) -> tuple[str | None, int]:
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
