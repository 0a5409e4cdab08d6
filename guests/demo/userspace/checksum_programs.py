"""Commands on bytes: checksums, base64, dumps."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from ..shell import getopt as options
from ..shell.streams import read_all
from .text_programs import checked, inputs

if TYPE_CHECKING:
    from ..shell.command_context import CommandFunction, Context


async def _checksum(context: Context, algorithm: Callable[[bytes], str]) -> int:
    for name, source in await inputs(context, context.arguments):
        await context.print(f"{algorithm(await read_all(source))}  {name}")
    return 0


async def _cksum(context: Context) -> int:
    for name, source in await inputs(context, context.arguments):
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
    parsed = options.parse(context.arguments, "diw:", {"decode": "d", "wrap": "w", "ignore-garbage": "i"})
    for _name, source in await inputs(context, parsed.operands):
        data = await read_all(source)
        if "d" in parsed:
            try:
                await context.stdout.write(base64.b64decode(re.sub(rb"\s", b"", data), validate=True))
            except binascii.Error:
                return await context.complain("invalid input")
            continue
        text = base64.b64encode(data)
        width = options.number(parsed.values.get("w", "76"))
        if width:
            text = b"".join(text[start : start + width] + b"\n" for start in range(0, len(text), width))
        await context.stdout.write(text)
    return 0


async def _hexdump(context: Context) -> int:
    parsed = options.parse(context.arguments, "CvAt:", {"canonical": "C"})
    for _name, source in await inputs(context, parsed.operands):
        data = await read_all(source)
        for start in range(0, len(data), 16):
            row = data[start : start + 16]
            left = " ".join(f"{byte:02x}" for byte in row[:8])
            right = " ".join(f"{byte:02x}" for byte in row[8:])
            shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
            if context.name == "xxd":
                pairs = " ".join(row[index : index + 2].hex() for index in range(0, len(row), 2))
                await context.print(f"{start:08x}: {pairs:<39}  {shown}")
            else:
                await context.print(f"{start:08x}  {left:<23}  {right:<23}  |{shown}|")
        if context.name != "xxd" and data:
            await context.print(f"{len(data):08x}")
    return 0


def _hash(name: str) -> CommandFunction:
    return partial(_checksum, algorithm=lambda data: hashlib.new(name, data).hexdigest())


COMMANDS: Final[dict[str, CommandFunction]] = {
    name: checked(function)
    for name, function in {
        "md5sum": _hash("md5"),
        "sha1sum": _hash("sha1"),
        "sha256sum": _hash("sha256"),
        "sha512sum": _hash("sha512"),
        "cksum": _cksum,
        "base64": _base64,
        "hexdump": _hexdump,
        "xxd": _hexdump,
    }.items()
}
