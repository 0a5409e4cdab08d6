"""What a UART has to offer to be judged: eight registers, and as much of a line, a clock and pins as it has.

A judged UART says what it can do (:class:`Can`); what it cannot do is not asked of it, and the report says which checks
were left out for that.  The least is reading and writing registers.

Time passes only in :meth:`JudgedUart.advance`, and in :meth:`JudgedUart.receive` and
:meth:`JudgedUart.receive_break` where a model puts the character through a real line.  These return how much did, so
that whoever judges can keep count.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable
from enum import Flag, auto
from types import TracebackType
from typing import NamedTuple, TypeVar

from uartsim.errors import UartsimError

Self = TypeVar("Self", bound="JudgedUart")


def a_part(part: str) -> str:
    """A part with its article, as it is spoken: "an 8250"."""
    return f"{'an' if part.startswith('8') else 'a'} {part}"


class JudgedError(UartsimError):
    """The judged UART cannot go on: it is missing, gone, silent, or answers nonsense."""


class Can(Flag):
    """What a judged UART can do beyond reading and writing its registers."""

    RESET = auto()  #: a master reset
    IRQ = auto()  #: its interrupt line, as the PC sees it: gated by OUT2
    SENT = auto()  #: tells the characters that it has sent
    RECEIVE = auto()  #: characters come in from the line
    ERRORS = auto()  #: ... with parity and framing errors
    BREAK = auto()  #: a break comes in from the line
    MODEM = auto()  #: its modem inputs can be driven
    TIME = auto()  #: time passes when told to, at least as much as told
    EXACT = auto()  #: ... and not a nanosecond more


#: Everything.
ALL = Can.RESET | Can.IRQ | Can.SENT | Can.RECEIVE | Can.ERRORS | Can.BREAK | Can.MODEM | Can.TIME | Can.EXACT


class Access(NamedTuple):
    """One register access: a read if ``value`` is None."""

    offset: int
    value: int | None = None


class Answer(NamedTuple):
    """What an access gave: the value of a read, and the level of the interrupt line after it."""

    value: int | None
    irq: bool


class JudgedUart(abc.ABC):
    """A UART behind the small face that a judge needs.  A context manager: at its end nothing is left behind.

    Methods for what :attr:`can` does not name are never called.

    Attributes:
        name: what the report calls it.
        part: which part it claims to be: a name in :data:`uartsim.registers.VARIANTS`.
        can: what it can do.
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
        """Make many accesses; a model behind a pipe overrides this with one round trip."""
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
        """The characters that have left whole since the last call (:attr:`Can.SENT`)."""
        raise NotImplementedError

    def receive(self, character: int, errors: int = 0) -> int:
        """A character from the line is complete (:attr:`Can.RECEIVE`).

        Args:
            character: 0 to 255.
            errors: LSR bits PE and FE that it carries (:attr:`Can.ERRORS`).

        Returns:
            How many nanoseconds passed meanwhile.
        """
        raise NotImplementedError

    def receive_break(self) -> int:
        """The line was at space for longer than a frame, and is at mark again (:attr:`Can.BREAK`).

        Returns:
            How many nanoseconds passed meanwhile.
        """
        raise NotImplementedError

    def set_modem_inputs(self, inputs: int) -> None:
        """Drive CTS, DSR, RI and DCD, at their places in MSR (:attr:`Can.MODEM`)."""
        raise NotImplementedError

    def advance(self, ns: int) -> int:
        """Let time pass (:attr:`Can.TIME`); returns how many nanoseconds did, at least ``ns``."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027 - most have nothing to put away
        """Put away whatever it needed; may be called again."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
