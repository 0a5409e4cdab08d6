"""Keys that are pressed automatically in each boot, for instance to stop a boot loader's countdown.

A key is pressed as soon as the guest has sent the text that it waits for.  A boot loader would discard an earlier key,
and might have booted before a later one.
"""

from __future__ import annotations

from collections.abc import Sequence


class BootKeys:
    """Watches a guest's output for the texts after which keys are pressed.

    Args:
        presses: pairs of a text and the keys to press after it, once in each boot; no text is empty.
    """

    def __init__(self, presses: Sequence[tuple[bytes, bytes]]) -> None:
        self._presses = presses
        self._longest = max((len(after) for after, _ in presses), default=0)
        self._waiting: list[tuple[bytes, bytes]] = []
        self._seen = b""

    def boot(self) -> None:
        """The guest boots: all keys are due again."""
        self._waiting = list(self._presses)
        self._seen = b""

    def keys_after(self, data: bytes) -> bytes:
        """The keys to press now that the guest has sent ``data``; usually none."""
        if not self._waiting:
            return b""
        seen = self._seen + data
        due = [press for press in self._waiting if press[0] in seen]
        for press in due:
            self._waiting.remove(press)
        self._seen = seen[-self._longest :]
        return b"".join(keys for _, keys in due)
