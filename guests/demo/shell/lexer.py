"""The lexer of the shell: tokens with their quoting and expansions, escapes, here-documents."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final


class Incomplete(Exception):
    """The text ends inside a construct: read another line."""


class ShellSyntaxError(Exception):
    """The text is not a command; the message is what bash prints after ``syntax error``."""


@dataclass(frozen=True)
class Part:
    """A piece of a word; its ``kind`` is "text", "variable", "command" or "arithmetic"."""

    kind: str
    text: str
    quoted: bool = False


Word = tuple[Part, ...]


@dataclass(frozen=True)
class Token:
    """A token of the ``kind`` "word", "operator", "newline" or "end"; ``descriptor`` is a number before < or >."""

    kind: str
    text: str = ""
    word: Word = ()
    descriptor: int = -1


_OPERATORS: Final = (
    "&&",
    "||",
    "|&",
    ";;",
    "<<-",
    "<<",
    ">>",
    ">|",
    ">&",
    "<&",
    "&>",
    "|",
    "&",
    ";",
    "<",
    ">",
    "(",
    ")",
)
REDIRECTIONS: Final = frozenset(("<", ">", ">>", ">|", ">&", "<&", "<<", "<<-", "&>"))
_META: Final = frozenset(" \t\n|&;<>()")


class Lexer:
    """Divides shell text into tokens.

    Args:
        text: one or more lines.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def tokens(self) -> list[Token]:
        """All tokens; the last is of kind "end".

        Raises:
            Incomplete: a quote or an expansion has no end.
        """
        result: list[Token] = []
        while True:
            token = self._next()
            result.append(token)
            if token.kind == "end":
                return result

    def _next(self) -> Token:
        text = self.text
        while self.position < len(text):
            if text.startswith("\\\n", self.position):
                self.position += 2
            elif text[self.position] in " \t":
                self.position += 1
            elif text[self.position] == "#":
                end = text.find("\n", self.position)
                self.position = len(text) if end < 0 else end
            else:
                break
        if self.position >= len(text):
            return Token("end")
        if text[self.position] == "\n":
            self.position += 1
            return Token("newline", "\n")
        start = self.position
        end = start
        while end < len(text) and text[end].isdigit():
            end += 1
        if end > start and text[end : end + 1] in ("<", ">"):
            self.position = end
            operator = self._operator()
            return Token("operator", operator, descriptor=int(text[start:end]))
        operator = self._operator()
        if operator:
            return Token("operator", operator)
        return Token("word", word=self._word())

    def _operator(self) -> str:
        for operator in _OPERATORS:
            if self.text.startswith(operator, self.position):
                self.position += len(operator)
                return operator
        return ""

    def _word(self) -> Word:
        parts: list[Part] = []
        text = self.text
        while self.position < len(text) and text[self.position] not in _META:
            character = text[self.position]
            self.position += 1
            if character == "'":
                parts.append(Part("text", self._until("'"), quoted=True))
            elif character == '"':
                self._double_quoted(parts)
            elif character == "\\":
                if self.position >= len(text):
                    raise Incomplete
                if text[self.position] != "\n":
                    parts.append(Part("text", text[self.position], quoted=True))
                self.position += 1
            elif character == "$" or character == "`":
                parts.append(self._expansion(character, quoted=False))
            else:
                parts.append(Part("text", character))
        return _joined(parts)

    def _until(self, end: str) -> str:
        stop = self.text.find(end, self.position)
        if stop < 0:
            raise Incomplete
        inside = self.text[self.position : stop]
        self.position = stop + len(end)
        return inside

    def _double_quoted(self, parts: list[Part]) -> None:
        text = self.text
        parts.append(Part("text", "", quoted=True))
        while True:
            if self.position >= len(text):
                raise Incomplete
            character = text[self.position]
            self.position += 1
            if character == '"':
                return
            if character == "\\" and text[self.position : self.position + 1] in ("$", "`", '"', "\\", "\n"):
                if text[self.position] != "\n":
                    parts.append(Part("text", text[self.position], quoted=True))
                self.position += 1
            elif character in "$`":
                parts.append(self._expansion(character, quoted=True))
            else:
                parts.append(Part("text", character, quoted=True))

    def _expansion(self, character: str, *, quoted: bool) -> Part:
        text = self.text
        if character == "`":
            return Part("command", self._until("`"), quoted)
        if text.startswith("((", self.position):
            end = text.find("))", self.position)
            if end >= 0:
                inside = text[self.position + 2 : end]
                self.position = end + 2
                return Part("arithmetic", inside, quoted)
        if text.startswith("(", self.position):
            return Part("command", self._parenthesised(), quoted)
        if text.startswith("{", self.position):
            self.position += 1
            return Part("variable", self._until("}"), quoted)
        if text.startswith("'", self.position) and not quoted:
            self.position += 1
            return Part("text", decode_escapes(self._until("'")), quoted=True)
        if text[self.position : self.position + 1] in tuple("?$#@*!-0123456789"):
            self.position += 1
            return Part("variable", text[self.position - 1], quoted)
        start = self.position
        while self.position < len(text) and (text[self.position].isalnum() or text[self.position] == "_"):
            self.position += 1
        if self.position == start:
            return Part("text", "$", quoted)
        return Part("variable", text[start : self.position], quoted)

    def _parenthesised(self) -> str:
        """The text between matching parentheses; the position is at the opening one."""
        depth, start = 0, self.position + 1
        quote = ""
        while self.position < len(self.text):
            character = self.text[self.position]
            self.position += 1
            if quote:
                if character == "\\" and quote == '"':
                    self.position += 1
                elif character == quote:
                    quote = ""
            elif character in "'\"":
                quote = character
            elif character == "\\":
                self.position += 1
            elif character == "(":
                depth += 1
            elif character == ")":
                depth -= 1
                if depth == 0:
                    return self.text[start : self.position - 1]
        raise Incomplete


