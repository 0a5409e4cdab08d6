"""Finds problems of a line that no text shows: garbage, silence, losses.  No I/O, no clock.

Each watchdog is given plain values, and returns the values that its entry in the catalogue (``watch = ...``) names in its
cause, or None.  A restart of the guest is found by ``ProblemWatch`` itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from uartsim.machine.losses import MEANINGS
from uartsim.printable import counted

#: What a watchdog found: the values for the cause.
Finding: TypeAlias = "dict[str, object]"

#: How many bytes are examined at once, and from what percentage of bytes that are not text they are garbage.
GARBAGE_WINDOW: Final = 128
GARBAGE_PERCENT: Final = 20
#: How long a guest may be silent before that is reported, in seconds.
SILENCE_S: Final = 30.0

#: ASCII text, and control characters that terminals are sent: BEL, BS, HT, LF, VT, FF, CR, SO, SI, ESC; and NUL, as
#: which a break is received.
_TEXT: Final = bytes([0, *range(7, 16), 0x1B, *range(0x20, 0x7F)])
_LOSSES: Final = {**MEANINGS, "missed": "this console was too slow"}


class GarbageWatch:
    """Finds output that is not text, as from a line whose ends differ in speed, parity or word length.

    Bytes are examined in windows of ``GARBAGE_WINDOW`` from the start of the stream on, so that it makes no difference
    how they were cut into pieces.  Garbage is reported once, until a window is text again.
    """

    def __init__(self) -> None:
        self._window = b""
        self._garbled = False

    def feed(self, data: bytes) -> Finding | None:
        """Take in bytes as they came; returns ``percent`` and ``count`` of the first bad window in them."""
        data = self._window + data
        whole = len(data) - len(data) % GARBAGE_WINDOW
        self._window = data[whole:]
        finding: Finding | None = None
        # a fast path for what is text throughout
        if not whole or (not self._garbled and not data[:whole].translate(None, _TEXT)):
            return None
        for at in range(0, whole, GARBAGE_WINDOW):
            percent = 100 * _no_text(data[at : at + GARBAGE_WINDOW]) // GARBAGE_WINDOW
            if percent < GARBAGE_PERCENT:
                self._garbled = False
            elif not self._garbled:
                self._garbled = True
                finding = finding or {"percent": percent, "count": GARBAGE_WINDOW}
        return finding


def _no_text(data: bytes) -> int:
    """The number of bytes that are neither printable, nor UTF-8, nor a control character that terminals are sent."""
    others = data.translate(None, _TEXT)
    if not others:
        return 0
    bad = data.decode("utf-8", "replace").count("\ufffd")
    # a UTF-8 character that the window cuts is not bad: up to three bytes at each end
    border = max(0, bad - 2)
    return border + sum(byte < 0x80 for byte in others)


class SilenceWatch:
    """Finds a guest that has stopped sending.

    Args:
        limit_s: how long it may be silent, in seconds.
        now_s: when the watch begins.
    """

    def __init__(self, limit_s: float = SILENCE_S, now_s: float = 0.0) -> None:
        self.limit_s = limit_s
        self._heard_s = now_s
        self._told = False

    def heard(self, now_s: float) -> None:
        """Note that something came at ``now_s``."""
        self._heard_s, self._told = now_s, False

    def check(self, now_s: float) -> Finding | None:
        """The ``seconds`` of a silence that is too long, once for each silence."""
        silent_s = now_s - self._heard_s
        if self._told or silent_s < self.limit_s:
            return None
        self._told = True
        return {"seconds": f"{silent_s:.0f}"}


class LossWatch:
    """Finds that characters were lost: text that came after that may be damaged."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def check(self, counters: Mapping[str, int]) -> list[Finding]:
        """What was lost since the last check: ``count``, the same in words with its verb (``lost``), and ``where``.

        Args:
            counters: those of ``Console.counters`` that :data:`uartsim.machine.losses.MEANINGS` names, and ``missed``.
        """
        findings: list[Finding] = []
        for name, where in _LOSSES.items():
            count = counters.get(name, 0) - self._known.get(name, 0)
            if count > 0:
                lost = f"{counted(count, 'character')} {'was' if count == 1 else 'were'}"
                findings.append({"count": count, "lost": lost, "where": where})
            self._known[name] = counters.get(name, 0)
        return findings
