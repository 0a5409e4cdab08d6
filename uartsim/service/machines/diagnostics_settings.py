"""Boot diagnostics as the resources have them: whether a machine's output is logged, and for which storage account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from uartsim.errors import UartsimError
from uartsim.service.diagnostics import Diagnostics
from uartsim.service.loopback_hosts import LOOPBACK_HOSTS
from uartsim.service.store import Resource, ResourceId, Store
from uartsim.service.store.machine_types import MACHINE_TYPES


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
            accounts = [one.id.name for one in store.list("Microsoft.Storage/storageAccounts")]
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
