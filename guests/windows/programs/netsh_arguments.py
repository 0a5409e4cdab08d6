"""What the contexts of netsh share: ``name=value`` arguments, and its errors."""

from __future__ import annotations

from typing import Final

OK: Final = "Ok.\n\n"


class NetshError(Exception):
    """What netsh says of a command that it cannot do."""


def key_values(words: list[str]) -> dict[str, str]:
    """``name=value`` arguments by their names in lower case; a value may follow in a word of its own.

    Raises:
        NetshError: a word belongs to no name.
    """
    found: dict[str, str] = {}
    last = ""
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name:
            last = name.lower()
            found[last] = value
        elif last and not found[last]:
            found[last] = word
        else:
            raise NetshError(f"The syntax supplied for this command is not valid: {word}.")
    return found
