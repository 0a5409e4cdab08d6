"""Reads the words, numbers and values of one line; an error says where the line is wrong, and what is allowed there.

Values are written as in a data sheet: bits by name, joined by ``|``, or numbers.  The names of a register's bits are
those of :mod:`uartsim.registers`; fields of several bits have a name for each of their values (``BITS_8``,
``TRIGGER_14``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntFlag
from types import MappingProxyType
from typing import Final

from uartsim.errors import UsageError
from uartsim.registers import FCR, IER, LCR, LSR, MCR, MSR, VARIANTS, InterruptId

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NUMBER: Final = re.compile(r"0x([0-9A-Fa-f]+)|([0-9]+)")
_DECIMAL: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_FIELD: Final = re.compile(r"[^\s,'\"]+")
_TEXT: Final = re.compile(r'"([^"]+)"')
_SECTION: Final = re.compile(r"\[([^\[\]]+)\]")
_CHARACTERS: Final = re.compile(r"'((?:[^'\\]|\\.)+)'")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))|([^\\])", re.DOTALL)
_ESCAPED: Final = MappingProxyType({"n": "\n", "r": "\r", "t": "\t", "e": "\x1b", "\\": "\\", "'": "'"})
_LARGEST_NUMBER: Final = 1_000_000


def _names(flags: type[IntFlag], **fields: int) -> Mapping[str, int]:
    """The single bits of a register, and the values of its wider fields."""
    return MappingProxyType(
        {str(flag.name): int(flag) for flag in flags} | fields
    )  # flags of several bits are left out


#: What the values of a register may be named, by register.  Those that are not here take numbers and characters only.
VALUE_NAMES: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "IER": _names(IER),
        "IIR": MappingProxyType({"FIFOS": 0xC0, "FIFO_64": 0x20} | {each.name: int(each) for each in InterruptId}),
        "FCR": _names(FCR, TRIGGER_1=0x00, TRIGGER_4=0x40, TRIGGER_8=0x80, TRIGGER_14=0xC0),
        "LCR": _names(LCR, BITS_5=0, BITS_6=1, BITS_7=2, BITS_8=3),
        "MCR": _names(MCR),
        "LSR": _names(LSR),
        "MSR": _names(MSR),
    }
)


class NotationError(UsageError):
    """A line of a sequence file cannot be read; the message names file, line, column and what is allowed there."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of a file, with its variables replaced.

    Attributes:
        file: the name of the file, for messages.
        number: of the line, from 1.
        text: the line without indentation, comment and trailing blanks.
        columns: where each character of ``text`` stands in the file, from 1.
    """

    file: str
    number: int
    text: str
    columns: tuple[int, ...]

    def error(self, what: str, at: int = 0) -> NotationError:
        """An error at the character ``at`` of :attr:`text`."""
        beyond = (self.columns[-1] + 1,) if self.columns else (1,)
        column = (self.columns + beyond)[min(at, len(self.columns))]
        return NotationError(f"{self.file}:{self.number}:{column}: {what}")


class Scanner:
    """Goes through a line from left to right.

    Args:
        line: the line.
    """

    def __init__(self, line: SourceLine) -> None:
        self.line = line
        self._at = 0
        self._skip()

    def _skip(self) -> None:
        while self._at < len(self.line.text) and self.line.text[self._at] == " ":
            self._at += 1

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.line.text, self._at)
        if found is not None:
            self._at = found.end()
            self._skip()
        return found

    def _need(self, pattern: re.Pattern[str], allowed: str) -> re.Match[str]:
        found = self._match(pattern)
        if found is None:
            raise self.error(allowed)
        return found

    def error(self, allowed: str) -> NotationError:
        """The error for text that cannot stand here; ``allowed`` says what can."""
        return self._refuse(f"use {allowed}")

    def _refuse(self, remedy: str) -> NotationError:
        rest = self.line.text[self._at :]
        shown = repr(rest if len(rest) <= 30 else f"{rest[:27]}...") if rest else "the end of the line"
        return self.line.error(f"{shown} cannot stand here: {remedy}", self._at)

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self.line.text)

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            NotationError: something is.
        """
        if not self.at_end:
            raise self._refuse("end the line before it")

    def sees(self, symbol: str) -> bool:
        """Whether the rest of the line begins with ``symbol``."""
        return self.line.text.startswith(symbol, self._at)

    # -- words -------------------------------------------------------------------------------------------------

    def take(self, symbol: str) -> bool:
        """Pass over a symbol or a word, if that is what comes next."""
        end = self._at + len(symbol)
        following = self.line.text[end : end + 1]
        if not self.sees(symbol) or (symbol[-1].isalnum() and (following.isalnum() or following == "_")):
            return False
        self._at = end
        self._skip()
        return True

    def need(self, symbol: str) -> None:
        """Pass over a symbol or a word that has to come next.

        Raises:
            NotationError: it does not.
        """
        if not self.take(symbol):
            raise self.error(symbol)

    def one_of(self, words: Iterable[str], what: str) -> str:
        """One word of a set.

        Args:
            words: the set.
            what: what they are, for the message.

        Raises:
            NotationError: another word comes next, or none.
        """
        start = self._at
        words = tuple(words)
        found = self._match(_WORD)
        if found is not None and found[0] in words:
            return found[0]
        self._at = start
        raise self.error(f"{what}: {', '.join(words)}")

    def word(self, what: str) -> str:
        """A word of letters, digits and ``_``; ``what`` says in the message what it is for."""
        return self._need(_WORD, what)[0]

    def name(self, what: str) -> str:
        """A word of letters, digits, ``_`` and ``-``; ``what`` says in the message what it is for."""
        return self._need(_NAME, what)[0]

    def part(self) -> str:
        """The name of a part: one in :data:`uartsim.registers.VARIANTS`."""
        start = self._at
        found = self._match(_NAME)
        if found is not None and found[0] in VARIANTS:
            return found[0]
        self._at = start
        raise self.error(f"a part: {', '.join(VARIANTS)}")

    def field(self, what: str) -> str:
        """A value of a loop: anything without blanks, commas and quotes."""
        return self._need(_FIELD, what)[0]

    def rest(self, what: str) -> str:
        """Everything that is left."""
        if self.at_end:
            raise self.error(what)
        found = self.line.text[self._at :]
        self._at = len(self.line.text)
        return found

    def text(self, what: str) -> str:
        """Text in double quotes."""
        return self._need(_TEXT, f'{what} in double quotes, such as "the first character"')[1]

    def section(self) -> tuple[str, bool]:
        """A section of the datasheet in brackets, and whether it is silent."""
        found = self._need(_SECTION, "the datasheet's section in brackets, such as [8.4] or [8.4, silent]")[1]
        section = found.removesuffix(", silent")
        return section, section != found

    # -- values ------------------------------------------------------------------------------------------------

    def number(self, what: str, least: int = 0, most: int = _LARGEST_NUMBER) -> int:
        """A whole number, decimal or hexadecimal.

        Args:
            what: what it is, for the message.
            least: the smallest that is allowed.
            most: the largest that is allowed.

        Raises:
            NotationError: no number comes next, or one out of range.
        """
        start = self._at
        found = self._match(_NUMBER)
        if found is not None and len(found[0]) <= 8:
            value = int(found[1], 16) if found[1] else int(found[2])
            if least <= value <= most:
                return value
        self._at = start
        raise self.error(f"{what} from {least} to {most}")

    def decimal(self, what: str) -> float:
        """A number that may have a fraction."""
        start = self._at
        found = self._match(_DECIMAL)
        if found is not None and len(found[0]) <= 12 and float(found[0]) <= _LARGEST_NUMBER:
            return float(found[0])
        self._at = start
        raise self.error(f"{what} from 0 to {_LARGEST_NUMBER}, such as 4 or 0.5")

    def value(self, register: str) -> int:
        """The value of a register: names of its bits and numbers, joined by ``|``."""
        value = self._term(register)
        while self.take("|"):
            value |= self._term(register)
        return value

    def mask(self, register: str) -> int:
        """One bit or number, or several in parentheses."""
        if not self.take("("):
            return self._term(register)
        value = self.value(register)
        self.need(")")
        return value

    def _term(self, register: str) -> int:
        names = VALUE_NAMES.get(register, {})
        start = self._at
        found = self._match(_WORD)
        if found is not None and found[0] in names:
            return names[found[0]]
        self._at = start
        if found is None and self.sees("'"):
            character = self.characters()
            if len(character) == 1:
                return character[0]
            self._at = start
        elif found is None and _NUMBER.match(self.line.text, self._at):
            return self.number("a value", 0, 0xFF)
        bits = f"a bit of {register} ({', '.join(names)}), or " if names else ""
        raise self.error(f"{bits}a number such as 0x60")

    def characters(self) -> bytes:
        """Characters in single quotes, with the escapes ``\\n \\r \\t \\e \\\\ \\'`` and ``\\xHH``."""
        start = self._at
        allowed = "characters in single quotes, such as 'AB' or '\\r\\n\\x00'"
        inside = self._need(_CHARACTERS, allowed)[1]
        data = bytearray()
        for found in _ESCAPE.finditer(inside):
            code, escaped, plain = found.groups()
            character = chr(int(code, 16)) if code else _ESCAPED.get(escaped, "") if escaped else plain
            if not character or ord(character) > 0xFF:
                self._at = start + 1 + found.start()
                raise self.error("a character up to \\xFF, or one of \\n \\r \\t \\e \\\\ \\' \\xHH")
            data.append(ord(character))
        return bytes(data)

    def data(self, register: str) -> bytes:
        """Bytes: characters, values and ranges (``0..15``, both ends included), separated by commas."""
        data = bytearray()
        while True:
            data += self._some_bytes(register)
            if not self.take(","):
                return bytes(data)

    def _some_bytes(self, register: str) -> bytes:
        if self.sees("'"):
            return self.characters()
        start = self._at
        first = self.value(register)
        if not self.take(".."):
            return bytes((first,))
        last = self.value(register)
        if last < first:
            self._at = start
            raise self.error("a range that goes up, such as 0..15")
        return bytes(range(first, last + 1))
