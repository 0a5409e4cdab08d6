"""The last lines that a guest had sent when it was saved: a terminal on the guest that goes on from there begins with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: How many lines are shown: a screen's.
LINES: Final = 24
#: The most bytes of these.
MOST: Final = 8192

_KEY: Final = "last_output"


def noted(sent: bytes) -> dict[str, Any]:
    """What a snapshot keeps of a guest's output where no console knows more, as plain values."""
    return {_KEY: last_lines(sent).decode("latin-1")}


def last_output(saved: Mapping[str, Any]) -> bytes:
    """The last lines of a guest's output, of its last boot only.

    Args:
        saved: what a snapshot says of the console: by :func:`noted`, or the state of a console.

    Returns: the bytes as the guest sent them; empty if the snapshot says nothing of them.
    """
    try:
        if _KEY in saved:
            return last_lines(saved[_KEY].encode("latin-1"))
        sent = "".join(text for _, text in saved.get("pieces", ()))
        return last_lines(sent.encode("latin-1")[int(saved.get("boot_at", 0)) :])
    except (ValueError, TypeError, AttributeError):
        return b""


def last_lines(sent: bytes) -> bytes:
    """The last :data:`LINES` lines, the one that has no end yet included."""
    lines = sent[-MOST:].split(b"\n")
    if len(sent) > MOST and 1 < len(lines) <= LINES:
        del lines[0]  # its beginning is cut off
    return b"\n".join(lines[-LINES:])
