"""The options of a console, wherever one is opened: here, in blocking code, and in pytest.

They are named like those of ``uartsim run``; those that make a machine reachable from outside are missing.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from uartsim.access.hub import LinePolicy
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.machine.port_options import PortOptions, check_names

#: One file, or several.
RecordPaths: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


class LineOptions(PortOptions, total=False):
    """The options of the machine and its line; each may be left out.

    Attributes:
        record: a file for every byte of the line with its time, or several; the ending of each says its format, see
            :func:`uartsim.record.open_record`.
        line_policy: ``"refuse"`` or ``"take-over"``: what happens when another client wants to send.
        registers: for a guest in QEMU: whether it reaches the chip register by register (True), or its bytes go through a
            driver (False); None for what is possible here.
        restore: the folder of a snapshot from which the guest continues.
        firmware: for a guest with a disk: ``"bios"``, ``"uefi"``, or ``"auto"``: what the image boots with.
        disk: what the disk is connected to: ``"virtio"``, ``"ide"``, ``"scsi"`` or ``"nvme"``.
        writable: whether the guest writes to the disk image itself, and not to a private overlay.
        memory: for a guest in QEMU: its memory in MiB.
        cores: the number of its processor cores.
        net: ``"none"`` or ``"user"``, with which the guest reaches the networks that this machine reaches.
        forward: a port of the guest, or several, that a port of 127.0.0.1 leads to, such as ``22`` or ``"2222:22"``.
        edit: for a guest with a disk: files that are put into it before it boots, ``GUESTPATH=FILE`` or ``GUESTPATH=:TEXT``,
            one or several of them, or a mapping of paths in the guest to files.
        grub: in the same way, settings of GRUB, ``KEY=VALUE``, one or several of them, or a mapping.
        seed: what a cloud image is told at its first boot, see :func:`uartsim.images.seed.read_seed`, or ``"none"``.
        scenario: the name of a scenario that the guest is in, or several, see :mod:`uartsim.scenarios`.
    """

    record: RecordPaths | None
    line_policy: str
    registers: bool | None
    restore: str | os.PathLike[str] | None
    firmware: str | None
    disk: str | None
    writable: bool | None
    memory: int | None
    cores: int | None
    net: str | None
    forward: str | int | Sequence[str | int] | None
    edit: str | Sequence[str] | Mapping[str, object] | None
    grub: str | Sequence[str] | Mapping[str, object] | None
    seed: str | None
    scenario: str | Sequence[str] | None


#: The options of a machine in QEMU, see :func:`uartsim.guest.own_disk.with_machine`.
MACHINE_NAMES: Final = ("firmware", "disk", "writable", "memory", "cores", "net", "forward")
#: The options of a console that are not of its line.
_OWN: Final = ("settings", "timeout", "timeout_scale", "problems", "allow", "name", "clock", "log")
#: All of a console's options.
NAMES: Final = (
    *_OWN,
    *PortOptions.__annotations__,
    "record",
    "line_policy",
    "registers",
    "restore",
    *MACHINE_NAMES,
    "edit",
    "grub",
    "seed",
    "scenario",
)
#: The options of ``uartsim run`` that a console does not have, and why.
ONLY_OF_RUN: Final = {
    "link": "a console has no pty; 'uartsim run' makes one, and its link",
    "attach": "a console attaches no terminal",
    "no_attach": "a console attaches no terminal",
    "limit_s": "a console's machine runs until its block is left",
    "for": "a console's machine runs until its block is left",
    "record_format": "the ending of a record's file says its format",
    "record_limit": "a console's record ends with its block",
    "transcript": "a console keeps no transcript by itself; give it record=FILE",
    "no_transcript": "a console keeps no transcript by itself",
}


def check_options(what: str, given: Collection[str], more: Collection[str] = ()) -> None:
    """Check the names of a console's options.

    Args:
        what: what was given them, for the message, such as ``"open_console()"``.
        given: their names.
        more: names that are allowed besides :data:`NAMES`.

    Raises:
        TypeError: one is unknown; the message has the nearest known name.
    """
    __tracebackhide__ = True
    for name in given:
        if name in ONLY_OF_RUN:
            raise TypeError(f"{what} has no option {name!r}: {ONLY_OF_RUN[name]}")
    check_names(what, given, (*NAMES, *more))


def line_policy(value: str) -> LinePolicy:
    """The policy of a line by its name.

    Raises:
        UsageError: the name is unknown.
    """
    try:
        return LinePolicy(value)
    except ValueError:
        names = " or ".join(repr(policy.value) for policy in LinePolicy)
        raise UsageError(f"line_policy is {value!r}: use {names}") from None


def with_registers(definition: GuestDefinition, registers: bool | None) -> GuestDefinition:
    """The guest with its way of reaching the chip set.

    Raises:
        UsageError: ``registers`` is not True, False or None, or the guest has no such choice.
    """
    if registers is None:
        return definition
    if not isinstance(registers, bool):
        raise UsageError(f"registers is {registers!r}: use True, False, or None for what is possible here")
    return definition.with_registers("require" if registers else "off")
