"""Fairness between tasks, without a round of the scheduler for every call.

Every asynchronous call is a checkpoint: it can be cancelled there, and other tasks can run.  A full checkpoint costs a
round of trio's scheduler, some 20 us, and a key's way to the guest and back passes several.  A :class:`Turn` checks for a
cancellation each time, and lets other tasks run only after much has been done without waiting.
"""

from __future__ import annotations

from typing import Final

import trio

#: How much may be done between two full checkpoints, in bytes; and how many bytes a call counts as.
_ALLOWANCE: Final = 16384
_CALL: Final = 1024


class Turn:
    """One caller's allowance."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _ALLOWANCE

    async def take(self, size: int = 0) -> None:
        """Pass a checkpoint before ``size`` bytes are moved: always for cancellation, now and then for other tasks."""
        self._left -= size + _CALL
        if self._left > 0:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            self._left = _ALLOWANCE
            await trio.lowlevel.checkpoint()
