"""The system's event log: what happened in this and earlier starts; and the queries that wevtutil and Get-WinEvent take.

Of XPath there is ``Level=``, ``EventID=`` and ``Provider[@Name='...']``, joined by ``and``; conditions on time are true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

ERROR: Final = 2
INFORMATION: Final = 4
_LEVELS: Final = {ERROR: "Error", INFORMATION: "Information"}
#: So many events are kept.
ROOM: Final = 500
_CONDITIONS: Final = re.compile(r"(Level|EventID)\s*=\s*([0-9]{1,6})|Provider\[@Name\s*=\s*['\"]([^'\"]*)['\"]\]")


class Event(NamedTuple):
    """An event."""

    time: datetime
    provider: str
    number: int
    level: int
    text: str


class EventLog:
    """The events of one machine, oldest first."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def add(self, time: datetime, provider: str, number: int, text: str, level: int = INFORMATION) -> None:
        """Add an event."""
        self._events.append(Event(time, provider, number, level, text))
        del self._events[:-ROOM]

    def matching(self, query: str) -> list[Event]:
        """The events that a query is about, oldest first; an empty one is about all."""
        found = self._events
        for name, number, provider in _CONDITIONS.findall(query):
            if name == "Level":
                found = [event for event in found if event.level == int(number)]
            elif name == "EventID":
                found = [event for event in found if event.number == int(number)]
            else:
                found = [event for event in found if event.provider.lower() == provider.lower()]
        return found


def level_name(event: Event) -> str:
    """The word for an event's level."""
    return _LEVELS[event.level]


def event_lines(events: list[Event], host: str) -> Iterator[str]:
    """Events as ``wevtutil /f:text`` shows them."""
    for n, event in enumerate(events):
        yield f"Event[{n}]:"
        yield "  Log Name: System"
        yield f"  Source: {event.provider}"
        yield f"  Date: {event.time:%Y-%m-%dT%H:%M:%S.000}"
        yield f"  Event ID: {event.number}"
        yield f"  Level: {level_name(event)}"
        yield f"  Computer: {host}"
        yield "  Description: "
        yield event.text
        yield ""
