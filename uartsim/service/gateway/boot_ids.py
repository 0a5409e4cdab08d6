"""The names of the machines' boots, by which a client resumes its place in the output of one.

Each boot has a hub of its own, which counts the guest's output from 0.  An offset means nothing without the boot, so a boot
has an id.  It is random: a client that has kept one over a restart of the service cannot take another boot for it.
"""

from __future__ import annotations

import secrets
from weakref import WeakKeyDictionary

from uartsim.access.hub import Hub


class BootIds:
    """The id of each boot that a console has shown."""

    def __init__(self) -> None:
        self._ids: WeakKeyDictionary[Hub, str] = WeakKeyDictionary()

    def id_of(self, hub: Hub) -> str:
        """The id of a boot: 16 hexadecimal digits."""
        known = self._ids.get(hub)
        if known is None:
            known = self._ids[hub] = secrets.token_hex(8)
        return known
