"""Consoles that a real `uartsim serve` refuses, one for each reason that can be brought about from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.service.portal.portal_service import COMPUTE, SERIAL_CONSOLE, PortalService, machine_id
from tests.service.portal.portal_tenant import demo, portal_tenant, windows
from tests.service.rules.rule_scenes import NO_ROLE, UNDETERMINED

Change = Callable[[PortalService], None]


@dataclass(frozen=True)
class RefusedConsole:
    """A console that is refused.

    Attributes:
        rule: the rule that refuses it, or the fault.
        machine: the machine; each reason has one of its own.
        text: what the page has to say.
        mitigation: what can be done about it, in the page's words.
        user: who asks for it.
        cause: brings the reason about; None where the set-up file does.
        button: the name of the button that mends it, or None.
    """

    rule: str
    machine: str
    text: str
    mitigation: str
    user: str = "vmcontributor"
    cause: Change | None = None
    button: str | None = None


def _storage_uri(machine: str, uri: str) -> Change:
    body = {"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": True, "storageUri": uri}}}}
    return lambda service: service.call("PATCH", machine_id(machine), COMPUTE, body)


def _port(machine: str, state: str) -> Change:
    path = f"{machine_id(machine)}/providers/Microsoft.SerialConsole/serialPorts/0"
    return lambda service: service.call("PUT", path, SERIAL_CONSOLE, {"properties": {"state": state}})


TENANT_OF_REFUSALS = (
    portal_tenant(
        demo("role1"),
        demo("locked1"),
        demo("off1", more="boot_diagnostics = false\n"),
        demo("port1"),
        demo("stopped1", power="deallocated"),
        demo("http1"),
        demo("lost1"),
        demo("unread1", more='storage_account = "bootlogs"\n'),
        demo("nokeys1", more='storage_account = "bootlogs"\n'),
        demo("lake1", more='storage_account = "lakelogs"\n'),
        demo("walled1", more='storage_account = "walledlogs"\n'),
        demo("linux1"),
        demo("linux2"),
        windows("windows1"),
    )
    + f"""
[[storage_account]]
name = "lakelogs"
hierarchical_namespace = true
[[storage_account]]
name = "walledlogs"
firewall = ["203.0.113.1"]
[[lock]]
name = "frozen"
level = "ReadOnly"
scope = "{machine_id("locked1")}"
"""
)

MANAGED = "Use managed storage for boot diagnostics for"
REFUSED = (
    RefusedConsole("role", "role1", NO_ROLE, "Assign the role Virtual Machine Contributor", user="reader"),
    RefusedConsole("lock", "locked1", "locked", "lock"),
    RefusedConsole(
        "boot-diagnostics",
        "off1",
        "Unable to retrieve boot diagnostics settings for off1. To use the serial console, ensure that boot diagnostics is"
        " enabled for this VM.",
        "Enable boot diagnostics",
        button="Enable boot diagnostics for off1",
    ),
    RefusedConsole(
        "port-enabled",
        "port1",
        "is not enabled for a serial console connection",
        "with the state enabled",
        user="owner",
        cause=_port("port1", "disabled"),
        button="Enable the serial port for port1",
    ),
    RefusedConsole(
        "running",
        "stopped1",
        "The VM is in a stopped deallocated state. Start the VM and retry the serial console connection.",
        "Start the machine.",
        button="Start stopped1",
    ),
    RefusedConsole(
        "storage-uri",
        "http1",
        "'Bad Request' (400)",
        "by its https address",
        cause=_storage_uri("http1", "http://bootlogs.blob.core.windows.net/"),
        button=f"{MANAGED} http1",
    ),
    RefusedConsole(
        "storage-exists",
        "lost1",
        "The storage account 'gonelogs' used for boot diagnostics on this VM could not be found.",
        "give the machine another one",
        cause=_storage_uri("lost1", "https://gonelogs.blob.core.windows.net/"),
        button=f"{MANAGED} lost1",
    ),
    RefusedConsole(
        "storage-role",
        "unread1",
        UNDETERMINED.replace("diag1", "bootlogs"),
        "Assign a role on the storage account",
        user="nostorage",
    ),
    RefusedConsole(
        "storage-writable",
        "nokeys1",
        "You do not have the required permissions to write to the boot diagnostics storage account for this VM.",
        "Assign a role with listKeys",
        user="nokeys",
    ),
    RefusedConsole(
        "storage-namespace",
        "lake1",
        "Azure Data Lake Storage Gen2 with hierarchical namespaces",
        "Create an account without hierarchical namespaces",
        button=f"{MANAGED} lake1",
    ),
    RefusedConsole(
        "storage-firewall",
        "walled1",
        'A "Forbidden" response was encountered when accessing this VM\'s boot diagnostic storage account.',
        "Clear the account's firewall",
        user="owner",
        button="Open the storage account's firewall for walled1",
    ),
)
