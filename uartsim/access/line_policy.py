"""Which client may send: one at a time, the writer; any number watch."""

from __future__ import annotations

from enum import Enum

from uartsim.errors import UartsimError


class LinePolicy(Enum):
    """What happens to a client that wants the line while another holds it; one that uses force always gets it."""

    #: It is refused with a sentence.
    REFUSE = "refuse"
    #: The newest gets it, and the other is told.
    TAKE_OVER = "take-over"


class NotTheWriterError(UartsimError):
    """A client that does not hold the line tried to send."""


class LineHeldError(UartsimError):
    """Another client holds the line, and it was not to be taken by force."""
