"""The errors of a console: a small family under ``UartsimError``.

``ExpectTimeout`` and ``GuestEnded`` are also pexpect's ``TIMEOUT`` and ``EOF`` in a process that has imported pexpect,
so that a script written for pexpect catches them where it always did.  pexpect itself is never imported for that.
"""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from uartsim.errors import UartsimError


class ExpectTimeout(UartsimError, TimeoutError):
    """The guest did not send what was expected in the time given.  Nothing was consumed."""


class UnwantedOutput(UartsimError):
    """The guest sent what ``not_matching`` names before what was expected.  Nothing was consumed.

    Attributes:
        match: the regular expression's match object of what it sent.
    """

    def __init__(self, message: str, match: Any = None) -> None:
        super().__init__(message)
        self.match = match


class GuestEnded(UartsimError, EOFError):
    """The guest ended (power off, exit, failure) while something was still expected of it."""


class LoginFailed(UartsimError):
    """The guest refused the log-in, or asked for something that ``login`` does not answer."""


class TypingFailed(UartsimError):
    """What was typed did not come back as it was typed."""


class RunFailed(UartsimError):
    """A command could not be run, or how it ended is not known, because a shell that can say does not have the line."""


class OutputTooLong(RunFailed):
    """A command printed more than ``run`` was told to keep.

    Attributes:
        characters: how much it printed.
        status: its exit status.
    """

    def __init__(self, message: str, characters: int = 0, status: int | None = None) -> None:
        super().__init__(message)
        self.characters = characters
        self.status = status


class GrubFailed(UartsimError):
    """GRUB's menu does not have what was asked for."""


class SacFailed(UartsimError):
    """Windows' SAC is not there, or does not do what was asked of it."""


class RecoveryFailed(UartsimError):
    """A step of a procedure did not go as the procedure says.

    Attributes:
        step: its number, from 1.
    """

    def __init__(self, message: str, step: int = 0) -> None:
        super().__init__(message)
        self.step = step


class TransferFailed(UartsimError):
    """A file could not be put into the guest, or fetched from it, whole."""


class ProblemFound(UartsimError):
    """The guest met a fatal problem, such as a kernel panic, during a wait.

    Attributes:
        problem: a ``Problem``, with ``id``, ``cause``, ``advice`` and the ``line`` that shows it.
    """

    def __init__(self, message: str, problem: Any = None) -> None:
        super().__init__(message)
        self.problem = problem


class ConsoleBusy(UartsimError):
    """A second wait was started on a console while one was under way."""


class ConsoleClosed(UartsimError):
    """The console was used after it was closed."""


# Named as they are imported: pytest's summary, a line for each test, is cut to 80 columns.
for _error in tuple(vars().values()):
    if isinstance(_error, type) and issubclass(_error, UartsimError) and _error is not UartsimError:
        _error.__module__ = "uartsim"

_E = TypeVar("_E", bound=UartsimError)

#: Each error that stands in for one of pexpect's, and the name of that.
_PEXPECT_NAMES: tuple[tuple[type[UartsimError], str], ...] = ((ExpectTimeout, "TIMEOUT"), (GuestEnded, "EOF"))


def as_raised(kind: type[_E]) -> type[_E]:
    """The class to raise for ``kind``: itself, or a subclass that is pexpect's error too where pexpect is loaded."""
    pexpect = sys.modules.get("pexpect")
    for ours, name in _PEXPECT_NAMES:
        if kind is ours and pexpect is not None:
            theirs = getattr(pexpect, name, None)  # absent while pexpect is still being imported
            if theirs is not None:
                # pexpect's errors keep their message in ``value``
                body = {"__module__": kind.__module__, "__doc__": kind.__doc__, "value": property(lambda e: e.args[0])}
                return type(kind.__name__, (kind, theirs), body)
    return kind


def stands_for(item: object, kind: type[UartsimError]) -> bool:
    """Whether ``item``, an element of a list of patterns, means the outcome ``kind``: that class, or pexpect's."""
    return isinstance(item, type) and (item is kind or (item.__module__, item.__name__) in _foreign(kind))


def _foreign(kind: type[UartsimError]) -> set[tuple[str, str]]:
    return {("pexpect.exceptions", name) for ours, name in _PEXPECT_NAMES if ours is kind}
