"""Being fair without being slow.

Every asynchronous call is a checkpoint: it can be cancelled there, and others get their turn.  A full checkpoint costs a
round of trio's scheduler, some 20 us, and a key's way to the guest and back passes several.  A :class:`Turn` looks for a
cancellation each time, and lets others run only when much has been done without waiting.
"""

from __future__ import annotations

from typing import Final

import trio

#: How much may be done between two full checkpoints: bytes, and a price for each call.
_ALLOWANCE: Final = 16384
_CALL: Final = 1024


class Turn:
    """One caller's allowance."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _ALLOWANCE

    async def take(self, size: int = 0) -> None:
        """A checkpoint before ``size`` bytes are moved: always for cancellation, for others when it is their turn."""
        self._left -= size + _CALL
        if self._left > 0:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            self._left = _ALLOWANCE
            await trio.lowlevel.checkpoint()
