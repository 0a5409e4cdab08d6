"""A termios: modes, control characters and window size, by the names that ``stty`` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

#: The control characters by their stty names; 0 stands for none.
DEFAULT_CHARACTERS: Final[Mapping[str, int]] = {
    "intr": 0x03,
    "quit": 0x1C,
    "erase": 0x7F,
    "kill": 0x15,
    "eof": 0x04,
    "eol": 0,
    "start": 0x11,
    "stop": 0x13,
    "susp": 0x1A,
    "rprnt": 0x12,
    "werase": 0x17,
    "lnext": 0x16,
    "discard": 0x0F,
}

#: What agetty leaves to login and the shell: canonical, echoing, XON/XOFF, but without ``iexten`` (Ctrl-W, Ctrl-V).
COOKED: Final = frozenset(
    [
        "cread",
        "clocal",
        "hupcl",
        "icrnl",
        "ixon",
        "ixoff",
        "iutf8",
        "opost",
        "onlcr",
        "isig",
        "icanon",
        "echo",
        "echoe",
        "echok",
        "echoctl",
        "echoke",
    ]
)


@dataclass(frozen=True)
class Modes:
    """A termios and a window size.

    Attributes:
        flags: the modes that are on, by their stty names.
        characters: the control characters, by their stty names.
        rows: the height of the window, in characters; 0 if it is not known.
        columns: its width.
    """

    flags: frozenset[str] = COOKED
    characters: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_CHARACTERS))
    rows: int = 0
    columns: int = 0

    def __contains__(self, flag: str) -> bool:
        return flag in self.flags

    def having(self, *flags: str) -> Modes:
        """These modes with ``flags`` switched on."""
        return replace(self, flags=self.flags.union(flags))

    def without(self, *flags: str) -> Modes:
        """These modes with ``flags`` switched off."""
        return replace(self, flags=self.flags.difference(flags))

    def with_character(self, name: str, value: int) -> Modes:
        """These modes with another control character."""
        return replace(self, characters={**self.characters, name: value})

    def with_size(self, rows: int, columns: int) -> Modes:
        """These modes with another window size, in characters."""
        return replace(self, rows=rows, columns=columns)
