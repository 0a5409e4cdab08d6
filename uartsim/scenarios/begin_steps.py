"""What a scenario does to a machine that runs, before anybody is at its console, as values.

The list of scenarios is read for a shell's completion too, which is not to wait for the imports of a machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from uartsim.wire.faults import parse_fault

if TYPE_CHECKING:
    from uartsim.access.hub import Hub
    from uartsim.machine import Machine


@dataclass(frozen=True, slots=True)
class Stage:
    """A machine that has just started.

    Attributes:
        machine: the machine.
        hub: its line.
    """

    machine: Machine
    hub: Hub


class BeginStep(Protocol):
    """Something done to a machine that has just started."""

    async def __call__(self, stage: Stage, /) -> None:
        """Do it.

        Raises:
            UartsimError: it failed.
        """


@dataclass(frozen=True, slots=True)
class BeginFault:
    """Begin a fault of the line, where it matters that the guest is there to notice it.

    Attributes:
        fault: as ``uartsim fault`` takes it, such as ``"xoff"``.
    """

    fault: str

    async def __call__(self, stage: Stage, /) -> None:
        """Begin it."""
        stage.machine.com1.add_fault(parse_fault(self.fault))


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop the processor of a guest in QEMU."""

    async def __call__(self, stage: Stage, /) -> None:
        """Stop it."""
        from uartsim.machine.pausable_guest import pausable

        await pausable(stage.machine).let_run(False)


@dataclass(frozen=True, slots=True)
class PressNmi:
    """Press the NMI button."""

    async def __call__(self, stage: Stage, /) -> None:
        """Press it."""
        await stage.machine.nmi()
