"""Tiny guests for tests: 16-bit code in place of a BIOS, so that it runs as soon as QEMU does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.guests.line import guest
from uartsim.guest.catalogue import GuestDefinition

#: 115200 8N1 with FIFOs: LCR 83h, DLL 1, LCR 3, FCR 1
SETUP = bytes.fromhex("BAFB03 B083 EE  BAF803 B001 EE  BAFB03 B003 EE  BAFA03 B001 EE")
#: mov dx, 3F8h; again: out dx, al; inc al; jmp again
FLOOD = bytes.fromhex("BAF803 EE FEC0 EBFB")
#: A generator in AX; each of its low bytes is written to the next of the eight ports, which is then read.
GARBAGE = bytes.fromhex("BAF803 05379D D1C0 EE 88C3 EC 88D8 42 81E2FF03 81CAF803 EBEA")
#: One 'R' to THR, then a pulse on the reset line by the keyboard controller; hlt until it comes.
RESETS = bytes.fromhex("BAF803 B052 EE B0FE E664 F4 EBFD")
#: LSR, read for ever; each value goes to the debug port E9h.
SHOW_LSR = bytes.fromhex("BAFD03 EC E6E9 EBFB")
#: LSR, read for ever.
POLL_LSR = bytes.fromhex("BAFD03 EC EBFD")
#: A '>' when it is ready; then what comes in goes out again: wait for LSR.DR, read RBR, write THR.
ECHO = bytes.fromhex("BAF803 B03E EE") + bytes.fromhex("BAFD03 EC A801 74FB BAF803 EC EE EBF1")


def bios(code: bytes) -> bytes:
    """A BIOS of 64 KiB that is nothing but ``code``."""
    image = bytearray(b"\xf4" * 0x10000)
    image[: len(code)] = code
    image[0xFFF0:0xFFF5] = bytes.fromhex("EA 0000 00F0")  # the reset vector: jmp F000:0000
    return bytes(image)


def boot(code: bytes, folder: Path, *args: str, **options: Any) -> GuestDefinition:
    """A guest that sets its port up and runs ``code``, served register by register."""
    (folder / "bios.bin").write_bytes(bios(SETUP + code))
    options = {"memory_mb": 16, "registers": "require", **options}
    return guest("qemu", folder, args=["-bios", "{folder}/bios.bin", *args], **options)
