"""A direction of the line as levels over time: what the wire does between the sender's pin and the receiver's.

The level that the receiver sees comes from four layers, each a row of changes in the order of time:

1. frames: what the sender's transmitter shifts out, mark between them;
2. the sender's hold: its break control forces its pin to a level, over its own frames;
3. pulses: while one lasts the level is inverted, a glitch;
4. the line's hold: the wire itself is stuck at a level, over everything.

Intervals are half open: an edge at ``at`` has its new level from ``at`` on.  A layer grows at its end only.  What is
put replaces what the same layer had planned from that time on: a transmitter that is reset in the middle of a frame
and starts another cuts the first one off.  What has been taken is forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from heapq import merge
from typing import Final, NamedTuple

from uartsim.line_format import NEVER, LineFormat
from uartsim.wire.frame import line_bits

#: The layers, in the order in which they act on the level.
_FRAMES: Final = 0
_SENDER_HOLD: Final = 1
_PULSES: Final = 2
_LINE_HOLD: Final = 3
#: What "nothing" is in a layer: mark, not held, not inverted, not held.  A held layer has its level, 0 or 1.
_FREE: Final = 2
_AT_REST: Final = (1, _FREE, 0, _FREE)


class Edge(NamedTuple):
    """The line changes to ``level``, 0 (space) or 1 (mark), at ``at`` ticks."""

    at: int
    level: int


def frame_bit_count(line_format: LineFormat) -> int:
    """How many bits a frame has: start, data, parity and stop bits; a half stop bit counts as one."""
    return line_format.sampled_bits - 1 + (line_format.stop_halves + 1) // 2


@lru_cache(maxsize=4096)
def frame_edges(character: int, line_format: LineFormat, flipped: int = 0) -> tuple[Edge, ...]:
    """The edges of a frame, counted from the beginning of its start bit.

    Args:
        character: its data bits.
        line_format: the sender's.
        flipped: the bits that are inverted on the line, bit 0 for the start bit and so on in the order of time.

    Returns:
        The first edge is at 0, even where an inverted start bit changes nothing; the line is at mark after the last.

    Raises:
        ValueError: the format is that of unlimited rate, whose frames have no length.
    """
    bit = line_format.bit_ticks
    if not bit:
        raise ValueError("a line at unlimited rate has no waveform: frames take no time there")
    levels = [*line_bits(character, line_format), *(1,) * ((line_format.stop_halves + 1) // 2 - 1)]
    edges: list[Edge] = []
    for number, level in enumerate(levels):
        if number * bit >= line_format.frame_ticks:
            break  # half of a stop bit of one tick
        level ^= flipped >> number & 1
        if not edges or level != edges[-1].level:
            edges.append(Edge(number * bit, level))
    if not edges[-1].level:
        edges.append(Edge(line_format.frame_ticks, 1))
    return tuple(edges)


class LineLevels:
    """The levels of one direction, from what is put on it.

    Args:
        since: ticks; nothing can be put before.
    """

    __slots__ = ("_layers", "_values", "frames_end", "horizon", "level")

    def __init__(self, since: int = 0) -> None:
        #: Up to here everything has been taken, so nothing can be put before it.
        self.horizon = since
        #: The level at the horizon.
        self.level = 1
        #: When the last stop bit of the last frame is over.
        self.frames_end = since
        self._layers: tuple[deque[tuple[int, int]], ...] = (deque(), deque(), deque(), deque())
        self._values = list(_AT_REST)

    def put_frame(self, start: int, character: int, line_format: LineFormat, flipped: int = 0) -> None:
        """A frame begins at ``start``; see :func:`frame_edges` for the arguments.

        Raises:
            ValueError: ``start`` is before the horizon, or the format has no waveform.
        """
        edges = frame_edges(character, line_format, flipped)
        self._cut(_FRAMES, start)
        self._layers[_FRAMES].extend([(start + offset, level) for offset, level in edges])
        self.frames_end = start + line_format.frame_ticks

    def hold(self, level: int, begin: int, until: int = NEVER) -> None:
        """The sender forces its pin to ``level``, from ``begin`` to ``until`` or :meth:`release`.

        Raises:
            ValueError: the level is not 0 or 1, the stretch has no length, or it begins before the horizon.
        """
        self._hold(_SENDER_HOLD, level, begin, until)

    def release(self, at: int) -> None:
        """The sender lets its pin go; ValueError before the horizon."""
        self._cut(_SENDER_HOLD, at)
        self._layers[_SENDER_HOLD].append((at, _FREE))

    def stick(self, level: int, begin: int, until: int = NEVER) -> None:
        """The line is stuck at ``level``, from ``begin`` to ``until`` or :meth:`unstick`.

        Raises:
            ValueError: the level is not 0 or 1, the stretch has no length, or it begins before the horizon.
        """
        self._hold(_LINE_HOLD, level, begin, until)

    def unstick(self, at: int) -> None:
        """The line is free again; ValueError before the horizon."""
        self._cut(_LINE_HOLD, at)
        self._layers[_LINE_HOLD].append((at, _FREE))

    def invert(self, begin: int, until: int) -> None:
        """A pulse: the level is inverted from ``begin`` to ``until``; ValueError without length or before the horizon."""
        if until <= begin:
            raise ValueError(f"a pulse from {begin} to {until} has no length")
        self._cut(_PULSES, begin)
        self._layers[_PULSES].extend(((begin, 1), (until, 0)))

    def end_pulses(self, at: int) -> None:
        """No pulse is there from ``at`` on; ValueError before the horizon."""
        self._cut(_PULSES, at)
        self._layers[_PULSES].append((at, 0))

    def _hold(self, layer: int, level: int, begin: int, until: int) -> None:
        if level not in (0, 1):
            raise ValueError(f"{level!r} is not a level: use 0 for space or 1 for mark")
        if until <= begin:
            raise ValueError(f"a hold from {begin} to {until} has no length")
        self._cut(layer, begin)
        self._layers[layer].append((begin, level))
        if until < NEVER:
            self._layers[layer].append((until, _FREE))

    def _cut(self, layer: int, at: int) -> None:
        """Forget what a layer has planned from ``at`` on."""
        if at < self.horizon:
            raise ValueError(f"tick {at} is past: the line is known up to {self.horizon}")
        changes = self._layers[layer]
        while changes and changes[-1][0] >= at:
            changes.pop()

    def take(self, until: int) -> list[Edge]:
        """The edges up to and including ``until``, which becomes the horizon.

        Raises:
            ValueError: ``until`` is before the horizon.
        """
        if until < self.horizon:
            raise ValueError(f"tick {until} is past: the line is known up to {self.horizon}")
        self.horizon = until
        edges: list[Edge] = []
        layers, values, level = self._layers, self._values, self.level
        frames = layers[_FRAMES]
        if not (layers[1] or layers[2] or layers[3]) and values[1:] == [_FREE, 0, _FREE]:
            while frames and frames[0][0] <= until:
                at, value = frames.popleft()
                if value != level:
                    level = value
                    edges.append(Edge(at, value))
            values[_FRAMES] = self.level = level
            return edges
        while (at := min((changes[0][0] for changes in layers if changes), default=NEVER)) <= until:
            for layer, changes in enumerate(layers):
                if changes and changes[0][0] == at:
                    values[layer] = changes.popleft()[1]
            if (new := _level_of(values)) != level:
                level = new
                edges.append(Edge(at, new))
        self.level = level
        return edges

    def ahead(self) -> Iterator[Edge]:
        """The edges after the horizon as things are; what is put later can still change them."""
        values, level = list(self._values), self.level
        changes = merge(*(_tagged(layer, changes) for layer, changes in enumerate(self._layers) if changes))
        change = next(changes, None)
        while change is not None:
            at = change[0]
            while change is not None and change[0] == at:
                values[change[1]] = change[2]
                change = next(changes, None)
            if (new := _level_of(values)) != level:
                level = new
                yield Edge(at, new)

    @property
    def planned(self) -> bool:
        """Something will still change."""
        return any(self._layers)


def _level_of(values: list[int]) -> int:
    """The line's level, given where the layers are."""
    frames, sender_hold, inverted, line_hold = values
    if line_hold != _FREE:
        return line_hold
    return (frames if sender_hold == _FREE else sender_hold) ^ inverted


def _tagged(layer: int, changes: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """The changes of a layer, each with the layer's number."""
    for at, value in changes:
        yield at, layer, value
