"""The guest's bytes as text frames: whole characters only, and a sign for each byte that is none.

A text frame has to be UTF-8, and strict clients end the session over one that is not.  The guest sends whatever it likes,
and what waits at the hub may end in the middle of a character.  So the beginning of a character is held back until its rest
comes; if the line falls silent instead, it is shown as U+FFFD, as other wrong bytes are.  The text is what Python's decoder
with ``errors="replace"`` makes of the whole stream, however it was cut.
"""

from __future__ import annotations

import codecs


class GuestText:
    """Makes text of the guest's bytes."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._holds = False

    @property
    def holds(self) -> bool:
        """The beginning of a character is held back."""
        return self._holds

    def feed(self, data: bytes) -> bytes:
        """The text up to the last whole character, in UTF-8."""
        if not self._holds and data.isascii():
            return data
        text = self._decoder.decode(data)
        self._holds = bool(self._decoder.getstate()[0])
        return text.encode()

    def flush(self) -> bytes:
        """What is held back, as a sign for wrong bytes; empty if nothing is."""
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        self._holds = False
        return text.encode()
