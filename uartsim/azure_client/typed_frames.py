"""Cuts what is typed into frames: one for each key, and one for a paste of up to 2048 characters.

That is the most that the service takes in one paste.  A longer paste is cut into frames of that size, each of which is sent
when the one before has left.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from typing import Final

#: The most characters in one frame.
FRAME: Final = 2048
#: What one key sends: an escape sequence, or a character.
_KEY: Final = re.compile(r"\x1b[\[O][0-?]*[ -/]*[@-~]|.", re.DOTALL)


class TypedFrames:
    """What was typed and has not been sent."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting: deque[str] = deque()
        self._paste = ""  # at the end of what waits

    def __len__(self) -> int:
        """How many characters wait."""
        return sum(map(len, self._waiting)) + len(self._paste)

    @property
    def is_partial(self) -> bool:
        """Whether the next frame may grow: a paste that is shorter than a frame, and of which more may come."""
        return not self._waiting and 0 < len(self._paste) < FRAME

    def put(self, data: bytes, *, pasted: bool) -> None:
        """Add what was typed, or the next piece of a paste, in UTF-8."""
        text = self._decoder.decode(data)
        if pasted:
            self._paste += text
            while len(self._paste) > FRAME:
                self._waiting.append(self._paste[:FRAME])
                self._paste = self._paste[FRAME:]
            return
        self._end_paste()
        self._waiting.extend(_KEY.findall(text))

    def take(self) -> str:
        """The next frame; empty if nothing waits."""
        if not self._waiting:
            self._end_paste()
        return self._waiting.popleft() if self._waiting else ""

    def drop(self) -> int:
        """Forget what waits; returns how many characters that was."""
        dropped = len(self)
        self._waiting.clear()
        self._paste = ""
        self._decoder.reset()
        return dropped

    def _end_paste(self) -> None:
        if self._paste:
            self._waiting.append(self._paste)
            self._paste = ""
