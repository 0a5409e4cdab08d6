"""Keys that are pressed by themselves in each boot: how a boot loader's countdown is stopped in time.

They are pressed at the guest's own port, at the moment at which the text comes out of it: a key that came earlier
would be thrown away, and on the line it could come late.
"""

from __future__ import annotations

from collections.abc import Sequence


class BootKeys:
    """Watches what a guest sends.

    Args:
        presses: pairs of a text and the keys that are pressed, once in each boot, when it has come; none is empty.
    """

    def __init__(self, presses: Sequence[tuple[bytes, bytes]]) -> None:
        self._presses = presses
        self._longest = max((len(after) for after, _ in presses), default=0)
        self._waiting: list[tuple[bytes, bytes]] = []
        self._seen = b""

    def boot(self) -> None:
        """The guest starts anew."""
        self._waiting = list(self._presses)
        self._seen = b""

    def keys_after(self, data: bytes) -> bytes:
        """The keys to press now that the guest has sent ``data``; mostly none."""
        if not self._waiting:
            return b""
        seen = self._seen + data
        due = [press for press in self._waiting if press[0] in seen]
        for press in due:
            self._waiting.remove(press)
        self._seen = seen[-self._longest :]
        return b"".join(keys for _, keys in due)
