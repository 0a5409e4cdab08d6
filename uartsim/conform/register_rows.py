"""The shape of the register reference; its rows are in :mod:`uartsim.conform.register_table`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: The text for a bit where QEMU does what the datasheet says.
SAME: Final = "the same"


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit or group of bits of a register.

    Attributes:
        name: the member of the register's IntFlag, or a name of our own for bits that have none there.
        bits: its place, as ``"7"`` or ``"7:4"``.
        datasheet: what the datasheet says, in our words.
        here: what our chip does; empty if exactly what the datasheet says.
        qemu: what QEMU 7.2 does, or :data:`SAME`.
        checks: the checks that show what the row says about QEMU, as ``SEQUENCE/what``; each may hold ``*``.
    """

    name: str
    bits: str
    datasheet: str
    here: str = ""
    qemu: str = SAME
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Register:
    """One register.

    Attributes:
        name: as in :class:`uartsim.registers.Offset`.
        title: its full name.
        access: ``"read"``, ``"write"`` or ``"read, write"``, and with which DLAB.
        section: of the datasheet.
        bits: from bit 0 up.
    """

    name: str
    title: str
    access: str
    section: str
    bits: tuple[Bit, ...]
