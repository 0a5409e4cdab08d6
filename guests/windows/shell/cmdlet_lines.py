"""PowerShell's command lines, as far as the small PowerShell of this machine takes them apart.

Statements are separated by ``;``, commands by ``|``.  A command is a name, parameters (``-Name value``, ``-Name:value`` or a
switch) and other arguments.  Not there: expressions, methods, variables other than a few, script blocks but for
``Where-Object``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_PAIRS = {"{": "}", "(": ")", "'": "'", '"': '"'}


class CmdletSyntaxError(Exception):
    """A line that cannot be taken apart."""


class CmdletError(Exception):
    """What a cmdlet says of a request that it cannot do."""


#: What goes through a pipeline: its properties by their names, in the order in which they are shown.
PipedObject = dict[str, str]


@dataclass
class CmdletCall:
    """A command of a pipeline.

    Attributes:
        name: as it was typed.
        text: the whole command, as it was typed.
        parameters: by their names in lower case, without the dash; a switch is "True".
        arguments: what belongs to no parameter.
    """

    name: str
    text: str
    parameters: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)

    def get(self, *names: str, position: int | None = None) -> str | None:
        """A parameter by one of its names, or the argument at a position, or None."""
        for name in names:
            matches = [value for key, value in self.parameters.items() if key == name.lower()]
            if matches:
                return matches[0]
        if position is not None and position < len(self.arguments):
            return self.arguments[position]
        return None

    def need(self, *names: str, position: int | None = None) -> str:
        """The same, where it has to be there.

        Raises:
            CmdletError: it is not.
        """
        value = self.get(*names, position=position)
        if value is None:
            raise CmdletError(
                f"Cannot process command because of one or more missing mandatory parameters: {names[0]}."
            )
        return value


def split_at(text: str, separator: str) -> list[str]:
    """Split at a character that is in no quotes, braces or parentheses.

    Raises:
        CmdletSyntaxError: one of these is not closed.
    """
    parts, start, inside = [], 0, list[str]()
    for at, character in enumerate(text):
        if inside and character == inside[-1]:
            inside.pop()
        elif inside and inside[-1] in "'\"":
            continue
        elif character in _PAIRS:
            inside.append(_PAIRS[character])
        elif character == separator and not inside:
            parts.append(text[start:at])
            start = at + 1
    if inside:
        raise CmdletSyntaxError(f"The terminator {inside[-1]} is missing.")
    return [*parts, text[start:]]


def words_of(text: str) -> list[str]:
    """The words of a command; quoted ones keep their quotes."""
    words = [part.strip() for part in split_at(text.replace("\t", " "), " ")]
    return [word for word in words if word]


def plain(word: str) -> str:
    """A word without its quotes; ``$true`` and ``$false`` as words; a list without its parentheses."""
    if word.lower() in ("$true", "$false"):
        return word[1:].capitalize()
    if word.startswith("@(") and word.endswith(")"):
        return ",".join(plain(part.strip()) for part in split_at(word[2:-1], ","))
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    return word


def parse_call(text: str, switches: Iterable[str]) -> CmdletCall:
    """Take one command apart.

    Args:
        text: the command.
        switches: the parameters that have no value, in lower case.

    Raises:
        CmdletSyntaxError: quotes or braces are not closed.
    """
    words = words_of(text)
    call = CmdletCall(words[0] if words else "", text.strip())
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and word[1:2].isalpha():
            name, colon, value = word[1:].partition(":")
            if colon:
                call.parameters[name.lower()] = plain(value)
            elif name.lower() in switches or not rest or (rest[0].startswith("-") and rest[0][1:2].isalpha()):
                call.parameters[name.lower()] = "True"
            else:
                call.parameters[name.lower()] = plain(rest.pop(0))
        else:
            call.arguments.append(plain(word))
    return call
