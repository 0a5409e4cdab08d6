"""Takes a file apart into lines: drops comments, nests blocks by their indentation, and unrolls loops.

A block is the lines that are indented deeper than the line above them.  ``for`` unrolls its block once for each row of
its values::

    for n, c in numbered 'AB'           n is 0, c is 0x41; then 1 and 0x42
    for level, last in 4 3, 8 7         level is 4, last is 3; then 8 and 7
    for n in 0..15                      both ends included

In the block ``{n}`` stands for the value and ``{n:X}`` for the same number as two hexadecimal digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from uartsim.conform.notation.scanner import Scanner, SourceLine

#: The code of a line: everything before a ``#`` that is not quoted.
_CODE: Final = re.compile(r"""(?:'(?:[^'\\]|\\.)*'|"[^"]*"|[^#'"])*""")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}|[{}]")
_REFERENCE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:X)?")
#: A file that unrolls to more lines than this is refused.
_MOST_LINES: Final = 20_000
#: Blocks nested deeper than this are refused.
_DEEPEST: Final = 20

#: The variables that a line can use, by name: numbers, and words as they were written.
Variables: TypeAlias = Mapping[str, int | str]


@dataclass(slots=True)
class Block:
    """A line and the block below it."""

    line: SourceLine
    inner: list[Block] = field(default_factory=list)


def blocks(text: str, file: str) -> list[Block]:
    """The lines of a file, nested by their indentation.

    Args:
        text: of the file.
        file: its name, for messages.

    Raises:
        NotationError: a line's indentation matches no line above, or blocks are nested too deeply.
    """
    top: list[Block] = []
    #: How deep each open block stands, and its lines.
    open_blocks = [(0, top)]
    for number, whole in enumerate(text.split("\n"), 1):
        line = _code_of(whole, file, number)
        if line is None:
            continue
        indentation = line.columns[0] - 1
        while indentation < open_blocks[-1][0]:
            open_blocks.pop()
            if indentation > open_blocks[-1][0]:
                raise line.error("this indentation fits no line above: use that of a line in the same block")
        if indentation > open_blocks[-1][0]:
            if not open_blocks[-1][1]:
                raise line.error("the first line is indented: begin at the left margin")
            if len(open_blocks) == _DEEPEST:
                raise line.error(f"blocks are nested deeper than {_DEEPEST}: use fewer loops")
            open_blocks.append((indentation, open_blocks[-1][1][-1].inner))
        open_blocks[-1][1].append(Block(line))
    return top


def _code_of(whole: str, file: str, number: int) -> SourceLine | None:
    """The line without its comment, or None if nothing is left."""
    found = _CODE.match(whole)
    end = found.end() if found is not None and whole[found.end() : found.end() + 1] == "#" else len(whole)
    text = whole[:end].rstrip()
    start = len(text) - len(text.lstrip(" "))
    if not text:
        return None
    line = SourceLine(file, number, text[start:], tuple(range(start + 1, len(text) + 1)))
    if not line.text.isprintable():
        at = next(n for n, character in enumerate(line.text) if not character.isprintable())
        raise line.error(
            f"{line.text[at]!r} cannot stand here: indent and separate with blanks, and escape the rest", at
        )
    return line


class Unroller:
    """Unrolls loops and replaces variables, within a bound for the whole file."""

    def __init__(self) -> None:
        self._lines = 0

    def unroll(self, inside: list[Block], variables: Variables) -> Iterator[tuple[SourceLine, list[Block], Variables]]:
        """Each line of a block with its variables replaced, the block below it, and the variables that are set there.

        Raises:
            NotationError: a loop cannot be read, a variable is unknown, or there are too many lines.
        """
        for block in inside:
            line = _replaced(block.line, variables)
            self._lines += 1
            if self._lines > _MOST_LINES:
                raise line.error(f"the loops make more than {_MOST_LINES} lines: use fewer or shorter ones")
            scanner = Scanner(line)
            if not scanner.take("for"):
                yield line, block.inner, variables
                continue
            if not block.inner:
                raise line.error("the loop is empty: indent the lines below that it is to repeat")
            for more in _rows(scanner):
                yield from self.unroll(block.inner, {**variables, **more})


def _replaced(line: SourceLine, variables: Variables) -> SourceLine:
    text, at = "", 0
    columns: list[int] = []
    for found in _VARIABLE.finditer(line.text):
        reference = _REFERENCE.fullmatch(found[1] or "")
        value = variables.get(reference[1]) if reference is not None else None
        if reference is None or value is None or (reference[2] and isinstance(value, str)):
            known = ", ".join(variables) or "none here"
            what = f"{found[0]!r} is not a variable: use {{NAME}}, or {{NAME:X}} for a number; known: {known}"
            raise line.error(what, found.start())
        shown = f"{value:02X}" if reference[2] else str(value)
        text += line.text[at : found.start()] + shown
        columns += line.columns[at : found.start()] + (line.columns[found.start()],) * len(shown)
        at = found.end()
    return SourceLine(line.file, line.number, text + line.text[at:], (*columns, *line.columns[at:]))


def _rows(scanner: Scanner) -> Iterator[dict[str, int | str]]:
    """The variables for each turn of a loop."""
    names = [scanner.word("the name of a variable")]
    while scanner.take(","):
        names.append(scanner.word("the name of a variable"))
    scanner.need("in")
    numbered = scanner.take("numbered")
    rows: list[list[int | str]] = []
    while True:
        rows += _some_rows(scanner)
        if not scanner.take(","):
            break
    scanner.finish()
    for n, row in enumerate(rows):
        values = [n, *row] if numbered else row
        if len(values) != len(names):
            raise scanner.line.error(f"{len(names)} variables and {len(values)} values: give each variable one")
        yield dict(zip(names, values, strict=True))


def _some_rows(scanner: Scanner) -> list[list[int | str]]:
    if scanner.sees("'"):
        return [[character] for character in scanner.characters()]
    row: list[int | str] = [_value(scanner.field("a value"))]
    first = row[0]
    if isinstance(first, str) and ".." in first:
        start, _, end = (_value(part) for part in first.partition(".."))
        if isinstance(start, int) and isinstance(end, int) and start <= end <= 0xFF:
            return [[n] for n in range(start, end + 1)]
        raise scanner.line.error(f"{first!r} is not a range: use two numbers up to 255 that go up, such as 0..15")
    while not scanner.at_end and not scanner.sees(","):
        row.append(_value(scanner.field("a value")))
    return [row]


def _value(written: str) -> int | str:
    found = re.fullmatch(r"0x([0-9A-Fa-f]{1,4})|([0-9]{1,6})", written)
    if found is None:
        return written
    return int(found[1], 16) if found[1] else int(found[2])
