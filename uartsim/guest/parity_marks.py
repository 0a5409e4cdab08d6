r"""Decodes what a tty in the mode PARMRK returns (termios(3)): characters with errors and breaks are marked.

``\377 \0 X`` is the character X with a parity or framing error, ``\377 \0 \0`` a break, and ``\377 \377`` a character 0xFF
without errors.  The mode does not tell a parity error from a framing error.
"""

from __future__ import annotations

from uartsim.machine import Flag, Received


class MarkDecoder:
    """Decodes marked input, in whatever pieces it comes.

    Args:
        damaged: the flag of a character with an error: PARITY where the format has a parity bit, else FRAMING.
    """

    def __init__(self, damaged: Flag = Flag.FRAMING) -> None:
        self._damaged = damaged
        self._mark = b""  # the beginning of a mark whose end has not come

    def feed(self, data: bytes) -> list[Received]:
        """The characters and breaks in ``data``, as far as they are complete."""
        data = self._mark + data
        self._mark = b""
        found: list[Received] = []
        good = bytearray()
        position = 0
        while (mark := data.find(0xFF, position)) >= 0:
            good += data[position:mark]
            if data[mark + 1 : mark + 2] == b"\xff":
                good.append(0xFF)
                position = mark + 2
            elif data[mark + 1 : mark + 2] not in (b"", b"\0"):  # the tty does not mark: take the byte as it is
                good.append(0xFF)
                position = mark + 1
            elif len(data) < mark + 3:
                self._mark = data[mark:]
                position = len(data)
            else:
                if good:
                    found.append(Received(bytes(good), Flag.NORMAL))
                    good.clear()
                character = data[mark + 2 : mark + 3]
                found.append(Received(character, Flag.BREAK if character == b"\0" else self._damaged))
                position = mark + 3
        good += data[position:]
        if good:
            found.append(Received(bytes(good), Flag.NORMAL))
        return found
