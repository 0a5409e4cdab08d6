"""What the rules look at: the caller, the machine, its storage account, and the tenant's policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.diagnostics_settings import find_account
from uartsim.service.machines.virtual_machine import Machines, PowerState
from uartsim.service.rules.profiles import ConsolePolicy
from uartsim.service.rules.user_consoles import UserConsoles
from uartsim.service.store import Resource, ResourceId, Store


@dataclass(frozen=True)
class Facts:
    """What the rules look at, as it is now; each fact is looked up when a rule first asks for it.

    Attributes:
        policy: what is demanded in the whole tenant.
        caller: who asks for a console.
        machine_id: the machine.
        store: all resources.
        authorisation: who may do what.
        machines: the running machines.
        consoles: which consoles each user has open.
    """

    policy: ConsolePolicy
    caller: Caller
    machine_id: ResourceId
    store: Store
    authorisation: Authorisation
    machines: Machines
    consoles: UserConsoles

    @cached_property
    def machine(self) -> Resource | None:
        """The machine, or None."""
        return self.store.get(self.machine_id)

    @property
    def machine_name(self) -> str:
        """The machine's name; of an instance of a scale set, the name that is shown, such as ``web_0``."""
        body = self.machine.body if self.machine is not None else {}
        return str(body.get("name") or self.machine_id.name)

    @property
    def is_instance(self) -> bool:
        """Whether the machine is an instance of a scale set."""
        return self.machine_id.type.casefold().startswith("microsoft.compute/virtualmachinescalesets")

    @property
    def properties(self) -> Mapping[str, Any]:
        """The machine's properties."""
        return self.machine.properties if self.machine is not None else {}

    @property
    def region(self) -> str:
        """The machine's region as ARM writes it, such as ``westeurope``."""
        body = self.machine.body if self.machine is not None else {}
        return str(body.get("location") or "").replace(" ", "").casefold()

    @property
    def power_state(self) -> PowerState:
        """The machine's power state."""
        found = self.machines.get(self.machine_id)
        return found.power_state if found is not None else PowerState.DEALLOCATED

    @property
    def os_type(self) -> str:
        """``"Linux"`` or ``"Windows"``."""
        return os_type_of(self.properties)

    @property
    def boot_diagnostics(self) -> Mapping[str, Any]:
        """The machine's setting ``bootDiagnostics``; empty if it has none."""
        found: Mapping[str, Any] = (self.properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
        return found

    @property
    def storage_uri(self) -> str | None:
        """Where boot diagnostics are written; None with storage that Azure manages."""
        found = self.boot_diagnostics.get("storageUri")
        return str(found) if found else None

    @property
    def storage_name(self) -> str | None:
        """The name of the storage account for boot diagnostics, as its URI has it; None with managed storage."""
        if self.storage_uri is None:
            return None
        try:
            host = urlsplit(self.storage_uri).hostname
        except ValueError:  # such as https://[
            host = None
        return (host or self.storage_uri).partition(".")[0]

    @cached_property
    def storage_account(self) -> Resource | None:
        """The storage account for boot diagnostics, in whatever subscription; None with managed storage, or if it is gone."""
        return None if self.storage_name is None else find_account(self.store, self.storage_name)

    def may(self, action: str, scope: ResourceId | None = None) -> bool:
        """Whether the caller may do something to the machine, or to ``scope``."""
        return self.authorisation.may(self.caller, action, scope or self.machine_id)


def os_type_of(properties: Mapping[str, Any]) -> str:
    """``"Linux"`` or ``"Windows"``, as a machine's properties say of its disk."""
    disk = (properties.get("storageProfile") or {}).get("osDisk") or {}
    return "Windows" if str(disk.get("osType")).casefold() == "windows" else "Linux"
