"""What a new client is shown of the past: where it begins, and what is left out of it.

The hub keeps the last stretch of the output, and what is asked for may begin anywhere in it.  Shown from the middle of an
escape sequence, its rest would be printed as letters.  So the bytes before the beginning are looked at as well, and the
past begins behind the sequence, or the character, that it would have cut.  At the start of what is kept, some of that is
given up for the look.
"""

from __future__ import annotations

from typing import Final

from uartsim.access.hub import Hub
from uartsim.access.output_filters import QueryFilter
from uartsim.control_sequences import ControlSequenceParser, Kind

#: How many bytes before the beginning are looked at.
_LOOK_BACK: Final = 4096
#: How far the beginning moves at most: a control string without an end would swallow everything.
_FURTHEST: Final = 4096


def history_start(hub: Hub, size: int | None) -> int:
    """Where the past begins that a new client is shown.

    Args:
        hub: the line.
        size: the most that it is to be shown, in bytes; None for all that is kept.

    Returns:
        the offset in the guest's output.
    """
    start = hub.start if size is None else max(hub.start, hub.end - size)
    if start == 0 or start == hub.end:
        return start
    begin = max(hub.start, start - _LOOK_BACK)
    if begin and start - begin < _LOOK_BACK // 2:
        start = min(begin + _LOOK_BACK, hub.end)  # what came before is gone
    return start + _cut_off(hub, begin, start)


def _cut_off(hub: Hub, begin: int, start: int) -> int:
    """How many bytes at ``start`` belong to what began before it."""
    parser = ControlSequenceParser(single_bytes=False)
    _, before = hub.read(begin, start - begin)
    in_string = False
    for token in parser.feed(before):
        in_string = token.kind in (Kind.STRING_BEGIN, Kind.STRING) or (in_string and token.kind is not Kind.STRING_END)
    held = len(parser.pending)
    if not held and not in_string:
        return 0
    _, after = hub.read(start, _FURTHEST)
    taken = -held
    for token in parser.feed(after):
        taken += len(token.data)
        if token.kind is Kind.TEXT:
            return _whole_character(held, after)
        if token.kind not in (Kind.STRING_BEGIN, Kind.STRING):
            return max(0, taken)
        in_string = True
    return 0 if in_string else len(after)


def _whole_character(held: int, after: bytes) -> int:
    """How many bytes of ``after`` end the character of which ``held`` bytes came before."""
    count = 0
    while count < min(4 - held, len(after)) and after[count] & 0xC0 == 0x80:
        count += 1
    return count


def past_filter(size: int) -> QueryFilter:
    """What leaves the questions to a terminal out of the past: answered again, the answers would be typed at the guest."""
    return QueryFilter(size)
