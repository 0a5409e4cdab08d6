"""What is demanded of the machine and its subscription."""

from __future__ import annotations

from typing import Final

from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.rules.facts import Facts
from uartsim.service.rules.rule import Refusal, Rule, When
from uartsim.service.store import Resource, ResourceId

_PROVISIONED: Final = Refusal(
    409,
    "ProvisioningNotSucceeded",
    "Provisioning for this VM has not yet succeeded."
    " Please ensure the VM is fully deployed and retry the serial console connection.",
)
_DIAGNOSTICS: Final = Refusal(
    409,
    "BootDiagnosticsNotEnabled",
    "Unable to retrieve boot diagnostics settings for <VMNAME>."
    " To use the serial console, ensure that boot diagnostics is enabled for this VM.",
    portal="Azure Serial Console requires boot diagnostics to be enabled."
    " Click here to configure boot diagnostics for your virtual machine.",
)
_DISABLED: Final = Refusal(
    403,
    "SubscriptionNotEnabled",
    "Azure Serial Console is not enabled for this subscription, contact your subscription administrator to enable.",
)
_PORT_DISABLED: Final = Refusal(
    409,
    "SerialPortNotEnabled",
    "The serial port of the virtual machine <VMNAME> is not enabled for a serial console connection.",
)
_STOPPED: Final = Refusal(
    409,
    "VirtualMachineNotRunning",
    "The VM is in a stopped deallocated state. Start the VM and retry the serial console connection.",
    portal="Azure Serial Console requires a virtual machine to be running."
    " Use the Start button above to start your virtual machine.",
)
_CONFLICT: Final = 'Existing console has conflicting OS type "{}" with the requested OS type of {}'


def console_service(subscription_id: str) -> ResourceId:
    """The id of what says whether the console of a subscription is disabled."""
    return ResourceId(f"/subscriptions/{subscription_id}/providers/Microsoft.SerialConsole/consoleServices/default")


def is_disabled(service: Resource | None) -> bool:
    """Whether the console of a subscription is disabled; a new subscription, which has no such resource, has it enabled."""
    return service is not None and service.properties.get("disabled") is True


def serial_port(machine_id: ResourceId) -> ResourceId:
    """The id of a machine's one serial port, which is its COM1."""
    return machine_id / "providers/Microsoft.SerialConsole/serialPorts/0"


def is_port_disabled(port: Resource | None) -> bool:
    """Whether a serial port is disabled or deleted; that of a new machine, which has no such resource, is enabled."""
    return port is not None and port.properties.get("state") == "disabled"


def _provisioned(facts: Facts) -> Refusal | None:
    state = str(facts.properties.get("provisioningState", "Succeeded"))
    # Updating is what every PATCH of a machine that runs says for a while.
    return None if state.casefold() in {"succeeded", "updating"} else _PROVISIONED


def _diagnostics(facts: Facts) -> Refusal | None:
    return None if facts.boot_diagnostics.get("enabled") is True else _DIAGNOSTICS


def _enabled(facts: Facts) -> Refusal | None:
    subscription = facts.machine_id.subscription or ""
    return _DISABLED if is_disabled(facts.store.get(console_service(subscription))) else None


def _port_enabled(facts: Facts) -> Refusal | None:
    return _PORT_DISABLED if is_port_disabled(facts.store.get(serial_port(facts.machine_id))) else None


def _running(facts: Facts) -> Refusal | None:
    # A machine that is going down can be watched until it is really off.
    return _STOPPED if facts.power_state in {PowerState.STOPPED, PowerState.DEALLOCATED} else None


def _os_type(facts: Facts) -> Refusal | None:
    existing = facts.consoles.conflict(facts.caller, facts.os_type)
    if existing is None:
        return None
    facts.consoles.refused(facts.caller, facts.os_type)
    return Refusal(409, "ConflictingOsType", _CONFLICT.format(existing, facts.os_type))


BEFORE_STORAGE: Final = (
    Rule("provisioned", _provisioned, "Wait until the machine is deployed."),
    Rule("boot-diagnostics", _diagnostics, "Enable boot diagnostics for the machine.", When.ALWAYS),
    Rule("console-enabled", _enabled, "Enable the console of the subscription: enableConsole.", When.ALWAYS),
    Rule("port-enabled", _port_enabled, "Create the serial port with the state enabled.", When.ALWAYS),
    Rule("running", _running, "Start the machine."),
)
AFTER_STORAGE: Final = (Rule("os-type", _os_type, "Retry: a user is refused once, and then both consoles stay open."),)
