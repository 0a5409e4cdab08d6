"""Reads TOML from an untrusted author in time that is linear in its length, and names the line of every mistake.

Three inputs trouble tomllib: deeply nested brackets raise RecursionError, a number of thousands of digits raises a ValueError
without a line, and a key of N parts takes N * N steps.  Here each is a :class:`TomlMistake` with its line.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

#: The most parts that a key may have.
MOST_PARTS: Final = 100

_PLACE: Final = re.compile(r" \((?:at line (\d+), column \d+|at end of document)\)$")
#: The tokens that decide where a statement ends.  A string without an end is the last one, because tomllib stops there too;
#: so no text is read twice.
_TOKEN: Final = re.compile(
    r"""(?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}"""
    r"""|"(?!"")(?:[^"\\\n]|\\.)*"|'(?!'')[^'\n]*')"""
    r"""|(?P<unended>["'])|(?P<comment>\#[^\n]*)|(?P<newline>\n)|(?P<open>[\[{])|(?P<close>[\]}])"""
    r"""|(?P<dot>\.)|(?P<other>[=,])|[^"'\#\n\[\]{}.=,]+""",
    re.DOTALL,
)


class TomlMistake(Exception):
    """A mistake in a text, and its line (from 1)."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def parse_toml(text: str) -> dict[str, Any]:
    """The content of a text.

    Raises:
        TomlMistake: it is not TOML, or exceeds a bound.
    """
    for _ in statements(text):
        pass
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int((place and place[1]) or text.rstrip().count("\n") + 1)
        raise TomlMistake(line, _PLACE.sub("", str(error))) from None
    except RecursionError:
        raise TomlMistake(_line_beyond_a_bound(text), "brackets are nested too deeply") from None
    except ValueError as error:
        raise TomlMistake(_line_beyond_a_bound(text), str(error)) from None


def statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a text that tomllib accepts: the line where each begins (from 1), and its text.

    A statement is a header, or a key with its value; it ends with a line, outside of brackets and strings.

    Raises:
        TomlMistake: a key has more than :data:`MOST_PARTS` parts.
    """
    text = text.replace("\r\n", "\n")
    line = first_line = 1
    depth = begin = parts = 0
    for token in _TOKEN.finditer(text):
        sort = token.lastgroup
        if sort == "dot":
            parts += 1
            if parts >= MOST_PARTS:
                raise TomlMistake(line, f"a key of more than {MOST_PARTS} parts")
        elif sort == "unended":
            break
        elif sort == "newline":
            line += 1
            parts = 0
            if depth <= 0:
                yield first_line, text[begin : token.start()]
                begin, first_line, depth = token.end(), line, 0
        elif sort == "string":
            line += token[0].count("\n")
        elif sort is not None:
            parts = 0
            depth += (sort == "open") - (sort == "close")
    if begin < len(text):
        yield first_line, text[begin:]


def _line_beyond_a_bound(text: str) -> int:
    """The line where tomllib meets a bound of Python's own (digits of an int, recursion), for which it gives no line."""
    lines = text.split("\n")

    def goes_beyond(count: int) -> bool:
        try:
            tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            return False
        except (ValueError, RecursionError):
            return True
        return False

    return bisect.bisect_left(range(len(lines)), True, key=goes_beyond)
