"""What a new client is shown of the past: where it begins, and what is left out of it.

The hub keeps the last stretch of the output, and what is asked for may begin anywhere in it.  Shown from the middle of an
escape sequence, its rest would be printed as letters.  So the bytes before the beginning are looked at as well, and the
past begins behind the sequence, or the character, that it would have cut.  At the start of what is kept, some of that is
given up for the look.

A client that comes again goes on at the very byte at which it has stopped, in the middle of a sequence too: its terminal has
had the first half.  A question to the terminal may lie across that place, so the bytes before it are looked at there too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from uartsim.access.hub import Hub
from uartsim.access.output_filters import QueryFilter
from uartsim.control_sequences import ControlSequenceParser, Kind
from uartsim.service.gateway.gateway_options import Resume

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


class PastFilter:
    """Takes the questions to a terminal out of the past: answered again, the answers would be typed at the guest.

    Args:
        size: how many bytes are of the past.
        keeps_length: what is taken out is replaced by as many bytes that show nothing, so that offsets stay right.
        seen: what came just before, which the client has had.
    """

    def __init__(self, size: int, *, keeps_length: bool = False, seen: bytes = b"") -> None:
        self._queries = QueryFilter(size + len(seen) if size else 0, keeps_length=keeps_length)
        self._seen_left = len(seen) if size else 0
        if self._seen_left:
            self._unseen(self._queries.feed(seen))

    def feed(self, data: bytes) -> bytes:
        """The part of ``data`` that may be shown; a sequence may be held back until it is complete."""
        return self._unseen(self._queries.feed(data))

    def end(self) -> bytes:
        """What is held back; nothing after it belongs to it."""
        return self._unseen(self._queries.end())

    def _unseen(self, shown: bytes) -> bytes:
        if not self._seen_left:
            return shown
        count = min(self._seen_left, len(shown))
        self._seen_left -= count
        return shown[count:]


@dataclass(frozen=True, slots=True)
class History:
    """What a client is shown of a boot's past.

    Attributes:
        start: where it begins: an offset in the guest's output.
        size: how many bytes it is, up to where the present begins.
        lost: how many bytes the client wanted, and does not get.
        seen: what came just before, if the client has had that.
    """

    start: int
    size: int
    lost: int = 0
    seen: bytes = b""


def new_history(hub: Hub, size: int | None) -> History:
    """What is shown to a client that has seen nothing; see :func:`history_start`."""
    start = history_start(hub, size)
    return History(start, hub.end - start)


def resumed_history(hub: Hub, boot: str, resume: Resume, size: int | None) -> History:
    """What is shown to a client that has seen something.

    Args:
        hub: the line of the present boot.
        boot: the id of that.
        resume: what the client has seen.
        size: what it is shown at most where that is another boot, more than there is, or not kept.
    """
    same = resume.boot == boot and resume.offset <= hub.end
    if same and resume.offset >= hub.start:
        begin = max(hub.start, resume.offset - _LOOK_BACK)
        _, seen = hub.read(begin, resume.offset - begin)
        return History(resume.offset, hub.end - resume.offset, seen=seen)
    start = history_start(hub, size)
    return History(start, hub.end - start, lost=start - resume.offset if same else start)
