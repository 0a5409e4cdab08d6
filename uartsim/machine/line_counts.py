"""How much has gone over a line, in each direction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class LineCounts:
    """What has gone over the line.

    Attributes:
        characters_out: characters that arrived at the far end.
        errors_out: those of them in which a receiver with the guest's format would have errors, as far as the line was
            gone over bit by bit.
        breaks_out: breaks that arrived at the far end.
        errors_in: characters that the chip received with a parity or framing error.
        breaks_in: breaks that the chip received.
    """

    characters_out: int = 0
    errors_out: int = 0
    breaks_out: int = 0
    errors_in: int = 0
    breaks_in: int = 0
