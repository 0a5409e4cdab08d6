"""The checks of a set-up file's tables; every mistake is ``FILE:LINE: what is wrong, and what is possible``."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn

from uartsim.errors import UsageError
from uartsim.guest.manifest import near_matches
from uartsim.guest.manifest_field import Field
from uartsim.guest.toml_lines import KeyPath, Lines
from uartsim.printable import quoted
from uartsim.service.tenant.setup_tables import CHECKED_ELSEWHERE, PORT, REPEATED, SINGLE
from uartsim.toml_text import TomlMistake, parse_toml

_TYPES: Final = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "an array of strings",
    dict: "a table",
}
#: The most characters of a name or an id.
_LONGEST_NAME: Final = 256


class TableCheck:
    """The tables of a set-up file.

    Args:
        text: the file's text.
        name: the file's name, for messages.

    Attributes:
        content: the tables as they are written; those that were checked are what :meth:`check_all` says.

    Raises:
        UsageError: it is not TOML.
    """

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._lines: Lines | None = None
        try:
            self.content = parse_toml(text)
        except TomlMistake as mistake:
            raise UsageError(f"{name}:{mistake.line}: {mistake}") from None

    def fail(self, path: KeyPath, message: str) -> NoReturn:
        """Refuse what stands at a place.

        Raises:
            UsageError: always.
        """
        if self._lines is None:
            self._lines = Lines(self._text)
        raise UsageError(f"{self._name}:{self._lines.line_of(path)}: {message}")

    def check_all(self) -> None:
        """Check that every table and key is known, and every value of its key's kind.

        Raises:
            UsageError: one is not.
        """
        known = (*SINGLE, *REPEATED)
        for name, value in self.content.items():
            if name in SINGLE:
                if not isinstance(value, dict):
                    self.fail((name,), f"{name!r} is written as a table, [{name}]")
                if name not in CHECKED_ELSEWHERE:
                    self._table((name,), value, SINGLE[name], f"[{name}]")
            elif name in REPEATED:
                if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                    self.fail((name,), f"{name!r} is written as [[{name}]], in two pairs of brackets, one for each")
                for at, table in enumerate(value):
                    self._table((name, at), table, REPEATED[name], f"[[{name}]]")
            else:
                self.fail((name,), f"unknown table {quoted(name)}{near_matches(name, known)}")

    def choice(self, path: KeyPath, value: str, possible: Collection[str], what: str) -> None:
        """Check that a value is one of those that are possible, in whatever case.

        Raises:
            UsageError: it is not.
        """
        if value.casefold() not in {one.casefold() for one in possible}:
            self.fail(path, f"unknown {what} {quoted(value)}{near_matches(value, possible)}")

    def _table(self, path: KeyPath, table: Mapping[str, Any], fields: Mapping[str, Field], title: str) -> None:
        for key, value in table.items():
            if key not in fields:
                self.fail((*path, key), f"unknown key {quoted(key)} in {title}{near_matches(key, fields)}")
            self._value((*path, key), value, fields[key], title)
        for key, field in fields.items():
            if field.required and key not in table:
                self.fail(path, f"{title} lacks the key {key!r} ({_TYPES[field.holds]})")

    def _value(self, path: KeyPath, value: object, field: Field, title: str) -> None:
        key = path[-1]
        fits = isinstance(value, field.holds) and (field.holds is bool or not isinstance(value, bool))
        if field.holds is list and isinstance(value, list):
            fits = all(isinstance(one, str) for one in value)
        if not fits:
            self.fail(path, f"{key!r} in {title} must be {_TYPES[field.holds]}, not {quoted(value)}")
        if isinstance(value, str) and (not value.strip() or any(character < " " for character in value)):
            self.fail(path, f"{key!r} in {title} must be a string with some text and without control characters")
        if field.choices and value not in field.choices:
            self.fail(path, f"unknown {key} {quoted(value)} in {title}{near_matches(str(value), field.choices)}")
        if field.holds is int and isinstance(value, int) and value < 0:
            self.fail(path, f"{key!r} in {title} must not be negative; it is {quoted(value)}")
        if isinstance(value, str) and key in ("name", "id") and len(value) > _LONGEST_NAME:
            self.fail(path, f"{key!r} in {title} has {len(value)} characters: use up to {_LONGEST_NAME}")
        if isinstance(value, dict):
            self._inner_table(path, value, title)
        if key == "firewall" and isinstance(value, list):
            for one in value:
                self._network(path, one)

    def _inner_table(self, path: KeyPath, table: Mapping[str, Any], title: str) -> None:
        if path[-1] == "port":
            self._table(path, table, PORT, f"the port of {title}")
            return
        possible = (str,) if path[-1] == "tags" else (str, int, float)
        for name, value in table.items():
            if not isinstance(value, possible) or (isinstance(value, float) and not math.isfinite(value)):
                kinds = "a string" if path[-1] == "tags" else "a string, a number, true or false"
                self.fail(path, f"{quoted(name)} in {path[-1]!r} of {title} must be {kinds}, not {quoted(str(value))}")

    def _network(self, path: KeyPath, text: str) -> None:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            self.fail(path, f"{quoted(text)} is not an address or a network: use one such as 203.0.113.0/24")
