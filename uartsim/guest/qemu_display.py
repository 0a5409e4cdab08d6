"""The display of a guest in QEMU: a VGA adapter whose picture nobody sees, until somebody asks for it.

A guest has none unless ``display = true`` stands in its table ``[qemu]``, or :func:`with_display` gives it one: with a
display, firmware has another place to talk to than the serial line, and booting takes a little longer.

QEMU writes a picture to a file that is ours and has no name: a memfd, handed over by ``add-fd``.  So nothing is left behind
whatever happens.  Source: QEMU's QMP reference, ``screendump`` (from 7.1 on also as PNG) and ``add-fd``.
"""

from __future__ import annotations

import os
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import trio

from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.qemu_system import QemuSystem
from uartsim.guest.qmp import QmpClient

#: QEMU's arguments for the adapter of a PC.
_ADAPTER: Final = ("-device", "VGA")
#: How long QEMU may take for a picture, in seconds.
PICTURE_S: Final = 10.0
#: The largest picture that is read, in bytes: the adapter has 16 MiB of memory, at up to 4 bytes for each of 3 in a file.
PICTURE_BYTES: Final = 32 << 20


def display_words(definition: GuestDefinition, system: QemuSystem) -> tuple[str, ...]:
    """QEMU's arguments for the display of a guest; none if it has none.

    Raises:
        UsageError: the guest's system cannot have one.
    """
    if not definition.options.get("display"):
        return ()
    if not system.has_com_ports:
        raise UsageError(
            f"guest {definition.name!r} cannot have a display: its machine is not a PC; leave 'display' out"
        )
    return _ADAPTER


def with_display(definition: GuestDefinition) -> GuestDefinition:
    """The guest with a display, unless its manifest says otherwise, or its firmware shows its screen on the serial line."""
    options = definition.options
    is_plain_pc = options.get("system", "x86_64") == "x86_64" and "graphics=off" not in options.get("machine", "")
    if definition.kind != "qemu" or "display" in options or not is_plain_pc:
        return definition
    return replace(definition, options=MappingProxyType({**options, "display": True}))


async def picture_of_display(definition: GuestDefinition, qmp: QmpClient | None, form: str) -> bytes:
    """The picture on a guest's display now.

    Args:
        definition: the guest.
        qmp: its QEMU's monitor; None if it is not running.
        form: ``"png"`` or ``"ppm"``.

    Raises:
        UsageError: the guest has no display, or is not running.
        UartsimError: QEMU cannot take the picture, or takes too long.
    """
    if not definition.options.get("display"):
        raise UsageError(f"{definition.name} has no display: its manifest does not say 'display = true' in [qemu]")
    if qmp is None:
        raise UsageError(f"{definition.name} is not running, so that its display is dark")
    fd = os.memfd_create("uartsim-screenshot")
    try:
        with trio.fail_after(PICTURE_S):
            await qmp.ready.wait()
            await _dump(qmp, fd, form)
        size = os.fstat(fd).st_size
        if not 0 < size <= PICTURE_BYTES:
            raise UartsimError(f"QEMU has made a picture of {size} bytes of the display of {definition.name}")
        return os.pread(fd, size, 0)
    except trio.TooSlowError:
        raise UartsimError(f"QEMU has not shown the display of {definition.name} within {PICTURE_S:g} s") from None
    finally:
        os.close(fd)


async def _dump(qmp: QmpClient, fd: int, form: str) -> None:
    # QEMU wants a descriptor for writing only.
    writable = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        given = (await qmp.execute("add-fd", writable))["fdset-id"]
    finally:
        os.close(writable)
    try:
        await qmp.execute("screendump", filename=f"/dev/fdset/{given}", format=form)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await qmp.execute("remove-fd", fdset_id=given)