def _joined(parts: list[Part]) -> Word:
    """Join adjacent pieces of text that are quoted alike."""
    result: list[Part] = []
    for part in parts:
        if result and part.kind == result[-1].kind == "text" and part.quoted == result[-1].quoted:
            result[-1] = Part("text", result[-1].text + part.text, part.quoted)
        else:
            result.append(part)
    return tuple(result)


def decode_escapes(text: str) -> str:
    """Decode the escapes of ``echo -e``, ``printf`` and ``$'...'``: ``\\n``, ``\\t``, ``\\xHH``, ``\\0NNN`` and so on.

    An escape that gives a byte from 0x80 on stands in the result as :func:`encoded` has it.
    """
    simple = {
        "n": "\n",
        "t": "\t",
        "r": "\r",
        "a": "\a",
        "b": "\b",
        "e": "\x1b",
        "E": "\x1b",
        "f": "\f",
        "v": "\v",
        "\\": "\\",
    }
    result: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character != "\\" or position >= len(text):
            result.append(character)
            continue
        kind = text[position]
        position += 1
        if kind in simple:
            result.append(simple[kind])
        elif kind == "x":
            digits = _digits(text, position, 2, "0123456789abcdefABCDEF")
            result.append(_byte(int(digits, 16)) if digits else "\\x")
            position += len(digits)
        elif kind in "01234567":
            digits = _digits(text, position - (kind != "0"), 3, "01234567")
            result.append(_byte(int(digits or "0", 8) & 0xFF))
            position += len(digits) - (kind != "0")
        else:
            result.append("\\" + kind)
    return "".join(result)


def encoded(text: str) -> bytes:
    """Text as bytes: in UTF-8, but for the bytes that escapes have given, which stand for themselves (PEP 383)."""
    return text.encode(errors="surrogateescape")


def _byte(value: int) -> str:
    return bytes([value]).decode(errors="surrogateescape")


def _digits(text: str, position: int, most: int, allowed: str) -> str:
    end = position
    while end < len(text) and end - position < most and text[end] in allowed:
        end += 1
    return text[position:end]


def take_documents(text: str) -> tuple[str, list[str]]:
    """Separate the here-documents from the rest of the text.

    Returns:
        The rest of the text, and the here-documents in their order.

    Raises:
        Incomplete: a here-document has no end.
    """
    documents: list[str] = []
    kept: list[str] = []
    lines = text.split("\n")
    while lines:
        line = lines.pop(0)
        kept.append(line)
        for delimiter, strip_tabs in _delimiters(line):
            body: list[str] = []
            while True:
                if not lines:
                    raise Incomplete
                body_line = lines.pop(0)
                body_line = body_line.lstrip("\t") if strip_tabs else body_line
                if body_line == delimiter:
                    break
                body.append(body_line + "\n")
            documents.append("".join(body))
    return "\n".join(kept), documents


def _delimiters(line: str) -> list[tuple[str, bool]]:
    if "<<" not in line:
        return []
    try:
        tokens = Lexer(line).tokens()
    except Incomplete:
        return []
    return [
        ("".join(part.text for part in following.word), token.text == "<<-")
        for token, following in pairwise(tokens)
        if token.kind == "operator" and token.text in ("<<", "<<-") and following.kind == "word"
    ]
