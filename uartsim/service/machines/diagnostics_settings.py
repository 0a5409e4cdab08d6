"""Boot diagnostics as the resources have them: whether a machine's output is logged, and for which storage account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from uartsim.errors import UartsimError
from uartsim.service.arm_error import ArmError
from uartsim.service.diagnostics import Diagnostics
from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.callers import Caller
from uartsim.service.loopback_hosts import LOOPBACK_HOSTS
from uartsim.service.store import Resource, ResourceId, Store
from uartsim.service.store.machine_types import MACHINE_TYPES

ACCOUNT_TYPE: Final = "Microsoft.Storage/storageAccounts"


def boot_diagnostics_of(resource: Resource) -> Mapping[str, Any]:
    """The setting ``bootDiagnostics`` of a machine; empty if it has none."""
    found: Mapping[str, Any] = (resource.properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
    return found


def account_of(settings: Mapping[str, Any]) -> str | None:
    """The name of the storage account in the setting ``bootDiagnostics``; None with managed storage."""
    uri = settings.get("storageUri")
    if not uri:
        return None
    host = urlsplit(str(uri)).hostname or str(uri)
    return host.partition(".")[0]


def find_account(store: Store, name: str) -> Resource | None:
    """The storage account of a name, which is unique in all subscriptions; None if there is none."""
    return next((one for one in store.list(ACCOUNT_TYPE) if one.id.name.casefold() == name.casefold()), None)


def readable_account(store: Store, authorisation: Authorisation, caller: Caller, machine: Resource) -> str | None:
    """The name of the account that a machine's boot diagnostics are in, if the caller may read it; None: managed storage.

    Raises:
        ArmError: boot diagnostics are off, the account is gone, or the caller may not read it.
    """
    settings = boot_diagnostics_of(machine)
    if settings.get("enabled") is not True:
        raise ArmError(409, "BootDiagnosticsNotEnabled", f"Boot diagnostics are not enabled for '{machine.id.name}'.")
    name = account_of(settings)
    if name is not None:
        account = find_account(store, name)
        if account is None:
            raise ArmError(404, "StorageAccountNotFound", f"The storage account '{name}' could not be found.")
        authorisation.check(caller, f"{ACCOUNT_TYPE}/read", account.id)
    return name


def azure_storage_uri(uri: str) -> str:
    """The URI of an account's blobs as Azure has it, for a URI that is given to Azure.

    Clients give a machine the endpoint that the account names, which is ``https://localhost:8443/NAME/`` here; what they
    later look for in ``storageUri`` is the account's name at the start of the host.

    Args:
        uri: the setting ``storageUri`` as it is asked for.
    """
    try:
        parts = urlsplit(uri)
        name = parts.path.strip("/")
    except ValueError:
        return uri
    if parts.hostname not in LOOPBACK_HOSTS or not name.isalnum():
        return uri
    return f"{parts.scheme}://{name}.blob.core.windows.net/"


def follow_settings(
    store: Store, diagnostics: Diagnostics, say: Callable[[str], None]
) -> Callable[[ResourceId, bytes], None]:
    """Keep the logs as the machines' settings say, now and after every change; returns what takes the guests' output.

    A log whose file cannot be used is off, which is said.
    """

    def look(before: Resource | None, after: Resource | None) -> None:
        resource = after or before
        if resource is None or not any(resource.id.is_a(kind) for kind in MACHINE_TYPES):
            return
        if after is None:
            accounts = [one.id.name for one in store.list(ACCOUNT_TYPE)]
            diagnostics.remove(resource.id, [*accounts, account_of(boot_diagnostics_of(resource)), None])
            return
        settings = boot_diagnostics_of(after)
        if settings.get("enabled") is True:
            try:
                diagnostics.turn_on(resource.id, storage_account=account_of(settings))
            except UartsimError as error:
                diagnostics.turn_off(resource.id)
                say(f"{resource.id.name}: its serial log is off: {error}, and start the service again")
        else:
            diagnostics.turn_off(resource.id)

    for kind in MACHINE_TYPES:
        for resource in store.list(kind):
            look(None, resource)
    store.subscribe(look)
    return diagnostics.record
