"""The picture on a machine's display, as a portal shows it and as boot diagnostics keep it."""

from __future__ import annotations

import re
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.refusals import machine_is_off
from uartsim.service.machines.virtual_machine import VirtualMachine

#: A file header and BITMAPINFOHEADER of a BMP, in bytes.
_HEADER_BYTES: Final = 54
#: What a machine shows that is off, or has a serial line only.
_DARK: Final = b"P6\n8 4\n255\n" + bytes(8 * 4 * 3)
_PPM_HEADER: Final = re.compile(rb"P6\s+(\d{1,5})\s+(\d{1,5})\s+255\s")


def has_display(machine: VirtualMachine | None) -> bool:
    """Whether a machine is on and has a display."""
    running = None if machine is None else machine.machine
    return running is not None and running.ended is None and running.has_display


async def screenshot(machine: VirtualMachine | None, form: str = "png") -> bytes:
    """The picture on a machine's display now.

    Args:
        machine: the machine; None for one that has never run.
        form: ``"png"`` or ``"ppm"``.

    Raises:
        ArmError: 409, the machine is off, or ``NoDisplay``, with the reason; 500, the picture cannot be taken.
    """
    running = None if machine is None else machine.machine
    if running is None or running.ended is not None:
        raise machine_is_off("screenshot")
    try:
        return await running.screenshot(form)
    except UsageError as error:
        raise ArmError(409, "NoDisplay", f"There is no screenshot: {error}.") from None
    except UartsimError as error:
        raise ArmError(500, "ScreenshotFailed", f"The screenshot could not be taken: {error}.") from None


async def bitmap(machine: VirtualMachine | None) -> bytes:
    """The picture on a machine's display now, as BMP; a small black one where there is nothing to see.

    Raises:
        UartsimError: the picture cannot be taken.
    """
    if not has_display(machine):
        return bitmap_of(_DARK)
    return bitmap_of(await screenshot(machine, "ppm"))


def bitmap_of(ppm: bytes) -> bytes:
    """A picture as BMP with 24 bits for each pixel, the form in which Azure keeps it.

    Args:
        ppm: the picture as QEMU writes it: ``P6``, width, height and 255, and 3 bytes for each pixel (ppm(5)).

    Raises:
        UartsimError: it is something else.
    """
    header = _PPM_HEADER.match(ppm)
    if header is None:
        raise UartsimError("QEMU has made a picture that is not a PPM with 8 bits for each colour")
    width, height = int(header[1]), int(header[2])
    row_bytes = 3 * width
    pixels = ppm[header.end() : header.end() + height * row_bytes]
    if len(pixels) != height * row_bytes:
        raise UartsimError(f"QEMU has made a picture of {width} times {height} pixels that is cut short")
    blue_first = bytearray(pixels)
    blue_first[0::3], blue_first[2::3] = pixels[2::3], pixels[0::3]
    fill = bytes(-row_bytes % 4)
    from_below = range((height - 1) * row_bytes, -1, -row_bytes)
    rows = [bytes(blue_first[at : at + row_bytes]) + fill for at in from_below]
    body = b"".join(rows)
    file_header = (
        b"BM" + (_HEADER_BYTES + len(body)).to_bytes(4, "little") + bytes(4) + _HEADER_BYTES.to_bytes(4, "little")
    )
    size = (40).to_bytes(4, "little") + width.to_bytes(4, "little") + height.to_bytes(4, "little")
    planes = (1).to_bytes(2, "little") + (24).to_bytes(2, "little")
    return file_header + size + planes + bytes(4) + len(body).to_bytes(4, "little") + bytes(16) + body
