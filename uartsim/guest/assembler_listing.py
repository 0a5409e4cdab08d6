"""Assembler listings: the machine code of a guest beside its source.

A line that begins with a hexadecimal address and hexadecimal bytes is code, such as ``7C0D BAFB03  mov dx, 0x3fb``.  All
other lines, and the rest of a code line, are comments for the reader.  Addresses must follow each other without gaps, so
that a missing line is noticed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from uartsim.errors import UsageError

_CODE = re.compile(r"([0-9A-F]{4}) ([0-9A-F]+)(?: .*)?$")


class Code(NamedTuple):
    """Machine code, and the address at which it is loaded and started."""

    origin: int
    data: bytes


def read_listing(file: Path) -> Code:
    """Read the machine code of a listing.

    Raises:
        UsageError: the file cannot be read, has no code, or has a gap between addresses (``FILE:LINE: what``).
    """
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}") from None
    origin, data = 0, bytearray()
    for number, line in enumerate(text.splitlines(), start=1):
        if (match := _CODE.match(line)) is None or len(match[2]) % 2:
            continue
        address = int(match[1], 16)
        if not data:
            origin = address
        elif address != origin + len(data):
            raise UsageError(
                f"{file}:{number}: address {address:04X} after {origin + len(data):04X}: bytes are missing"
            )
        data += bytes.fromhex(match[2])
    if not data:
        raise UsageError(f"{file}: the listing has no line of code, such as '7C00 FA  cli'")
    return Code(origin, bytes(data))
