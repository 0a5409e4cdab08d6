"""The line numbers of the keys in a TOML text: tomllib gives them only for syntax errors."""

from __future__ import annotations

import tomllib
from typing import Any

from uartsim.toml_text import statements

#: A place in a TOML text: names of tables, keys, and indexes into arrays.
KeyPath = tuple[str | int, ...]


class Lines:
    """The line numbers of the keys in a TOML text.

    Args:
        text: a text that tomllib accepts.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[KeyPath, int] = {}
        self._table: KeyPath = ()
        self._array_sizes: dict[KeyPath, int] = {}
        for line, statement in statements(text):
            self._note(statement.lstrip(), tomllib.loads(statement), line)

    def _note(self, start: str, content: dict[str, Any], line: int) -> None:
        if start.startswith("["):
            path: KeyPath = ()
            inner: Any = content
            while inner:
                name, inner = next(iter(inner.items()))
                path = (*path, name)
                if isinstance(inner, list):
                    index = self._array_sizes.get(path, 0)
                    self._array_sizes[path] = index + 1
                    self._lines.setdefault(path, line)
                    path, inner = (*path, index), inner[0]
            self._table = path
            self._lines.setdefault(path, line)
        else:
            self._note_keys(self._table, content, line)

    def _note_keys(self, table: KeyPath, content: dict[str, Any], line: int) -> None:
        for key, value in content.items():
            path = (*table, key)
            self._lines.setdefault(path, line)
            if isinstance(value, dict):
                self._note_keys(path, value, line)

    def line_of(self, path: KeyPath) -> int:
        """The line (from 1) of ``path``, or of the innermost table or array around it that has a line of its own."""
        for length in range(len(path), 0, -1):
            if (line := self._lines.get(path[:length])) is not None:
                return line
        return 1
