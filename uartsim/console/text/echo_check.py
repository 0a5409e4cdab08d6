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
    text = _WRAP.sub("", plain)
    if text == typed:
        return Echo.WHOLE, decided
    if undecided and _WRAP.sub("", plain + undecided) == typed:
        return Echo.LIKELY, len(sent)
    if not plain.strip("\r\n"):
        return Echo.NOTHING, decided
    # a space at the end may be the first half of a wrap
    begun = typed.startswith((text, text.removesuffix(" ")))
    return (Echo.BEGUN if begun else Echo.OTHER), decided
