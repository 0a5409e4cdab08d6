"""From a guest's manifest to the guest."""

from __future__ import annotations

from uartsim.guest.catalogue import GuestDefinition
from uartsim.line_format import UsageError
from uartsim.machine import Guest


def make_guest(definition: GuestDefinition) -> Guest:
    """The guest that a manifest describes; what its kind needs is imported only here.

    Raises:
        UsageError: the manifest's kind is unknown.
    """
    if definition.kind == "script":
        from uartsim.guest.script import ScriptGuest

        return ScriptGuest(definition)
    if definition.kind == "process":
        from uartsim.guest.process import ProcessGuest

        return ProcessGuest(definition)
    if definition.kind == "qemu":
        from uartsim.guest.qemu import QemuGuest

        return QemuGuest(definition)
    raise UsageError(f"{definition.name}: kind is {definition.kind!r}: use script, process or qemu")
