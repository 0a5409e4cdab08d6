"""The expansion of words: variables, command substitution, arithmetic, field splitting, file names, braces."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ..kernel.vfs import FileError
from .arithmetic import evaluate
from .command_context import ShellError
from .grammar import Simple, parse
from .lexer import Part, Word
from .shell_state import ShellState


class Expansion:
    """Expands the words of one shell.

    Args:
        shell: the shell's state.
        substitute: runs a command and returns its output without the trailing newlines.
    """

    def __init__(self, shell: ShellState, substitute: Callable[[str], Awaitable[str]]) -> None:
        self._shell = shell
        self._substitute = substitute

    async def expand_words(self, words: list[Word]) -> list[str]:
        """Expand words as a command's arguments are: each may become any number of words."""
        result: list[str] = []
        for word in words:
            for alternative in _expand_braces(word):
                result += await self._expand_word(alternative)
        return result

    async def _expand_word(self, word: Word) -> list[str]:
        """Expand one word, split it into fields and match each with file names."""
        if word == (Part("variable", "@", quoted=True),) or word == (
            Part("text", "", quoted=True),
            Part("variable", "@", quoted=True),
        ):
            return list(self._shell.parameters)
        fields: list[list[tuple[str, bool]]] = [[]]
        for index, part in enumerate(word):
            text = await self._expand_part(part)
            if part.kind == "text" and index == 0 and not part.quoted:
                text = self._expand_tilde(text)
            if part.quoted or part.kind == "text":
                fields[-1].append((text, part.quoted))
                continue
            pieces = re.split(r"[ \t\n]+", text)
            for number, piece in enumerate(pieces):
                if number:
                    fields.append([])
                if piece:
                    fields[-1].append((piece, False))
        result: list[str] = []
        for pieces_of_field in fields:
            if pieces_of_field:
                result += self._expand_names(pieces_of_field)
        return result

    def _expand_tilde(self, text: str) -> str:
        if text == "~" or text.startswith("~/"):
            return self._shell.variables.get("HOME", "/root") + text[1:]
        return text

    def _expand_names(self, pieces: list[tuple[str, bool]]) -> list[str]:
        plain = "".join(text for text, _ in pieces)
        if not any(not quoted and any(sign in text for sign in "*?[") for text, quoted in pieces):
            return [plain]
        pattern = "".join(re.sub(r"([*?[])", r"[\1]", text) if quoted else text for text, quoted in pieces)
        folder, _, last = pattern.rpartition("/")
        prefix = pattern[: len(pattern) - len(last)]
        with suppress(FileError):
            names = self._shell.files.names(self._shell.path(folder or ("/" if prefix else ".")))
            found = fnmatch.filter(names, last)
            found = [prefix + name for name in found if last.startswith(".") or not name.startswith(".")]
            return found or [plain]
        return [plain]

    async def expand_to_text(self, word: Word) -> str:
        """Expand a word, but do not split it or match it with file names (assignments, redirections)."""
        parts = [await self._expand_part(part) for part in word]
        if word and word[0].kind == "text" and not word[0].quoted:
            parts[0] = self._expand_tilde(parts[0])
        return "".join(parts)

    async def expand_document(self, document: str) -> str:
        """Expand ``$`` and backquotes in a text, and nothing else (here-documents)."""
        escaped = document.replace('"', '\\"')
        block = parse(f'echo "{escaped}"')
        simple = block.items[0].pipeline.commands[0]
        assert isinstance(simple, Simple)
        return await self.expand_to_text(simple.words[1])

    async def _expand_part(self, part: Part) -> str:
        if part.kind == "variable":
            return await self._expand_variable(part.text)
        if part.kind == "arithmetic":
            expanded = await self.expand_document(part.text) if "$" in part.text else part.text
            return str(evaluate(expanded, lambda name: self._shell.value(name) or "0"))
        if part.kind == "command":
            return await self._substitute(part.text)
        return part.text

    async def _expand_variable(self, text: str) -> str:
        if text.startswith("#") and len(text) > 1:
            return str(len(self._shell.value(text[1:]) or ""))
        match = re.fullmatch(r"(\w+|[?$#@*!-])(?:(:?[-=+?]|%%?|##?)(.*))?", text, re.DOTALL)
        if match is None:
            raise ShellError(f"${{{text}}}: bad substitution")
        name, operator, argument = match[1], match[2] or "", match[3] or ""
        value = self._shell.value(name)
        if operator in ("%", "%%", "#", "##"):
            return _strip(value or "", operator, argument)
        missing = value is None or (operator.startswith(":") and not value)
        kind = operator[-1:]
        if kind == "+":
            return "" if missing else await self.expand_document(argument)
        if missing and kind in ("-", "="):
            value = await self.expand_document(argument)
            if kind == "=":
                self._shell.variables[name] = value
        elif missing and kind == "?":
            raise ShellError(f"{name}: {argument or 'parameter null or not set'}")
        elif value is None and "u" in self._shell.options:
            raise ShellError(f"{name}: unbound variable")
        return value or ""


def _expand_braces(word: Word) -> list[Word]:
    """Expand ``a{1..3}`` and ``a{x,y}``, if the braces are unquoted and in one piece of text."""
    for index, part in enumerate(word):
        if part.kind != "text" or part.quoted:
            continue
        match = re.search(r"\{(-?\d+)\.\.(-?\d+)\}|\{([^{}]*,[^{}]*)\}", part.text)
        if match is None:
            continue
        if match[3] is not None:
            choices = match[3].split(",")
        else:
            first, last = int(match[1]), int(match[2])
            step = 1 if last >= first else -1
            choices = [str(number) for number in range(first, last + step, step)][:10_000]
        result: list[Word] = []
        for choice in choices:
            text = part.text[: match.start()] + choice + part.text[match.end() :]
            result += _expand_braces((*word[:index], Part("text", text), *word[index + 1 :]))
        return result
    return [word]


def _strip(value: str, operator: str, pattern: str) -> str:
    """Expand ``${name%pattern}``, ``${name##pattern}`` and so on."""
    lengths = range(len(value) + 1)
    from_end = operator[0] == "%"
    for length in reversed(lengths) if len(operator) == 2 else lengths:
        piece = value[len(value) - length :] if from_end else value[:length]
        if fnmatch.fnmatchcase(piece, pattern):
            return value[: len(value) - length] if from_end else value[length:]
    return value
