"""When what is in a record is played: its times, faster or slower, with long pauses cut short.  No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from uartsim.record.transcript import Event


def paced(
    events: Iterable[Event], speed: float = 1.0, idle_limit_s: float | None = None
) -> Iterator[tuple[float, bytes]]:
    """The guest's output, and when it is played.

    Args:
        events: those of a record.
        speed: 2 is twice as fast.
        idle_limit_s: a longer pause of the record is cut to so many seconds, before the speed is applied; None for no
            limit.  With 0 everything is played at once.

    Yields:
        ``(seconds since the beginning, bytes)``, in order of time.
    """
    last_s = played_s = 0.0
    for seconds, kind, data in events:
        if kind != "o" or not isinstance(data, bytes):
            continue
        pause_s = max(0.0, seconds - last_s)
        last_s = max(last_s, seconds)
        played_s += pause_s if idle_limit_s is None else min(pause_s, idle_limit_s)
        yield played_s / speed, data
