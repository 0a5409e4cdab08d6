"""The names of the machines' boots, by which a client resumes its place in the output of one.

Each boot has a hub of its own, which counts the guest's output from 0.  An offset means nothing without the boot, so a boot
has an id.  It is random: a client that has kept one over a restart of the service cannot take another boot for it.

A client may come again when its boot is over, and its last words are what one wants to read.  So of each machine, the boot
that was shown last is kept beside the present one.
"""

from __future__ import annotations

import secrets
from typing import Final
from weakref import WeakKeyDictionary

from uartsim.access.hub import Hub
from uartsim.service.machines.virtual_machine import VirtualMachine

#: How many boots of a machine are kept: the present one, and the one before.
_KEPT: Final = 2


class BootIds:
    """The id of each boot that a console has shown."""

    def __init__(self) -> None:
        self._ids: WeakKeyDictionary[Hub, str] = WeakKeyDictionary()
        self._shown: WeakKeyDictionary[VirtualMachine, list[Hub]] = WeakKeyDictionary()

    def id_of(self, hub: Hub) -> str:
        """The id of a boot: 16 hexadecimal digits."""
        known = self._ids.get(hub)
        if known is None:
            known = self._ids[hub] = secrets.token_hex(8)
        return known

    def keep(self, machine: VirtualMachine, hub: Hub) -> None:
        """A console shows a boot: keep it for clients that come again."""
        shown = self._shown.setdefault(machine, [])
        if hub not in shown:
            shown.append(hub)
            del shown[:-_KEPT]

    def ended(self, machine: VirtualMachine, boot: str) -> Hub | None:
        """The line of a boot that is over, or None if that still runs or is not kept."""
        for hub in self._shown.get(machine, ()):
            if hub.closed and self.id_of(hub) == boot:
                return hub
        return None
