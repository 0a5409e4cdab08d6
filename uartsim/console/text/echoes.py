"""Finds the echo of what was typed in what a guest sends, so that no wait takes it for an answer.

A line counts once it was ended with Enter.  Its echo is looked for in the text without kernel lines, from where the
text ended when its first character was typed: the line as it was typed, perhaps wrapped, up to a line end.  So a guest
that echoes nothing and answers ``status`` with ``status: fine`` is heard.  The result depends on where the line ends
are, not on when pieces came; only at a pause is an echo without its line end taken for one.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from uartsim.console.text.matcher import Matcher
from uartsim.console.text.search import Found

#: How much may come between a line that was typed ahead and its echo, in characters.
_REACH: Final = 4096
#: A line of fewer characters is too common to be looked for anywhere but right where it was typed.
_TELLING: Final = 4
#: A line of fewer characters is not wrapped, even on the narrowest common terminal.
_UNWRAPPED: Final = 20
#: How many typed lines and how many echoes are remembered.
_KEPT: Final = 16


@dataclass(slots=True)
class _Typed:
    """A typed line, and where the text ended when its first character was typed."""

    line: str
    place: int
    regex: re.Pattern[str] | None = None

    def expression(self) -> re.Pattern[str]:
        """What its echo looks like; compiled when it is needed, which for most lines is never."""
        if self.regex is None:
            self.regex = echo_expression(self.line, r"(?=[\r\n])")
        return self.regex


def echo_expression(line: str, end: str = "") -> re.Pattern[str]:
    """What the echo of a line looks like, perhaps wrapped; at its place, if the line is too common to be looked for elsewhere.

    Args:
        line: printable characters.
        end: what must follow, as a regular expression.
    """
    begin = "" if len(line) >= _TELLING else r"\A"
    characters = [re.escape(character) for character in line]
    if len(line) >= _UNWRAPPED:
        # bash writes the character behind the last column, a return, and that character again
        characters = [f"{character}(?: \\r|\\r?\\n|\\r{character}|\\r)?" for character in characters[:-1]] + characters[
            -1:
        ]
    return re.compile(begin + "".join(characters) + end)


class Echoes:
    """The echoes in a matcher's text.

    Args:
        matcher: the console's.
    """

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._line = ""
        self._place = 0
        self._typed: deque[_Typed] = deque(maxlen=_KEPT)
        self._echoes: deque[tuple[int, int]] = deque(maxlen=_KEPT)

    def typed(self, data: str | bytes) -> None:
        """Note what is sent to the guest now."""
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for part in re.split(r"([^ -~\xa0-\U0010ffff])", text):
            if part in ("\r", "\n"):
                if self._line:
                    self._typed.append(_Typed(self._line, self._place))
                self._line = ""
            elif part and part.isprintable():
                if not self._line:
                    self._place = self._matcher.buffer.end
                self._line = (self._line + part)[:_REACH]
            elif part:  # a key that edits the line: what the line is now is not known
                self._line = ""

    def end_of(self, found: Found) -> int | None:
        """The end, before its line end, of the echo in which a match begins or ends; None if there is no such echo.

        A match may begin at the line end, as ``\\n# `` does.
        """
        self._locate()
        for start, end in self._echoes:
            if found.start < end and start < found.end and (start <= found.start or found.end <= end + 1):
                return end
        return None

    def may_be(self, found: Found) -> bool:
        """Whether a match begins or ends in what may become an echo with what comes next."""
        return any(found.end > self._begun(typed) for typed in self._typed)

    def unfinished(self, found: Found) -> int | None:
        """As :meth:`end_of`, at a pause: for an echo that is complete except for its line end."""
        end = self._matcher.buffer.end
        for typed in self._typed:
            if found.end > self._begun(typed) and self._matcher.plain_line.endswith(typed.line):
                return end
        return None

    def _locate(self) -> None:
        """Find the echoes that have come."""
        for typed in list(self._typed):
            start = max([typed.place, *(end for _, end in self._echoes)])
            place = self._matcher.find_plain(typed.expression(), start, _REACH + 3 * len(typed.line))
            if place is not None:
                self._echoes.append(place)
            if place is not None or self._matcher.buffer.end > typed.place + 2 * _REACH + 3 * len(typed.line):
                self._typed.remove(typed)

    def _begun(self, typed: _Typed) -> int:
        """Where the part at the end of the text begins that may become the echo of a line; the text's end if there is none."""
        end = self._matcher.buffer.end
        tail = self._matcher.plain_tail(min(len(typed.line), max(0, end - typed.place)))
        at = tail.find(typed.line[0])
        while at >= 0:
            if typed.line.startswith(tail[at:]):
                return self._matcher.place_of_tail(len(tail) - at)
            at = tail.find(typed.line[0], at + 1)
        return end
