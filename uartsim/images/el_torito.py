"""The boot catalogue of a CD: what a BIOS and what UEFI firmware starts from it.

Source: "El Torito" Bootable CD-ROM Format Specification 1.0; UEFI Specification 2.10, section 13.3.2.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from uartsim.images.partition_table import Read

_SECTOR: Final = 2048
_FIRST_DESCRIPTOR: Final = 16
_MOST_DESCRIPTORS: Final = 32
_BOOTABLE: Final = 0x88
_HEADERS: Final = (0x90, 0x91)


@dataclass(frozen=True, slots=True)
class BootEntry:
    """A bootable entry of the catalogue.

    Attributes:
        platform: ``"bios"``, ``"uefi"``, or ``"other"``.
        start: where the boot image begins on the CD, in bytes.
    """

    platform: str
    start: int


def boot_entries(read: Read) -> list[BootEntry]:
    """The bootable entries of a CD, in the order of its catalogue; none if it has no catalogue."""
    for number in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + _MOST_DESCRIPTORS):
        descriptor = read(number * _SECTOR, _SECTOR)
        if descriptor[1:6] != b"CD001" or descriptor[0] == 255:
            break
        if descriptor[0] == 0 and descriptor[7:30] == b"EL TORITO SPECIFICATION" and len(descriptor) == _SECTOR:
            return _catalogue(read(struct.unpack_from("<I", descriptor, 71)[0] * _SECTOR, _SECTOR))
    return []


def _catalogue(content: bytes) -> list[BootEntry]:
    if len(content) < _SECTOR or content[0] != 1 or content[30:32] != b"\x55\xaa":
        return []
    found = []
    platform = content[1]
    for at in range(32, _SECTOR, 32):
        entry = content[at : at + 32]
        if entry[0] in _HEADERS:
            platform = entry[1]
        elif entry[0] == _BOOTABLE:
            name = {0: "bios", 0xEF: "uefi"}.get(platform, "other")
            found.append(BootEntry(name, struct.unpack_from("<I", entry, 8)[0] * _SECTOR))
        elif entry[0] == 0 and at > 32:
            break
    return found
