"""What is switched on when a machine starts: its guest, with the memory and the cores of its size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio

from uartsim.errors import UsageError
from uartsim.machine import Guest, PortOptions
from uartsim.printable import quoted
from uartsim.service.machines.os_disk import DISK_FILE, os_disk_of
from uartsim.service.machines.vm_sizes import size_of
from uartsim.service.store import Resource, Store

if TYPE_CHECKING:
    from uartsim.guest.catalogue import GuestDefinition

#: The guest of a machine whose set-up names none.
DEFAULT_GUEST: Final = "demo"


@dataclass(frozen=True, slots=True)
class GuestChoice:
    """Which guest a machine runs, and how; two machines, or two boots, with equal choices run the same.

    Attributes:
        guest: a guest of the catalogue, or the path of a folder or a disk image.
        settings: the guest's settings that differ from its defaults, as text, by name.
        size: the machine's size, such as ``Standard_B1s``.
        disk_id: the ARM id of its operating system disk in lower case; empty if it has none of its own.
        disk_file: the image that a guest in QEMU goes on with; empty before its first boot.
    """

    guest: str
    settings: tuple[tuple[str, str], ...]
    size: str
    disk_id: str
    disk_file: str

    @classmethod
    def of(cls, resource: Resource, store: Store) -> GuestChoice:
        """The choice for a machine as its resource, and that of its disk, say."""
        disk = os_disk_of(resource, store)
        source = disk.private if disk is not None and "guest" in disk.private else resource.private
        return cls(
            str(source.get("guest", DEFAULT_GUEST)),
            tuple(sorted(_settings(source).items())),
            str((resource.properties.get("hardwareProfile") or {}).get("vmSize") or _sku(resource)),
            "" if disk is None else disk.id.key,
            str((resource if disk is None else disk).private.get(DISK_FILE, "")),
        )

    def runs_on(self, guest: Guest, made_for: GuestChoice) -> bool:
        """Whether a guest that was made for another choice is the one for this; a scripted guest ignores the machine's size."""
        return made_for == (self if guest.kind == "qemu" else replace(self, size=made_for.size))

    def definition(self) -> GuestDefinition:
        """The guest, ready to be made.

        Raises:
            UsageError: there is no such guest or setting, or something that it needs is missing here.
        """
        # Imported here, as below, so that the service answers before the guests' modules are loaded.
        from uartsim.guest.catalogue import find_guest
        from uartsim.guest.guest_disk import continued
        from uartsim.guest.own_disk import with_machine
        from uartsim.guest.qemu_display import with_display

        definition = find_guest(self.guest).with_settings(dict(self.settings))
        size = size_of(self.size)
        if definition.kind == "qemu" and size is not None:
            definition = with_machine(definition, memory=size.emulated_memory_mb, cores=size.emulated_cores)
        definition = with_display(definition)
        if self.disk_file:
            definition = continued(definition, Path(self.disk_file))
        definition.check_needs()
        return definition

    async def make(self) -> Guest:
        """The guest.  Looking at a disk image takes long enough for a thread of its own.

        Raises:
            UsageError: as :meth:`definition`, or its script cannot be loaded.
        """
        from uartsim.guest.make_guest import make_guest

        definition = self.definition()
        if definition.kind == "qemu":
            return await trio.to_thread.run_sync(make_guest, definition)
        return make_guest(definition)


def port_options(resource: Resource) -> PortOptions:
    """The options of a machine's serial port: ``private["port"]``, named as for ``uartsim run``.

    Raises:
        UsageError: they are not a table.
    """
    options = resource.private.get("port") or {}
    if not isinstance(options, Mapping):
        raise UsageError(f"the port of {resource.id} is {quoted(options)}: use a table, such as rate = 'unlimited'")
    found: PortOptions = {**options}  # type: ignore[typeddict-item]
    return found


def _settings(private: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in (private.get("settings") or {}).items()}


def _sku(resource: Resource) -> str:
    return str((resource.body.get("sku") or {}).get("name") or "")
