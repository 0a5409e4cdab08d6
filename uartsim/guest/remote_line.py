"""What a line to a machine elsewhere can do, whether it is a socket, a pty or a serial device.

:mod:`uartsim.guest.remote_run` carries what such a line gives to our chip, and what the chip receives to the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from uartsim.errors import UartsimError, UsageError
from uartsim.machine import Received
from uartsim.registers import MSR, ModemOutput


class LineEnded(Exception):
    """The other side is gone.

    Attributes:
        failed: whether it was an error, such as a device that was unplugged, and not an orderly end.
    """

    def __init__(self, why: str, *, failed: bool = False) -> None:
        super().__init__(why)
        self.failed = failed


class NotThere(UsageError):
    """The other side cannot be reached now; it may be later."""


class CannotCarry(UartsimError):
    """The line has no way to carry this, such as a break on a plain socket."""


class RemoteModem(Protocol):
    """The modem lines of a line that has some."""

    async def wait_change(self, other_than: MSR | None) -> MSR:
        """Wait until CTS, DSR, RI and DCD differ from ``other_than``, and return them; None is none of them."""

    async def drive(self, outputs: ModemOutput) -> None:
        """Drive DTR and RTS."""


class RemoteLine(Protocol):
    """An open line to a machine elsewhere."""

    @property
    def modem(self) -> RemoteModem | None:
        """Its modem lines, or None if it has none."""

    async def receive(self) -> Sequence[Received]:
        """Wait for what comes next, which may be nothing.

        A flagged entry without data is an error of the line that belongs to no character.

        Raises:
            LineEnded: the other side is gone, and everything that it sent before has been returned.
        """

    async def send_some(self, data: bytes) -> int:
        """Send the beginning of ``data``, which is not empty; returns how many of its bytes the system has taken.

        Raises:
            LineEnded: the other side is gone, and nothing was taken.
        """

    async def wait_sent(self) -> None:
        """Wait until what was sent has been taken by the other side, as far as the system can tell."""

    async def send_break(self) -> None:
        """Send a break.

        Raises:
            CannotCarry: the line has no breaks; the message says what to do.
            LineEnded: the other side is gone.
        """

    def status(self) -> dict[str, Any]:
        """Facts about it for ``uartsim status``, as plain values."""

    async def aclose(self) -> None:
        """Close it, and leave the other side's settings as they were found."""
