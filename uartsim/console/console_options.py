"""The options of a console, wherever one is opened: here, in blocking code, and in pytest.

They have the names of ``uartsim run``'s; only what makes a machine reachable from outside is missing.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Final

from uartsim.access.hub import LinePolicy
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.machine.options import PortOptions, check_names


class LineOptions(PortOptions, total=False):
    """What the machine and its line are like; everything may be left out.

    Attributes:
        record: a file for every byte of the line with its time, see :mod:`uartsim.record.transcript`.
        line_policy: ``"refuse"`` or ``"take-over"``: what becomes of another client that wants to send.
        registers: for a guest in QEMU: True: it reaches our chip register by register; False: its bytes go through a driver
            of ours; None: as it can be here.
        restore: the folder of a snapshot that the guest goes on from.
    """

    record: str | os.PathLike[str] | None
    line_policy: str
    registers: bool | None
    restore: str | os.PathLike[str] | None


#: What else can be said of a console.
_OWN: Final = ("settings", "timeout", "timeout_scale", "problems", "allow", "name", "clock", "log")
#: All of a console's options.
NAMES: Final = (*_OWN, *PortOptions.__annotations__, "record", "line_policy", "registers", "restore")
#: What ``uartsim run`` has and a console has not, and why.
ONLY_OF_RUN: Final = {
    "link": "a console has no pty; 'uartsim run' makes one, and its link",
    "attach": "a console attaches no terminal",
    "no_attach": "a console attaches no terminal",
    "limit_s": "a console's machine runs until its block is left",
    "for": "a console's machine runs until its block is left",
}


def check_options(what: str, given: Collection[str], more: Collection[str] = ()) -> None:
    """See that options of a console have names that exist.

    Args:
        what: who was given them, for the message.
        given: their names.
        more: names that exist besides :data:`NAMES`.

    Raises:
        TypeError: one does not exist; the message has the nearest that does.
    """
    __tracebackhide__ = True
    for name in given:
        if name in ONLY_OF_RUN:
            raise TypeError(f"{what} has no option {name!r}: {ONLY_OF_RUN[name]}")
    check_names(what, given, (*NAMES, *more))


def line_policy(value: str) -> LinePolicy:
    """The policy of a line by its name.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return LinePolicy(value)
    except ValueError:
        names = " or ".join(repr(policy.value) for policy in LinePolicy)
        raise UsageError(f"line_policy is {value!r}: use {names}") from None


def with_registers(definition: GuestDefinition, registers: bool | None) -> GuestDefinition:
    """A guest that is served as asked for.

    Raises:
        UsageError: it has no choice, or that is none.
    """
    if registers is None:
        return definition
    if not isinstance(registers, bool):
        raise UsageError(f"registers is {registers!r}: use True, False, or None for what is possible here")
    return definition.with_registers("require" if registers else "off")
