"""One machine of the tenant: it lives on while its guest is switched off and on."""

from __future__ import annotations

from enum import StrEnum

import trio

from uartsim.access.hub import Hub
from uartsim.service.store import ResourceId


class PowerState(StrEnum):
    """The power states of Azure's machines; the value is what follows ``PowerState/``."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DEALLOCATING = "deallocating"
    DEALLOCATED = "deallocated"


class VirtualMachine:
    """A machine or an instance of a scale set.

    Attributes:
        id: its ARM id.
        power_state: its power state.
        hub: the line of the present boot; None while the machine is off.
        power_ons: how many times it has been switched on.
    """

    def __init__(self, resource_id: ResourceId) -> None:
        self.id = resource_id
        self.power_state = PowerState.DEALLOCATED
        self.hub: Hub | None = None
        self.power_ons = 0
        self.changed = trio.lowlevel.ParkingLot()

    async def start(self) -> None:
        """Switch it on; returns once its COM1 is served."""
        raise NotImplementedError

    async def power_off(self, *, skip_shutdown: bool = False) -> None:
        """Shut the guest down, or pull the plug; the machine stays allocated (``stopped``)."""
        raise NotImplementedError

    async def deallocate(self) -> None:
        """Shut the guest down and give the machine back."""
        raise NotImplementedError

    async def restart(self) -> None:
        """Shut the guest down and start it again: gracefully, where the guest can."""
        raise NotImplementedError

    async def reset(self) -> None:
        """A power cycle; the line stays, so that the boot loader can be caught.  ArmError 409 while it is off."""
        raise NotImplementedError

    async def nmi(self) -> None:
        """A non-maskable interrupt.  ArmError 409 while it is off."""
        raise NotImplementedError

    async def sysrq(self, keys: str) -> None:
        """A break and a key, for each of ``keys``.  ArmError 409 while it is off, 400 for wrong keys."""
        raise NotImplementedError


class Machines:
    """All machines of the tenant."""

    def get(self, resource_id: ResourceId) -> VirtualMachine | None:
        """The machine of an id, or None."""
        raise NotImplementedError
