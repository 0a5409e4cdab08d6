"""Making a guest object from a guest's definition."""

from __future__ import annotations

from pathlib import Path

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.machine import Guest


def make_guest(definition: GuestDefinition, *, restore: Path | None = None) -> Guest:
    """Make the guest that a manifest describes.  The modules of its kind are imported only here.

    Args:
        definition: the guest as its folder defines it.
        restore: the folder of a snapshot to continue from; only for a guest of kind qemu.

    Raises:
        UsageError: the manifest's kind is unknown or has no snapshots, or the guest's constructor refuses the manifest.
    """
    if restore is not None and definition.kind != "qemu":
        raise UsageError(f"guest {definition.name!r} is of kind {definition.kind}: only one of kind qemu has snapshots")
    if definition.kind == "script":
        from uartsim.guest.script import ScriptGuest

        return ScriptGuest(definition)
    if definition.kind == "process":
        from uartsim.guest.process import ProcessGuest

        return ProcessGuest(definition)
    if definition.kind == "qemu":
        from uartsim.guest.qemu import QemuGuest

        return QemuGuest(definition, restore=restore)
    if definition.kind == "firmware":
        from uartsim.guest.firmware import FirmwareGuest

        return FirmwareGuest(definition)
    if definition.kind == "socket":
        from uartsim.guest.socket_guest import SocketGuest

        return SocketGuest(definition)
    if definition.kind == "device":
        from uartsim.guest.device_guest import DeviceGuest

        return DeviceGuest(definition)
    raise UsageError(
        f"{definition.name}: kind is {definition.kind!r}: use script, process, qemu, firmware, socket or device"
    )
