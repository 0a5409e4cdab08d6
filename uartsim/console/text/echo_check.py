"""Compares what a guest sent with what was typed, whatever kernel lines and line wraps are in it.  No I/O, no clock.

The comparison starts at the first character and leaves nothing over: text that is not a whole kernel line counts, so
that a kernel line damaged by noise is never taken for part of an echo.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from uartsim.console.text.kernel_prefix import without_kernel_lines

#: How a line editor continues in the next row: readline with a space and CR, others with a line end.
_WRAP: Final = re.compile(r" \r(?!\n)|[\r\n]")
#: BusyBox does it with the row's first character, CR, and that character again.
_WRAP_OF_BUSYBOX: Final = re.compile(r"(.)\r(?=\1)")


class Echo(enum.Enum):
    """How much of an echo has come."""

    NOTHING = "nothing"
    BEGUN = "the beginning of it"
    WHOLE = "all of it"
    LIKELY = "all of it, if its last characters do not begin a kernel line"
    OTHER = "something else"


def compare(sent: str, typed: str) -> tuple[Echo, int]:
    """Compare what has come with what was typed.

    Args:
        sent: cleaned text as sent, from where the echo begins.
        typed: printable text.

    Returns:
        How much of the echo has come, and up to where ``sent`` is decided: an unfinished kernel line is not.
    """
    plain, decided, undecided = without_kernel_lines(sent, typed)
    texts = _unwrapped(plain)
    if typed in texts:
        return Echo.WHOLE, decided
    if undecided and typed in _unwrapped(plain + undecided):
        return Echo.LIKELY, len(sent)
    if not plain.strip("\r\n"):
        return Echo.NOTHING, decided
    # a space at the end may be the first half of a wrap
    begun = any(typed.startswith((text, text.removesuffix(" "))) for text in texts)
    return (Echo.BEGUN if begun else Echo.OTHER), decided


def _unwrapped(echo: str) -> tuple[str, ...]:
    """What an echo may be the echo of: it does not say which editor has wrapped it."""
    text = _WRAP.sub("", echo)
    return (text, _WRAP.sub("", _WRAP_OF_BUSYBOX.sub("", echo))) if "\r" in echo else (text,)
