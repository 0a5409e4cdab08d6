"""What a machine needs from outside: a guest, a task for each power cycle, and somebody who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from uartsim.errors import UsageError
from uartsim.service.machines.power_cycle import Plan, PowerCycle
from uartsim.service.store import ResourceId

if TYPE_CHECKING:
    from uartsim.service.machines.virtual_machine import VirtualMachine


class Surroundings(Protocol):
    """What a machine needs from outside."""

    async def plan(self, resource_id: ResourceId) -> Plan:
        """What is to be switched on now.  UartsimError: it cannot be, and why."""

    def spawn(self, machine: VirtualMachine, cycle: PowerCycle) -> None:
        """Run a power cycle in the background, and tell the machine when it is over."""

    def wish(self, resource_id: ResourceId, power: str) -> None:
        """Keep what is wished of the machine's power."""

    def log(self, resource_id: ResourceId, text: str) -> None:
        """A sentence about the machine."""


class Nowhere:
    """The surroundings of a machine that is only looked at."""

    async def plan(self, resource_id: ResourceId) -> Plan:
        """Refuse."""
        raise UsageError(f"{resource_id.name} is not among the machines of a service")

    def spawn(self, machine: VirtualMachine, cycle: PowerCycle) -> None:
        """Do nothing."""

    def wish(self, resource_id: ResourceId, power: str) -> None:
        """Do nothing."""

    def log(self, resource_id: ResourceId, text: str) -> None:
        """Do nothing."""
