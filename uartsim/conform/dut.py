"""What a device under test (DUT) offers: eight registers, and as much of a line, a clock and pins as it has.

A device says what it can do (:class:`Can`).  What it cannot do is not asked of it, and the report says which sequences
were left out for that reason.  The minimum is reading and writing registers.

Time passes only in :meth:`DeviceUnderTest.advance`, and in :meth:`DeviceUnderTest.receive` and
:meth:`DeviceUnderTest.receive_break` where a model puts the character through a real line.  These methods return how much
time passed, so that the caller can keep count.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable
from enum import Flag, auto
from types import TracebackType
from typing import NamedTuple, TypeVar

from uartsim.errors import UartsimError

Self = TypeVar("Self", bound="DeviceUnderTest")


def a_part(part: str) -> str:
    """The name of a part with its article: "an 8250"."""
    return f"{'an' if part.startswith('8') else 'a'} {part}"


class DutError(UartsimError):
    """The device under test has failed: it is missing, has ended, is silent, or answers nonsense."""


class Can(Flag):
    """What a device can do beyond reading and writing its registers."""

    RESET = auto()  #: can be given a master reset
    IRQ = auto()  #: shows its interrupt line as the PC sees it: gated by OUT2
    SENT = auto()  #: shows the characters that it has sent
    RECEIVE = auto()  #: can be given characters from the line
    ERRORS = auto()  #: ... with parity and framing errors
    BREAK = auto()  #: can be given a break from the line
    MODEM = auto()  #: its modem inputs can be driven
    TIME = auto()  #: lets time pass when told to, at least as much as told
    EXACT = auto()  #: ... and not a nanosecond more


#: Every capability.
ALL = Can.RESET | Can.IRQ | Can.SENT | Can.RECEIVE | Can.ERRORS | Can.BREAK | Can.MODEM | Can.TIME | Can.EXACT


class Access(NamedTuple):
    """One register access: a read if ``value`` is None."""

    offset: int
    value: int | None = None


class Answer(NamedTuple):
    """The outcome of an access: the value of a read (None for a write), and the interrupt line's level after it."""

    value: int | None
    irq: bool


class DeviceUnderTest(abc.ABC):
    """A UART behind the interface that the tests need.  As a context manager it closes itself at the end.

    Methods for capabilities that :attr:`can` does not name are never called.

    Attributes:
        name: the name that the report shows.
        part: the part that it claims to be: a name in :data:`uartsim.registers.VARIANTS`.
        can: its capabilities.
    """

    name: str = "a UART"
    part: str = "16550A"
    can: Can = Can(0)

    @abc.abstractmethod
    def read(self, offset: int) -> int:
        """Read the register at ``offset`` (0 to 7)."""

    @abc.abstractmethod
    def write(self, offset: int, value: int) -> None:
        """Write ``value`` (0 to 255) to the register at ``offset`` (0 to 7)."""

    def run(self, accesses: Iterable[Access]) -> list[Answer]:
        """Make several accesses in order; a device behind a pipe overrides this with one round trip for all."""
        answers = []
        for offset, value in accesses:
            got = None
            if value is None:
                got = self.read(offset)
            else:
                self.write(offset, value)
            answers.append(Answer(got, self.irq if Can.IRQ in self.can else False))
        return answers

    @property
    def irq(self) -> bool:
        """The level of the interrupt line, gated by OUT2 (:attr:`Can.IRQ`)."""
        raise NotImplementedError

    def reset(self) -> None:
        """Master reset (:attr:`Can.RESET`)."""
        raise NotImplementedError

    def take_sent(self) -> bytes:
        """The characters that have left completely since the last call (:attr:`Can.SENT`)."""
        raise NotImplementedError

    def receive(self, character: int, errors: int = 0) -> int:
        """A character has come in from the line, to its last bit (:attr:`Can.RECEIVE`).

        Args:
            character: 0 to 255.
            errors: LSR bits PE and FE that it carries (:attr:`Can.ERRORS`).

        Returns:
            The nanoseconds that passed in the meantime.
        """
        raise NotImplementedError

    def receive_break(self) -> int:
        """The line was at space for longer than a frame and is at mark again (:attr:`Can.BREAK`).

        Returns:
            The nanoseconds that passed in the meantime.
        """
        raise NotImplementedError

    def set_modem_inputs(self, inputs: int) -> None:
        """Drive CTS, DSR, RI and DCD, given as the bits of MSR with these names (:attr:`Can.MODEM`)."""
        raise NotImplementedError

    def advance(self, ns: int) -> int:
        """Let time pass (:attr:`Can.TIME`); returns the nanoseconds that passed, at least ``ns``."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what the device needed; may be called again."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
