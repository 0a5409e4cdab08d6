"""The filter between a person's terminal and any text from a guest, a file or a stranger.

A terminal obeys more than ESC: the C1 controls (ECMA-48), which UTF-8 writes as two bytes, begin sequences too, and
characters without a width or with a direction (UAX #9) change what a line seems to say.  Anything that is not text is
therefore shown and not obeyed:

- C0 controls and DEL as their pictures, U+2400 to U+2421: ESC is ``␛``, BEL is ``␇``.  Line feed and tab stay.
- every other character that cannot be seen as what it is, by its number: U+009D is ``<9d>``, U+202E is ``<202e>``.
  These are the C1 controls, line and paragraph separators, formats such as bidirectional overrides and characters of
  no width, noncharacters and lone surrogates.

A joiner between two letters or two pictures (U+200C, U+200D) is part of how some scripts are written, but it is shown
by its number all the same: two names that look alike are then not the same name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: How much of a value is quoted, in characters.
_QUOTED: Final = 100
#: Common text passes unchanged, without a look at each character.
_PLAIN: Final = re.compile(r"[\t\n -~]*\Z")
#: The characters that need a closer look: all but printable ASCII.
_SPECIAL: Final = re.compile(r"[^\t\n -~]")
#: Letters that are shown as nothing at all (Default_Ignorable_Code_Point), although Unicode has them as letters or marks.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
#: Controls, formats, surrogates, noncharacters, and the two separators.
_SHOWN_BY_NUMBER: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
#: Variation selector 16 asks for the coloured picture of the character before it, and hides nothing.
_KEPT: Final = frozenset("\ufe0f")


def printable(text: str) -> str:
    """``text`` with everything in it that a terminal would obey, or not show, made visible."""
    return text if _PLAIN.match(text) else _SPECIAL.sub(_shown, text)


def printable_line(text: str) -> str:
    """The same for text that has to stay on one line: line feed and tab become pictures too."""
    return printable(text).replace("\n", "\u240a").replace("\t", "\u2409")


def quoted(value: object) -> str:
    """A caller's value as a message shows it: its ``repr``, cut after 100 characters; its type if it has none."""
    try:
        text = repr(value)
    except Exception:  # such as an int of more digits than Python writes
        return f"<{type(value).__name__}>"
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def counted(count: int, noun: str) -> str:
    """A number of things in words that go together: ``1 character``, ``2 characters``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    number = ord(character)
    if character < " ":
        return chr(0x2400 + number)
    if number == 0x7F:
        return "\u2421"
    if character in _KEPT:
        return character
    if unicodedata.category(character) in _SHOWN_BY_NUMBER or _BLANK.match(character):
        return f"<{number:02x}>"
    return character


def shown_name(name: str, most: int = 80) -> str:
    """A name for the middle of a sentence: in quotes if it is empty, and its beginning only if it is very long."""
    return repr(name) if not name else name if len(name) <= most else f"{name[:most]}..."
