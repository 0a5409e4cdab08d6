"""readline's Emacs keys, as a vt220 sends them: control characters and escape sequences."""

from __future__ import annotations

from typing import Final

import trio

from ..tty.tty_device import Terminal

#: How long ESC waits for the rest of a key sequence, in seconds (keyseq-timeout).
SEQUENCE_TIMEOUT_S: Final = 0.5

#: Escape sequences without the ESC, and what their keys do.
_SEQUENCES: Final = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[H": "home",
    "[F": "end",
    "[1~": "home",
    "[4~": "end",
    "[7~": "home",
    "[8~": "end",
    "[3~": "delete",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
    "OH": "home",
    "OF": "end",
    "[200~": "paste begins",
    "[201~": "paste ends",
    "b": "word left",
    "f": "word right",
    "d": "kill word",
    "\x7f": "kill word back",
}
#: Control characters, and what they do.
_CONTROL: Final = {
    0x01: "home",
    0x02: "left",
    0x04: "delete or leave",
    0x05: "end",
    0x06: "right",
    0x08: "erase",
    0x09: "complete",
    0x0A: "accept",
    0x0B: "kill to end",
    0x0C: "clear",
    0x0D: "accept",
    0x0E: "down",
    0x10: "up",
    0x15: "kill to start",
    0x17: "kill blank word",
    0x19: "yank",
    0x7F: "erase",
}


class KeyReader:
    """Reads keys from a tty in raw mode, and no byte beyond a key.

    Args:
        terminal: the tty.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    async def read_key(self) -> str:
        """Wait for a key: a character, or what the key does, such as ``"left"``; ``"unknown"`` for any other key."""
        first = await self._byte()
        if first == 0x1B:
            sequence = ""
            with trio.move_on_after(SEQUENCE_TIMEOUT_S):
                while True:
                    sequence += chr(await self._byte())
                    if sequence in _SEQUENCES:
                        return _SEQUENCES[sequence]
                    known = any(each.startswith(sequence) for each in _SEQUENCES)
                    if not known and (sequence[0] != "[" or sequence[-1].isalpha() or sequence[-1] == "~"):
                        return "unknown"
            return "unknown"
        if first in _CONTROL:
            return _CONTROL[first]
        if first < 0x20:
            return "unknown"
        return await self._utf8(first)

    async def _utf8(self, first: int) -> str:
        length = 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
        data = bytearray((first,))
        while len(data) < length:
            data.append(await self._byte())
        return data.decode(errors="replace")

    async def _byte(self) -> int:
        return (await self._terminal.read(1))[0]
