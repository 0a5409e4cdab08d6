"""Of which operating systems the consoles are that each user has open.

The second document knows an error of Cloud Shell's time: a user has one console, of one operating system, and cannot ask
for one of the other type; to open the shell again and retry helps.  Here a request for a type of which the user has no
console open, while he has one of the other, is refused once; the retry succeeds, and both stay open.
"""

from __future__ import annotations

from uartsim.service.identity.callers import Caller


class UserConsoles:
    """The consoles of each user; the gateway says which are open."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {}
        self._refused: dict[str, str] = {}

    def opened(self, caller: Caller, os_type: str) -> None:
        """A console of the caller's has been opened.

        Args:
            caller: whose.
            os_type: ``"Linux"`` or ``"Windows"``.
        """
        self._open.setdefault(caller.object_id, []).append(os_type)
        self._refused.pop(caller.object_id, None)

    def closed(self, caller: Caller, os_type: str) -> None:
        """A console of the caller's, which was opened as of this type, has been closed."""
        types = self._open[caller.object_id]
        types.remove(os_type)
        if not types:
            del self._open[caller.object_id]
            self._refused.pop(caller.object_id, None)

    def conflict(self, caller: Caller, os_type: str) -> str | None:
        """The type of the caller's consoles that conflicts with a request for ``os_type``, or None if none does."""
        types = self._open.get(caller.object_id, ())
        if not types or os_type in types or self._refused.get(caller.object_id) == os_type:
            return None
        return types[-1]

    def refused(self, caller: Caller, os_type: str) -> None:
        """A request for this type has been refused: the retry succeeds."""
        self._refused[caller.object_id] = os_type
