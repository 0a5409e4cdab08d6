"""GRUB's serial terminal: a ``vt100`` of 80 columns and 24 rows, as GRUB 2.06's terminfo.c drives it.

The position of the cursor is tracked, because GRUB's command line places every character with a cursor address.
Input is decoded by GRUB's rule: the bytes of an escape sequence come less than 100 ms apart, and an ESC alone is the
Esc key.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.guest.script import Flag, SerialDriver

ROWS: Final = 24
COLUMNS: Final = 80
#: How long GRUB waits for the next byte of an escape sequence, in seconds.
SEQUENCE_TIMEOUT_S: Final = 0.1

CLEAR: Final = "\x1b[H\x1b[J\x1b[1;1H"
HIGHLIGHT: Final = "\x1b[7m"
NORMAL: Final = "\x1b[m"
CURSOR_ON: Final = "\x1b[?25h"
CURSOR_OFF: Final = "\x1b[?25l"

#: Key sequences after ESC, and the names of the keys.  The arrows of a keypad in application mode (ESC O A) are not
#: among them: GRUB takes those for F11 and F12.
SEQUENCES: Final = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[F": "end",
    "[H": "home",
    "[K": "end",
    "[P": "delete",
    "[?": "pgup",
    "[@": "insert",
    "[/": "pgdown",
    "[1~": "home",
    "[3~": "delete",
    "[4~": "end",
    "[5~": "pgup",
    "[6~": "pgdown",
    "[7~": "home",
    "[8~": "end",
    "[12~": "f2",
    "[21~": "f10",
    "OP": "f1",
    "OQ": "f2",
    "Ow": "f3",
    "Ox": "f4",
    "Ot": "f5",
    "Ou": "f6",
    "Oq": "f7",
    "Or": "f8",
    "Op": "f9",
    "OM": "f10",
    "OA": "f11",
    "OB": "f12",
    "OH": "home",
    "OF": "end",
}
_PREFIXES: Final = {sequence[:length] for sequence in SEQUENCES for length in range(len(sequence))}

#: Control characters and the names of the keys they stand for (Emacs).
_CONTROL: Final = {
    0x01: "home",
    0x02: "left",
    0x03: "c-c",
    0x04: "delete",
    0x05: "end",
    0x06: "right",
    0x08: "backspace",
    0x09: "tab",
    0x0A: "enter",
    0x0B: "c-k",
    0x0C: "c-l",
    0x0D: "enter",
    0x0E: "down",
    0x0F: "c-o",
    0x10: "up",
    0x15: "c-u",
    0x17: "c-w",
    0x18: "c-x",
    0x19: "c-y",
    0x7F: "backspace",
}


class GrubTerminal:
    """The terminal that GRUB's menu, editor and command line run on.

    Args:
        driver: the serial port, open.
    """

    def __init__(self, driver: SerialDriver) -> None:
        self._driver = driver
        self._typed = bytearray()
        self._out = bytearray()
        #: The cursor, from 1.
        self.row = 1
        self.column = 1

    # ---------------------------------------------------------------------------------------------------------- output
    def raw(self, text: str) -> None:
        """Queue control sequences, which do not move the tracked cursor."""
        self._out += text.encode()

    def clear(self) -> None:
        """Clear the screen and move the cursor home."""
        self.raw(CLEAR)
        self.row = self.column = 1

    def goto(self, row: int, column: int) -> None:
        """Move the cursor; 1, 1 is the upper left corner."""
        self.raw(f"\x1b[{row};{column}H")
        self.row, self.column = row, column

    def text(self, text: str) -> None:
        """Queue printable text; a newline goes out as LF CR, as GRUB sends it."""
        for character in text:
            if character == "\n":
                self._out += b"\n\r"
                self.row, self.column = min(self.row + 1, ROWS), 1
            elif character == "\t":
                self.text(" " * (8 - (self.column - 1) % 8))
            else:
                self._out += character.encode()
                self.column += 1
                if self.column > COLUMNS:
                    self.row, self.column = min(self.row + 1, ROWS), 1

    async def flush(self) -> None:
        """Send what is queued."""
        data, self._out = bytes(self._out), bytearray()
        await self._driver.write(data)

    # ----------------------------------------------------------------------------------------------------------- input
    async def key(self) -> str:
        """Wait for a key: a printable character, or a name such as ``"up"``, ``"enter"``, ``"esc"`` or ``"c-x"``."""
        await self.flush()
        while True:
            byte = await self._byte()
            if byte == 0x1B:
                return await self._sequence()
            if byte in _CONTROL:
                return _CONTROL[byte]
            if 0x20 <= byte < 0x7F:
                return chr(byte)

    async def _sequence(self) -> str:
        sequence = ""
        while True:
            byte = -1
            with trio.move_on_after(SEQUENCE_TIMEOUT_S):
                byte = await self._byte()
            if byte < 0:
                # Not a sequence: the characters are keys of their own, Esc first.
                self._typed[:0] = sequence.encode("latin-1")
                return "esc"
            sequence += chr(byte)
            if sequence in SEQUENCES:
                return SEQUENCES[sequence]
            if sequence not in _PREFIXES:
                self._typed[:0] = sequence.encode("latin-1")
                return "esc"

    async def _byte(self) -> int:
        while not self._typed:
            received = await self._driver.receive()
            if received.flag is not Flag.BREAK:
                self._typed += received.data
        byte = self._typed[0]
        del self._typed[0]
        return byte
