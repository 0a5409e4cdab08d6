"""What a console needs of the layers below: a line, and the machine's buttons.  Tests use stand-ins."""

from __future__ import annotations

from typing import Any, Protocol


class LineClient(Protocol):
    """What a console needs of the line: ``uartsim.access.hub.HubClient``, or a test's stand-in."""

    async def receive(self) -> bytes:
        """The next bytes; ``b""`` at the end."""

    def receive_nowait(self) -> bytes:
        """The bytes that are there, in order with those that ``receive`` returns; ``b""`` if there are none."""

    async def send(self, data: bytes, *, secret: bool = ...) -> None:
        """Send to the guest; a secret is masked in what is recorded."""

    async def send_break(self, duration_s: float = ...) -> None:
        """Hold the line at space."""

    def detach(self) -> None:
        """Leave."""


class MachineButtons(Protocol):
    """What a console needs of the machine: ``uartsim.machine.Machine``, or a test's stand-in."""

    name: str
    ended: Any

    async def reset(self) -> None:
        """The reset button."""

    async def nmi(self) -> None:
        """The NMI button."""
