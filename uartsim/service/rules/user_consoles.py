"""Which operating system each user's consoles are of.

The second document knows an error of Cloud Shell's time: a user has one console, of one operating system, and cannot ask
for one of the other type; to open the shell again and retry turns it over.  Here a user's consoles are those that he has
open; a request for the other type is refused once, and turns them over, so that the retry succeeds.
"""

from __future__ import annotations

from uartsim.service.identity.callers import Caller


class UserConsoles:
    """The consoles of each user; the gateway says which are open."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._os_type: dict[str, str] = {}

    def opened(self, caller: Caller, os_type: str) -> None:
        """A console of the caller's has been opened.

        Args:
            caller: whose.
            os_type: ``"Linux"`` or ``"Windows"``.
        """
        self._open[caller.object_id] = self._open.get(caller.object_id, 0) + 1
        self._os_type[caller.object_id] = os_type

    def closed(self, caller: Caller) -> None:
        """A console of the caller's has been closed."""
        left = self._open.get(caller.object_id, 0) - 1
        if left > 0:
            self._open[caller.object_id] = left
        else:
            self._open.pop(caller.object_id, None)
            self._os_type.pop(caller.object_id, None)

    def existing_type(self, caller: Caller) -> str | None:
        """The type of the caller's consoles, or None where he has none open."""
        return self._os_type.get(caller.object_id)

    def turn_over(self, caller: Caller, os_type: str) -> None:
        """A console of the other type has been refused: the next request for one succeeds."""
        if caller.object_id in self._open:
            self._os_type[caller.object_id] = os_type
