"""Programs that file transfer needs: checksums and base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Final

from ..shell import getopt
from ..shell.command_context import CommandFunction, Context
from ..shell.streams import read_all
from .program_input import open_inputs


async def _digest(context: Context, algorithm: str) -> int:
    for name, source in await open_inputs(context, context.arguments):
        await context.print(f"{hashlib.new(algorithm, await read_all(source)).hexdigest()}  {name}")
    return 0


async def _cksum(context: Context) -> int:
    for name, source in await open_inputs(context, context.arguments):
        data = await read_all(source)
        crc = 0
        length = len(data)
        tail = bytearray()
        while length:
            tail.append(length & 0xFF)
            length >>= 8
        for byte in data + bytes(tail):
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
        await context.print(f"{crc ^ 0xFFFFFFFF} {len(data)}{'' if name == '-' else ' ' + name}")
    return 0


async def _base64(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "diw:", {"decode": "d", "wrap": "w", "ignore-garbage": "i"})
    for _name, source in await open_inputs(context, parsed.operands):
        data = await read_all(source)
        if "d" in parsed:
            try:
                await context.stdout.write(base64.b64decode(re.sub(rb"\s", b"", data), validate=True))
            except binascii.Error:
                return await context.complain("invalid input")
            continue
        text = base64.b64encode(data)
        width = getopt.number(parsed.values.get("w", "76"))
        if width:
            text = b"".join(text[start : start + width] + b"\n" for start in range(0, len(text), width))
        await context.stdout.write(text)
    return 0


#: These programs, by name.
CHECKSUM_PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    "md5sum": partial(_digest, algorithm="md5"),
    "sha256sum": partial(_digest, algorithm="sha256"),
    "cksum": _cksum,
    "base64": _base64,
}
