"""A guest whose processor can be stopped and let go on, as QEMU's can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from uartsim.errors import UsageError

if TYPE_CHECKING:
    from uartsim.machine.machine import Machine


@runtime_checkable
class PausableGuest(Protocol):
    """A guest that can be paused.  While it is, it neither reads its port nor notices that time passes."""

    async def let_run(self, runs: bool) -> None:
        """Let the processor go on (True), or stop it (False); doing either twice changes nothing."""


def pausable(machine: Machine) -> PausableGuest:
    """The guest of a machine, which can be paused.

    Raises:
        UsageError: it cannot.
    """
    guest = machine.guest
    if isinstance(guest, PausableGuest):
        return guest
    kind = getattr(guest, "kind", "another kind")
    raise UsageError(f"{machine.name} cannot be paused: its guest is of kind {kind}, and only one in QEMU can be")
