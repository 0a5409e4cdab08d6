"""The two sides of a port: what the guest is told, what the far end of the line is told, and what an owner is told.

A port has one object of each kind at a time, in :attr:`Port.guest <uartsim.machine.port.Port.guest>`,
:attr:`Port.far_end <uartsim.machine.port.Port.far_end>` and :attr:`Port.owner <uartsim.machine.port.Port.owner>`.  All
times are ticks on the port's clock, see :mod:`uartsim.line_format`.  For each protocol there is a class that does
nothing, from which an implementation may take the methods that it does not need.
"""

from __future__ import annotations

from typing import Final, Protocol

from uartsim.line_format import LineFormat


class GuestSide(Protocol):
    """The software that owns the chip: a driver, the bridge to another process, or boot code in a CPU emulator.

    Attributes:
        serves_interrupts: there is an interrupt handler; without one the port says nothing of the interrupt line.
        serves_at_once: the handler serves each interrupt within :meth:`interrupt`, at the time at which the line rose,
            until the line is down.  It is not told that the line fell, and :meth:`refill` and :meth:`accept` let the port
            do many interrupts' work in one slice.
        posts_accesses: accesses of an earlier time may wait somewhere, for which :meth:`catch_up` looks.
        follows_changes: :meth:`settled` is to be called.
    """

    serves_interrupts: bool
    serves_at_once: bool
    posts_accesses: bool
    follows_changes: bool

    def interrupt(self, level: bool, at: int) -> None:
        """The interrupt line rose (True) or fell at ``at``."""

    def refill(self, until: int) -> bool:
        """Refill the transmitter in slices up to ``until`` with :meth:`Port.stream_out`; returns whether it was done."""

    def waiting(self) -> int:
        """How many characters the handler would still put into the transmitter, as things are."""

    def room(self) -> int:
        """How many characters without errors the handler would take one after the other, as things are."""

    def accept(self, data: bytes) -> None:
        """Take characters that arrived without errors, each of which raised an interrupt of its own."""

    def catch_up(self) -> None:
        """Time is about to pass: make the accesses of an earlier time first."""

    def settled(self) -> None:
        """The port has done all that followed from an access or from the far end."""

    def far_ready(self) -> None:
        """At unlimited rate: the far end is not busy any more, see :meth:`FarSide.is_busy`."""


class QuietGuest:
    """A guest that leaves the chip alone."""

    serves_interrupts = False
    serves_at_once = False
    posts_accesses = False
    follows_changes = False

    def interrupt(self, level: bool, at: int) -> None:
        """Ignored."""

    def refill(self, until: int) -> bool:
        """Nothing is done."""
        return False

    def waiting(self) -> int:
        """None."""
        return 0

    def room(self) -> int:
        """None."""
        return 0

    def accept(self, data: bytes) -> None:
        """Ignored."""

    def catch_up(self) -> None:
        """Nothing is left to do."""

    def settled(self) -> None:
        """Ignored."""

    def far_ready(self) -> None:
        """Ignored."""


class FarSide(Protocol):
    """What is attached to the far end of the line, and hears what the guest sends.

    Attributes:
        follows_frames: :meth:`carried` is to be called.
    """

    follows_frames: bool

    def output(self, data: bytes, at: int) -> None:
        """Characters have arrived, the last of them at ``at``."""

    def line_break(self, at: int) -> None:
        """A break of the guest's has arrived at ``at``."""

    def carried(self, now: int) -> None:
        """The guest has put frames on the line that no receiver has got yet."""

    def format_changed(self, line_format: LineFormat) -> None:
        """The guest has programmed another format."""

    def room_made(self) -> None:
        """The queue of what the far end sends has become shorter."""

    def is_busy(self) -> bool:
        """At unlimited rate: whether the far end cannot take more now; it calls :meth:`GuestSide.far_ready` when it can.

        On a paced line the far end is never asked, as a paced line does not wait.
        """

    def faults_changed(self) -> None:
        """A fault of the line has begun or ended."""

    def machine_reset(self, at: int) -> None:
        """The machine was reset at ``at``, by its button or by the guest."""


class QuietFarEnd:
    """A far end that hears nothing and takes everything."""

    follows_frames = False

    def output(self, data: bytes, at: int) -> None:
        """Ignored."""

    def line_break(self, at: int) -> None:
        """Ignored."""

    def carried(self, now: int) -> None:
        """Ignored."""

    def format_changed(self, line_format: LineFormat) -> None:
        """Ignored."""

    def room_made(self) -> None:
        """Ignored."""

    def is_busy(self) -> bool:
        """Never."""
        return False

    def faults_changed(self) -> None:
        """Ignored."""

    def machine_reset(self, at: int) -> None:
        """Ignored."""


class PortOwner(Protocol):
    """The machine that the port is part of."""

    def failed(self, error: Exception) -> None:
        """A guest or a far end raised ``error`` while the timer served the port."""

    def lost(self) -> None:
        """Characters were lost: see :meth:`uartsim.machine.com1.Com1.lost`."""


class NoOwner:
    """A port without an owner: an error goes to the timer, and losses are only counted."""

    def failed(self, error: Exception) -> None:
        """Raises ``error``."""
        raise error

    def lost(self) -> None:
        """Ignored."""


NO_GUEST: Final[GuestSide] = QuietGuest()
NO_FAR_END: Final[FarSide] = QuietFarEnd()
NO_OWNER: Final[PortOwner] = NoOwner()
